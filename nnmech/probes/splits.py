"""Which statements each fit learns from and is tested on, and the scores of many such fits at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from nnmech.errors import InputError
from nnmech.probes.estimators import Estimator, LinearEstimator, grouped_folds
from nnmech.probes.fitting import Labelled, fit_all
from nnmech.statistics import weighted_auroc, weighted_mean

Split = Literal["entity", "shuffled", "crossed", "crossed_back", "topic"]
SPLITS: tuple[Split, ...] = get_args(Split)

Rows = Int[np.ndarray, "_"]


@dataclass(frozen=True, eq=False)
class Trial:
    """One label vector, and for each fit the rows that it is trained and those that it is tested on."""

    labels: Bool[np.ndarray, "n"]
    pieces: tuple[tuple[Rows, Rows], ...]

    @property
    def tested(self) -> Rows:
        """Every tested row, piece by piece."""
        return np.concatenate([test for _, test in self.pieces])

    @property
    def strata(self) -> Rows:
        """The number of the fit that each of `tested` was tested by."""
        return np.repeat(np.arange(len(self.pieces)), [len(test) for _, test in self.pieces])

    def among(self, inside: Bool[np.ndarray, "n"]) -> "Trial":
        """The same fits, tested on the rows of a mask alone; those with none of them are left out."""
        return Trial(self.labels, _tested((train, test[inside[test]]) for train, test in self.pieces))


def make_trials(data: Labelled, split: Split, *, folds: int, shuffles: int, seed: int) -> list[Trial]:
    """The fits of one split, entities held out in all of them; `shuffled` has several trials, to be averaged.

    `entity`: grouped k-fold. `shuffled`: the same, labels permuted within each fold. `crossed`: trained where `other`
    is true (on affirmative statements, or for a polarity probe on true ones), tested where it is false;
    `crossed_back` the other way. `topic`: every topic held out in turn. Raises InputError where fewer than two
    entities or topics are there, `other` is not known, or a fit would see one class only.
    """
    entity = tuple(grouped_folds(data.labels, data.groups, folds, seed))
    if split == "shuffled":
        rng = np.random.default_rng([seed, 1])
        trials = [Trial(_shuffled(data.labels, entity, rng), entity) for _ in range(shuffles)]
    elif split == "topic":
        trials = [Trial(data.labels, _topic_pieces(data.topics, entity))]
    elif split == "entity":
        trials = [Trial(data.labels, entity)]
    else:
        trials = [Trial(data.labels, _crossed_pieces(data.other, entity, back=split == "crossed_back"))]
    for trial in trials:
        _check_classes(trial, split)
    return trials


def held_out_scores(
    activations: Float[np.ndarray, "cell n d_model"],
    data: Labelled,
    trials: Sequence[Trial],
    estimator: Estimator | LinearEstimator,
    *,
    device: str | None = None,
    seed: int = 0,
) -> list[Float[np.ndarray, "cell tested"]]:
    """For each trial the scores of its tested rows in every cell, by the fit that did not see them.

    Args:
        activations: n statements in every cell.
        data: what is known of the statements.
        trials: the fits to make.
        estimator: as for `fit_all`, which fits, and whose errors are raised.
        device: as for `fit_all`.
        seed: as for `fit_all`.
    """
    labels = np.stack([trial.labels for trial in trials for _ in trial.pieces])
    seen = np.zeros(labels.shape, dtype=bool)
    for row, train in enumerate(train for trial in trials for train, _ in trial.pieces):
        seen[row, train] = True
    cells = torch.from_numpy(activations)
    fitted = fit_all(cells, data, labels, seen, estimator, device=device, seed=seed)
    scores = fitted.score(cells, device=device).double().cpu().numpy()
    found, at = [], 0
    for trial in trials:
        numbers = range(at, at := at + len(trial.pieces))
        pieces = zip(numbers, trial.pieces, strict=True)
        found.append(np.concatenate([scores[:, number, test] for number, (_, test) in pieces], axis=1))
    return found


def trial_auroc(
    scores: Float[np.ndarray, "*cell tested"], trial: Trial, weights: Int[np.ndarray, "draw n"]
) -> Float[np.ndarray, "draw *cell"]:
    """AUROC of the tested rows under each row of weights, pairs within one fit only."""
    tested = trial.tested
    return weighted_auroc(scores, trial.labels[tested], weights[:, tested], trial.strata)


def trial_accuracy(
    scores: Float[np.ndarray, "tested"], trial: Trial, weights: Int[np.ndarray, "draw n"]
) -> Float[np.ndarray, "draw"]:
    """Share of tested rows on the right side of zero under each row of weights."""
    tested = trial.tested
    return weighted_mean(((scores > 0) == trial.labels[tested]).astype(np.float64), weights[:, tested])


def _shuffled(labels: np.ndarray, pieces: tuple[tuple[Rows, Rows], ...], rng: np.random.Generator) -> np.ndarray:
    permuted = labels.copy()
    for _, test in pieces:
        permuted[test] = rng.permutation(labels[test])
    return permuted


def _crossed_pieces(
    other: np.ndarray | None, pieces: tuple[tuple[Rows, Rows], ...], *, back: bool
) -> tuple[tuple[Rows, Rows], ...]:
    if other is None:
        raise InputError("the polarity of the statements is not given: crossing it needs +1 or -1 for each of them")
    learnt = ~other if back else other
    return _tested((train[learnt[train]], test[~learnt[test]]) for train, test in pieces)


def _topic_pieces(topics: np.ndarray | None, pieces: tuple[tuple[Rows, Rows], ...]) -> tuple[tuple[Rows, Rows], ...]:
    names = np.array([]) if topics is None else np.unique(topics)
    if topics is None or len(names) < 2:
        raise InputError(f"there are {len(names)} topics: holding topics out needs at least two")
    return _tested(
        (train[topics[train] != topic], test[topics[test] == topic]) for topic in names for train, test in pieces
    )


def _tested(pieces: Iterable[tuple[Rows, Rows]]) -> tuple[tuple[Rows, Rows], ...]:
    return tuple((train, test) for train, test in pieces if len(test))


def _check_classes(trial: Trial, split: Split) -> None:
    if not trial.pieces:
        raise InputError(f"split {split!r}: no statement to test on: all are of one kind; add the other kind")
    for number, (train, _) in enumerate(trial.pieces):
        if len(train) == 0 or trial.labels[train].all() or not trial.labels[train].any():
            raise InputError(
                f"split {split!r}: fit {number + 1} trains on {len(train)} statements of one class: use fewer folds, "
                "or add statements of the other class"
            )
