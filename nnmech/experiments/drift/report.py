"""The drift of two finished experiments as data: inside by arm and phase, alignment of release, onset."""

# pandas annotates a selection as everything that it may be under any key, so these checks say nothing here.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from nnmech.drift import alignment, claim_coordinate, onset
from nnmech.experiments.conditions.config import NEUTRAL, POSITIVE
from nnmech.experiments.results import SINGLE_RUN_DRAWS, figure_of, labelled
from nnmech.experiments.two_phase.report import with_stage
from nnmech.runs import Run
from nnmech.statistics import cluster_bootstrap, cluster_difference

ROLES = (
    "claim",
    "claim_negation",
    "alternative",
    "matched_false",
    "unrelated_claim",
    "documents_only_true",
    "documents_only_false",
)
NULLS = ("another claim", "another seed", "neutral documents")


def inside_by_stage(runs: Sequence[Run], layer: int, position: str) -> pd.DataFrame:
    """Claim coordinate of every run at the untouched model and the end of each phase, affirmative and negated.

    Columns arm, claim, seed, tier, stage, role, polarity, about, z; one row a run, stage, role and claim read about.
    """
    rows = []
    for run in runs:
        milestones = sorted(run.labels.milestones)
        table = claim_coordinate(run, layers=[layer], positions=[position], steps=milestones, draws=SINGLE_RUN_DRAWS)
        table = table[table["role"].isin(ROLES)]
        rows.append(labelled(run, table.assign(about=table["claim"])))
    columns = ["arm", "claim", "seed", "tier", "stage", "role", "polarity", "about", "z"]
    return with_stage(pd.concat(rows, ignore_index=True))[columns]


def stage_differences(inside: pd.DataFrame, pairs: Iterable[tuple[tuple[str, str], tuple[str, str]]]) -> pd.DataFrame:
    """Change of the claim coordinate between (arm, stage) pairs, paired by claim; columns what, mean, low, high, n."""
    claim = inside[(inside["role"] == "claim") & (inside["polarity"] == 1)].dropna(subset=["z"])
    rows = []
    for first, second in pairs:
        sides = [claim[(claim["arm"] == arm) & (claim["stage"] == stage)] for arm, stage in (first, second)]
        shared = set(sides[0]["claim"]) & set(sides[1]["claim"])
        before, after = (side[side["claim"].isin(shared)] for side in sides)
        if before.empty:
            continue
        interval = cluster_difference(before["z"], before["claim"].to_numpy(), after["z"], after["claim"].to_numpy())
        rows.append(
            {
                "what": f"{second[0]} {second[1]} - {first[0]} {first[1]}",
                "mean": interval.mean,
                "low": interval.low,
                "high": interval.high,
                "n": interval.clusters,
            }
        )
    return pd.DataFrame(rows)


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
    """Mean cosine by arm, layer, position and against, with a 95% interval over claims; n counts runs."""
    rows = []
    keys = ["arm", "layer", "position", "against"]
    for key, group in table.dropna(subset=["cosine"]).groupby(keys, sort=False):
        interval = cluster_bootstrap(group["cosine"], group["claim"].to_numpy())
        rows.append(
            {
                **dict(zip(keys, key, strict=True)),
                "cosine": interval.mean,
                "low": interval.low,
                "high": interval.high,
                "n": interval.n,
            }
        )
    return pd.DataFrame(rows)


def onsets(conditions: Sequence[Run], names: Sequence[str], layer: int, position: str) -> pd.DataFrame:
    """Onset inside and in answers of the runs of some conditions, at one place."""
    chosen = [run for run in conditions if run.labels.condition in names]
    return onset(chosen, layers=[layer], positions=[position], draws=SINGLE_RUN_DRAWS)


def nested_figures(rows: pd.DataFrame, keys: list[str], value: str) -> dict[str, Any]:
    """Rows with the columns low, high and n as a summary gives them, one level a key."""
    found: dict[str, Any] = {}
    for _, row in rows.iterrows():
        inner = found
        for key in keys[:-1]:
            inner = inner.setdefault(str(row[key]), {})
        inner[str(row[keys[-1]])] = figure_of(row[value], row["low"], row["high"], row["n"])
    return found
