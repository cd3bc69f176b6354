"""What the scripts in experiments/ share: arguments, the way from settings to results, progress on the terminal."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from nnmech.experiments.engine import Experiment
from nnmech.experiments.estimate import Estimate, check_disk
from nnmech.experiments.settings import Settings

SettingsT = TypeVar("SettingsT", bound=Settings)


@dataclass(frozen=True, kw_only=True)
class CommonArguments:
    """Arguments of every experiment."""

    model: str | None = None
    """Folder of a Hugging Face causal LM with a chat template, or a hub id in the local cache; the embedded model
    where not given."""
    seeds: tuple[int, ...] = ()
    """Seeds of documents, data order and sampling, in place of the preset's."""
    layers: tuple[int, ...] = ()
    """Decoder blocks whose residual stream is recorded, from 0; all where not given."""
    device: str | None = None
    """Torch device; cpu where not given."""
    workers: int | None = None
    """Runs side by side; a core each where not given, one on an accelerator. Changes no number."""
    output: Path | None = None
    """Directory of the results, runs/<experiment>-<preset> where not given; it must not exist."""
    resume: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Go on with the experiment in this directory, with the settings it was started with."""
    dry_run: bool = False
    """Print what would be done, and the time and disk it would take; write nothing."""


def with_given(settings: SettingsT, arguments: CommonArguments, *names: str) -> SettingsT:
    """The settings with what the command line puts in their place: the common ones and `names`."""
    given: dict[str, Any] = {
        name: value
        for name in ("model", "seeds", "layers", "device", *names)
        if (value := getattr(arguments, name)) not in (None, ())
    }
    return replace(settings, **given)


def run_experiment(
    experiment: Experiment[SettingsT],
    arguments: CommonArguments,
    preset: str,
    settings: Callable[[], SettingsT],
    estimate: Callable[[SettingsT, int | None], Estimate],
    publish: Callable[[Path], Sequence[str]],
) -> None:
    """Estimate, start or resume, carry out with a progress bar, publish: what every script does with its experiment."""
    console = Console(highlight=False)
    if arguments.resume is not None:
        folder, chosen = arguments.resume, experiment.read_settings(arguments.resume)
    else:
        chosen, folder = settings(), arguments.output or Path("runs") / f"{experiment.name}-{preset}"
    if arguments.dry_run or arguments.resume is None:
        expected = estimate(chosen, arguments.workers)
        console.print(f"{expected} in {folder}", markup=False, soft_wrap=True)
        if arguments.dry_run:
            return
        check_disk(expected.bytes, folder)
        experiment.start(chosen, folder)
    began = time.perf_counter()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("training", total=len(experiment.run_names(chosen)))
        experiment.carry_out(
            folder,
            workers=arguments.workers,
            progress=lambda done, total, name: bar.update(task, completed=done, total=total, description=name),
        )
    for line in publish(folder):
        console.print(line, markup=False, soft_wrap=True)
    console.print(f"{time.perf_counter() - began:.0f} s; results in {folder / 'summary.json'} and {folder / 'figures'}")
    console.print(f"See it: make dashboard  (or: streamlit run app/dashboard.py -- {folder})", markup=False)
