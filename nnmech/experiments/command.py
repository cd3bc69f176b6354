"""The way of an experiment from the command line to its results, with progress on the terminal."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from nnmech.claims.sources import EMBEDDED
from nnmech.experiments.arguments import ExperimentArguments, check_discard
from nnmech.experiments.engine import Experiment
from nnmech.experiments.estimate import check_disk
from nnmech.experiments.settings import Settings, import_plugins
from nnmech.plain_text import escaped

SettingsT = TypeVar("SettingsT", bound=Settings)


def run_experiment(experiment: Experiment[SettingsT], words: Sequence[str]) -> None:
    """Estimate, start or resume, carry out with a progress bar, publish: what every experiment's command does."""
    program = f"nnmech {experiment.name.replace('_', '-')}"
    arguments = tyro.cli(experiment.arguments, prog=program, description=experiment.description, args=list(words))
    console = Console(highlight=False)
    settings, folder = chosen(experiment, arguments)
    if arguments.dry_run or arguments.resume is None:
        for note in settings.claim_source.notes:
            console.print(escaped(f"note: {note}"), markup=False, soft_wrap=True)
        expected = experiment.estimate(settings, arguments.workers)
        console.print(escaped(f"{expected} in {folder}"), markup=False, soft_wrap=True)
        if arguments.dry_run:
            experiment.check(settings)
            return
        check_disk(expected.bytes, folder)
        experiment.start(settings, folder)
    began = time.perf_counter()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("training", total=len(settings.runs))
        experiment.carry_out(
            folder,
            workers=arguments.workers,
            discard=arguments.discard,
            progress=lambda done, total, name: bar.update(task, completed=done, total=total, description=name),
        )
    for line in experiment.publish(folder):
        console.print(escaped(line), markup=False, soft_wrap=True)
    seconds = time.perf_counter() - began
    console.print(f"{seconds:.0f} s; results in {folder / 'summary.json'} and {folder / 'figures'}", markup=False)
    console.print(f"See it: nnmech dashboard {folder}  (or: make dashboard)", markup=False, soft_wrap=True)


def chosen(experiment: Experiment[SettingsT], arguments: ExperimentArguments) -> tuple[SettingsT, Path]:
    """Settings and folder: those of the experiment that is resumed, or the preset's with what was given."""
    check_discard(arguments.resume, arguments.discard)
    if arguments.resume is not None:
        return experiment.read_settings(arguments.resume), arguments.resume
    # They may register the source.
    import_plugins(arguments.plugins)
    settings = arguments.adjusted(experiment.preset(arguments.preset, arguments.source or EMBEDDED))
    return settings, arguments.output or Path("runs") / f"{experiment.name}-{arguments.preset}"
