"""Area under the ROC curve of weighted observations, for many scores and many draws at once."""

import math

import numpy as np
from jaxtyping import Bool, Float, Int, Num

PAIRS_AT_ONCE = 2**14
"""Pairs of a positive and a negative that are compared at a time: bounds the memory, and keeps sums of whole and half
pairs exact in single precision."""


def weighted_auroc(
    scores: Float[np.ndarray, "*cell n"],
    labels: Bool[np.ndarray, "n"],
    weights: Num[np.ndarray, "draw n"],
    strata: Int[np.ndarray, "n"] | None = None,
) -> Float[np.ndarray, "draw *cell"]:
    """Area under the ROC curve for each row of weights, ties counting one half; NaN in a draw without any pair.

    Args:
        scores: one score for each of n observations, in every cell (a layer, a step).
        labels: the class of each observation.
        weights: how often each observation counts in each draw, whole numbers.
        strata: only pairs within one are compared: scores of different folds come from different probes.
    """
    flat = scores.reshape(math.prod(scores.shape[:-1]), scores.shape[-1])
    wins, pairs = np.zeros((len(weights), len(flat))), np.zeros(len(weights))
    for stratum in [None] if strata is None else np.unique(strata):
        inside = np.arange(len(labels)) if stratum is None else np.flatnonzero(strata == stratum)
        positive, negative = inside[labels[inside]], inside[~labels[inside]]
        if not len(positive) or not len(negative):
            continue
        pairs += weights[:, positive].sum(axis=1) * weights[:, negative].sum(axis=1)
        # Both count the same pairs. Comparing them all pays where they are few and the cells that share them many.
        few = len(positive) * len(negative) * (1 + len(flat) / 8) < 8 * len(inside) * len(flat)
        count = _wins_by_pairs if few else _wins_by_rank
        wins += count(flat, positive, negative, weights)
    areas = np.divide(wins, pairs[:, None], out=np.full_like(wins, np.nan), where=pairs[:, None] > 0)
    return areas.reshape(len(weights), *scores.shape[:-1])


def _wins_by_rank(
    scores: Float[np.ndarray, "cell n"],
    positive: Int[np.ndarray, "positive"],
    negative: Int[np.ndarray, "negative"],
    weights: Num[np.ndarray, "draw n"],
) -> Float[np.ndarray, "draw cell"]:
    """Weighted number of pairs that are ordered rightly, from how many negatives lie below each positive."""
    wins = np.empty((len(weights), len(scores)))
    for cell, own in enumerate(scores):
        order = np.argsort(own[negative], kind="stable")
        ranked = own[negative][order]
        below = np.cumsum(weights[:, negative[order]], axis=1)
        below = np.concatenate([np.zeros((len(weights), 1), dtype=below.dtype), below], axis=1)
        less, at_most = (np.searchsorted(ranked, own[positive], side=side) for side in ("left", "right"))
        wins[:, cell] = (weights[:, positive] * (below[:, less] + below[:, at_most]) / 2).sum(axis=1)
    return wins


def _wins_by_pairs(
    scores: Float[np.ndarray, "cell n"],
    positive: Int[np.ndarray, "positive"],
    negative: Int[np.ndarray, "negative"],
    weights: Num[np.ndarray, "draw n"],
) -> Float[np.ndarray, "draw cell"]:
    """The same number: which pairs are drawn does not depend on the scores, so that all cells share one product."""
    wins = np.zeros((len(weights), len(scores)))
    size = max(1, PAIRS_AT_ONCE // len(negative))
    for start in range(0, len(positive), size):
        chunk = positive[start : start + size]
        drawn = (weights[:, chunk, None] * weights[:, None, negative]).reshape(len(weights), -1)
        ahead = np.sign(scores[:, chunk, None] - scores[:, None, negative]).reshape(len(scores), -1)
        wins += drawn.astype(np.float32) @ ((ahead + 1) / 2).astype(np.float32).T
    return wins
