"""Differences and ratios of two means, paired: a cluster that is drawn for one side is drawn for the other."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from nnmech.errors import InputError
from nnmech.statistics.intervals import Interval, interval_bounds
from nnmech.statistics.resampling import as_levels, check_lengths, drawn_group_means, finite_numbers


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

    Arguments as `cluster_bootstrap`, for each side.

    Raises:
        InputError: where a cluster occurs on one side only, or where seeds are given for one side only.
    """
    sides = {"before": before, "after": after}
    means, drawn, n, count = _paired_means(
        sides, (before_clusters, after_clusters), (before_crossed, after_crossed), draws, seed
    )
    difference = means[1] - means[0]
    low, high = interval_bounds(np.concatenate([[difference], drawn[1] - drawn[0]]), count)
    return Interval(difference, float(low), float(high), n, count)


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
    all is NaN where it is 0. Arguments and errors as `cluster_difference`.
    """
    sides = {"numerator": numerator, "denominator": denominator}
    means, drawn, n, count = _paired_means(
        sides, (numerator_clusters, denominator_clusters), (numerator_crossed, denominator_crossed), draws, seed
    )
    if means[1] == 0:
        return Interval(float("nan"), float("nan"), float("nan"), n, count)
    above, below = (side[~np.isnan(drawn[0] + drawn[1])] for side in drawn)
    ratios = np.divide(above, below, out=np.full(len(below), np.inf), where=below != 0)
    ratio = means[0] / means[1]
    low, high = interval_bounds(np.concatenate([[ratio], ratios]), count, rounding=("inverted_cdf", "inverted_cdf"))
    return Interval(ratio, float(low), float(high), n, count)


def _paired_means(
    values: Mapping[str, ArrayLike],
    clusters: tuple[ArrayLike | Sequence[ArrayLike], ArrayLike | Sequence[ArrayLike]],
    crossed: tuple[ArrayLike | None, ArrayLike | None],
    draws: int,
    seed: int,
) -> tuple[list[float], list[Float[np.ndarray, "draw"]], int, int]:
    """Means of two sides and of their draws, a cluster drawn for one drawn for both; numbers of values and clusters."""
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
    joined = [np.concatenate(pair) for pair in zip(*levels, strict=True)]
    factor = None
    if crossed[0] is not None and crossed[1] is not None:
        factor = np.concatenate([np.asarray(crossed[0]), np.asarray(crossed[1])])
    numbers, side = np.concatenate(sides), np.repeat([0, 1], [len(sides[0]), len(sides[1])])
    drawn = drawn_group_means(numbers, side, joined, factor, draws, seed)
    return [float(side.mean()) for side in sides], drawn, len(numbers), len(keys[0])
