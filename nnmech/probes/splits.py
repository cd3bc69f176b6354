"""Which statements each fit learns from and is tested on, and the scores of many such fits at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int

from nnmech.errors import InputError
from nnmech.probes.estimators import Estimator, LinearEstimator, find_estimator, fit_direction, grouped_folds
from nnmech.probes.fit_many import fit_many
from nnmech.probes.linear import Logistic, MassMean, MassMeanCovariance
from nnmech.statistics import LEVEL, bootstrap_weights, weighted_auroc, weighted_mean

Split = Literal["entity", "shuffled", "crossed", "crossed_back", "topic"]
SPLITS: tuple[Split, ...] = get_args(Split)

Rows = Int[np.ndarray, "_"]


@dataclass(frozen=True, eq=False)
class Labelled:
    """What is known of n statements: the `labels` to be told, and `other`, the label that must not be told instead.

    For truth, `other` is the polarity, and the other way round. `groups` number the entities; None is not known.
    """

    labels: Bool[np.ndarray, "n"]
    groups: Int[np.ndarray, "n"]
    other: Bool[np.ndarray, "n"] | None = None
    affirmative: Bool[np.ndarray, "n"] | None = None
    topics: Int[np.ndarray, "n"] | None = None


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


def labelled(table: pd.DataFrame, probe: str) -> Labelled:
    """What a probe of `truth` or `polarity` is validated on: columns truth and entity, polarity and topic if known.

    Raises InputError where an entity or a topic is missing, or the polarity for a polarity probe.
    """
    truth = table["truth"].to_numpy(dtype=bool)
    affirmative = table["polarity"].to_numpy(dtype=np.int64) > 0 if "polarity" in table else None
    if probe == "polarity" and affirmative is None:
        raise InputError("a polarity probe needs the polarity of the statements: give +1 or -1 for each of them")
    labels, other = (truth, affirmative) if probe == "truth" else (affirmative, truth)
    assert labels is not None
    topics = _codes(table, "topic") if "topic" in table else None
    return Labelled(labels, _codes(table, "entity"), other, affirmative, topics)


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
    """For each trial the scores of its tested rows, by the fit that did not see them; raises as the estimator does.

    What `fit_many` can solve is solved at once, on `device`, and the rest one by one.
    """
    labels = np.stack([trial.labels for trial in trials for _ in trial.pieces])
    trains = [train for trial in trials for train, _ in trial.pieces]
    how = find_estimator(estimator)
    penalty = how.inverse_penalties[0] if isinstance(how, Logistic) and len(how.inverse_penalties) == 1 else None
    if penalty is not None or how in (MassMean(), MassMeanCovariance(), Logistic()):
        seen = np.zeros(labels.shape, dtype=bool)
        for row, train in enumerate(trains):
            seen[row, train] = True
        cells = torch.from_numpy(activations)
        fitted = fit_many(
            cells,
            torch.from_numpy(labels),
            torch.from_numpy(seen),
            estimator=how.name,
            device=device,
            inverse_penalty=penalty,
            groups=data.groups,
            seed=seed,
        )
        scores = fitted.score(cells, device=device).double().cpu().numpy()
    else:
        scores = np.stack([_one_by_one(cell, data, labels, trains, how, seed) for cell in activations])
    found, at = [], 0
    for trial in trials:
        numbers = range(at, at := at + len(trial.pieces))
        pieces = zip(numbers, trial.pieces, strict=True)
        found.append(np.concatenate([scores[:, number, test] for number, (_, test) in pieces], axis=1))
    return found


def entity_draws(groups: Int[np.ndarray, "n"], draws: int, seed: int) -> Int[np.ndarray, "draw n"]:
    """Bootstrap weights over entities behind a first row of ones, which gives the estimate itself."""
    ones = np.ones((1, len(groups)), dtype=np.int64)
    return np.concatenate([ones, bootstrap_weights([groups], draws=draws, seed=seed)])


def trial_auroc(
    scores: Float[np.ndarray, "tested"], trial: Trial, weights: Int[np.ndarray, "draw n"]
) -> Float[np.ndarray, "draw"]:
    """AUROC of the tested rows under each row of weights, pairs within one fit only."""
    tested = trial.tested
    return weighted_auroc(scores, trial.labels[tested], weights[:, tested], trial.strata)


def trial_accuracy(
    scores: Float[np.ndarray, "tested"], trial: Trial, weights: Int[np.ndarray, "draw n"]
) -> Float[np.ndarray, "draw"]:
    """Share of tested rows on the right side of zero under each row of weights."""
    tested = trial.tested
    return weighted_mean(((scores > 0) == trial.labels[tested]).astype(np.float64), weights[:, tested])


def bounds(draws: Float[np.ndarray, "draw"]) -> tuple[float, float]:
    """The 95% percentile interval of bootstrap draws; NaN where no draw has a value."""
    known = draws[~np.isnan(draws)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _codes(table: pd.DataFrame, column: str) -> Int[np.ndarray, "n"]:
    codes = pd.factorize(table[column])[0].astype(np.int64)
    if (codes < 0).any():
        raise InputError(f"the {column} of {(codes < 0).sum()} statements is missing: give one for each of them")
    return codes


def _one_by_one(
    cell: Float[np.ndarray, "n d_model"],
    data: Labelled,
    labels: Bool[np.ndarray, "problem n"],
    trains: Sequence[Rows],
    estimator: LinearEstimator,
    seed: int,
) -> Float[np.ndarray, "problem n"]:
    scores = np.empty(labels.shape)
    for row, train in enumerate(trains):
        direction, bias = fit_direction(
            cell[train],
            labels[row, train],
            data.groups[train],
            estimator,
            affirmative=None if data.affirmative is None else data.affirmative[train],
            topics=None if data.topics is None else data.topics[train],
            seed=seed,
        )
        scores[row] = cell @ direction + bias
    return scores


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
