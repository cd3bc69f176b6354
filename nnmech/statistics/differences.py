"""Differences and ratios of two means, paired: the same units and seeds stand on both sides."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nnmech.errors import InputError
from nnmech.statistics.intervals import FEWEST, Interval, mean_bounds, rate_bounds
from nnmech.statistics.moments import Moments, covariance, pulls, unit_and_seed
from nnmech.statistics.resampling import as_levels, check_lengths, finite_numbers

Clusters = ArrayLike | Sequence[ArrayLike]
LARGEST = 1e6
"""Ratio beyond which there is no upper end."""


def mean_difference(
    before: ArrayLike,
    before_clusters: Clusters,
    after: ArrayLike,
    after_clusters: Clusters,
    *,
    before_crossed: ArrayLike | None = None,
    after_crossed: ArrayLike | None = None,
    shared: float = 0.0,
    shared_df: float = np.inf,
) -> Interval:
    """Mean of `after` minus mean of `before` with a 95% interval, paired by unit and seed: t on the differences.

    Arguments as `mean_interval`, for each side.

    Raises:
        InputError: where a cluster occurs on one side only, or where seeds are given for one side only.
    """
    sides = {"before": before, "after": after}
    pair = _paired(sides, (before_clusters, after_clusters), (before_crossed, after_crossed))
    first, second = pair.first, pair.second
    apart = Moments(second.mean - first.mean, second.pull - first.pull, shared, shared_df)
    return pair.interval(apart.mean, mean_bounds(apart))


def rate_difference(
    before: ArrayLike,
    before_clusters: Clusters,
    after: ArrayLike,
    after_clusters: Clusters,
    *,
    before_crossed: ArrayLike | None = None,
    after_crossed: ArrayLike | None = None,
) -> Interval:
    """Rate of `after` minus rate of `before` (-1 to 1) with a 95% interval, paired by unit and seed.

    The ends come from those of both rates and their correlation (Zou and Donner 2008, MOVER), so that a rate near 0 or
    1 lends its skew to the difference. Arguments and errors as `mean_difference`.
    """
    sides = {"before": before, "after": after}
    pair = _paired(sides, (before_clusters, after_clusters), (before_crossed, after_crossed))
    mean = pair.second.mean - pair.first.mean
    if pair.first.units < FEWEST:
        return pair.interval(mean, (np.nan, np.nan))
    (low1, high1), (low2, high2) = pair.bounds
    down = _joined(pair.second.mean - low2, high1 - pair.first.mean, pair.correlation)
    up = _joined(high2 - pair.second.mean, pair.first.mean - low1, pair.correlation)
    return pair.interval(mean, (mean - down, mean + up))


def rate_ratio(
    numerator: ArrayLike,
    numerator_clusters: Clusters,
    denominator: ArrayLike,
    denominator_clusters: Clusters,
    *,
    numerator_crossed: ArrayLike | None = None,
    denominator_crossed: ArrayLike | None = None,
) -> Interval:
    """Rate of `numerator` over rate of `denominator` with a 95% interval, as `rate_difference`.

    `high` is infinite where the denominator may well be 0; all is NaN where it is 0.
    """
    sides = {"numerator": numerator, "denominator": denominator}
    pair = _paired(sides, (numerator_clusters, denominator_clusters), (numerator_crossed, denominator_crossed))
    above, below = pair.first, pair.second
    if below.mean == 0:
        return pair.interval(np.nan, (np.nan, np.nan))
    ratio = above.mean / below.mean
    if above.units < FEWEST:
        return pair.interval(ratio, (np.nan, np.nan))
    (low1, high1), (low2, high2) = pair.bounds

    def reaches(times: float, reach1: float, reach2: float) -> float:
        """How far the interval of the difference of `above` and so many times `below` passes 0."""
        return abs(above.mean - times * below.mean) - _joined(reach1, times * reach2, pair.correlation)

    low = _root(lambda times: reaches(times, above.mean - low1, high2 - below.mean), 0.0, ratio)
    beyond = 2 * ratio + 1
    while reaches(beyond, high1 - above.mean, below.mean - low2) < 0 and beyond < LARGEST:
        beyond *= 2
    if beyond >= LARGEST:
        return pair.interval(ratio, (low, np.inf))
    return pair.interval(
        ratio, (low, _root(lambda times: reaches(times, high1 - above.mean, below.mean - low2), beyond, ratio))
    )


def _joined(first: float, second: float, correlation: float) -> float:
    """How far the difference of two estimates reaches, whose own intervals reach so far."""
    return float(np.sqrt(max(first**2 - 2 * correlation * first * second + second**2, 0.0)))


def _root(function: Callable[[float], float], outside: float, inside: float) -> float:
    """Where a function that is not negative at `outside` and not positive at `inside` passes 0, by bisection."""
    for _ in range(60):
        between = (outside + inside) / 2
        if function(between) > 0:
            outside = between
        else:
            inside = between
    return float((outside + inside) / 2)


@dataclass(frozen=True, eq=False)
class _Pair:
    first: Moments
    second: Moments
    n: tuple[int, int]
    clusters: int

    @property
    def bounds(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The intervals of both rates."""
        return rate_bounds(self.first, self.n[0]), rate_bounds(self.second, self.n[1])

    @property
    def correlation(self) -> float:
        """Of both means; 0 where one of them does not vary."""
        scale = np.sqrt(self.first.variance * self.second.variance)
        return float(np.clip(covariance(self.first, self.second) / scale, -1, 1)) if scale > 0 else 0.0

    def interval(self, mean: float, bounds: tuple[float, float]) -> Interval:
        low, high = bounds
        return Interval(mean, float(low), float(high), sum(self.n), self.clusters, self.first.units, self.first.seeds)


def _paired(
    values: Mapping[str, ArrayLike],
    clusters: tuple[Clusters, Clusters],
    crossed: tuple[ArrayLike | None, ArrayLike | None],
) -> _Pair:
    """Moments of two sides over the same units and seeds."""
    names = " and ".join(values)
    sides = [finite_numbers(side, name) for name, side in values.items()]
    levels = [as_levels(side) for side in clusters]
    for numbers, side in zip(sides, levels, strict=True):
        check_lengths(numbers, side)
    if len(levels[0]) != len(levels[1]) or (crossed[0] is None) != (crossed[1] is None):
        raise InputError(f"{names} name different cluster levels: give both the same levels, outermost first")
    keys = [set(zip(*(column.tolist() for column in side), strict=True)) for side in levels]
    if keys[0] != keys[1]:
        lonely = sorted(map(str, keys[0] ^ keys[1]))[0]
        raise InputError(f"cluster {lonely} occurs on one side only: {names} are paired, give the same ones in both")
    factor = None
    if crossed[0] is not None and crossed[1] is not None:
        factor = np.concatenate([np.asarray(crossed[0]), np.asarray(crossed[1])])
    unit, seed = unit_and_seed(np.concatenate([side[0] for side in levels]), factor)
    shape = int(unit.max()) + 1, int(seed.max()) + 1
    found, cut = [], len(sides[0])
    for numbers, rows in zip(sides, (slice(None, cut), slice(cut, None)), strict=True):
        mean = float(numbers.mean())
        found.append(Moments(mean, pulls(numbers - mean, unit[rows], seed[rows], shape)))
    return _Pair(*found, n=(cut, len(unit) - cut), clusters=len(keys[0]))
