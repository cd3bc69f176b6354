"""Linear directions from labelled activations: mass-mean with and without covariance, logistic regression."""

from collections.abc import Iterator
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Int

from nnmech.errors import InputError

Estimator = Literal["mass_mean", "mass_mean_covariance", "logistic"]
ESTIMATORS: tuple[Estimator, ...] = get_args(Estimator)

INVERSE_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Candidates for scikit-learn's `C` on standardised activations."""

Direction = tuple[Float[np.ndarray, "d_model"], float]


def fit_direction(
    activations: Float[np.ndarray, "n d_model"],
    labels: Bool[np.ndarray, "n"],
    groups: Int[np.ndarray, "n"],
    estimator: Estimator,
    *,
    seed: int = 0,
) -> Direction:
    """Direction and bias such that `activations @ direction + bias` is positive for the class True.

    `mass_mean`: the difference of the class means, in residual-stream units (Marks and Tegmark 2023, section 5).
    `mass_mean_covariance`: the same, times the inverse of the Ledoit-Wolf shrunk covariance within classes; the score
    is a log-odds at equal priors. `logistic`: L2-regularised logistic regression on standardised activations, its
    penalty chosen by log loss on folds that keep a group together, given back in residual-stream units; the score is a
    log-odds. Raises InputError for an unknown estimator.
    """
    if estimator == "mass_mean":
        return _mass_mean(activations, labels)
    if estimator == "mass_mean_covariance":
        return _mass_mean_covariance(activations, labels)
    if estimator == "logistic":
        return _logistic(activations, labels, groups, seed)
    raise InputError(f"estimator {estimator!r}: expected one of {list(ESTIMATORS)}")


def grouped_folds(
    labels: Bool[np.ndarray, "n"], groups: Int[np.ndarray, "n"], folds: int, seed: int
) -> Iterator[tuple[Int[np.ndarray, "train"], Int[np.ndarray, "test"]]]:
    """Row numbers of train and test of each fold: a group is never on both sides, groups of like labels are dealt out.

    Fewer groups than `folds` give fewer folds. Raises InputError for fewer than two groups.
    """
    _, codes = np.unique(groups, return_inverse=True)
    share = np.bincount(codes, weights=labels) / np.bincount(codes)
    available = len(share)
    if available < 2:
        raise InputError(
            f"there is {available} group (entity): held-out entities need at least two; add statements on others"
        )
    fold = np.empty(available, dtype=np.int64)
    order = np.lexsort((np.random.default_rng(seed).random(available), share))
    fold[order] = np.arange(available) % min(folds, available)
    for number in range(min(folds, available)):
        yield np.flatnonzero(fold[codes] != number), np.flatnonzero(fold[codes] == number)


def _mass_mean(activations: np.ndarray, labels: np.ndarray) -> Direction:
    positive, negative = activations[labels].mean(axis=0), activations[~labels].mean(axis=0)
    direction = positive - negative
    return direction, float(-direction @ (positive + negative) / 2)


def _mass_mean_covariance(activations: np.ndarray, labels: np.ndarray) -> Direction:
    from sklearn.covariance import ledoit_wolf

    positive, negative = activations[labels].mean(axis=0), activations[~labels].mean(axis=0)
    within = activations - np.where(labels[:, None], positive, negative)
    covariance, _ = ledoit_wolf(within, assume_centered=True)
    # Where every row of a class is the same there is no spread to divide by.
    if not np.trace(covariance) > 0:
        return _mass_mean(activations, labels)
    direction = np.linalg.lstsq(covariance, positive - negative)[0]
    return direction, float(-direction @ (positive + negative) / 2)


def _logistic(activations: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int) -> Direction:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    def fit(rows: np.ndarray | slice, inverse_penalty: float) -> Direction:
        mean, scale = activations[rows].mean(axis=0), activations[rows].std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        # Newton's method solves d_model x d_model systems: the fastest while d_model is small, lbfgs beyond.
        solver = "newton-cholesky" if activations.shape[1] <= 512 else "lbfgs"
        model = LogisticRegression(C=inverse_penalty, solver=solver, max_iter=1000)
        model.fit((activations[rows] - mean) / scale, labels[rows])
        direction = np.asarray(model.coef_)[0] / scale
        return direction, float(np.asarray(model.intercept_)[0] - mean @ direction)

    losses = dict.fromkeys(INVERSE_PENALTIES, 0.0)
    for train, test in grouped_folds(labels, groups, 5, seed):
        if labels[train].all() or not labels[train].any():
            continue
        for inverse_penalty in INVERSE_PENALTIES:
            direction, bias = fit(train, inverse_penalty)
            odds = activations[test] @ direction + bias
            losses[inverse_penalty] += len(test) * log_loss(labels[test], sigmoid(odds), labels=[False, True])
    return fit(slice(None), min(losses, key=lambda penalty: losses[penalty]))


def sigmoid(odds: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """Probability of log-odds, without overflow."""
    return np.exp(-np.logaddexp(0.0, -odds))
