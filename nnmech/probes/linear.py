"""What an estimator takes and gives, and the three that draw one direction from two labelled classes."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float, Int

from nnmech.errors import InputError

INVERSE_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Candidates for scikit-learn's `C` on standardised activations."""


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Activations of n statements of both classes, with what an estimator may need to know of each statement.

    `groups` number the entities in the order in which they come, and no fold separates one; `affirmative` is the
    polarity and `topics` number the topics, None where unknown.
    """

    activations: Float[np.ndarray, "n d_model"]
    labels: Bool[np.ndarray, "n"]
    groups: Int[np.ndarray, "n"]
    affirmative: Bool[np.ndarray, "n"] | None = None
    topics: Int[np.ndarray, "n"] | None = None


@dataclass(frozen=True, eq=False)
class Fitted:
    """Direction and bias such that `activations @ direction + bias` is positive for the class True.

    `parts` are what else an estimator found on the way, by name; `settled` is the estimator with what it chose on the
    way held fixed, None where there was nothing to choose.
    """

    direction: Float[np.ndarray, "d_model"]
    bias: float
    parts: Mapping[str, Float[np.ndarray, "..."]] = field(default_factory=dict)
    settled: "LinearEstimator | None" = None


class LinearEstimator(ABC):
    """A way to fit a linear probe, under a `name`.

    `log_odds`: the score is a log-odds, so that it has a probability. `crosses`: a fit needs statements of both
    polarities, so that it cannot be made on one and tested on the other.
    """

    name: ClassVar[str]
    log_odds: ClassVar[bool]
    crosses: ClassVar[bool] = False

    @property
    def chooses(self) -> bool:
        """Whether a fit chooses something on folds of its statements, such as a penalty."""
        return False

    def of(self, probe: str) -> "LinearEstimator":
        """The estimator that fits a probe of `truth` or of `polarity` under this name: itself, as a rule."""
        return self

    @abstractmethod
    def fit(self, data: TrainingSet, *, seed: int = 0) -> Fitted:
        """Direction and bias, in residual-stream units; `seed` deals groups out to folds where there are folds."""


@dataclass(frozen=True)
class MassMean(LinearEstimator):
    """Difference of the class means, theta = mu_true - mu_false (Marks and Tegmark 2023, section 5).

    The score is in squared residual-stream units and zero midway between the means.
    """

    name: ClassVar[str] = "mass_mean"
    log_odds: ClassVar[bool] = False

    def fit(self, data: TrainingSet, *, seed: int = 0) -> Fitted:
        positive, negative = _class_means(data)
        return _between(positive - negative, positive, negative)


@dataclass(frozen=True)
class MassMeanCovariance(LinearEstimator):
    """Mass-mean corrected for the spread within classes, p(x) = sigmoid(theta' Sigma^-1 x) (Marks and Tegmark 2023, 5).

    Sigma is the covariance within classes, shrunk after Ledoit and Wolf (2004) so that it has an inverse; the score is
    the log-odds of linear discriminant analysis at equal priors.
    """

    name: ClassVar[str] = "mass_mean_covariance"
    log_odds: ClassVar[bool] = True

    def fit(self, data: TrainingSet, *, seed: int = 0) -> Fitted:
        from sklearn.covariance import ledoit_wolf

        positive, negative = _class_means(data)
        within = data.activations - np.where(data.labels[:, None], positive, negative)
        covariance, _ = ledoit_wolf(within, assume_centered=True)
        # Where every row of a class is the same there is no spread to divide by.
        if not np.trace(covariance) > 0:
            return _between(positive - negative, positive, negative)
        return _between(np.linalg.lstsq(covariance, positive - negative)[0], positive, negative)


@dataclass(frozen=True)
class Logistic(LinearEstimator):
    """L2-regularised logistic regression on standardised activations, given back in residual-stream units.

    It minimises C * sum of log(1 + exp(-y (w'x + b))) + |w|^2 / 2. C is the one of `inverse_penalties` with the least
    log loss on `folds` folds that keep a group together, and is kept as the part `inverse_penalty`; a single candidate
    is taken as it is. Folds that would train on one class are left out; where that leaves none there is nothing to
    choose on, which is an InputError, as candidates that are not positive are. The score is a log-odds.
    """

    name: ClassVar[str] = "logistic"
    log_odds: ClassVar[bool] = True

    inverse_penalties: tuple[float, ...] = INVERSE_PENALTIES
    folds: int = 5

    def __post_init__(self) -> None:
        if not self.inverse_penalties or not min(self.inverse_penalties) > 0 or self.folds < 2:
            raise InputError(
                f"inverse_penalties {self.inverse_penalties}, folds {self.folds}: expected positive numbers and at "
                "least two folds"
            )

    @property
    def chooses(self) -> bool:
        return len(self.inverse_penalties) > 1

    def fit(self, data: TrainingSet, *, seed: int = 0) -> Fitted:
        chosen = self._choose(data, seed) if self.chooses else self.inverse_penalties[0]
        direction, bias = _logistic(data.activations, data.labels, chosen)
        settled = replace(self, inverse_penalties=(chosen,))
        return Fitted(direction, bias, {"inverse_penalty": np.array(chosen)}, settled)

    def _choose(self, data: TrainingSet, seed: int) -> float:
        from sklearn.metrics import log_loss

        losses = dict.fromkeys(self.inverse_penalties, 0.0)
        for train, test in folds_to_choose_on(data.labels, data.groups, self.folds, seed):
            for inverse_penalty in self.inverse_penalties:
                direction, bias = _logistic(data.activations[train], data.labels[train], inverse_penalty)
                probability = sigmoid(data.activations[test] @ direction + bias)
                losses[inverse_penalty] += len(test) * log_loss(data.labels[test], probability, labels=[False, True])
        return min(losses, key=lambda penalty: losses[penalty])


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


def folds_to_choose_on(
    labels: Bool[np.ndarray, "n"], groups: Int[np.ndarray, "n"], folds: int, seed: int, which: str = ""
) -> list[tuple[Int[np.ndarray, "train"], Int[np.ndarray, "test"]]]:
    """Those of `grouped_folds` that train on both classes; InputError, which says `which` fit it is, for none."""
    found = [
        (train, test)
        for train, test in grouped_folds(labels, groups, folds, seed)
        if labels[train].any() and not labels[train].all()
    ]
    if not found:
        raise InputError(
            f"{which}no fold of the {len(np.unique(groups))} groups (entities) trains on both classes, so that there "
            "is nothing to choose a logistic penalty on: give more groups of both classes, or one penalty, "
            "Logistic(inverse_penalties=(0.1,))"
        )
    return found


def sigmoid(odds: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """Probability of log-odds, without overflow."""
    return np.exp(-np.logaddexp(0.0, -odds))


def _class_means(data: TrainingSet) -> tuple[np.ndarray, np.ndarray]:
    return data.activations[data.labels].mean(axis=0), data.activations[~data.labels].mean(axis=0)


def _between(direction: np.ndarray, positive: np.ndarray, negative: np.ndarray) -> Fitted:
    return Fitted(direction, float(-direction @ (positive + negative) / 2))


def _logistic(activations: np.ndarray, labels: np.ndarray, inverse_penalty: float) -> tuple[np.ndarray, float]:
    from sklearn.linear_model import LogisticRegression

    mean, scale = activations.mean(axis=0), activations.std(axis=0)
    # A coordinate that never varies has a deviation of rounding error, not of zero.
    scale = np.where(scale > 1e-12 * np.abs(mean), scale, 1.0)
    # Newton's method solves d_model x d_model systems: the fastest while d_model is small, lbfgs beyond.
    solver = "newton-cholesky" if activations.shape[1] <= 512 else "lbfgs"
    model = LogisticRegression(C=inverse_penalty, solver=solver, max_iter=1000)
    model.fit((activations - mean) / scale, labels)
    direction = np.asarray(model.coef_)[0] / scale
    return direction, float(np.asarray(model.intercept_)[0] - mean @ direction)
