"""How far a probe carries over training: fitted at one step, scored at another."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from nnmech.drift.recording import PROBE_NAMES, ProbeName, check_probes, fit_directions, naming, open_recording
from nnmech.drift.resampling import bounds, draw_weights
from nnmech.errors import InputError
from nnmech.probes.estimators import Estimator
from nnmech.runs import Run

PAIRS_AT_ONCE = 2**14
"""Pairs of a positive and a negative statement that are compared at a time, which bounds the memory."""


def transfer_matrix(
    run: Run,
    *,
    probes: Sequence[ProbeName] = PROBE_NAMES,
    layers: Sequence[int] | None = None,
    positions: Sequence[str] | None = None,
    steps: Sequence[int] | None = None,
    estimator: Estimator = "mass_mean",
    folds: int = 5,
    shuffles: int = 5,
    draws: int = 300,
    seed: int = 0,
) -> pd.DataFrame:
    """AUROC of probes fitted at one step and scored at another, on held-out entities of the statements of role `train`.

    The folds of entities are the same at every step, so that nobody whom a probe was fitted on at one step is scored
    at another; scores are compared within a fold. `shuffled` is the null: labels permuted within each fold (and each
    value of the other label) before fitting and scoring, mean over `shuffles` permutations. Columns fitted_step,
    scored_step, layer, position, probe, auroc, low, high, shuffled, shuffled_low, shuffled_high, n (statements),
    entities; 95% intervals by cluster bootstrap over entities. Raises InputError for unknown probes, steps, layers or
    positions and statements that cannot be fitted, RunError for a run without snapshots or with damaged ones.
    """
    check_probes(probes)
    if min(shuffles, draws) < 1 or folds < 2:
        raise InputError(f"folds={folds}, shuffles={shuffles}, draws={draws}: expected at least 2, 1 and 1")
    asked = run.steps if steps is None else steps
    reference = asked[0] if asked else 0
    recording = open_recording(run, layers=layers, positions=positions, steps=steps, reference_step=reference)
    training = recording.training()
    weights = draw_weights(training.entities, draws, seed)
    place = pd.MultiIndex.from_product(
        [recording.steps, recording.steps, recording.positions], names=["fitted_step", "scored_step", "position"]
    )
    with naming(run):
        tested = {probe: training.parts(probe, folds, 1, seed) for probe in probes}
    tables = []
    for layer in recording.layers:
        activations = recording.activations(layer)[:, :, training.rows]
        for probe in probes:
            fold_of = tested[probe].argmax(axis=0)
            shuffled = training.shuffled(probe, np.tile(fold_of, (shuffles, 1)), seed)
            areas = []
            for labels in (training.labels(probe), *shuffled):
                fits = (np.tile(labels, (len(tested[probe]), 1)), ~tested[probe])
                directions = fit_directions(activations, *fits, training, estimator)
                scores = _held_out_scores(activations, directions, tested[probe])
                areas.append(fold_auroc(scores.flatten(0, 2).numpy(), labels, fold_of, weights))
            table = place.to_frame(index=False)
            table.insert(2, "layer", layer)
            table["probe"] = probe
            for name, bound, area in (("auroc", "", areas[0]), ("shuffled", "shuffled_", np.mean(areas[1:], axis=0))):
                table[name] = area[0]
                table[f"{bound}low"], table[f"{bound}high"] = bounds(area[1:], training.entities)
            tables.append(table.assign(n=len(training.rows), entities=int(training.entities.max()) + 1))
    return pd.concat(tables, ignore_index=True)


def _held_out_scores(
    activations: Float[Tensor, "scored position n d_model"],
    directions: Float[Tensor, "fitted position fold d_model"],
    tested: Bool[np.ndarray, "fold n"],
) -> Float[Tensor, "fitted scored position n"]:
    """Each statement scored, at every step, by the probes of every step that were not fitted on its fold."""
    scores = torch.empty(len(directions), *activations.shape[:3])
    for fold, inside in enumerate(tested):
        scores[..., inside] = torch.einsum("spd,tpnd->stpn", directions[:, :, fold], activations[:, :, inside])
    return scores


def fold_auroc(
    scores: Float[np.ndarray, "cell n"],
    labels: Bool[np.ndarray, "n"],
    folds: Int[np.ndarray, "n"],
    weights: Float[np.ndarray, "draw n"],
) -> Float[np.ndarray, "draw cell"]:
    """Area under the ROC curve over pairs within a fold, ties counting one half, of many scores of the same statements.

    The same number as `weighted_auroc` for each cell. Which pairs there are and how often each is drawn does not depend
    on the scores, so that all cells share one product of matrices. NaN in a draw without any pair.
    """
    wins, pairs = np.zeros((len(weights), len(scores))), np.zeros(len(weights))
    for fold in np.unique(folds):
        positive, negative = np.flatnonzero((folds == fold) & labels), np.flatnonzero((folds == fold) & ~labels)
        size = max(1, PAIRS_AT_ONCE // max(1, len(negative)))
        for start in range(0, len(positive), size):
            chunk = positive[start : start + size]
            drawn = (weights[:, chunk, None] * weights[:, None, negative]).reshape(len(weights), -1)
            ahead = np.sign(scores[:, chunk, None] - scores[:, None, negative]).reshape(len(scores), -1)
            wins += drawn.astype(np.float32) @ ((ahead + 1) / 2).astype(np.float32).T
            pairs += drawn.sum(axis=1)
    return np.divide(wins, pairs[:, None], out=np.full_like(wins, np.nan), where=pairs[:, None] > 0)
