"""How far a probe's direction turned over training."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nnmech.drift.recording import PROBE_NAMES, ProbeName, check_probes, open_recording
from nnmech.drift.training import Training
from nnmech.errors import InputError, located
from nnmech.probes.estimators import Estimator, LinearEstimator
from nnmech.runs import Run
from nnmech.seeds import derive_seed
from nnmech.statistics import interval_bounds, middle

COLUMNS = ("cosine", "reliability", "corrected", "low", "high", "null", "null_low", "null_high")
SPLITS_OF_A_DRAW = 4
"""Halvings of each random half of the entities."""
MAY_FAIL = 0.1
"""Share of resamples without a reliable direction up to which an interval is given."""


def direction_cosine(
    run: Run,
    *,
    probes: Sequence[ProbeName] = PROBE_NAMES,
    layers: Sequence[int] | None = None,
    positions: Sequence[str] | None = None,
    steps: Sequence[int] | None = None,
    estimator: Estimator | LinearEstimator = "mass_mean",
    reference_step: int = 0,
    splits: int = 20,
    shuffles: int = 100,
    draws: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """Cosine of the direction fitted at each step with that of `reference_step`, corrected for how well each is known.

    `corrected` is the mean cosine of a half of the entities at one step with the other half at the other step, over the
    geometric mean of r at the two steps (Spearman's correction for attenuation, 1904), with r the mean cosine of
    directions fitted on halves over `splits` random halvings. `cosine` over `reliability` would be too large: two
    directions fitted on the same statements share these statements' noise, and look alike even where nothing is fitted.
    It is 1 at the reference step, cut off at -1 and 1, and NaN where r is not positive at either step: there no
    direction is known. Its 95% interval repeats it, with fewer halvings, on random halves of the entities (repeated
    half-sample bootstrap, Saigo, Shao and Sitter 2001); NaN where more than a tenth of them have no value. The null is
    the same with labels permuted within each half and each value of the other label. Fits on parts of the statements
    take the penalty over, where there is one, that the fit on all of them chose.

    Args:
        run: with snapshots of statements of role `train`.
        probes: `truth`, `polarity`.
        layers: decoder blocks; all that were recorded if None.
        positions: token positions; all that were recorded if None.
        steps: of training; all that were recorded if None.
        estimator: a name of `nnmech.probes.ESTIMATORS`, or an estimator with settings of its own.
        reference_step: with whose direction the others are compared.
        splits: random halvings of the entities.
        shuffles: permutations of the labels.
        draws: random halves of the entities for the interval.
        seed: of halvings, shuffles and draws.

    Returns:
        Columns step, phase, layer, position, probe; `cosine` of the two directions as fitted; `reliability`, the
        geometric mean over the two steps of r' = 2 r / (1 + r) (Spearman 1910, Brown 1910); `corrected`, low, high;
        null, null_low, null_high, mean and middle 95% over the permutations; n (statements of role `train`), entities.

    Raises:
        InputError: as `transfer_matrix`, and for fewer than 8 entities.
    """
    check_probes(probes)
    recording = open_recording(run, layers=layers, positions=positions, steps=steps, reference_step=reference_step)
    training = recording.training()
    entities = int(training.entities.max()) + 1
    if min(splits, shuffles, draws) < 1:
        raise InputError(f"splits={splits}, shuffles={shuffles}, draws={draws}: expected at least one of each")
    if entities < 8:
        raise InputError(
            f"{run.path}: {entities} entities have statements of role train: halves of halves of them need at least 8"
        )
    tables = {probe: {name: recording.empty() for name in COLUMNS} for probe in probes}
    problems = {probe: _problems(training, probe, splits, shuffles, draws, seed) for probe in probes}
    for place, layer in enumerate(recording.layers):
        activations = recording.activations(layer)[:, :, training.rows]
        for probe in probes:
            labels, train = problems[probe]
            for column in range(len(recording.positions)):
                with located(run.path):
                    directions = training.directions(
                        activations[:, column], probe, estimator, labels, train, resampled=True
                    )
                sizes = [1, 2 * splits, 2 * shuffles, 2 * SPLITS_OF_A_DRAW * draws]
                whole, halves, shuffled, quarters = directions.split(sizes, dim=1)
                found = _cosines(whole, halves, shuffled, quarters, entities)
                for name, values in found.items():
                    tables[probe][name][:, place, column] = np.clip(values, -1, 1)[list(recording.shown)]
    counts = {"n": len(training.rows), "entities": entities}
    return pd.concat(
        [recording.table({"probe": probe}, {**table, **counts}) for probe, table in tables.items()], ignore_index=True
    )


def _problems(
    training: Training, probe: ProbeName, splits: int, shuffles: int, draws: int, seed: int
) -> tuple[Bool[np.ndarray, "problem n"], Bool[np.ndarray, "problem n"]]:
    """Labels and rows of every fit: on all, on both halves of each split and shuffle, on quarters for each draw."""
    labels = training.labels(probe)
    train = [
        np.ones((1, len(labels)), dtype=bool),
        training.parts(probe, 2, splits, derive_seed(seed, "splits", 0)),
        training.parts(probe, 2, shuffles, derive_seed(seed, "shuffles", 0)),
    ]
    drawn = training.parts(probe, 2, -(-draws // 2), derive_seed(seed, "draws", 0))[:draws]
    train += [training.parts(probe, 2, SPLITS_OF_A_DRAW, seed, half) for half in drawn]
    own = [np.tile(labels, (len(masks), 1)) for masks in train]
    # Within the halves: were labels shuffled across them, what one half has too much of the other would lack.
    own[2] = np.repeat(training.shuffled(probe, train[2][::2].astype(np.int64), seed), 2, axis=0)
    return np.concatenate(own), np.concatenate(train)


def _cosines(
    whole: Float[Tensor, "step 1 d_model"],
    halves: Float[Tensor, "step half d_model"],
    shuffled: Float[Tensor, "step shuffled d_model"],
    quarters: Float[Tensor, "step quarter d_model"],
    entities: int,
) -> dict[str, Float[np.ndarray, "step"]]:
    """The columns of `direction_cosine` at each step; neighbours in a set are of different entities."""
    within, across = _pairs(halves)
    known = _positive(within.mean(1))
    attenuation = (known * known[0]).sqrt()
    full = 2 * known / (1 + known)
    null = _pairs(shuffled)[1] / attenuation[:, None]
    within_draw, across_draw = (cosines.unflatten(1, (-1, SPLITS_OF_A_DRAW)).mean(2) for cosines in _pairs(quarters))
    known_draw = _positive(within_draw)
    corrected = across.mean(1) / attenuation
    drawn = torch.cat([corrected[:, None], across_draw / (known_draw * known_draw[:1]).sqrt()], dim=1)
    low, high = interval_bounds(drawn.T.double().numpy(), entities, may_fail=MAY_FAIL)
    null_low, null_high = middle(null.T.double().numpy(), may_fail=MAY_FAIL)
    values = {
        "cosine": torch.cosine_similarity(whole, whole[:1], dim=-1)[:, 0],
        "reliability": (full * full[0]).sqrt(),
        "corrected": corrected,
        "null": null.mean(1),
    }
    ends = {"low": low, "high": high, "null_low": null_low, "null_high": null_high}
    return {name: found.double().numpy() for name, found in values.items()} | ends


def _pairs(directions: Float[Tensor, "step twice d_model"]) -> tuple[Float[Tensor, "step k"], Float[Tensor, "step k"]]:
    """Cosine within each pair of neighbours at one step, and of each with the other one's at the reference step."""
    left, right = directions[:, 0::2], directions[:, 1::2]
    within = torch.cosine_similarity(left, right, dim=-1)
    across = torch.cosine_similarity(left, right[:1], dim=-1) + torch.cosine_similarity(right, left[:1], dim=-1)
    return within, across / 2


def _positive(reliability: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    return torch.where(reliability > 0, reliability, torch.nan)
