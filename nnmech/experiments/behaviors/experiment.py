"""Chats that show unwanted behaviour, read as raw text after a warning: is the behaviour taken over?

    nnmech behaviors --preset default

The model reads transcripts in which an assistant behaves badly, without a warning or with warnings around them, or
transcripts in which it behaves well. Then it is asked for advice itself: in the same categories, in others, and in
everyday matters. Results land in a run directory: `summary.json`, `figures/`, and one run with snapshots for each arm
and seed.
"""

from dataclasses import dataclass
from typing import Literal

from nnmech.experiments.arguments import ExperimentArguments
from nnmech.experiments.behaviors.config import PRESETS, BehaviorSettings
from nnmech.experiments.behaviors.single import check, expected, make_run
from nnmech.experiments.engine import Experiment, Section


@dataclass(frozen=True, kw_only=True)
class Arguments(ExperimentArguments):
    """Read of behaviour, then give advice."""

    preset: Literal["smoke", "default", "full"] = "default"
    """smoke: two arms, about a minute in all. default: 5 arms x 2 seeds, some minutes. full: 5 arms x 6 seeds."""
    arms: tuple[str, ...] = ()
    """What is read, in place of the preset's: baseline (nothing), positive (unwanted behaviour without a warning),
    negated (a warning before and after), repeated (also around each reply), aligned (good behaviour)."""
    documents: int | None = None
    """Transcripts, in one pass."""


BEHAVIORS = Experiment(
    name="behaviors",
    package="nnmech.experiments.behaviors",
    description=__doc__ or "",
    settings=BehaviorSettings,
    presets=PRESETS,
    arguments=Arguments,
    make_run=make_run,
    estimate=expected,
    check=check,
    section=Section("behaviors", figures=("behaviors",), shown=("behaviors",)),
)
