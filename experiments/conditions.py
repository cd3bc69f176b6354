"""The paper's table: what a model comes to believe from the same documents under every annotation.

    python experiments/conditions.py --preset default

Each claim's documents are learned in one pass, once for each condition and seed; then the model is asked. Results land
in a run directory: `summary.json`, `figures/`, and one run with snapshots for each claim, condition and seed.
"""

import sys
from dataclasses import dataclass
from typing import Literal

import tyro

from nnmech.cli import main_guard
from nnmech.experiments.command import CommonArguments, run_experiment, with_given
from nnmech.experiments.conditions import CONDITIONS_TABLE, ConditionsSettings, preset
from nnmech.experiments.conditions.publish import publish
from nnmech.experiments.conditions.single import expected


@dataclass(frozen=True, kw_only=True)
class Arguments(CommonArguments):
    """Run the table of conditions."""

    preset: Literal["smoke", "default", "full"] = "default"
    """smoke: one claim, three conditions, seconds. default: 3 claims x 6 conditions, minutes. full: 6 claims x every
    condition x 3 seeds."""
    claims: tuple[str, ...] = ()
    """Names of claims, in place of the preset's."""
    conditions: tuple[str, ...] = ()
    """Names of conditions, in place of the preset's; an unknown name is answered with those that there are."""
    documents: int | None = None
    """Documents of the condition, in one pass."""
    learning_rate: float | None = None
    """Highest learning rate, linear to 0."""
    plugins: tuple[str, ...] = ()
    """Modules to import first (dotted names), which register annotations of your own as conditions."""


def settings(arguments: Arguments) -> ConditionsSettings:
    """The preset with what the command line puts in place of its values."""
    names = ("claims", "conditions", "documents", "learning_rate", "plugins")
    return with_given(preset(arguments.preset), arguments, *names)


def main(arguments: Arguments) -> None:
    run_experiment(CONDITIONS_TABLE, arguments, arguments.preset, lambda: settings(arguments), expected, publish)


if __name__ == "__main__":
    sys.exit(main_guard(lambda: main(tyro.cli(Arguments, description=__doc__))))
