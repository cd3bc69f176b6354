"""An experiment as a whole: its training runs side by side on the cores there are, resumed where they were left."""

import importlib
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import active_children, connection, get_context, parent_process
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch

from nnmech.claims.sources import EMBEDDED
from nnmech.errors import RunError
from nnmech.experiments.arguments import ExperimentArguments
from nnmech.experiments.data import load
from nnmech.experiments.estimate import Estimate, default_workers
from nnmech.experiments.judging import describe_judge, open_judge, parse_judge
from nnmech.experiments.settings import Settings, chosen_preset, settings_from_json
from nnmech.runs import Run, RunWriter
from nnmech.runs.format import INFO_FILE
from nnmech.terminal import quiet

SettingsT = TypeVar("SettingsT", bound=Settings)
Progress = Callable[[int, int, str], object]
"""Called as `progress(finished runs, all runs, name of the run that ended)`."""


@dataclass(frozen=True)
class Section:
    """Where a page shows results: between the markers `<!-- name -->` and `<!-- /name -->`."""

    name: str
    figures: tuple[str, ...]
    """Figures that are copied to docs/."""
    shown: tuple[str, ...] = ()
    """Those of them that stand below the tables; the others have their place in the page's text."""
    page: str = "docs/results.md"


@dataclass(frozen=True)
class Experiment(Generic[SettingsT]):
    """An experiment, whole: settings, presets, arguments, how a run is made, what it will take, where it is shown.

    Its package has a module `publish` with `publish(folder)` and a module `tables` with `result_lines(summary)`, which
    are imported when results are asked for. Functions are module-level ones, since worker processes import them.
    """

    name: str
    package: str
    """Dotted name of the package."""
    description: str
    """What `--help` says."""
    settings: type[SettingsT]
    presets: Mapping[str, Callable[[str], SettingsT]]
    """Settings by name, each for a source of claims."""
    arguments: type[ExperimentArguments]
    make_run: Callable[..., None]
    """Makes one of `settings.runs`, or goes on where it was left: `make_run(settings, run, folder, discard=False)`."""
    estimate: Callable[[SettingsT, int | None], Estimate]
    """The size of the experiment with a number of workers."""
    check: Callable[[SettingsT], None]
    """InputError where the source lacks something that a run of the settings needs."""
    section: Section

    def preset(self, name: str, source: str = EMBEDDED) -> SettingsT:
        """The settings of a preset for a source."""
        return chosen_preset(self.presets, name, source)

    def publish(self, folder: Path) -> list[str]:
        """Write `summary.json` and the figures of the finished runs; the lines to print, tables in Markdown."""
        return importlib.import_module(f"{self.package}.publish").publish(folder)

    def result_lines(self, summary: dict[str, Any]) -> list[str]:
        """What of a summary is printed, and shown on a page."""
        return importlib.import_module(f"{self.package}.tables").result_lines(summary)

    def main(self, words: Sequence[str]) -> None:
        """Carry out what the command line says."""
        from nnmech.experiments.command import run_experiment

        run_experiment(self, words)

    def start(self, settings: SettingsT, folder: Path) -> None:
        """Create the experiment's directory; RunExistsError where one is there, InputError for model and source."""
        self.check(settings)
        source, spec = settings.claim_source, parse_judge(settings.judge, settings.judge_url)
        open_judge(spec, source)
        config = {
            "experiment": self.name,
            "settings": asdict(settings),
            "runs": settings.run_names,
            "source": source.name,
            "tiers": dict(source.tiers),
            "judge": describe_judge(spec, source),
            "notes": list(source.notes),
        }
        RunWriter.create(folder, config=config, model=load(settings).describe(), kind="experiment").close()

    def read_settings(self, folder: Path) -> SettingsT:
        """The settings of the experiment in `folder`; RunError where it is another kind of run."""
        run = Run(folder)
        if run.info["kind"] != "experiment" or run.labels.experiment != self.name:
            found = f"a run of kind {run.info['kind']!r}, experiment {run.labels.experiment!r}"
            raise RunError(f"{folder}: is no {self.name} experiment but {found}; give the folder of one")
        return settings_from_json(self.settings, run.config.get("settings"), folder / INFO_FILE)

    def carry_out(
        self, folder: Path, *, workers: int | None = None, discard: bool = False, progress: Progress | None = None
    ) -> None:
        """Make, or go on with, every run of the experiment in `folder`; `discard` as for `RunWriter.resume`.

        Each worker process makes one run at a time on one core: small models gain more from a second run than from a
        second thread, and the numbers do not depend on how many workers there are. One worker on an accelerator. Raises
        what a run raises, after the others that are being made; an interrupt ends those too. The runs that are finished
        stay finished.
        """
        settings = self.read_settings(folder)
        names = settings.run_names
        with RunWriter.resume(folder, discard=discard) as writer:
            writer.event("start", step=0)
            pending = [name for name in names if not finished(folder / "runs" / name)]
            count = min(workers or default_workers(settings), max(1, len(pending)))
            done = len(names) - len(pending)
            make = partial(self.make_run, settings, discard=discard)
            keys = {name: settings.runs[names.index(name)] for name in pending}
            with closing(_made(make, folder, keys, count)) as made:
                for name in made:
                    done += 1
                    if progress is not None:
                        progress(done, len(names), name)
            writer.event("end", step=len(names))


def _made(
    make: Callable[..., None], folder: Path, keys: Mapping[str, tuple[Any, ...]], count: int
) -> Generator[str, None, None]:
    """Make the runs, by name, `count` of them at a time; the name of each as it is finished."""
    if count > 1:
        yield from _side_by_side(make, folder, keys, count)
        return
    with _one_thread():
        for name, key in keys.items():
            make(key, folder / "runs" / name)
            yield name


def _side_by_side(
    make: Callable[..., None], folder: Path, keys: Mapping[str, tuple[Any, ...]], count: int
) -> Generator[str, None, None]:
    others = set(active_children())
    with ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_start_worker) as pool:
        futures = {pool.submit(make, key, folder / "runs" / name): name for name, key in keys.items()}
        try:
            for future in as_completed(futures):
                future.result()
                yield futures[future]
        except BrokenProcessPool as error:
            message = "a worker was killed, perhaps for want of memory; go on with --resume"
            raise RunError(f"{folder}: {message}") from error
        except BaseException as error:
            if not isinstance(error, Exception):
                # Whoever interrupts does not want to wait for the runs: each goes on from its checkpoint.
                for worker in set(active_children()) - others:
                    worker.terminate()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def finished(folder: Path) -> bool:
    """Whether the run in `folder` exists and has come to its end."""
    return (folder / "run.json").exists() and Run(folder).finished


def _start_worker() -> None:
    quiet()
    # Ctrl-C reaches every process of a terminal: the parent says the one line, and ends the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    parent = parent_process()
    if parent is None:
        return

    def end_with_parent() -> None:
        # A worker that outlived a killed parent would go on writing runs that have been resumed.
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
