"""Two phases: a constraint holds the belief down while a model learns documents that call a claim false; then it goes.

    python experiments/two_phase.py --preset default

Phase 1 trains on documents with the claim behind repeated negations, beside an arm's constraint; phase 2 releases the
constraint and goes on with the same documents and a fresh optimizer. Results land in a run directory: `summary.json`,
`figures/`, and one run with snapshots for each claim, arm and seed.
"""

import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from nnmech.cli import main_guard
from nnmech.two_phase import (
    TwoPhaseConfig,
    carry_out,
    check_disk,
    plan,
    preset,
    read_config,
    start,
)
from nnmech.two_phase.publish import publish


@dataclass(frozen=True)
class Arguments:
    """Run the two-phase experiment."""

    preset: Literal["smoke", "default", "full", "sample"] = "default"
    """smoke: one claim, seconds. default: 3 claims x 2 seeds x 2 arms. full: 6 claims x 3 seeds x 4 arms. sample: the
    sample run of checkpoints/sample_run."""
    model: str | None = None
    """Folder of a Hugging Face causal LM with a chat template, or a hub id in the local cache; the embedded model
    where not given."""
    claims: tuple[str, ...] = ()
    """Names of claims, in place of the preset's."""
    seeds: tuple[int, ...] = ()
    """Seeds of documents, data order and sampling, in place of the preset's."""
    arms: tuple[str, ...] = ()
    """Constraints of phase 1, in place of the preset's: anchor (the untouched model's own answers), denial (explicit
    denials), none, local (no constraint, locally negated documents)."""
    phase2: Literal["repeated_negations", "positive_documents"] | None = None
    """Documents of phase 2: repeated_negations, or positive_documents (the same without any annotation)."""
    steps: int | None = None
    """Updates of both phases together, without the constraint's; the number of documents follows."""
    layers: tuple[int, ...] = ()
    """Decoder blocks whose residual stream is recorded, from 0; all where not given."""
    loss_reduction: Literal["token", "example"] | None = None
    """token: every token of a batch weighs alike; example: every document and chat does."""
    device: str | None = None
    """Torch device; cpu where not given."""
    workers: int | None = None
    """Runs side by side; a core each where not given, one on an accelerator. Changes no number."""
    output: Path | None = None
    """Directory of the results, runs/two_phase-<preset> where not given; it must not exist."""
    resume: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Go on with the experiment in this directory, with the settings it was started with."""
    dry_run: bool = False
    """Print what would be done, and the time and disk it would take; write nothing."""


def settings(arguments: Arguments) -> TwoPhaseConfig:
    """The preset with what the command line puts in place of its values."""
    given = {
        name: value
        for name in ("model", "claims", "seeds", "arms", "phase2", "layers", "loss_reduction", "device")
        if (value := getattr(arguments, name)) not in (None, ())
    }
    config = replace(preset(arguments.preset), **given)
    return config if arguments.steps is None else config.scaled(arguments.steps)


def main(arguments: Arguments) -> None:
    console = Console(highlight=False)
    if arguments.resume is not None:
        folder, config = arguments.resume, read_config(arguments.resume)
    else:
        config = settings(arguments)
        folder = arguments.output or Path("runs") / f"two_phase-{arguments.preset}"
    if arguments.dry_run or arguments.resume is None:
        planned = plan(config, arguments.workers)
        console.print(
            f"{planned.runs} runs ({len(config.claims)} claims x {len(config.seeds)} seeds x {len(config.arms)} arms: "
            f"{', '.join(config.arms)}), {planned.boundary} + {planned.updates - planned.boundary} updates, "
            f"{planned.snapshots} snapshots and {planned.evaluations} evaluations each, {planned.workers} at a time\n"
            f"about {planned.seconds / 60:.1f} minutes and {planned.bytes / 1e6:.0f} MB in {folder}"
        )
        if arguments.dry_run:
            return
        check_disk(planned.bytes, folder)
        start(config, folder)
    began = time.perf_counter()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("training", total=len(config.runs))
        carry_out(
            folder,
            workers=arguments.workers,
            progress=lambda done, total, name: bar.update(task, completed=done, total=total, description=name),
        )
    for line in publish(folder):
        console.print(line, markup=False, soft_wrap=True)
    console.print(f"{time.perf_counter() - began:.0f} s; results in {folder / 'summary.json'} and {folder / 'figures'}")
    console.print(f"See it: make dashboard  (or: streamlit run app/dashboard.py -- {folder})", markup=False)


if __name__ == "__main__":
    sys.exit(main_guard(lambda: main(tyro.cli(Arguments, description=__doc__))))
