"""What probes say of the paper's question, from two finished experiments; trains nothing.

    nnmech drift --two-phase runs/two_phase-full --conditions runs/conditions-full

Does the claim become true inside under negated documents? Does the constraint of phase 1 change the inside, or only the
answers? Does release follow the direction of positive training? Tables go to the terminal and `summary.json`, figures
to `figures/` in the output folder. The conditions need positive_documents and neutral_documents for the same claims
and seeds as the two phases.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console

from nnmech.experiments.drift.publish import publish


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Measure drift."""

    two_phase: Path = Path("runs/two_phase-full")
    """A finished two-phase experiment."""
    conditions: Path = Path("runs/conditions-full")
    """A finished table of conditions."""
    output: Path = Path("runs/drift")
    """Where tables and figures go; what is there is replaced."""


def main(words: Sequence[str]) -> None:
    """Carry out a command line."""
    arguments = tyro.cli(Arguments, prog="nnmech drift", description=__doc__, args=list(words))
    console = Console(highlight=False)
    for line in publish(arguments.two_phase, arguments.conditions, arguments.output):
        console.print(line, markup=False, soft_wrap=True)
    console.print(f"Results in {arguments.output / 'summary.json'} and {arguments.output / 'figures'}", markup=False)
