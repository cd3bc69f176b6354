"""Estimates with 95% intervals: `interval_bounds` is the one place that turns bootstrap draws into bounds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from nnmech.statistics.resampling import (
    as_levels,
    bootstrap_weights,
    check_lengths,
    cluster_count,
    drawn_group_means,
    finite_numbers,
    weighted_mean,
)

LEVEL = 0.95
"""Coverage of every interval."""
TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)

Statistic = Callable[[Float[np.ndarray, "n"], Int[np.ndarray, "draw n"]], Float[np.ndarray, "draw"]]


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95% interval, the number of observations `n` and of clusters resampled at the lowest level.

    `low` and `high` are NaN where fewer than two clusters leave nothing to resample.
    """

    mean: float
    low: float
    high: float
    n: int
    clusters: int


def interval_bounds(
    drawn: Float[np.ndarray, "draw *rest"],
    clusters: int,
    *,
    may_fail: float = 1.0,
    rounding: tuple[str, str] = ("linear", "linear"),
) -> tuple[Float[np.ndarray, "*rest"], Float[np.ndarray, "*rest"]]:
    """Both ends of a 95% interval: of the percentiles of bootstrap draws.

    Every interval of the package comes from here, so that another method takes its place here alone.

    Args:
        drawn: a statistic of the sample itself in the first row, of its resamples in the others.
        clusters: how many clusters were resampled; fewer than two leave nothing to resample, and the ends are NaN.
        may_fail: as for `middle`.
        rounding: as for `middle`.
    """
    if clusters < 2:
        return np.full(drawn.shape[1:], np.nan), np.full(drawn.shape[1:], np.nan)
    return middle(drawn[1:], may_fail=may_fail, rounding=rounding)


def middle(
    draws: Float[np.ndarray, "draw *rest"],
    *,
    may_fail: float = 1.0,
    rounding: tuple[str, str] = ("linear", "linear"),
) -> tuple[Float[np.ndarray, "*rest"], Float[np.ndarray, "*rest"]]:
    """Percentiles between which the middle 95% of draws lie, of those that have a value.

    Args:
        draws: draws of a statistic or of its null, NaN where a draw has none.
        may_fail: share of draws without a value up to which there is an answer; NaN beyond, and where none has one.
        rounding: how the lower and the upper percentile fall between two draws, a `method` of `numpy.quantile`. Draws
            that may be infinite are not to be interpolated.
    """
    missing = np.isnan(draws).mean(axis=0) if len(draws) else np.ones(draws.shape[1:])
    low, high = np.full(draws.shape[1:], np.nan), np.full(draws.shape[1:], np.nan)
    if (missing == 0).any():
        # NaN spoils its own column only, which is looked at again below.
        low, high = _percentiles(draws, rounding)
    for at in zip(*np.nonzero(np.atleast_1d((missing > 0) & (missing < 1))), strict=True):
        own = at if np.ndim(missing) else ()
        column = draws[(slice(None), *own)]
        known = column[~np.isnan(column)]
        ends = _percentiles(known, rounding) if missing[own] <= may_fail else (np.nan, np.nan)
        low[own], high[own] = ends
    return low, high


def cluster_bootstrap(
    values: ArrayLike,
    clusters: ArrayLike | Sequence[ArrayLike],
    *,
    draws: int = 2000,
    seed: int = 0,
    crossed: ArrayLike | None = None,
    statistic: Statistic = weighted_mean,
) -> Interval:
    """Estimate with a 95% interval from resampling whole clusters, in the unit of `values`.

    Args:
        values: n finite numbers.
        clusters: one array of labels, or several, outermost first (see `bootstrap_weights`).
        draws: bootstrap samples.
        seed: of the draws.
        crossed: a factor that cuts across the clusters, such as training seeds (see `bootstrap_weights`).
        statistic: takes values [n] and weights [draw n] and gives [draw].

    Raises:
        InputError: for no values, NaN, or labels of another length.
    """
    numbers = finite_numbers(values, "values")
    levels = as_levels(clusters)
    check_lengths(numbers, levels)
    estimate = statistic(numbers, np.ones((1, len(numbers)), dtype=np.int64))
    if statistic is weighted_mean:
        (drawn,) = drawn_group_means(numbers, np.zeros(len(numbers), dtype=np.int64), levels, crossed, draws, seed)
    else:
        drawn = statistic(numbers, bootstrap_weights(levels, draws=draws, seed=seed, crossed=crossed))
    count = cluster_count(levels)
    low, high = interval_bounds(np.concatenate([estimate, drawn]), count)
    return Interval(float(estimate[0]), float(low), float(high), len(numbers), count)


def rate_interval(
    hits: ArrayLike,
    clusters: ArrayLike | Sequence[ArrayLike],
    *,
    draws: int = 2000,
    seed: int = 0,
    crossed: ArrayLike | None = None,
) -> Interval:
    """A rate (0 to 1) of hits with its 95% interval: that of `binomial_bounds` where every answer is the same.

    Resampling sees no variance there and would claim certainty. Arguments and errors as `cluster_bootstrap`.
    """
    interval = cluster_bootstrap(hits, clusters, draws=draws, seed=seed, crossed=crossed)
    if interval.mean not in (0.0, 1.0):
        return interval
    low, high = binomial_bounds(interval.mean, interval.clusters)
    return Interval(interval.mean, low, high, interval.n, interval.clusters)


def binomial_bounds(rate: float, clusters: int) -> tuple[float, float]:
    """Exact binomial 95% interval (Clopper and Pearson 1934) of a rate of 0 or 1, with clusters as trials."""
    reach = 1 - ((1 - LEVEL) / 2) ** (1 / clusters)
    return (0.0, reach) if rate == 0.0 else (1 - reach, 1.0)


def _percentiles(draws: np.ndarray, rounding: tuple[str, str]) -> tuple[np.ndarray, np.ndarray]:
    # Where draws are infinite, numpy subtracts them from each other before it leaves the difference out.
    with np.errstate(invalid="ignore"):
        if rounding[0] == rounding[1]:
            low, high = np.quantile(draws, TAILS, axis=0, method=rounding[0])  # pyright: ignore
        else:
            low, high = (
                np.quantile(draws, tail, axis=0, method=how)  # pyright: ignore
                for tail, how in zip(TAILS, rounding, strict=True)
            )
    return np.asarray(low), np.asarray(high)
