"""Intervals that respect how answers hang together: nested cluster bootstrap, vectorised over draws."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike

from nnmech.errors import InputError

LEVEL = 0.95

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


def weighted_mean(values: Float[np.ndarray, "n"], weights: Int[np.ndarray, "draw n"]) -> Float[np.ndarray, "draw"]:
    """Mean of `values` under each row of weights, in the unit of `values`; NaN where a row draws nothing."""
    totals = weights.sum(axis=1)
    return np.divide(weights @ values, totals, out=np.full(len(weights), np.nan), where=totals > 0)


def weighted_auroc(
    scores: Float[np.ndarray, "n"],
    labels: Bool[np.ndarray, "n"],
    weights: Int[np.ndarray, "draw n"],
    strata: Int[np.ndarray, "n"] | None = None,
) -> Float[np.ndarray, "draw"]:
    """Area under the ROC curve for each row of weights, ties counting one half; given `strata`, pairs within one only.

    Scores of different folds come from different probes, so that only pairs within a fold may be compared.
    NaN in a draw without any pair of a positive and a negative.
    """
    wins, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    for stratum in [None] if strata is None else np.unique(strata):
        inside = slice(None) if stratum is None else strata == stratum
        order = np.argsort(scores[inside], kind="stable")
        ranked, positive = scores[inside][order], labels[inside][order]
        drawn = weights[:, inside][:, order]
        positives, negatives = drawn * positive, drawn * ~positive
        at_most = np.cumsum(negatives, axis=1)
        first = np.searchsorted(ranked, ranked, side="left")
        last = np.searchsorted(ranked, ranked, side="right") - 1
        below = at_most[:, first] - negatives[:, first]
        wins += (positives * (below + at_most[:, last]) / 2).sum(axis=1)
        pairs += positives.sum(axis=1) * negatives.sum(axis=1)
    return np.divide(wins, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)


def bootstrap_weights(
    levels: Sequence[ArrayLike], *, draws: int = 2000, seed: int = 0, crossed: ArrayLike | None = None
) -> Int[np.ndarray, "draw n"]:
    """How often each observation is drawn in each bootstrap sample, clusters resampled with replacement level by level.

    `levels` are labels of length n, outermost first (for example claim, question): in every drawn cluster the clusters
    inside are drawn anew, and observations of a lowest cluster stay together. Labels of an inner level need to be
    unique only within the outer one. `crossed` is a factor that cuts across the levels, as training seeds do when every
    seed is asked the same questions: it is drawn independently and the counts multiply (Owen 2007, the pigeonhole
    bootstrap). Raises InputError for no observations or labels of different lengths.
    """
    columns = [np.asarray(level) for level in levels]
    if not columns or len(columns[0]) == 0 or any(len(column) != len(columns[0]) for column in columns):
        raise InputError(
            f"cluster labels have lengths {[len(column) for column in columns]}: expected at least one level and one "
            "label for each observation; pass arrays of equal, positive length"
        )
    rng = np.random.default_rng(seed)
    parent_of_row = np.zeros(len(columns[0]), dtype=np.int64)
    counts = np.ones((draws, 1), dtype=np.int64)
    for column in columns:
        cluster_of_row, parent_of_cluster = _nested_codes(parent_of_row, column)
        counts = _draw_children(rng, counts, parent_of_cluster)
        parent_of_row = cluster_of_row
    weights = counts[:, parent_of_row]
    if crossed is not None:
        codes, factor = pd.factorize(np.asarray(crossed), use_na_sentinel=False)
        weights = weights * rng.multinomial(len(factor), np.full(len(factor), 1 / len(factor)), size=draws)[:, codes]
    return weights


def cluster_bootstrap(
    values: ArrayLike,
    clusters: ArrayLike | Sequence[ArrayLike],
    *,
    draws: int = 2000,
    seed: int = 0,
    crossed: ArrayLike | None = None,
    statistic: Statistic = weighted_mean,
) -> Interval:
    """Estimate with a 95% percentile interval from resampling whole clusters; unit of `values`.

    `clusters` is one array of labels, or several, outermost first (see `bootstrap_weights`); `statistic` takes values
    [n] and weights [draw, n]. Raises InputError for no values, NaN, or labels of another length.
    """
    numbers = _finite(values, "values")
    levels = _as_levels(clusters)
    _same_length(numbers, levels)
    estimate = float(statistic(numbers, np.ones((1, len(numbers)), dtype=np.int64))[0])
    if statistic is weighted_mean:
        (drawn,) = _drawn_means(numbers, np.zeros(len(numbers), dtype=np.int64), levels, crossed, draws, seed)
    else:
        drawn = statistic(numbers, bootstrap_weights(levels, draws=draws, seed=seed, crossed=crossed))
    low, high = _percentiles(drawn)
    count = cluster_count(levels)
    if count < 2:
        low = high = float("nan")
    return Interval(estimate, low, high, len(numbers), count)


def rate_interval(
    hits: ArrayLike,
    clusters: ArrayLike | Sequence[ArrayLike],
    *,
    draws: int = 2000,
    seed: int = 0,
    crossed: ArrayLike | None = None,
) -> Interval:
    """A rate (0 to 1) of hits with its 95% cluster-bootstrap interval.

    Where every answer is the same, resampling sees no variance and would claim certainty: the interval is then the
    exact binomial one (Clopper and Pearson 1934) with clusters as trials. Raises InputError as `cluster_bootstrap`.
    """
    interval = cluster_bootstrap(hits, clusters, draws=draws, seed=seed, crossed=crossed)
    if interval.mean not in (0.0, 1.0):
        return interval
    reach = 1 - ((1 - LEVEL) / 2) ** (1 / interval.clusters)
    low, high = (0.0, reach) if interval.mean == 0.0 else (1 - reach, 1.0)
    return Interval(interval.mean, low, high, interval.n, interval.clusters)


def cluster_difference(
    before: ArrayLike,
    before_clusters: ArrayLike | Sequence[ArrayLike],
    after: ArrayLike,
    after_clusters: ArrayLike | Sequence[ArrayLike],
    *,
    draws: int = 2000,
    seed: int = 0,
    before_crossed: ArrayLike | None = None,
    after_crossed: ArrayLike | None = None,
) -> Interval:
    """Mean of `after` minus mean of `before` with a 95% interval, paired: a cluster drawn for one is drawn for both.

    Raises InputError where a cluster occurs on one side only, or where seeds are given for one side only.
    """
    sides = {"before": before, "after": after}
    means, drawn, n, count = _paired_means(
        sides, (before_clusters, after_clusters), (before_crossed, after_crossed), draws, seed
    )
    low, high = _percentiles(drawn[1] - drawn[0])
    if count < 2:
        low = high = float("nan")
    return Interval(means[1] - means[0], low, high, n, count)


def cluster_ratio(
    numerator: ArrayLike,
    numerator_clusters: ArrayLike | Sequence[ArrayLike],
    denominator: ArrayLike,
    denominator_clusters: ArrayLike | Sequence[ArrayLike],
    *,
    draws: int = 2000,
    seed: int = 0,
    numerator_crossed: ArrayLike | None = None,
    denominator_crossed: ArrayLike | None = None,
) -> Interval:
    """Mean of `numerator` over mean of `denominator` with a 95% interval, paired as in `cluster_difference`.

    A draw with nothing to divide by counts as infinite, so that `high` is infinite where the denominator may well be 0;
    all is NaN where it is 0. Raises InputError as `cluster_difference`.
    """
    sides = {"numerator": numerator, "denominator": denominator}
    means, drawn, n, count = _paired_means(
        sides, (numerator_clusters, denominator_clusters), (numerator_crossed, denominator_crossed), draws, seed
    )
    if means[1] == 0:
        return Interval(float("nan"), float("nan"), float("nan"), n, count)
    above, below = (side[~np.isnan(drawn[0] + drawn[1])] for side in drawn)
    ratios = np.divide(above, below, out=np.full(len(below), np.inf), where=below != 0)
    with np.errstate(invalid="ignore"):
        low, high = np.quantile(ratios, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="inverted_cdf").tolist()
    if count < 2:
        low = high = float("nan")
    return Interval(means[0] / means[1], low, high, n, count)


def cluster_count(levels: Sequence[ArrayLike]) -> int:
    """Number of distinct lowest clusters."""
    parent_of_row = np.zeros(len(np.asarray(levels[0])), dtype=np.int64)
    for level in levels:
        parent_of_row, _ = _nested_codes(parent_of_row, np.asarray(level))
    return int(parent_of_row.max()) + 1


def _paired_means(
    values: Mapping[str, ArrayLike],
    clusters: tuple[ArrayLike | Sequence[ArrayLike], ArrayLike | Sequence[ArrayLike]],
    crossed: tuple[ArrayLike | None, ArrayLike | None],
    draws: int,
    seed: int,
) -> tuple[list[float], list[Float[np.ndarray, "draw"]], int, int]:
    """Means of two sides and of their draws, a cluster drawn for one drawn for both; numbers of values and clusters."""
    names = " and ".join(values)
    sides = [_finite(side, name) for name, side in values.items()]
    levels = [_as_levels(side) for side in clusters]
    for numbers, side in zip(sides, levels, strict=True):
        _same_length(numbers, side)
    if len(levels[0]) != len(levels[1]) or (crossed[0] is None) != (crossed[1] is None):
        raise InputError(f"{names} name different cluster levels: give both the same levels, outermost first")
    keys = [set(zip(*(column.tolist() for column in side), strict=True)) for side in levels]
    if keys[0] != keys[1]:
        lonely = sorted(map(str, keys[0] ^ keys[1]))[0]
        raise InputError(f"cluster {lonely} occurs on one side only: {names} are paired, give the same ones in both")
    joined = [np.concatenate(pair) for pair in zip(*levels, strict=True)]
    factor = None
    if crossed[0] is not None and crossed[1] is not None:
        factor = np.concatenate([np.asarray(crossed[0]), np.asarray(crossed[1])])
    numbers, side = np.concatenate(sides), np.repeat([0, 1], [len(sides[0]), len(sides[1])])
    drawn = _drawn_means(numbers, side, joined, factor, draws, seed)
    return [float(side.mean()) for side in sides], drawn, len(numbers), len(keys[0])


def _drawn_means(
    numbers: Float[np.ndarray, "n"],
    side: Int[np.ndarray, "n"],
    levels: Sequence[np.ndarray],
    crossed: ArrayLike | None,
    draws: int,
    seed: int,
) -> list[Float[np.ndarray, "draw"]]:
    """Means of each side (0, 1, …) in every draw, NaN where a draw has none of it.

    Observations with the same labels are drawn together, so that their sum and number stand for them.
    """
    columns = [*levels] if crossed is None else [*levels, np.asarray(crossed)]
    code = np.zeros(len(numbers), dtype=np.int64)
    for column in columns:
        codes, labels = pd.factorize(column, use_na_sentinel=False)
        code = code * len(labels) + codes
    cell = pd.factorize(code)[0]
    first = np.unique(cell, return_index=True)[1]
    factor = None if crossed is None else columns[-1][first]
    weights = bootstrap_weights([level[first] for level in levels], draws=draws, seed=seed, crossed=factor)
    means = []
    for own in range(int(side.max()) + 1):
        rows = cell[side == own]
        sums = np.bincount(rows, weights=numbers[side == own], minlength=len(first))
        totals = weights @ np.bincount(rows, minlength=len(first))
        means.append(np.divide(weights @ sums, totals, out=np.full(draws, np.nan), where=totals > 0))
    return means


def _nested_codes(parents: np.ndarray, column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    codes, labels = pd.factorize(column, use_na_sentinel=False)
    combined, cluster_of_row = np.unique(parents * len(labels) + codes, return_inverse=True)
    return cluster_of_row, combined // len(labels)


def _draw_children(rng: np.random.Generator, counts: np.ndarray, parents: np.ndarray) -> np.ndarray:
    """Clusters of a parent that was drawn c times: the sum of c independent resamples is one multinomial draw."""
    children = np.empty((len(counts), len(parents)), dtype=np.int64)
    sizes = np.bincount(parents)
    # `parents` is sorted, so that the children of one parent are neighbours.
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    for size in np.unique(sizes):
        which = np.flatnonzero(sizes == size)
        drawn = rng.multinomial(counts[:, which] * size, np.full(size, 1 / size))
        children[:, starts[which][:, None] + np.arange(size)] = drawn
    return children


def _as_levels(clusters: ArrayLike | Sequence[ArrayLike]) -> list[np.ndarray]:
    if isinstance(clusters, (list, tuple)) and clusters and not np.isscalar(clusters[0]) and clusters[0] is not None:
        return [np.asarray(level) for level in clusters]
    return [np.asarray(clusters)]


def _same_length(numbers: np.ndarray, levels: Sequence[np.ndarray]) -> None:
    if any(level.shape != numbers.shape for level in levels):
        raise InputError(
            f"{len(numbers)} values but cluster labels of shapes {[level.shape for level in levels]}: "
            "give one label for each value"
        )


def _finite(values: ArrayLike, name: str) -> np.ndarray:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1 or len(numbers) == 0:
        raise InputError(f"{name} has shape {numbers.shape}: expected a non-empty list of numbers")
    bad = int((~np.isfinite(numbers)).sum())
    if bad:
        raise InputError(f"{name} holds {bad} NaN or infinite numbers among {len(numbers)}: drop or mend them")
    return numbers


def _percentiles(draws: np.ndarray) -> tuple[float, float]:
    low, high = np.nanquantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
