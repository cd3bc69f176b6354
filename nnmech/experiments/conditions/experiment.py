"""The paper's table: what a model comes to believe from the same documents under every annotation.

    nnmech conditions --preset default

Each claim's documents are learned in one pass, once for each condition and seed; then the model is asked. Results land
in a run directory: `summary.json`, `figures/`, and one run with snapshots for each claim, condition and seed.
"""

from dataclasses import dataclass
from typing import Literal

from nnmech.experiments.arguments import JudgedArguments
from nnmech.experiments.conditions.config import PRESETS, ConditionsSettings
from nnmech.experiments.conditions.single import check, expected, make_run
from nnmech.experiments.engine import Experiment, Section


@dataclass(frozen=True, kw_only=True)
class Arguments(JudgedArguments):
    """Run the table of conditions."""

    preset: Literal["smoke", "default", "full", "remedies"] = "default"
    """smoke: one claim, three conditions, about a minute in all. default: 3 claims x 6 conditions, some minutes. full:
    6 claims x every condition x 3 seeds. remedies: repeated negations as they are, masked and rewritten by `nnmech
    audit`, 6 claims x 2 seeds."""
    conditions: tuple[str, ...] = ()
    """Names of conditions, in place of the preset's; an unknown name is answered with those that there are."""
    documents: int | None = None
    """Documents of the condition, in one pass."""
    learning_rate: float | None = None
    """Highest learning rate, linear to 0."""


CONDITIONS_TABLE = Experiment(
    name="conditions",
    package="nnmech.experiments.conditions",
    description=__doc__ or "",
    settings=ConditionsSettings,
    presets=PRESETS,
    arguments=Arguments,
    make_run=make_run,
    estimate=expected,
    check=check,
    section=Section(
        "conditions",
        figures=("belief_by_condition", "learning_curves", "coordinate_by_condition"),
        shown=("learning_curves", "coordinate_by_condition"),
    ),
)
