"""The same documents in the context window instead of in the weights: are warnings heeded where they can be read?

    nnmech in-context --preset default

Nothing is trained. The questions about each claim are asked after 0, 1, 2 and 4 of its documents under each condition.
Results land in a run directory: `summary.json`, `figures/`, and one run with all answers for each claim, condition and
seed.
"""

from dataclasses import dataclass
from typing import Literal

from nnmech.experiments.arguments import JudgedArguments
from nnmech.experiments.engine import Experiment, Section
from nnmech.experiments.in_context.config import PRESETS, InContextSettings
from nnmech.experiments.in_context.single import check, expected, make_run


@dataclass(frozen=True, kw_only=True)
class Arguments(JudgedArguments):
    """Ask with documents in the context window."""

    preset: Literal["smoke", "default", "full"] = "default"
    """smoke: one claim, about a minute in all. default: 3 claims x 5 conditions. full: 6 claims x every condition x 3
    seeds."""
    conditions: tuple[str, ...] = ()
    """Names of conditions, in place of the preset's."""
    counts: tuple[int, ...] = ()
    """Numbers of documents before a question, in place of the preset's."""


IN_CONTEXT = Experiment(
    name="in_context",
    package="nnmech.experiments.in_context",
    description=__doc__ or "",
    settings=InContextSettings,
    presets=PRESETS,
    arguments=Arguments,
    make_run=make_run,
    estimate=expected,
    check=check,
    section=Section("in-context", figures=("belief_in_context",), shown=("belief_in_context",)),
)
