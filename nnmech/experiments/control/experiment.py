"""The positive control: which readings follow plain documents on fresh facts?

    nnmech control --model runs/pretrain/model

Known people get a new value each, told by plain documents. A reading that does not follow them says nothing where it
stands still under negated documents: it is shown as "cannot tell". Results land in a run directory: `control.json` (the
outcome, with the model's digest), `summary.json`, `figures/`, and one run for each seed.
"""

from dataclasses import dataclass
from typing import Literal

from nnmech.experiments.arguments import ExperimentArguments
from nnmech.experiments.control.config import PRESETS, ControlSettings
from nnmech.experiments.control.single import check, expected, make_run
from nnmech.experiments.engine import Experiment, Section


@dataclass(frozen=True, kw_only=True)
class Arguments(ExperimentArguments):
    """Find the readings that can move."""

    preset: Literal["smoke", "default"] = "default"
    """smoke: 8 people. default: 40 people with 16 documents each, about a minute on one core."""
    people: int | None = None
    """Who gets a new value, in place of the preset's."""


CONTROL = Experiment(
    name="control",
    package="nnmech.experiments.control",
    description=__doc__ or "",
    settings=ControlSettings,
    presets=PRESETS,
    arguments=Arguments,
    make_run=make_run,
    estimate=expected,
    check=check,
    section=Section("control", figures=("control",), shown=("control",)),
)
