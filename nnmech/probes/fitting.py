"""The one way from labelled activations to directions: a single probe, held-out scores and drift all come through here.

One probe (`Probe.fit`) is fitted by `fit_one`, in double precision. Many (every layer, step, fold, shuffle and
resample) are fitted by `fit_all`: side by side by `fit_many` where it knows the estimator, by `fit_one` for the others.
The two give the same direction to the precision of `fit_many`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from nnmech.probes.estimators import Estimator, find_estimator
from nnmech.probes.fit_many import ManyProbes, fit_many
from nnmech.probes.linear import Fitted, LinearEstimator, Logistic, MassMean, MassMeanCovariance, TrainingSet


@dataclass(frozen=True, eq=False)
class Labelled:
    """What is known of n statements: the `labels` to tell apart, and `other`, the label not to be read.

    For a probe of `truth`, `other` is the polarity, and the other way round. `groups` number the entities in the order
    in which they come; None is not known.
    """

    labels: Bool[np.ndarray, "n"]
    groups: Int[np.ndarray, "n"]
    other: Bool[np.ndarray, "n"] | None = None
    affirmative: Bool[np.ndarray, "n"] | None = None
    topics: Int[np.ndarray, "n"] | None = None
    probe: str = "truth"


def fit_one(
    data: TrainingSet, estimator: Estimator | LinearEstimator, *, probe: str = "truth", seed: int = 0
) -> Fitted:
    """Fit one direction in double precision.

    Args:
        data: activations [n d_model] with what the estimator needs to know of each statement.
        estimator: a name, or an estimator with settings of its own.
        probe: what the labels are, `truth` or `polarity`; `ttpd` fits the two differently.
        seed: deals entities out to the folds on which a penalty is chosen.

    Raises:
        InputError: for an unknown estimator, and as the estimator does.
    """
    return find_estimator(estimator).of(probe).fit(data, seed=seed)


def fit_all(
    activations: Float[Tensor, "*cell n d"],
    data: Labelled,
    labels: Bool[np.ndarray, "problem n"],
    train: Bool[np.ndarray, "problem n"],
    estimator: Estimator | LinearEstimator,
    *,
    device: str | None = None,
    seed: int = 0,
    resampled: bool = False,
) -> ManyProbes:
    """Fit every problem in every cell.

    Args:
        activations: n statements in every cell (layer, step or position).
        data: what is known of the statements; its own labels are not looked at.
        labels: the labels of each problem.
        train: the statements that each problem is fitted on.
        estimator: a name, or an estimator with settings of its own.
        device: where `fit_many` computes; that of the activations if None.
        seed: deals entities out to the folds on which penalties are chosen.
        resampled: the problems after the first resample it, and take over what it chose (a penalty) in their cell.
            Otherwise each chooses for itself, as what is to be scored on held-out statements must.

    Raises:
        InputError: for an unknown estimator, a problem that trains on one class, NaN, and as the estimator does.
    """
    how = find_estimator(estimator).of(data.probe)
    if not (resampled and how.chooses and len(labels) > 1):
        return _fit(activations, data, labels, train, how, device, seed)[0]
    cells = activations.flatten(0, -3) if activations.ndim > 2 else activations[None]
    first, settled = _fit(cells, data, labels[:1], train[:1], how, device, seed)
    directions = first.directions.repeat(1, len(labels), 1)
    biases = first.biases.repeat(1, len(labels))
    for one in dict.fromkeys(settled):
        own = torch.tensor([place for place, other in enumerate(settled) if other == one])
        rest, _ = _fit(cells[own], data, labels[1:], train[1:], one, device, seed)
        directions[own, 1:], biases[own, 1:] = rest.directions, rest.biases
    shape = (*activations.shape[:-2], len(labels))
    return ManyProbes(how.name, directions.reshape(*shape, -1), biases.reshape(shape))


def _fit(
    activations: Float[Tensor, "*cell n d"],
    data: Labelled,
    labels: Bool[np.ndarray, "problem n"],
    train: Bool[np.ndarray, "problem n"],
    how: LinearEstimator,
    device: str | None,
    seed: int,
) -> tuple[ManyProbes, list[LinearEstimator]]:
    """The probes, and for each cell in turn the estimator with what its first problem chose."""
    penalty = how.inverse_penalties[0] if isinstance(how, Logistic) and not how.chooses else None
    if penalty is None and how not in (MassMean(), MassMeanCovariance(), Logistic()):
        return _one_by_one(activations, data, labels, train, how, seed)
    found = fit_many(
        activations,
        torch.tensor(labels),
        torch.tensor(train),
        estimator=how.name,
        device=device,
        inverse_penalty=penalty,
        groups=data.groups,
        seed=seed,
    )
    cells = activations.shape[:-2].numel()
    if not isinstance(how, Logistic) or found.inverse_penalties is None:
        return found, [how] * cells
    chosen = found.inverse_penalties.reshape(cells, -1)[:, 0].tolist()
    return found, [Logistic((_nearest(how.inverse_penalties, value),), how.folds) for value in chosen]


def _one_by_one(
    activations: Float[Tensor, "*cell n d"],
    data: Labelled,
    labels: Bool[np.ndarray, "problem n"],
    train: Bool[np.ndarray, "problem n"],
    how: LinearEstimator,
    seed: int,
) -> tuple[ManyProbes, list[LinearEstimator]]:
    rows = activations.detach().cpu().double().numpy().reshape(-1, *activations.shape[-2:])
    found = [
        [how.fit(_part(cell, data, own, mask), seed=seed) for own, mask in zip(labels, train, strict=True)]
        for cell in rows
    ]
    shape = (*activations.shape[:-2], len(labels))
    directions = torch.from_numpy(np.stack([one.direction for cell in found for one in cell]))
    biases = torch.tensor([one.bias for cell in found for one in cell], dtype=torch.float64)
    probes = ManyProbes(how.name, directions.reshape(*shape, -1), biases.reshape(shape))
    return probes, [cell[0].settled or how for cell in found]


def _part(cell: np.ndarray, data: Labelled, labels: np.ndarray, mask: np.ndarray) -> TrainingSet:
    affirmative, topics = (None if known is None else known[mask] for known in (data.affirmative, data.topics))
    return TrainingSet(cell[mask], labels[mask], data.groups[mask], affirmative, topics)


def _nearest(candidates: Sequence[float], value: float) -> float:
    """The candidate that single precision made this value of."""
    return min(candidates, key=lambda candidate: abs(candidate - value))
