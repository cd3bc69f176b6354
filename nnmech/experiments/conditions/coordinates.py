"""Where the claim lies between false and true controls before and after training, beside its nulls."""

# pandas annotates a selection as everything that it may be under any key, so these checks say nothing here.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false

from collections.abc import Sequence
from typing import Any

import pandas as pd

from nnmech.drift import average_coordinates, claim_coordinate
from nnmech.experiments.conditions.config import NEUTRAL
from nnmech.experiments.results import SINGLE_RUN_DRAWS, figure_of, last_step
from nnmech.runs import Run

ROLES = ("claim", "matched_false", "unrelated_claim")
"""The claim; as false and about the same person; as made-up and about others."""
STAGES = ("before", "after", "change", "over_neutral")
COLUMNS = ("condition", "role", "stage", "z", "low", "high", "n")
_UNIT = ["trained", "seed", "role", "claim"]


def coordinate_table(runs: Sequence[Run], place: tuple[int, str] | None) -> pd.DataFrame:
    """Claim coordinate by condition, role and stage, mean over claims and seeds; columns of `COLUMNS`, n claims.

    Stages: `before` and `after` training; `change`, where the untouched model leaves room for one; `over_neutral`, the
    change beyond that of the same claim and seed under neutral documents. Runs without a snapshot of their last step
    are left out. `place` is layer and position; without one there is nothing to read.
    """
    single = [] if place is None else [_of_run(run, *place) for run in runs if 0 < last_step(run) in run.steps]
    if not single:
        return pd.DataFrame(columns=pd.Index(COLUMNS))
    rows = pd.concat(single, ignore_index=True)
    last = rows[rows["step"] > 0]
    changed = last.assign(z=last["change"])
    control = changed.loc[changed["condition"] == NEUTRAL, [*_UNIT, "z"]]
    beyond = changed.merge(control, on=_UNIT, suffixes=("", "_neutral"))
    beyond = beyond.assign(z=beyond["z"] - beyond["z_neutral"])
    stages = (rows[rows["step"] == 0], last, changed, beyond[beyond["condition"] != NEUTRAL])
    averaged = [
        average_coordinates([found], ["condition", "role"]).assign(stage=stage)
        for stage, found in zip(STAGES, stages, strict=True)
        if len(found)
    ]
    return pd.concat(averaged, ignore_index=True)[list(COLUMNS)]


def _of_run(run: Run, layer: int, position: str) -> pd.DataFrame:
    steps = [0, last_step(run)]
    table = claim_coordinate(run, layers=[layer], positions=[position], steps=steps, draws=SINGLE_RUN_DRAWS)
    kept = table[table["role"].isin(ROLES) & (table["polarity"] == 1)]
    return kept.assign(trained=run.labels.claim, condition=run.labels.condition, seed=run.labels.seed)


def coordinate_figures(table: pd.DataFrame) -> dict[str, Any]:
    """The table as a summary gives it: condition, role, stage."""
    found: dict[str, Any] = {}
    for _, row in table.iterrows():
        stages = found.setdefault(row["condition"], {}).setdefault(row["role"], {})
        stages[row["stage"]] = figure_of(row["z"], row["low"], row["high"], row["n"])
    return found
