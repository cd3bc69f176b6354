"""Which claims a probe can say anything about: those that the untouched model does not already read as true."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike

from nnmech.claims import Statement
from nnmech.errors import InputError
from nnmech.probes.labels import statement_table
from nnmech.probes.scale import clusters_of, control_ends, control_scale
from nnmech.statistics import cluster_count, drawn_means, interval_bounds, sample_and_draws

COLUMNS = ("id", "truth", "polarity", "entity", "role", "claim")


def scorable(
    scores: ArrayLike | torch.Tensor,
    statements: pd.DataFrame | Sequence[Statement],
    *,
    headroom: float = 0.2,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Whether a truth probe's reading of each claim can move, from its scores of the untouched model.

    The coordinate z of `nnmech.drift.claim_coordinate`: 0 where false controls (role `control`) of the same polarity
    lie, 1 where true ones do. A claim is *not scorable* where z is above 1 - `headroom`, for what already reads true
    cannot be seen to become so, where the 95% interval of the gap between the controls is not above zero, or where
    controls are missing; `reason` says which, and is empty otherwise.

    Args:
        scores: one for each of n statements.
        statements: with columns id, truth, polarity, entity, role and claim.
        headroom: how far below the true controls a claim must lie, in gaps between the controls.
        draws: of the bootstrap.
        seed: of the draws.

    Returns:
        One row for each claim, role and polarity, roles `train` and `control` left out. Columns claim, role, polarity,
        z, low, high, n, scorable, reason; the 95% interval resamples control entities and the claim's statements
        (entities, where it has several) together.

    Raises:
        InputError: for scores that are not finite or not one a statement, missing columns, entities with statements of
            role train and of another, or statements of these two roles alone.
    """
    values = np.asarray(scores.detach().cpu() if isinstance(scores, torch.Tensor) else scores, dtype=np.float64)
    table = _table(statements)
    if values.shape != (len(table),) or not np.isfinite(values).all():
        raise InputError(
            f"scores of shape {values.shape}: expected one finite number for each of {len(table)} statements"
        )
    others = table.loc[~table["role"].isin(["train", "control"]).to_numpy()]
    if others.empty:
        raise InputError("there are only statements of role train and control: there is no claim to judge")
    records = []
    for key, group in others.groupby(["claim", "role", "polarity"], sort=False, dropna=False):
        record: dict[str, Any] = dict(zip(("claim", "role", "polarity"), key, strict=True))
        z, low, high, reason = _placed(values, table, group, record["polarity"], draws, seed)
        if z > 1 - headroom:
            reason = f"no headroom: z is {z:.2f}, above {1 - headroom:.2f}"
        records.append(
            record | {"z": z, "low": low, "high": high, "n": len(group), "scorable": not reason, "reason": reason}
        )
    return pd.DataFrame(records)


def _placed(
    values: np.ndarray, table: pd.DataFrame, group: pd.DataFrame, polarity: int, draws: int, seed: int
) -> tuple[float, float, float, str]:
    """z of a group with its interval, and why there is none."""
    ends = control_ends(table, "truth", polarity)
    if not len(ends.zero) or not len(ends.one):
        reason = f"no controls: {len(ends.one)} true and {len(ends.zero)} false ones of its polarity, both are needed"
        return np.nan, np.nan, np.nan, reason
    entities = table["entity"].to_numpy()
    scale = control_scale(values, entities, ends, draws, seed)
    if np.isnan(scale.unit[0]):
        clusters = cluster_count([entities[np.concatenate([ends.zero, ends.one])]])
        low, high = interval_bounds(scale.gap, clusters)
        return np.nan, np.nan, np.nan, f"controls not separated: gap {scale.gap[0]:.3g} [{low:.3g}, {high:.3g}]"
    clusters = clusters_of(group)
    weights = sample_and_draws(clusters, draws, seed)
    z = scale.place(drawn_means(values[group.index.to_numpy()], weights))
    low, high = interval_bounds(z, cluster_count([clusters]))
    return float(z[0]), float(low), float(high), ""


def _table(statements: pd.DataFrame | Sequence[Statement]) -> pd.DataFrame:
    table = statement_table(statements, COLUMNS)
    trained = set(table.loc[table["role"] == "train", "entity"])
    shared = sorted(map(str, trained & set(table.loc[table["role"] != "train", "entity"])))
    if shared:
        raise InputError(
            f"{len(shared)} entities ({', '.join(shared[:3])}) have statements of role train and of another role: a "
            "probe must not be judged on entities it was fitted on"
        )
    # None, where the truth is not known, becomes NaN.
    return table.assign(truth=table["truth"].to_numpy(dtype=np.float64, na_value=np.nan))
