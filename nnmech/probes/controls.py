"""What a probe is held against: the words alone, random directions, the model's own opinion, its own probabilities."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from nnmech.errors import InputError
from nnmech.probes.splits import Trial
from nnmech.statistics import rate_interval


def word_scores(texts: Sequence[str], trial: Trial) -> Float[np.ndarray, "tested"]:
    """Log-odds of a bag of words, L2-regularised logistic regression on counts: what the words alone give away.

    Raises InputError where no text holds a word.
    """
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    try:
        # Words that a fit does not see get no weight, so that one vocabulary serves all; words of one letter count.
        counts = CountVectorizer(token_pattern=r"(?u)\b\w+\b").fit_transform(texts)
    except ValueError as error:
        raise InputError("the texts hold no words, so that there is no bag of words; give the statements") from error
    scores = []
    for train, test in trial.pieces:
        model = LogisticRegression(max_iter=1000).fit(counts[train], trial.labels[train])
        scores.append(model.decision_function(counts[test]))
    return np.concatenate(scores)


def random_direction_scores(
    activations: Float[np.ndarray, "n d_model"], trial: Trial, *, directions: int, seed: int
) -> Float[np.ndarray, "direction tested"]:
    """Scores along isotropic random directions, sign and bias by the class means of the training rows of each fit."""
    drawn = np.random.default_rng([seed, 2]).normal(size=(activations.shape[1], directions))
    along = (activations - activations.mean(axis=0)) @ drawn
    scores = []
    for train, test in trial.pieces:
        labels = trial.labels[train]
        positive, negative = along[train][labels].mean(axis=0), along[train][~labels].mean(axis=0)
        scores.append(np.where(positive >= negative, 1, -1) * (along[test] - (positive + negative) / 2))
    return np.concatenate(scores).T


def within_fits(scores: Float[np.ndarray, "tested"], trial: Trial) -> Float[np.ndarray, "tested"]:
    """Scores in standard deviations around the mean of their fit, so that those of different fits compare."""
    codes, sizes = trial.strata, np.bincount(trial.strata)
    centred = scores - (np.bincount(codes, weights=scores) / sizes)[codes]
    spread = np.sqrt(np.bincount(codes, weights=centred**2) / sizes)
    return centred / np.where(spread > 0, spread, 1.0)[codes]


def weighted_partial_correlation(
    first: Float[np.ndarray, "n"],
    second: Float[np.ndarray, "n"],
    given: Float[np.ndarray, "n k"],
    weights: Int[np.ndarray, "draw n"],
) -> Float[np.ndarray, "draw"]:
    """Correlation (-1 to 1) of what is left of two variables when `given` is regressed out of both, for each draw.

    With S the covariance of (first, second) less what `given` explains, S12 / sqrt(S11 S22); `given` may have no
    column. NaN in a draw where nothing is left of one of them.
    """
    columns = np.column_stack([np.ones(len(first)), given, first, second])
    # In units of their spread, or rounding in the moments would swamp a small remainder.
    columns[:, 1:] -= columns[:, 1:].mean(axis=0)
    spread = columns[:, 1:].std(axis=0)
    columns[:, 1:] /= np.where(spread > 0, spread, 1.0)
    totals = weights.sum(axis=1, keepdims=True)
    shares = np.divide(weights, totals, out=np.zeros(weights.shape), where=totals > 0)
    products = (columns[:, :, None] * columns[:, None, :]).reshape(len(first), -1)
    moments = (shares @ products).reshape(-1, columns.shape[1], columns.shape[1])
    inside, across, pair = moments[:, :-2, :-2], moments[:, :-2, -2:], moments[:, -2:, -2:]
    left = pair - across.transpose(0, 2, 1) @ np.linalg.pinv(inside, hermitian=True) @ across
    variances = left[:, 0, 0], left[:, 1, 1]
    there = (variances[0] > 1e-10) & (variances[1] > 1e-10)
    scale = np.sqrt(np.where(there, variances[0] * variances[1], 1.0))
    return np.where(there, left[:, 0, 1] / scale, np.nan)


def calibration_error(
    probability: Float[np.ndarray, "n"],
    labels: Bool[np.ndarray, "*sample n"],
    weights: Int[np.ndarray, "_ n"],
    bins: int,
) -> Float[np.ndarray, "draw"]:
    """Expected calibration error (0 to 1) for each draw: mean over statements of |observed - predicted| in their bin.

    `bins` of equal width (Naeini et al. 2015; Guo et al. 2017). It is never negative and grows with noise, so that a
    small sample of a perfectly calibrated probe has some: compare with `expected_error`.
    """
    gaps = weights * (labels - probability)
    inside = bin_numbers(probability, bins)[:, None] == np.arange(bins)
    totals = weights.sum(axis=1)
    summed = np.abs(gaps @ inside.astype(np.float64)).sum(axis=1)
    return np.divide(summed, totals, out=np.full(len(summed), np.nan), where=totals > 0)


def expected_error(
    probability: Float[np.ndarray, "n"], bins: int, *, draws: int, seed: int
) -> Float[np.ndarray, "draw"]:
    """Calibration errors of labels that are drawn from these very probabilities: those of a calibrated probe."""
    labels = np.random.default_rng([seed, 3]).random((draws, len(probability))) < probability
    return calibration_error(probability, labels, np.ones((1, len(probability)), dtype=np.int64), bins)


def reliability(
    probability: Float[np.ndarray, "n"],
    labels: Bool[np.ndarray, "n"],
    groups: Int[np.ndarray, "n"],
    bins: int,
    *,
    draws: int,
    seed: int,
) -> pd.DataFrame:
    """Reliability table: for each bin of predicted probability that is not empty, how many statements are true.

    Columns bin_low, bin_high, predicted (mean in the bin), observed with its 95% interval low, high over entities, n,
    entities.
    """
    numbers = bin_numbers(probability, bins)
    records = []
    for number in np.unique(numbers):
        inside = numbers == number
        interval = asdict(rate_interval(labels[inside], groups[inside]))
        records.append(
            {
                "bin_low": number / bins,
                "bin_high": (number + 1) / bins,
                "predicted": float(probability[inside].mean()),
                "observed": interval.pop("mean"),
                "low": interval["low"],
                "high": interval["high"],
                "n": interval["n"],
                "entities": interval["clusters"],
            }
        )
    return pd.DataFrame(records)


def bin_numbers(probability: Float[np.ndarray, "n"], bins: int) -> Int[np.ndarray, "n"]:
    """The bin of equal width of each probability, one of which belongs to the last."""
    return np.minimum((probability * bins).astype(np.int64), bins - 1)
