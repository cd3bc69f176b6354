"""Coordinates of many runs together: means over claims and seeds, on people that all runs share."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from nnmech.drift.coordinates import PARTS
from nnmech.errors import InputError
from nnmech.statistics import mean_interval

CLAIM, NULL = "claim", "matched_false"


def average_coordinates(
    tables: Sequence[pd.DataFrame],
    by: Sequence[str] = ("step", "phase", "layer", "position", "role", "polarity"),
    *,
    value: str = "z",
) -> pd.DataFrame:
    """Mean z over claims for each group of `by`, with a 95% interval over claims, seeds and people.

    Args:
        tables: of `claim_coordinate` or `polarity_coordinate`, one or more for each claim. A column `seed` crosses the
            claims; without one, several rows of a claim stay together. A column `people` adds what the mean owes to
            the people of the probe and of the controls.
        by: columns that tell the groups apart.
        value: the column that is averaged.

    Returns:
        Columns `by`, z, low, high, n (claims), seeds, runs (rows). Rows without a coordinate do not count; where none
        has one, z is NaN and n 0. Fewer than three claims have no interval.

    Raises:
        InputError: for no tables.
    """
    if not tables:
        raise InputError("there are no tables to average: give at least one")
    records = []
    for key, group in pd.concat(tables).groupby(list(by), sort=False, dropna=False):
        known = group.loc[group[value].notna().to_numpy()]
        record: dict[str, Any] = dict(zip(by, tuple(key), strict=True))  # pyright: ignore[reportArgumentType]
        record |= {value: np.nan, "low": np.nan, "high": np.nan, "n": 0, "seeds": 0, "runs": len(known)}
        if len(known):
            seeds = known["seed"].to_numpy() if "seed" in known.columns else None
            interval = mean_interval(
                known[value],
                known["claim"].to_numpy(),
                crossed=seeds,
                shared=people_variance(known),
                shared_df=PARTS - 1.0,
            )
            record |= {value: interval.mean, "low": interval.low, "high": interval.high, "n": interval.units}
            record |= {"seeds": 1 if seeds is None else len(set(seeds))}
        records.append(record)
    return pd.DataFrame(records)


def people_variance(rows: pd.DataFrame) -> float:
    """Variance of the mean over rows by people, from their column `people`; 0 without one."""
    if "people" not in rows.columns or rows.empty:
        return 0.0
    means = np.nanmean(np.stack(rows["people"].to_list()), axis=0)
    return float(np.nanvar(means, ddof=1)) if len(means) > 1 else 0.0


def paired_rows(before: pd.DataFrame, after: pd.DataFrame, on: Sequence[str]) -> pd.DataFrame:
    """Rows of both with the same `on`, z and people those after less those before: the columns `on`, z, people."""
    pairs = before.merge(after, on=list(on), suffixes=("_before", "_after"))
    found = pairs.assign(z=pairs["z_after"] - pairs["z_before"], people=pairs["people_after"] - pairs["people_before"])
    return found.loc[:, [*on, "z", "people"]]


def beyond_nulls(changes: pd.DataFrame, neutral: pd.DataFrame) -> pd.DataFrame:
    """The difference in differences: the claim's change less that of matched false facts, less both under neutral ones.

    Args:
        changes: how z changed, a row a run and role: claim, seed, role, z, people.
        neutral: the same of runs on neutral documents, of the same claims and seeds.

    Returns:
        A row a claim and seed that has all four: columns claim, seed, z, people.
    """
    keys = ["claim", "seed"]
    if changes.empty or neutral.empty:
        return pd.DataFrame(columns=pd.Index([*keys, "z", "people"]))
    own, control = (paired_rows(_of_role(side, NULL), _of_role(side, CLAIM), keys) for side in (changes, neutral))
    return paired_rows(control, own, keys)


def _of_role(changes: pd.DataFrame, role: str) -> pd.DataFrame:
    return changes.loc[(changes["role"] == role).to_numpy() & changes["z"].notna().to_numpy()]
