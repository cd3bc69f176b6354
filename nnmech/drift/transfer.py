"""How far a probe carries over training: fitted at one step, scored at another."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nnmech.drift.recording import PROBE_NAMES, ProbeName, check_probes, open_recording
from nnmech.errors import InputError, located
from nnmech.probes.estimators import Estimator, LinearEstimator
from nnmech.runs import Run
from nnmech.statistics import interval_bounds, sample_and_draws, weighted_auroc


def transfer_matrix(
    run: Run,
    *,
    probes: Sequence[ProbeName] = PROBE_NAMES,
    layers: Sequence[int] | None = None,
    positions: Sequence[str] | None = None,
    steps: Sequence[int] | None = None,
    estimator: Estimator | LinearEstimator = "mass_mean",
    folds: int = 5,
    shuffles: int = 5,
    draws: int = 300,
    seed: int = 0,
) -> pd.DataFrame:
    """AUROC of probes fitted at one step and scored at another, on held-out entities of the statements of role `train`.

    The folds of entities are the same at every step, so that no entity that a probe was fitted on at one step is scored
    at another; scores are compared within a fold. `shuffled` is the null: labels permuted within each fold (and each
    value of the other label) before fitting and scoring, mean over the permutations.

    Args:
        run: with snapshots of statements of role `train`.
        probes: `truth`, `polarity`.
        layers: decoder blocks; all that were recorded if None.
        positions: token positions; all that were recorded if None.
        steps: of training; all that were recorded if None.
        estimator: a name of `nnmech.probes.ESTIMATORS`, or an estimator with settings of its own.
        folds: of the entities.
        shuffles: permutations of the labels.
        draws: of the bootstrap over entities.
        seed: of folds, shuffles and draws.

    Returns:
        Columns fitted_step, scored_step, layer, position, probe, auroc, low, high, shuffled, shuffled_low,
        shuffled_high, n (statements), entities; 95% intervals over entities.

    Raises:
        InputError: for unknown probes, steps, layers or positions, and statements that cannot be fitted.
        RunError: for a run without snapshots or with damaged ones.
    """
    check_probes(probes)
    if min(shuffles, draws) < 1 or folds < 2:
        raise InputError(f"folds={folds}, shuffles={shuffles}, draws={draws}: expected at least 2, 1 and 1")
    asked = run.steps if steps is None else steps
    reference = asked[0] if asked else 0
    recording = open_recording(run, layers=layers, positions=positions, steps=steps, reference_step=reference)
    training = recording.training()
    entities = len(np.unique(training.entities))
    weights = sample_and_draws(training.entities, draws, seed)
    place = pd.MultiIndex.from_product(
        [recording.steps, recording.steps, recording.positions], names=["fitted_step", "scored_step", "position"]
    )
    with located(run.path):
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
                with located(run.path):
                    directions = training.directions(activations, probe, estimator, *fits)
                scores = _held_out_scores(activations, directions, tested[probe]).flatten(0, 2)
                areas.append(weighted_auroc(scores.double().numpy(), labels, weights, fold_of))
            table = place.to_frame(index=False)
            table.insert(2, "layer", layer)
            table["probe"] = probe
            for name, bound, area in (("auroc", "", areas[0]), ("shuffled", "shuffled_", np.mean(areas[1:], axis=0))):
                table[name] = area[0]
                table[f"{bound}low"], table[f"{bound}high"] = interval_bounds(area, entities, share=True)
            tables.append(table.assign(n=len(training.rows), entities=entities))
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
