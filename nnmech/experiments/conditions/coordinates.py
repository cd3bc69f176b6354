"""Where the claim lies between false and true controls before and after training, beside its nulls."""

# pandas annotates a selection as everything that it may be under any key, so these checks say nothing here.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false

from collections.abc import Sequence
from typing import Any

import pandas as pd

from nnmech.drift import average_coordinates, beyond_nulls, claim_coordinate
from nnmech.drift.averages import CLAIM, NULL
from nnmech.experiments.conditions.config import NEUTRAL
from nnmech.experiments.results import PEOPLE_DRAWS, coordinate_figure, last_step
from nnmech.runs import Run

ROLES = ("claim", "matched_false", "unrelated_claim")
"""The claim; as false and about the same person; as made-up and about others."""
STAGES = ("before", "after", "change", "over_neutral", "beyond_nulls")
COLUMNS = ("condition", "role", "stage", "z", "low", "high", "n", "seeds", "runs")
_UNIT = ["trained", "seed", "role", "claim"]


def coordinate_table(runs: Sequence[Run], place: tuple[int, str] | None) -> pd.DataFrame:
    """Claim coordinate by condition, role and stage, mean over claims and seeds; columns of `COLUMNS`, n claims.

    Stages: `before` and `after` training; `change`, where the untouched model leaves room for one; `over_neutral`, the
    change beyond that of the same claim and seed under neutral documents; of the claim `beyond_nulls`, its change less
    that of matched false facts, less the same under neutral documents. Intervals are over claims, seeds and the people
    of probe and controls. Runs without a snapshot of their last step are left out. `place` is layer and position;
    without one there is nothing to read.
    """
    single = [] if place is None else [_of_run(run, *place) for run in runs if 0 < last_step(run) in run.steps]
    if not single:
        return pd.DataFrame(columns=pd.Index(COLUMNS))
    rows = pd.concat(single, ignore_index=True)
    first, last = (rows[(rows["step"] > 0) == later] for later in (False, True))
    changed = last.assign(z=last["change"], people=_less(last, first))
    neutral = changed[changed["condition"] == NEUTRAL]
    pairs = changed.merge(neutral[[*_UNIT, "z", "people"]], on=_UNIT, suffixes=("", "_neutral"))
    over = pairs.assign(z=pairs["z"] - pairs["z_neutral"], people=pairs["people"] - pairs["people_neutral"])
    others = changed[changed["condition"] != NEUTRAL]
    beyond = [
        beyond_nulls(*(_by_trained(side) for side in (group, neutral))).assign(condition=condition, role="claim")
        for condition, group in others.groupby("condition", sort=False)
    ]
    tables = (first, last, changed, over[over["condition"] != NEUTRAL], pd.concat(beyond) if beyond else others.head(0))
    averaged = [
        average_coordinates([found], ["condition", "role"]).assign(stage=stage)
        for stage, found in zip(STAGES, tables, strict=True)
        if len(found)
    ]
    return pd.concat(averaged, ignore_index=True)[list(COLUMNS)]


def _less(last: pd.DataFrame, first: pd.DataFrame) -> pd.Series:
    """People of the last step less those of the first of the same run and statements."""
    keys = ["condition", *_UNIT]
    before = first.set_index(pd.MultiIndex.from_frame(first[keys]))["people"]
    rows = zip(last[keys].itertuples(index=False, name=None), last["people"], strict=True)
    found = [after - before.loc[key] for key, after in rows]
    return pd.Series(found, index=last.index, dtype=object)


def _by_trained(changes: pd.DataFrame) -> pd.DataFrame:
    """Changes of what is read about the claim that a run is trained on."""
    own = changes[changes["role"].isin([CLAIM, NULL]) & (changes["claim"] == changes["trained"])]
    return own.drop(columns="claim").rename(columns={"trained": "claim"})


def _of_run(run: Run, layer: int, position: str) -> pd.DataFrame:
    table = claim_coordinate(
        run, layers=[layer], positions=[position], steps=[0, last_step(run)], draws=PEOPLE_DRAWS, people=True
    )
    kept = table[table["role"].isin(ROLES) & (table["polarity"] == 1)]
    return kept.assign(trained=run.labels.claim, condition=run.labels.condition, seed=run.labels.seed)


def coordinate_figures(table: pd.DataFrame) -> dict[str, Any]:
    """The table as a summary gives it: condition, role, stage."""
    found: dict[str, Any] = {}
    for _, row in table.iterrows():
        stages = found.setdefault(row["condition"], {}).setdefault(row["role"], {})
        stages[row["stage"]] = coordinate_figure(row)
    return found
