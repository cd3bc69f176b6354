"""Estimators by name: mass-mean with and without covariance, logistic regression, TTPD."""

from typing import Literal, get_args

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
