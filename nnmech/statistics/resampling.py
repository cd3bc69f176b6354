"""The nested cluster bootstrap: how often each observation is drawn, and means of what is drawn."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, Num
from numpy.typing import ArrayLike

from nnmech.errors import InputError


def bootstrap_weights(
    levels: Sequence[ArrayLike], *, draws: int = 2000, seed: int = 0, crossed: ArrayLike | None = None
) -> Int[np.ndarray, "draw n"]:
    """How often each observation is drawn in each bootstrap sample, clusters resampled with replacement level by level.

    Args:
        levels: labels of n observations, outermost first (for example claim, question): in every drawn cluster the
            clusters inside are drawn again, and observations of a lowest cluster stay together. Labels of an inner
            level need to be unique only within the outer one.
        draws: bootstrap samples.
        seed: of the draws.
        crossed: a factor that cuts across the levels, as training seeds do when every seed is asked the same questions:
            it is drawn independently and the counts multiply (Owen 2007, the pigeonhole bootstrap).

    Raises:
        InputError: for no observations or labels of different lengths.
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


def sample_and_draws(clusters: ArrayLike, draws: int, seed: int) -> Int[np.ndarray, "_ n"]:
    """Weights of the sample itself, ones, in the first row, and of `draws` bootstrap samples of clusters below it."""
    drawn = bootstrap_weights([clusters], draws=draws, seed=seed)
    return np.concatenate([np.ones((1, drawn.shape[1]), dtype=np.int64), drawn])


def weighted_mean(values: Float[np.ndarray, "n"], weights: Num[np.ndarray, "draw n"]) -> Float[np.ndarray, "draw"]:
    """Mean of `values` under each row of weights, in the unit of `values`; NaN where a row draws nothing."""
    totals = weights.sum(axis=1)
    return np.divide(weights @ values, totals, out=np.full(len(weights), np.nan), where=totals > 0)


def shares(weights: Num[np.ndarray, "draw n"]) -> Float[np.ndarray, "draw n"]:
    """Weights that sum to one in each draw; NaN where nothing is drawn."""
    totals = weights.sum(axis=1, keepdims=True)
    return np.divide(weights, totals, out=np.full(weights.shape, np.nan), where=totals > 0)


def drawn_means(
    values: Float[np.ndarray, "*rest n"], weights: Num[np.ndarray, "draw n"]
) -> Float[np.ndarray, "draw *rest"]:
    """Mean of n values under each row of weights, whatever axes come before; NaN where a row draws nothing."""
    return np.einsum("...n,dn->d...", values, shares(weights), optimize=True)


def cluster_count(levels: Sequence[ArrayLike]) -> int:
    """Number of distinct lowest clusters."""
    parent_of_row = np.zeros(len(np.asarray(levels[0])), dtype=np.int64)
    for level in levels:
        parent_of_row, _ = _nested_codes(parent_of_row, np.asarray(level))
    return int(parent_of_row.max()) + 1


def as_levels(clusters: ArrayLike | Sequence[ArrayLike]) -> list[np.ndarray]:
    """Cluster labels as a list of levels, outermost first, whether one array is given or several."""
    if isinstance(clusters, (list, tuple)) and clusters and not np.isscalar(clusters[0]) and clusters[0] is not None:
        return [np.asarray(level) for level in clusters]
    return [np.asarray(clusters)]


def check_lengths(numbers: np.ndarray, levels: Sequence[np.ndarray]) -> None:
    """Raise InputError unless there is one label of each level for each value."""
    if any(level.shape != numbers.shape for level in levels):
        raise InputError(
            f"{len(numbers)} values but cluster labels of shapes {[level.shape for level in levels]}: "
            "give one label for each value"
        )


def finite_numbers(values: ArrayLike, name: str) -> np.ndarray:
    """Values as doubles; raises InputError, which says `name`, for none, for another rank, or for NaN or infinity."""
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1 or len(numbers) == 0:
        raise InputError(f"{name} has shape {numbers.shape}: expected a non-empty list of numbers")
    bad = int((~np.isfinite(numbers)).sum())
    if bad:
        raise InputError(f"{name} holds {bad} NaN or infinite numbers among {len(numbers)}: drop or mend them")
    return numbers


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
