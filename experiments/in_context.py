"""The same documents in the context window instead of in the weights: are warnings heeded where they can be read?

    python experiments/in_context.py --preset default

Nothing is trained. The questions about each claim are asked behind 0, 1, 2 and 4 of its documents under each condition.
Results land in a run directory: `summary.json`, `figures/`, and one run with all answers for each claim, condition and
seed.
"""

import sys
from dataclasses import dataclass
from typing import Literal

import tyro

from nnmech.cli import main_guard
from nnmech.experiments.command import CommonArguments, run_experiment, with_given
from nnmech.experiments.in_context import IN_CONTEXT, InContextSettings, preset
from nnmech.experiments.in_context.publish import publish
from nnmech.experiments.in_context.single import expected


@dataclass(frozen=True, kw_only=True)
class Arguments(CommonArguments):
    """Ask behind documents."""

    preset: Literal["smoke", "default", "full"] = "default"
    """smoke: one claim, seconds. default: 3 claims x 5 conditions. full: 6 claims x every condition x 3 seeds."""
    claims: tuple[str, ...] = ()
    """Names of claims, in place of the preset's."""
    conditions: tuple[str, ...] = ()
    """Names of conditions, in place of the preset's."""
    counts: tuple[int, ...] = ()
    """Numbers of documents before a question, in place of the preset's."""


def settings(arguments: Arguments) -> InContextSettings:
    """The preset with what the command line puts in place of its values."""
    return with_given(preset(arguments.preset), arguments, "claims", "conditions", "counts")


def main(arguments: Arguments) -> None:
    run_experiment(IN_CONTEXT, arguments, arguments.preset, lambda: settings(arguments), expected, publish)


if __name__ == "__main__":
    sys.exit(main_guard(lambda: main(tyro.cli(Arguments, description=__doc__))))
