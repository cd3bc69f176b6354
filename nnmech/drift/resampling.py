"""Cluster bootstrap draws that several statistics share, and the intervals that they give."""

import numpy as np
import pandas as pd
from jaxtyping import Float

from nnmech.drift.recording import Ends, Recording
from nnmech.statistics import LEVEL, bootstrap_weights, cluster_count


def clusters_of(statements: pd.DataFrame) -> np.ndarray:
    """What is resampled of some statements: entities, or the statements themselves where all are of one entity."""
    several = len(set(statements["entity"])) > 1
    return statements["entity" if several else "id"].to_numpy()


def draw_weights(clusters: np.ndarray, draws: int, seed: int) -> Float[np.ndarray, "draws n"]:
    """How often each statement is drawn, clusters resampled with replacement; the first row is the sample itself."""
    drawn = bootstrap_weights([clusters], draws=draws, seed=seed)
    return np.concatenate([np.ones((1, len(clusters))), drawn])


def draw_ends(recording: Recording, ends: Ends, draws: int, seed: int) -> list[Float[np.ndarray, "draws _"]]:
    """Weights of the controls at 0 and at 1, whose entities are drawn together."""
    rows = np.concatenate([ends.zero, ends.one])
    # Another seed than that of the members: the two are drawn independently.
    weights = draw_weights(recording.column("entity")[rows], draws, seed + 1)
    return [weights[:, : len(ends.zero)], weights[:, len(ends.zero) :]]


def bounds(draws: Float[np.ndarray, "draw *rest"], clusters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95% percentile interval over draws; NaN where fewer than two clusters leave nothing to resample."""
    if cluster_count([clusters]) < 2:
        return np.full(draws.shape[1:], np.nan), np.full(draws.shape[1:], np.nan)
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high


def shares(weights: Float[np.ndarray, "draw n"]) -> Float[np.ndarray, "draw n"]:
    """Weights that sum to one in each draw; NaN where nothing is drawn."""
    totals = weights.sum(axis=1, keepdims=True)
    return np.divide(weights, totals, out=np.full_like(weights, np.nan), where=totals > 0)


def separated(gap: Float[np.ndarray, "draw *rest"]) -> Float[np.ndarray, "draw *rest"]:
    """The gap between the controls, NaN wherever its 95% interval reaches zero: there they give no unit."""
    # A draw without any control of one kind has no gap anywhere.
    known = ~np.isnan(gap).all(axis=tuple(range(1, gap.ndim)))
    low = np.quantile(gap[known], (1 - LEVEL) / 2, axis=0) if known.any() else np.full(gap.shape[1:], np.nan)
    return np.where(low > 0, gap, np.nan)
