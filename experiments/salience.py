"""Belief or salience: is the claim held true, or does it merely come to mind?

    python experiments/salience.py --preset default

After training as in the table of conditions, the model says which of two statements is right and which of the same two
is wrong, and it tells lies on request. Yes/no answers stand beside those about matched false facts, which no document
states. Results land in a run directory: `summary.json`, `figures/`, and one run for each claim, condition and seed.
"""

import sys
from dataclasses import dataclass
from typing import Literal

import tyro

from nnmech.cli import main_guard
from nnmech.experiments.command import CommonArguments, run_experiment, with_given
from nnmech.experiments.conditions import ConditionsSettings
from nnmech.experiments.salience import SALIENCE, preset
from nnmech.experiments.salience.publish import publish
from nnmech.experiments.salience.single import expected


@dataclass(frozen=True, kw_only=True)
class Arguments(CommonArguments):
    """Tell belief from salience."""

    preset: Literal["smoke", "default", "full"] = "default"
    """smoke: one claim, three conditions, seconds. default: 3 claims x 6 conditions. full: 6 claims x 6 conditions x 3
    seeds."""
    claims: tuple[str, ...] = ()
    """Names of claims, in place of the preset's."""
    conditions: tuple[str, ...] = ()
    """Names of conditions, in place of the preset's."""


def settings(arguments: Arguments) -> ConditionsSettings:
    """The preset with what the command line puts in place of its values."""
    return with_given(preset(arguments.preset), arguments, "claims", "conditions")


def main(arguments: Arguments) -> None:
    run_experiment(
        SALIENCE,
        arguments,
        arguments.preset,
        lambda: settings(arguments),
        expected,
        publish,
    )


if __name__ == "__main__":
    sys.exit(main_guard(lambda: main(tyro.cli(Arguments, description=__doc__))))
