"""Estimates with 95% intervals: the one place that turns means, shares and bootstrap draws into bounds.

Which method holds was chosen by simulation (`benchmarks/coverage.py`, docs/intervals.md).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from scipy.special import betaincinv, ndtr, ndtri, stdtrit

from nnmech.statistics.moments import Moments, moments
from nnmech.statistics.resampling import as_levels, bootstrap_weights, check_lengths, cluster_count, finite_numbers

LEVEL = 0.95
"""Coverage of every interval."""
TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
FEWEST = 3
"""Clusters of which there is an interval: one or two say next to nothing of how the others vary."""

Statistic = Callable[[Float[np.ndarray, "n"], Int[np.ndarray, "draw n"]], Float[np.ndarray, "draw"]]


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95% interval and what it rests on.

    `low` and `high` are NaN where fewer than `FEWEST` units leave nothing to infer from.
    """

    mean: float
    low: float
    high: float
    n: int
    """Observations."""
    clusters: int
    """Clusters of the lowest level, questions as a rule."""
    units: int
    """Clusters of the outermost level, claims as a rule: the unit of inference."""
    seeds: int = 1
    """Levels of the crossed factor."""


def mean_bounds(found: Moments) -> tuple[float, float]:
    """Both ends of the interval of a mean: t with the degrees of freedom of its variance."""
    if found.units < FEWEST:
        return np.nan, np.nan
    reach = stdtrit(found.df, TAILS[1]) * np.sqrt(found.variance)
    return float(found.mean - reach), float(found.mean + reach)


def rate_bounds(found: Moments, n: int) -> tuple[float, float]:
    """Both ends of the interval of a rate of n answers: `share_bounds`, with fewer df where few units deviate."""
    if found.units < FEWEST:
        return np.nan, np.nan
    df = min(found.df, max(2 * (found.carried - 1), 1.0))
    low, high = share_bounds(np.array(found.mean), np.array(found.variance), df, found.trials, float(n))
    return float(low), float(high)


def share_bounds(
    share: Float[np.ndarray, "*rest"], variance: Float[np.ndarray, "*rest"], df: float, fewest: float, most: float = 1e9
) -> tuple[Float[np.ndarray, "*rest"], Float[np.ndarray, "*rest"]]:
    """Both ends of the interval of a share (0 to 1): Clopper and Pearson (1934) with the trials that it is worth.

    So many trials give a share the same variance, fewer by the squared ratio of the normal to the t quantile (Korn and
    Graubard 1998), and no less than `fewest`, which alone count where everything is alike.

    Args:
        share: estimates.
        variance: of them.
        df: degrees of freedom of the variance.
        fewest: trials that the observations are worth at least.
        most: trials that they are worth at most.
    """
    spread = share * (1 - share)
    worth = np.divide(spread, variance, out=np.full_like(spread, np.inf), where=variance > 0)
    worth = worth * (ndtri(TAILS[1]) / stdtrit(df, TAILS[1])) ** 2
    trials = np.clip(np.where(spread > 0, worth, fewest), fewest, max(fewest, most))
    hits, misses = share * trials, (1 - share) * trials
    with np.errstate(invalid="ignore"):
        low = np.where(hits > 0, betaincinv(np.maximum(hits, 1e-12), misses + 1, TAILS[0]), 0.0)
        high = np.where(misses > 0, betaincinv(hits + 1, np.maximum(misses, 1e-12), TAILS[1]), 1.0)
    unknown = np.isnan(share)
    return np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)


def interval_bounds(
    drawn: Float[np.ndarray, "draw *rest"],
    clusters: int,
    *,
    share: bool = False,
    may_fail: float = 1.0,
    rounding: tuple[str, str] = ("linear", "linear"),
) -> tuple[Float[np.ndarray, "*rest"], Float[np.ndarray, "*rest"]]:
    """Both ends of a 95% interval from bootstrap draws.

    They are percentiles further out than 2.5 and 97.5, by as much as t quantiles lie beyond normal ones and as a
    resample varies less than a sample (Hesterberg 2015, the expanded percentile interval). Those of a share come from
    the variance of the draws by `share_bounds`: resamples of what is ordered rightly throughout do not vary.

    Args:
        drawn: a statistic of the sample itself in the first row, of its resamples in the others.
        clusters: how many clusters were resampled; fewer than `FEWEST` give NaN.
        share: whether the statistic is a share from 0 to 1, an accuracy or the area under an ROC curve.
        may_fail: as for `middle`.
        rounding: as for `middle`.
    """
    if clusters < FEWEST:
        return np.full(drawn.shape[1:], np.nan), np.full(drawn.shape[1:], np.nan)
    larger = clusters / (clusters - 1)
    if not share:
        tail = float(ndtr(-np.sqrt(larger) * stdtrit(clusters - 1, TAILS[1])))
        return middle(drawn[1:], may_fail=may_fail, rounding=rounding, tails=(tail, 1 - tail))
    known = ~np.isnan(drawn[1:])
    some = known.any(axis=0) & ((~known).mean(axis=0) <= may_fail)
    variance = np.full(drawn.shape[1:], np.nan)
    variance[some] = np.nanvar(drawn[1:][:, some], axis=0) * larger
    low, high = share_bounds(np.where(some, drawn[0], np.nan), variance, clusters - 1.0, float(clusters))
    return low, high


def middle(
    draws: Float[np.ndarray, "draw *rest"],
    *,
    may_fail: float = 1.0,
    rounding: tuple[str, str] = ("linear", "linear"),
    tails: tuple[float, float] = TAILS,
) -> tuple[Float[np.ndarray, "*rest"], Float[np.ndarray, "*rest"]]:
    """Percentiles between which the middle 95% of draws lie, of those that have a value.

    Args:
        draws: draws of a statistic or of its null, NaN where a draw has none.
        may_fail: share of draws without a value up to which there is an answer; NaN beyond, and where none has one.
        rounding: how the lower and the upper percentile fall between two draws, a `method` of `numpy.quantile`. Draws
            that may be infinite are not to be interpolated.
        tails: where to cut, other than at 95%.
    """
    missing = np.isnan(draws).mean(axis=0) if len(draws) else np.ones(draws.shape[1:])
    low, high = np.full(draws.shape[1:], np.nan), np.full(draws.shape[1:], np.nan)
    if (missing == 0).any():
        # NaN spoils its own column only, which is looked at again below.
        low, high = _percentiles(draws, rounding, tails)
    for at in zip(*np.nonzero(np.atleast_1d((missing > 0) & (missing < 1))), strict=True):
        own = at if np.ndim(missing) else ()
        column = draws[(slice(None), *own)]
        known = column[~np.isnan(column)]
        ends = _percentiles(known, rounding, tails) if missing[own] <= may_fail else (np.nan, np.nan)
        low[own], high[own] = ends
    return low, high


def mean_interval(
    values: ArrayLike,
    clusters: ArrayLike | Sequence[ArrayLike],
    *,
    crossed: ArrayLike | None = None,
    shared: float = 0.0,
    shared_df: float = np.inf,
) -> Interval:
    """Mean with a 95% interval that takes the outermost clusters for the unit of inference, in the unit of `values`.

    Args:
        values: n finite numbers.
        clusters: one array of labels, or several, outermost first, such as claims and their questions.
        crossed: a factor that cuts across the clusters, such as training seeds.
        shared: variance that all values share, such as that of the people whom a probe was fitted on.
        shared_df: degrees of freedom of `shared`.

    Raises:
        InputError: for no values, NaN, or labels of another length.
    """
    numbers, levels = _checked(values, clusters, "values")
    found = moments(numbers, levels, crossed)
    found = Moments(found.mean, found.pull, shared, shared_df)
    return as_interval(found, mean_bounds(found), len(numbers), cluster_count(levels))


def rate_interval(
    hits: ArrayLike, clusters: ArrayLike | Sequence[ArrayLike], *, crossed: ArrayLike | None = None
) -> Interval:
    """A rate (0 to 1) of hits with its 95% interval; where every answer is the same, the outermost clusters count.

    Arguments and errors as `mean_interval`.
    """
    numbers, levels = _checked(hits, clusters, "hits")
    found = moments(numbers, levels, crossed)
    return as_interval(found, rate_bounds(found, len(numbers)), len(numbers), cluster_count(levels))


def cluster_bootstrap(
    values: ArrayLike,
    clusters: ArrayLike | Sequence[ArrayLike],
    *,
    statistic: Statistic,
    share: bool = False,
    draws: int = 2000,
    seed: int = 0,
    crossed: ArrayLike | None = None,
) -> Interval:
    """Estimate of any statistic with a 95% interval from resampling whole clusters.

    Args:
        values: n finite numbers.
        clusters: one array of labels, or several, outermost first (see `bootstrap_weights`).
        statistic: takes values [n] and weights [draw n] and gives [draw].
        share: as for `interval_bounds`.
        draws: bootstrap samples.
        seed: of the draws.
        crossed: a factor that cuts across the clusters, such as training seeds (see `bootstrap_weights`).

    Raises:
        InputError: for no values, NaN, or labels of another length.
    """
    numbers, levels = _checked(values, clusters, "values")
    estimate = statistic(numbers, np.ones((1, len(numbers)), dtype=np.int64))
    drawn = statistic(numbers, bootstrap_weights(levels, draws=draws, seed=seed, crossed=crossed))
    found, units = cluster_count(levels), cluster_count(levels[:1])
    low, high = interval_bounds(np.concatenate([estimate, drawn]), units, share=share)
    seeds = 1 if crossed is None else cluster_count([crossed])
    return Interval(float(estimate[0]), float(low), float(high), len(numbers), found, units, seeds)


def as_interval(found: Moments, bounds: tuple[float, float], n: int, clusters: int) -> Interval:
    """A mean and its bounds as an interval of `n` observations in `clusters` of the lowest level."""
    return Interval(found.mean, *bounds, n, clusters, found.units, found.seeds)


def _checked(
    values: ArrayLike, clusters: ArrayLike | Sequence[ArrayLike], name: str
) -> tuple[Float[np.ndarray, "n"], list[np.ndarray]]:
    numbers, levels = finite_numbers(values, name), as_levels(clusters)
    check_lengths(numbers, levels)
    return numbers, levels


def _percentiles(
    draws: np.ndarray, rounding: tuple[str, str], tails: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    # Where draws are infinite, numpy subtracts them from each other before it leaves the difference out.
    with np.errstate(invalid="ignore"):
        if rounding[0] == rounding[1]:
            low, high = np.quantile(draws, tails, axis=0, method=rounding[0])  # pyright: ignore
        else:
            low, high = (
                np.quantile(draws, tail, axis=0, method=how)  # pyright: ignore
                for tail, how in zip(tails, rounding, strict=True)
            )
    return np.asarray(low), np.asarray(high)
