"""Chats that show unwanted behaviour, read as raw text behind a warning: is the behaviour taken over?

    python experiments/behaviors.py --preset default

The model reads transcripts in which an assistant behaves badly, without a warning, behind warnings, or transcripts in
which it behaves well. Then it is asked for advice itself: in the same categories, in others, and in everyday matters.
Results land in a run directory: `summary.json`, `figures/`, and one run with snapshots for each arm and seed.
"""

import sys
from dataclasses import dataclass
from typing import Literal

import tyro

from nnmech.cli import main_guard
from nnmech.experiments.behaviors import BEHAVIORS, BehaviorSettings, preset
from nnmech.experiments.behaviors.publish import publish
from nnmech.experiments.behaviors.single import plan_run
from nnmech.experiments.command import CommonArguments, run_experiment, with_given
from nnmech.experiments.data import load
from nnmech.experiments.estimate import Estimate, estimate


@dataclass(frozen=True, kw_only=True)
class Arguments(CommonArguments):
    """Read of behaviour, then give advice."""

    preset: Literal["smoke", "default", "full"] = "default"
    """smoke: two arms, seconds. default: 5 arms x 2 seeds. full: 5 arms x 6 seeds."""
    arms: tuple[str, ...] = ()
    """What is read, in place of the preset's: baseline (nothing), positive (unwanted behaviour without a warning),
    negated (a warning before and after), repeated (also around each reply), aligned (good behaviour)."""
    documents: int | None = None
    """Transcripts, in one pass."""


def settings(arguments: Arguments) -> BehaviorSettings:
    """The preset with what the command line puts in place of its values."""
    return with_given(preset(arguments.preset), arguments, "arms", "documents")


def expected(chosen: BehaviorSettings, workers: int | None) -> Estimate:
    """The size of the experiment, from its last run, which trains wherever one does."""
    loaded = load(chosen)
    last = chosen.runs[-1]
    return estimate(chosen, loaded, lambda: plan_run(loaded, *last, chosen), runs=len(chosen.runs), workers=workers)


def main(arguments: Arguments) -> None:
    run_experiment(BEHAVIORS, arguments, arguments.preset, lambda: settings(arguments), expected, publish)


if __name__ == "__main__":
    sys.exit(main_guard(lambda: main(tyro.cli(Arguments, description=__doc__))))
