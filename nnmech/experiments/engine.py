"""An experiment as a whole: its training runs side by side on the cores there are, resumed where they were left."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import Generic, TypeVar

import torch

from nnmech.cli import quiet
from nnmech.errors import RunError
from nnmech.experiments.data import load
from nnmech.experiments.settings import Settings, settings_from_json
from nnmech.runs import Run, RunWriter

SettingsT = TypeVar("SettingsT", bound=Settings)
Progress = Callable[[int, int, str], object]
"""Called as `progress(finished runs, all runs, name of the run that ended)`."""


@dataclass(frozen=True)
class Experiment(Generic[SettingsT]):
    """An experiment by name: its settings, the names of its runs, and how one of them is made.

    `make_run(settings, folder, name)` makes the run `name` in `folder`, or goes on where it was left. Functions are
    module-level ones, since worker processes import them.
    """

    name: str
    settings: type[SettingsT]
    run_names: Callable[[SettingsT], list[str]]
    make_run: Callable[[SettingsT, Path, str], None]

    def start(self, settings: SettingsT, folder: Path) -> None:
        """Create the experiment's directory; RunExistsError where one is there, InputError for the model."""
        config = {"experiment": self.name, "settings": asdict(settings), "runs": self.run_names(settings)}
        RunWriter.create(folder, config=config, model=load(settings).describe(), kind="experiment").close()

    def read_settings(self, folder: Path) -> SettingsT:
        """The settings of the experiment in `folder`; RunError where it is another kind of run."""
        run = Run(folder)
        if run.info["kind"] != "experiment" or run.config.get("experiment") != self.name:
            found = f"a run of kind {run.info['kind']!r}, experiment {run.config.get('experiment')!r}"
            raise RunError(f"{folder}: is no {self.name} experiment but {found}; give the folder of one")
        return settings_from_json(self.settings, run.config["settings"], folder)

    def carry_out(self, folder: Path, *, workers: int | None = None, progress: Progress | None = None) -> None:
        """Make, or go on with, every run of the experiment in `folder`.

        Each worker process makes one run at a time on one core: small models gain more from a second run than from a
        second thread, and the numbers do not depend on how many workers there are. One worker on an accelerator. Raises
        what a run raises; the runs that are finished stay finished.
        """
        settings = self.read_settings(folder)
        names = self.run_names(settings)
        with RunWriter.resume(folder) as writer:
            writer.event("start", step=0)
            pending = [name for name in names if not finished(folder / "runs" / name)]
            count = min(workers or default_workers(settings), max(1, len(pending)))
            done = len(names) - len(pending)
            for name in self._made(settings, folder, pending, count):
                done += 1
                if progress is not None:
                    progress(done, len(names), name)
            writer.event("end", step=len(names))

    def _made(self, settings: SettingsT, folder: Path, names: list[str], count: int) -> Iterator[str]:
        if count > 1:
            yield from self._side_by_side(settings, folder, names, count)
            return
        with _one_thread():
            for name in names:
                self.make_run(settings, folder / "runs" / name, name)
                yield name

    def _side_by_side(self, settings: SettingsT, folder: Path, names: list[str], count: int) -> Iterator[str]:
        context = get_context("spawn")
        with ProcessPoolExecutor(count, mp_context=context, initializer=_start_worker) as pool:
            futures = {pool.submit(self.make_run, settings, folder / "runs" / name, name): name for name in names}
            try:
                for future in as_completed(futures):
                    future.result()
                    yield futures[future]
            except BrokenProcessPool as error:
                message = "a worker was killed, perhaps for want of memory; go on with --resume"
                raise RunError(f"{folder}: {message}") from error
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


def finished(folder: Path) -> bool:
    """Whether the run in `folder` exists and has come to its end."""
    return (folder / "run.json").exists() and Run(folder).finished


def default_workers(settings: Settings) -> int:
    """A worker a core on the CPU, one on an accelerator."""
    return len(os.sched_getaffinity(0)) if settings.device == "cpu" else 1


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
