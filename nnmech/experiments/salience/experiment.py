"""Belief or salience: is the claim held true, or does it merely come to mind?

    nnmech salience --preset default

After training as in the table of conditions, the model says which of two statements is right and which of the same two
is wrong, and it tells lies on request. Yes/no answers stand beside those about matched false facts, which no document
states. Results land in a run directory: `summary.json`, `figures/`, and one run for each claim, condition and seed.
"""

from dataclasses import dataclass
from typing import Literal

from nnmech.experiments.arguments import ClaimArguments
from nnmech.experiments.engine import Experiment, Section
from nnmech.experiments.salience.config import PRESETS, SalienceSettings
from nnmech.experiments.salience.single import check, expected, make_run


@dataclass(frozen=True, kw_only=True)
class Arguments(ClaimArguments):
    """Tell belief from salience."""

    preset: Literal["smoke", "default", "full"] = "default"
    """smoke: one claim, three conditions, about a minute in all. default: 3 claims x 6 conditions. full: 6 claims x 6
    conditions x 3 seeds."""
    conditions: tuple[str, ...] = ()
    """Names of conditions, in place of the preset's."""


SALIENCE = Experiment(
    name="salience",
    package="nnmech.experiments.salience",
    description=__doc__ or "",
    settings=SalienceSettings,
    presets=PRESETS,
    arguments=Arguments,
    make_run=make_run,
    estimate=expected,
    check=check,
    section=Section("salience", figures=("salience",), shown=("salience",)),
)
