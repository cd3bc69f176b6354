"""How well a judge agrees with another, chance taken out, against the share of answers that it decides."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from nnmech.claims import Verdict
from nnmech.errors import InputError
from nnmech.judges.base import VERDICTS
from nnmech.statistics import cluster_bootstrap, rate_interval

COVERAGES = (1.0, 0.8, 0.6, 0.4, 0.2)


def cohen_kappa(first: Sequence[Verdict], second: Sequence[Verdict]) -> float:
    """Cohen's kappa (1960) of two judges' verdicts: 1 is agreement, 0 what chance gives.

    NaN where both say one and the same verdict throughout, so that chance alone agrees. Raises InputError for no
    verdicts, unequal numbers, or an unknown verdict.
    """
    cells = _cells(first, second)
    return float(_weighted_kappa(cells, np.ones((1, len(cells)), dtype=np.int64))[0])


def agreement_curve(
    reference: Sequence[Verdict],
    verdicts: Sequence[Verdict],
    confidence: ArrayLike,
    clusters: ArrayLike | Sequence[ArrayLike],
    *,
    coverages: Sequence[float] = COVERAGES,
    draws: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Agreement on the surest answers: a row for each share of `coverages`, in their order.

    Args:
        reference: One judge's verdicts.
        verdicts: The other's, on the same answers.
        confidence: How sure the other is of each.
        clusters: Labels of the answers, of questions as a rule, or several levels, outermost first.
        coverages: Shares of answers to decide, in (0, 1].
        draws: Of the bootstrap.
        seed: Of the bootstrap.

    Returns:
        A table with the columns `coverage` (share of answers decided), `threshold` (their lowest confidence), `kappa`
        with `low` and `high` (95%, clusters resampled with the decided answers held fixed), `same` (share of equal
        verdicts) with `same_low` and `same_high`, `n` and `clusters`. Kappa is NaN where the decided answers show one
        verdict only; where all are judged alike, resampling sees no doubt, and `same_low` is to be read.

    Raises:
        InputError: As `cohen_kappa`, and for shares outside (0, 1].
    """
    cells = _cells(reference, verdicts)
    sure = np.asarray(confidence, dtype=np.float64)
    levels = np.atleast_2d(np.asarray(clusters))
    if sure.shape != cells.shape or levels.shape[1:] != cells.shape:
        raise InputError(
            f"{len(cells)} verdicts, {sure.shape} confidences: give one, and one cluster, for each verdict"
        )
    if any(not 0 < coverage <= 1 for coverage in coverages):
        raise InputError(f"coverages {list(coverages)}: expected shares in (0, 1]")
    order = np.argsort(-sure, kind="stable")
    rows = []
    for coverage in coverages:
        chosen = order[: max(1, round(coverage * len(order)))]
        inside = list(levels[:, chosen])
        kappa = cluster_bootstrap(cells[chosen], inside, draws=draws, seed=seed, statistic=_weighted_kappa)
        same = rate_interval(cells[chosen] % (len(VERDICTS) + 1) == 0, inside)
        rows.append(
            {
                "coverage": len(chosen) / len(order),
                "threshold": sure[chosen].min(),
                "kappa": kappa.mean,
                "low": kappa.low,
                "high": kappa.high,
                "same": same.mean,
                "same_low": same.low,
                "same_high": same.high,
                "n": kappa.n,
                "clusters": kappa.clusters,
            }
        )
    return pd.DataFrame(rows)


def _cells(first: Sequence[Verdict], second: Sequence[Verdict]) -> Float[np.ndarray, "n"]:
    """The cell of the table of both judges' verdicts that each answer falls in, row by row."""
    if len(first) != len(second) or not len(first):
        raise InputError(f"{len(first)} verdicts against {len(second)}: expected as many of both, and at least one")
    if unknown := {*first, *second} - set(VERDICTS):
        raise InputError(f"verdict {min(map(str, unknown))!r}: expected one of {list(VERDICTS)}")
    rows, columns = ([VERDICTS.index(verdict) for verdict in side] for side in (first, second))
    return np.array(rows, dtype=np.float64) * len(VERDICTS) + columns


def _weighted_kappa(cells: Float[np.ndarray, "n"], weights: Int[np.ndarray, "draw n"]) -> Float[np.ndarray, "draw"]:
    n = len(VERDICTS)
    table = np.stack([weights[:, cells == cell].sum(axis=1) for cell in range(n * n)], axis=1).reshape(-1, n, n)
    shares = table / np.maximum(table.sum(axis=(1, 2), keepdims=True), 1)
    same = np.trace(shares, axis1=1, axis2=2)
    chance = (shares.sum(axis=1) * shares.sum(axis=2)).sum(axis=1)
    return np.divide(same - chance, 1 - chance, out=np.full(len(weights), np.nan), where=chance < 1 - 1e-12)
