"""What of a change in a probe's reading the activations did, and what the direction did."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from nnmech.drift.recording import PROBE_NAMES, Group, ProbeName, Recording, check_probes, open_recording
from nnmech.drift.training import Training
from nnmech.errors import located
from nnmech.probes.estimators import Estimator, LinearEstimator
from nnmech.probes.scale import Ends, clusters_of, draw_ends, separated
from nnmech.runs import Run
from nnmech.statistics import cluster_count, interval_bounds, sample_and_draws, shares

COLUMNS = tuple(f"{part}{bound}" for part in ("data", "refit", "total") for bound in ("", "_low", "_high"))

Scores = Float[np.ndarray, "draw step"]
Scale = tuple[tuple[Scores, Scores], tuple[Scores, Scores]]
Read = Callable[[Int[np.ndarray, "n"], Int[np.ndarray, "draw n"]], tuple[Scores, Scores]]


def decomposition(
    run: Run,
    *,
    probes: Sequence[ProbeName] = PROBE_NAMES,
    layers: Sequence[int] | None = None,
    positions: Sequence[str] | None = None,
    steps: Sequence[int] | None = None,
    estimator: Estimator | LinearEstimator = "mass_mean",
    reference_step: int = 0,
    draws: int = 300,
    seed: int = 0,
) -> pd.DataFrame:
    """Change of groups of statements since `reference_step`, split into data and probe drift: total = data + refit.

    The direction d of step s reads a statement x at step t as z(s, t) = 1/2 + d(s) (x(t) - m(t)) / g(s), with m(t)
    midway between the controls of step t and g(s) = d(s) (true - false controls of step s), so that z(t, t) is the
    claim coordinate of a probe fitted again at every step. data = z(0, t) - z(0, 0): the old direction, in gaps of the
    reference step, reads new activations. refit = z(t, t) - z(0, t): the new direction reads the same ones. A claim
    that moves while truth stays where it is drifts by data; one that stays while truth turns towards it or away drifts
    by refit; where all statements move alike the two cancel. Groups are as in `claim_coordinate`, and those that
    training gives no reason to move are the null; the polarity probe has negated and affirmative controls.

    The 95% intervals resample statements and control entities as in `claim_coordinate`, and with them the entities that
    the probe is fitted on: by random halves, the same ones at every step, since a fit on half of them varies about the
    fit on all as that does about the truth (repeated half-sample bootstrap, Saigo, Shao and Sitter 2001). Fits on
    halves take the penalty over, where there is one, that the fit on all chose.

    Args:
        run: with snapshots of statements of roles `train`, `control` and others.
        probes: `truth`, `polarity`.
        layers: decoder blocks; all that were recorded if None.
        positions: token positions; all that were recorded if None.
        steps: of training; all that were recorded if None.
        estimator: a name of `nnmech.probes.ESTIMATORS`, or an estimator with settings of its own.
        reference_step: whose direction is the old one.
        draws: of the bootstrap.
        seed: of the draws.

    Returns:
        Columns step, phase, layer, position, probe, role, claim, polarity, then data, refit and total, each with _low
        and _high, and n (statements). A part is NaN where the controls that give its unit are not separated.

    Raises:
        InputError: as `claim_coordinate`, and for unknown probes.
        RunError: as `claim_coordinate`.
    """
    check_probes(probes)
    recording = open_recording(run, layers=layers, positions=positions, steps=steps, reference_step=reference_step)
    training, groups = recording.training(), recording.groups()
    splits = [(probe, group) for probe in probes for group in groups]
    tables = [{name: recording.empty() for name in COLUMNS} for _ in splits]
    with located(run.path):
        train = {probe: _resamples(training, probe, draws, seed) for probe in probes}
    for place, layer in enumerate(recording.layers):
        activations = recording.activations(layer)
        for probe in probes:
            labels = np.tile(training.labels(probe), (len(train[probe]), 1))
            with located(run.path):
                directions = training.directions(
                    activations[:, :, training.rows], probe, estimator, labels, train[probe], resampled=True
                )
            own = [(group, table) for (of, group), table in zip(splits, tables, strict=True) if of == probe]
            for column in range(len(recording.positions)):
                read = partial(_mean_scores, activations[:, column], directions[:, column])
                scales: dict[int, Scale] = {}
                for group, table in own:
                    if group.polarity not in scales:
                        scales[group.polarity] = _scale(recording, recording.ends(probe, group), read, draws, seed)
                    parts = _split(recording, group, scales[group.polarity], read, draws, seed)
                    for name, values in parts.items():
                        table[name][:, place, column] = values[list(recording.shown)]
    return pd.concat(
        [
            recording.table({"probe": probe, **group.labels}, {**table, "n": len(group.members)})
            for (probe, group), table in zip(splits, tables, strict=True)
        ],
        ignore_index=True,
    )


def _resamples(training: Training, probe: ProbeName, draws: int, seed: int) -> Bool[np.ndarray, "draws n"]:
    """The rows that each direction is fitted on: all of them, then a random half of the entities for each draw."""
    halves = training.parts(probe, 2, -(-draws // 2), seed)[:draws]
    return np.concatenate([np.ones((1, len(training.rows)), dtype=bool), halves])


def _mean_scores(
    activations: Float[Tensor, "step statement d_model"],
    directions: Float[Tensor, "step draw d_model"],
    rows: Int[np.ndarray, "n"],
    weights: Int[np.ndarray, "draw n"],
) -> tuple[Scores, Scores]:
    """Mean score of some statements in each draw, along the directions of the reference step and of their own."""
    scores = (
        torch.einsum("sbd,snd->bsn", along, activations[:, rows]).double().numpy()
        for along in (directions[:1].expand_as(directions), directions)
    )
    old, new = (np.einsum("bsn,bn->bs", values, shares(weights)) for values in scores)
    return old, new


def _scale(recording: Recording, ends: Ends, read: Read, draws: int, seed: int) -> Scale:
    """Middle and gap of the controls along the old and the new directions; a gap that may be zero is NaN."""
    entities = recording.column("entity")
    weights = draw_ends(entities, ends, draws, seed)
    zero, one = (read(rows, drawn) for rows, drawn in zip((ends.zero, ends.one), weights, strict=True))
    old, new = (((low + high) / 2, separated(high - low, entities, ends)) for low, high in zip(zero, one, strict=True))
    return old, new


def _split(
    recording: Recording, group: Group, scale: Scale, read: Read, draws: int, seed: int
) -> dict[str, Float[np.ndarray, "step"]]:
    """data, refit and total of a group at each step, with their intervals."""
    clusters = clusters_of(recording.statements.iloc[group.members])
    scores = read(group.members, sample_and_draws(clusters, draws, seed))
    (old, (middle, gap)), (new, (new_middle, new_gap)) = zip(scores, scale, strict=True)
    old, new = (old - middle) / gap[:, :1], (new - new_middle) / new_gap
    parts = {"data": old - old[:, :1], "refit": new - old}
    parts["total"] = parts["data"] + parts["refit"]
    found = {}
    for name, drawn in parts.items():
        found[name] = drawn[0]
        found[f"{name}_low"], found[f"{name}_high"] = interval_bounds(drawn, cluster_count([clusters]))
    return found
