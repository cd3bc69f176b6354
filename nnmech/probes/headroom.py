"""Which claims a probe can say anything about: those that the untouched model does not already read as true."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike

from nnmech.claims import Statement
from nnmech.errors import InputError
from nnmech.probes.splits import bounds, entity_draws
from nnmech.probes.table import statement_table
from nnmech.statistics import bootstrap_weights, cluster_count, weighted_mean

COLUMNS = ("id", "truth", "polarity", "entity", "role", "claim")


def scorable(
    scores: ArrayLike | torch.Tensor,
    statements: pd.DataFrame | Sequence[Statement],
    *,
    headroom: float = 0.2,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Whether a truth probe's reading of each claim can move, from its scores [n] on n statements, untouched model.

    z = (score - mean of false controls) / (mean of true - mean of false controls), controls (role `control`) of the
    same polarity: 0 where false controls lie, 1 where true ones do. A claim is *not scorable* where z is above
    1 - `headroom`, for what already reads true cannot be seen to become so, where the 95% interval of the gap between
    the controls is not above zero, or where controls are missing; `reason` says which, and is empty otherwise.

    One row for each claim, role and polarity, roles `train` and `control` left out. Columns claim, role, polarity, z,
    low, high, n, scorable, reason; the 95% interval resamples control entities and the claim's statements (entities,
    where it has several) together. Raises InputError for scores that are not finite or not one a statement, missing
    columns, entities with statements of role train and of another, or statements of these two roles alone.
    """
    values = np.asarray(scores.detach().cpu() if isinstance(scores, torch.Tensor) else scores, dtype=np.float64)
    table = _table(statements)
    if values.shape != (len(table),) or not np.isfinite(values).all():
        raise InputError(
            f"scores of shape {values.shape}: expected one finite number for each of {len(table)} statements"
        )
    role, polarity = table["role"].to_numpy(), table["polarity"].to_numpy()
    # None, where the truth is not known, becomes NaN.
    truth = table["truth"].to_numpy(dtype=np.float64, na_value=np.nan)
    others = table.loc[~np.isin(role, ["train", "control"])]
    if others.empty:
        raise InputError("there are only statements of role train and control: there is no claim to judge")
    records = []
    for key, group in others.groupby(["claim", "role", "polarity"], sort=False, dropna=False):
        record: dict[str, Any] = dict(zip(("claim", "role", "polarity"), key, strict=True))
        same = (role == "control") & (polarity == record["polarity"])
        true, false = same & (truth == 1), same & (truth == 0)
        z, low, high, reason = np.nan, np.nan, np.nan, ""
        if not true.any() or not false.any():
            reason = f"no controls: {true.sum()} true and {false.sum()} false ones of its polarity, both are needed"
        else:
            end, gap = _ends(values, true, false, table["entity"].to_numpy(), draws, seed)
            gap_low, gap_high = bounds(gap[1:])
            if not gap_low > 0:
                reason = f"controls not separated: gap {gap[0]:.3g} [{gap_low:.3g}, {gap_high:.3g}]"
            else:
                coordinates = (_mean_draws(values, group, draws, seed + 1) - end) / gap
                z = float(coordinates[0])
                if cluster_count([group["entity"].to_numpy(), group["id"].to_numpy()]) > 1:
                    low, high = bounds(coordinates[1:])
                if z > 1 - headroom:
                    reason = f"no headroom: z is {z:.2f}, above {1 - headroom:.2f}"
        records.append(
            record | {"z": z, "low": low, "high": high, "n": len(group), "scorable": not reason, "reason": reason}
        )
    return pd.DataFrame(records)


def _table(statements: pd.DataFrame | Sequence[Statement]) -> pd.DataFrame:
    table = statement_table(statements, COLUMNS)
    trained = set(table.loc[table["role"] == "train", "entity"])
    shared = sorted(map(str, trained & set(table.loc[table["role"] != "train", "entity"])))
    if shared:
        raise InputError(
            f"{len(shared)} entities ({', '.join(shared[:3])}) have statements of role train and of another role: a "
            "probe must not be judged on entities it was fitted on"
        )
    return table


def _ends(
    values: Float[np.ndarray, "n"],
    true: Bool[np.ndarray, "n"],
    false: Bool[np.ndarray, "n"],
    entities: np.ndarray,
    draws: int,
    seed: int,
) -> tuple[Float[np.ndarray, "draw"], Float[np.ndarray, "draw"]]:
    """Mean of the false controls, and how far above it that of the true ones lies."""
    either = true | false
    weights = entity_draws(pd.factorize(entities[either])[0], draws, seed)
    values, at_one = values[either], true[either]
    end = weighted_mean(values[~at_one], weights[:, ~at_one])
    return end, weighted_mean(values[at_one], weights[:, at_one]) - end


def _mean_draws(
    values: Float[np.ndarray, "n"], group: pd.DataFrame, draws: int, seed: int
) -> Float[np.ndarray, "draw"]:
    rows: Int[np.ndarray, "members"] = group.index.to_numpy()
    levels = [group["entity"].to_numpy(), group["id"].to_numpy()]
    drawn = bootstrap_weights(levels, draws=draws, seed=seed)
    return weighted_mean(values[rows], np.concatenate([np.ones((1, len(rows)), dtype=np.int64), drawn]))
