"""The drift of two finished experiments as data: inside by arm and phase, alignment of release, onset."""

# pandas annotates a selection as everything that it may be under any key, so these checks say nothing here.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from nnmech.drift import alignment, average_coordinates, beyond_nulls, claim_coordinate, onset
from nnmech.drift.averages import CLAIM, NULL, paired_rows
from nnmech.experiments.conditions.config import NEUTRAL, POSITIVE
from nnmech.experiments.results import PEOPLE_DRAWS, SINGLE_RUN_DRAWS, coordinate_figure, figure_of, labelled, last_step
from nnmech.experiments.two_phase.report import STAGES, with_stage
from nnmech.runs import Run

ROLES = (
    "claim",
    "claim_negation",
    "alternative",
    "matched_false",
    "unrelated_claim",
    "documents_only_true",
    "documents_only_false",
)
UNIT = ["claim", "seed", "role"]
NULLS = ("another claim", "another seed", "neutral documents")


def inside_by_stage(runs: Sequence[Run], layer: int, position: str) -> pd.DataFrame:
    """Claim coordinate of every run at the untouched model and the end of each phase, affirmative and negated.

    Columns arm, claim, seed, tier, stage, role, polarity, about, z, people (z under other people of probe and controls,
    an array); one row a run, stage, role and claim read about.
    """
    rows = []
    for run in runs:
        milestones = sorted(run.labels.milestones)
        table = _coordinates(run, layer, position, milestones)
        rows.append(labelled(run, table.assign(about=table["claim"])))
    columns = ["arm", "claim", "seed", "tier", "stage", "role", "polarity", "about", "z", "people"]
    return with_stage(pd.concat(rows, ignore_index=True))[columns]


def neutral_changes(conditions: Sequence[Run], layer: int, position: str) -> pd.DataFrame:
    """How runs on neutral documents change what is read: claim, seed, role, z, people; affirmative statements."""
    rows = []
    for run in conditions:
        last = last_step(run)
        if run.labels.condition == NEUTRAL and 0 < last in run.steps:
            table = _coordinates(run, layer, position, [0, last])
            table = table.assign(about=table["claim"], claim=run.labels.claim, seed=run.labels.seed)
            rows.append(_changed(*(table[table["step"] == step] for step in (0, last))))
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=pd.Index([*UNIT, "z", "people"]))


def headlines(inside: pd.DataFrame, neutral: pd.DataFrame) -> pd.DataFrame:
    """Whether the claim became true inside, by arm and stage, less what moves without a reason.

    The change of the claim since the untouched model, less that of matched false facts, less the same difference under
    neutral documents; paired by claim and seed. Columns arm, stage, and those of `average_coordinates`.
    """
    found = []
    for key, after in inside.groupby(["arm", "stage"], sort=False):
        arm, stage = tuple(key)  # pyright: ignore[reportGeneralTypeIssues]
        before = inside[(inside["arm"] == arm) & (inside["stage"] == STAGES[0])]
        if stage != STAGES[0]:
            found.append(beyond_nulls(_changed(before, after), neutral).assign(arm=arm, stage=stage))
    rows = [table for table in found if len(table)]
    return average_coordinates(rows, ["arm", "stage"]) if rows else pd.DataFrame()


def stage_differences(inside: pd.DataFrame, pairs: Iterable[tuple[tuple[str, str], tuple[str, str]]]) -> pd.DataFrame:
    """Change of the claim coordinate between (arm, stage) pairs, paired by claim and seed; with columns what, z."""
    claim = inside[(inside["role"] == CLAIM) & (inside["polarity"] == 1)].dropna(subset=["z"])
    found = []
    for first, second in pairs:
        sides = [claim[(claim["arm"] == arm) & (claim["stage"] == stage)] for arm, stage in (first, second)]
        table = paired_rows(sides[0], sides[1], ["claim", "seed"])
        found.append(table.assign(what=f"{second[0]} {second[1]} - {first[0]} {first[1]}"))
    rows = [table for table in found if len(table)]
    return average_coordinates(rows, ["what"]) if rows else pd.DataFrame()


def _coordinates(run: Run, layer: int, position: str, steps: Sequence[int]) -> pd.DataFrame:
    table = claim_coordinate(run, layers=[layer], positions=[position], steps=steps, draws=PEOPLE_DRAWS, people=True)
    return table[table["role"].isin(ROLES)]


def _changed(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """What is read of a run's own claim and of its matched false facts, later less earlier."""
    sides = [
        side[side["role"].isin([CLAIM, NULL]) & (side["polarity"] == 1) & (side["about"] == side["claim"])]
        for side in (before, after)
    ]
    return paired_rows(*sides, UNIT)


def alignments(two_phase: Sequence[Run], conditions: Sequence[Run]) -> pd.DataFrame:
    """Alignment of each run's last phase with positive training of the same claim and seed, beside the nulls.

    Columns of `nnmech.drift.alignment`, and arm, claim, seed. The nulls are positive training on another claim with the
    same seed, on the same claim with another seed, and training on neutral documents.
    """
    trained = {(run.labels.condition, run.labels.claim, run.labels.seed): run for run in conditions}
    tables = []
    for run in two_phase:
        claim, seed = run.labels.claim, run.labels.seed
        positive, neutral = trained.get((POSITIVE, claim, seed)), trained.get((NEUTRAL, claim, seed))
        others = [
            found
            for (condition, about, other), found in trained.items()
            if condition == POSITIVE and about != claim and other == seed
        ]
        again = [
            found
            for (condition, about, other), found in trained.items()
            if condition == POSITIVE and about == claim and other != seed
        ]
        if positive is None or neutral is None or not others or not again:
            continue
        nulls = dict(zip(NULLS, (others, again, [neutral]), strict=True))
        table = alignment(run, positive, nulls, draws=SINGLE_RUN_DRAWS)
        tables.append(table.assign(arm=run.labels.arm, claim=claim, seed=seed))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def mean_alignment(table: pd.DataFrame) -> pd.DataFrame:
    """Mean cosine by arm, layer, position and against, with a 95% interval over claims and seeds; n counts claims."""
    known = table.dropna(subset=["cosine"])
    return average_coordinates([known], ["arm", "layer", "position", "against"], value="cosine")


def onsets(conditions: Sequence[Run], names: Sequence[str], layer: int, position: str) -> pd.DataFrame:
    """Onset inside and in answers of the runs of some conditions, at one place."""
    chosen = [run for run in conditions if run.labels.condition in names]
    return onset(chosen, layers=[layer], positions=[position], draws=SINGLE_RUN_DRAWS)


def nested_figures(rows: pd.DataFrame, keys: list[str], value: str) -> dict[str, Any]:
    """Rows with the columns low, high, n and seeds as a summary gives them, one level a key."""
    found: dict[str, Any] = {}
    for _, row in rows.iterrows():
        inner = found
        for key in keys[:-1]:
            inner = inner.setdefault(str(row[key]), {})
        inner[str(row[keys[-1]])] = coordinate_figure(row, value)
    return found


def onset_figures(means: pd.DataFrame) -> dict[str, Any]:
    """Onsets by condition and what, and how many of the runs have none for which reason, as a summary gives them."""
    found: dict[str, Any] = {}
    for _, row in means[means["what"].isin(["inside", "answers"])].iterrows():
        counts = {name: row[name] for name in ("runs", "never", "brief", "above")}
        figures = figure_of(row["step"], row["low"], row["high"], row["n"], claims=row["n"], **counts)
        found.setdefault(row["condition"], {})[row["what"]] = figures
    return found
