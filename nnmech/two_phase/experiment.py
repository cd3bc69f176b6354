"""The experiment as a whole: every claim, arm and seed as a run of its own, side by side on the cores there are."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict
from multiprocessing import connection, get_context, parent_process
from pathlib import Path

import torch

from nnmech.cli import quiet
from nnmech.errors import RunError
from nnmech.runs import Run, RunWriter
from nnmech.two_phase.config import TwoPhaseConfig, child_name, config_from_json
from nnmech.two_phase.single import load, run_one

EXPERIMENT = "two_phase"
Progress = Callable[[int, int, str], object]
"""Called as `progress(finished runs, all runs, name of the run that ended)`."""


def start(config: TwoPhaseConfig, folder: Path) -> None:
    """Create the experiment's directory; RunExistsError where one is there, InputError where the model does not fit."""
    loaded = load(config)
    settings = {"experiment": EXPERIMENT, "settings": asdict(config)}
    RunWriter.create(folder, config=settings, model=loaded.describe(), kind="experiment").close()


def read_config(folder: Path) -> TwoPhaseConfig:
    """The settings of the experiment in `folder`; RunError where it is no two-phase experiment."""
    run = Run(folder)
    if run.info["kind"] != "experiment" or run.config.get("experiment") != EXPERIMENT:
        raise RunError(f"{folder}: is no two-phase experiment but a run of kind {run.info['kind']!r}; give its folder")
    return config_from_json(run.config["settings"], folder)


def carry_out(folder: Path, *, workers: int | None = None, progress: Progress | None = None) -> None:
    """Make, or go on with, every training run of the experiment in `folder`.

    Each worker process trains one run at a time on one core: small models gain more from a second run than from a
    second thread, and the numbers do not depend on how many workers there are. One worker on an accelerator. Raises
    what a run raises; the runs that are finished stay finished.
    """
    config = read_config(folder)
    names = [child_name(*run) for run in config.runs]
    with RunWriter.resume(folder) as writer:
        writer.event("start", step=0)
        pending = [name for name in names if not _finished(folder, name)]
        count = min(workers or default_workers(config), max(1, len(pending)))
        done = len(names) - len(pending)
        if count == 1:
            with _one_thread():
                for name in pending:
                    _make(str(folder), name)
                    done += 1
                    if progress is not None:
                        progress(done, len(names), name)
        else:
            for name in _side_by_side(folder, pending, count):
                done += 1
                if progress is not None:
                    progress(done, len(names), name)
        writer.event("end", step=len(names))


def default_workers(config: TwoPhaseConfig) -> int:
    """A worker a core on the CPU, one on an accelerator."""
    return len(os.sched_getaffinity(0)) if config.device == "cpu" else 1


def _side_by_side(folder: Path, names: list[str], count: int) -> Iterator[str]:
    context = get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=_start_worker) as pool:
        futures = [pool.submit(_make, str(folder), name) for name in names]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool as error:
            raise RunError(f"{folder}: a worker was killed, perhaps for want of memory; go on with --resume") from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    quiet()
    torch.set_num_threads(1)
    parent = parent_process()
    if parent is None:
        return

    def end_with_parent() -> None:
        # A worker that outlived a killed parent would go on writing runs that somebody resumes.
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread, as the workers have: the number of threads decides how sums round."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _make(directory: str, name: str) -> str:
    folder = Path(directory)
    config = read_config(folder)
    claim, arm, seed = next(run for run in config.runs if child_name(*run) == name)
    run_one(config, folder / "runs" / name, claim, arm, seed)
    return name


def _finished(folder: Path, name: str) -> bool:
    path = folder / "runs" / name
    return (path / "run.json").exists() and Run(path).finished
