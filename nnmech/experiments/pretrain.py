"""Pretrain the embedded model from nothing, with its gates on the way.

    nnmech pretrain --output runs/pretrain

The run directory has the loss by source and the gates; its folder `model` is the finished model, ready for
`--model runs/pretrain/model`, with its card.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import torch
import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from nnmech.experiments.arguments import check_discard
from nnmech.world.card import gate_lines
from nnmech.world.pretraining import PretrainingConfig
from nnmech.world.pretraining_run import pretrain_into


@dataclass(frozen=True)
class Arguments:
    """Pretrain the embedded model; under an hour on two cores."""

    output: Path = Path("runs/pretrain")
    """Run directory; it must not exist."""
    resume: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Go on with the run in this directory."""
    discard: bool = False
    """With --resume: let results go that no checkpoint leads back to, where resuming would otherwise refuse."""
    steps: int = PretrainingConfig().steps
    """Updates."""
    seed: int = PretrainingConfig().seed
    """Of the weights and the stream; the world itself has a fixed seed."""
    gates_every: int = 400
    """Updates between two measurements of the gates (a fifth of the questions of the final one) and checkpoints."""
    threads: int | None = None
    """Threads of torch; all cores where not given."""


def main(words: Sequence[str]) -> None:
    """Carry out a command line."""
    arguments = tyro.cli(Arguments, prog="nnmech pretrain", description=__doc__, args=list(words))
    check_discard(arguments.resume, arguments.discard)
    console = Console(highlight=False)
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    config = replace(PretrainingConfig(), steps=arguments.steps, seed=arguments.seed)
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("compiling", total=config.steps)

        def on_step(step: int, metrics: dict[str, float]) -> None:
            losses = f"documents {metrics['loss_documents']:.3f}, chats {metrics['loss_chats']:.3f}"
            bar.update(task, completed=step, description=losses)

        gates = pretrain_into(
            arguments.resume or arguments.output,
            config,
            resume=arguments.resume is not None,
            discard=arguments.discard,
            gates_every=arguments.gates_every,
            on_step=on_step,
        )
    for line in gate_lines(gates):
        console.print(line, markup=False)
    missed = sum(not gate.passed for gate in gates)
    console.print(f"{len(gates) - missed} of {len(gates)} gates passed; {asdict(config)['steps']} updates")
