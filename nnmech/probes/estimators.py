"""Estimators by name: mass-mean with and without covariance, logistic regression, TTPD."""

from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Int

from nnmech.errors import InputError
from nnmech.probes.linear import (
    INVERSE_PENALTIES,
    Fitted,
    LinearEstimator,
    Logistic,
    MassMean,
    MassMeanCovariance,
    TrainingSet,
    grouped_folds,
    sigmoid,
)
from nnmech.probes.ttpd import TTPD

__all__ = [
    "ESTIMATORS",
    "INVERSE_PENALTIES",
    "Estimator",
    "Fitted",
    "LinearEstimator",
    "TrainingSet",
    "find_estimator",
    "fit_direction",
    "grouped_folds",
    "sigmoid",
]

Estimator = Literal["mass_mean", "mass_mean_covariance", "logistic", "ttpd"]
ESTIMATORS: tuple[Estimator, ...] = get_args(Estimator)

_NAMED: dict[str, LinearEstimator] = {
    estimator.name: estimator for estimator in (MassMean(), MassMeanCovariance(), Logistic(), TTPD())
}


def find_estimator(estimator: str | LinearEstimator) -> LinearEstimator:
    """The estimator of that name with its defaults, or the one given; raises InputError for an unknown name."""
    if isinstance(estimator, LinearEstimator):
        return estimator
    if estimator not in _NAMED:
        raise InputError(f"estimator {estimator!r}: expected one of {list(_NAMED)}")
    return _NAMED[estimator]


def fit_direction(
    activations: Float[np.ndarray, "n d_model"],
    labels: Bool[np.ndarray, "n"],
    groups: Int[np.ndarray, "n"],
    estimator: Estimator | LinearEstimator,
    *,
    affirmative: Bool[np.ndarray, "n"] | None = None,
    topics: Int[np.ndarray, "n"] | None = None,
    seed: int = 0,
) -> tuple[Float[np.ndarray, "d_model"], float]:
    """Direction and bias such that `activations @ direction + bias` is positive for the class True.

    `ttpd` needs `affirmative` (the polarity of each statement), and centres within `topics` where they are given.
    Raises InputError for an unknown estimator, and as the estimators do.
    """
    data = TrainingSet(activations, labels, groups, affirmative, topics)
    fitted = find_estimator(estimator).fit(data, seed=seed)
    return fitted.direction, fitted.bias
