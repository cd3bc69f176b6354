"""Where a claim lies between false and true controls, and between negated and affirmative ones, over training."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from nnmech.drift.recording import Group, ProbeName, Recording, open_recording
from nnmech.errors import InputError, located
from nnmech.probes.estimators import Estimator, LinearEstimator
from nnmech.probes.scale import Ends, Scale, clusters_of, control_scale
from nnmech.runs import Run
from nnmech.statistics import cluster_bootstrap, cluster_count, drawn_means, interval_bounds, sample_and_draws

Draws = Float[np.ndarray, "draw step layer position"]

VALUES = ["z", "low", "high", "change", "change_low", "change_high"]
COLUMNS = ["step", "phase", "layer", "position", "role", "claim", "polarity", *VALUES[:3], "n", *VALUES[3:]]
NUMBERS_AT_ONCE = 2**25
"""Activations of a step that are read at a time, which bounds the memory."""


def claim_coordinate(
    run: Run,
    *,
    layers: Sequence[int] | None = None,
    positions: Sequence[str] | None = None,
    steps: Sequence[int] | None = None,
    estimator: Estimator | LinearEstimator = "mass_mean",
    reference_step: int = 0,
    headroom: float = 0.2,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Truth-probe coordinate of groups of statements over training: 0 where false controls lie, 1 where true ones do.

    z = (score - mean of false controls) / (mean of true - mean of false controls), controls of the same step and the
    same polarity as the statement; the probe is fitted at `reference_step` on the statements of role `train`. A group
    is a role, a claim and a polarity; roles `train` and `control` are left out. Those of roles that training gives no
    reason to move (matched_false, unrelated_claim) are the null of the others.

    Args:
        run: with snapshots of statements of roles `train`, `control` and others.
        layers: decoder blocks; all that were recorded if None.
        positions: token positions; all that were recorded if None.
        steps: of training; all that were recorded if None.
        estimator: a name of `nnmech.probes.ESTIMATORS`, or an estimator with settings of its own.
        reference_step: where the probe is fitted, and since which changes count.
        headroom: what reads above 1 - `headroom` at the reference step has no change: what already reads true cannot
            be seen to become so.
        draws: of the bootstrap.
        seed: of the draws.

    Returns:
        Columns step, phase, layer, position, role, claim, polarity, z, low, high, n (statements), and change,
        change_low, change_high since the reference step. The 95% intervals resample control entities and the statements
        (entities, where a group has several) together. z is NaN where the controls of that step are not separated.

    Raises:
        InputError: for missing steps, controls, or entities shared between training and the rest.
        RunError: for a run without snapshots or with damaged ones.
    """
    recording = open_recording(run, layers=layers, positions=positions, steps=steps, reference_step=reference_step)
    return _coordinate(recording, "truth", estimator, 1 - headroom, draws, seed)


def polarity_coordinate(
    run: Run,
    *,
    layers: Sequence[int] | None = None,
    positions: Sequence[str] | None = None,
    steps: Sequence[int] | None = None,
    estimator: Estimator | LinearEstimator = "mass_mean",
    reference_step: int = 0,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Polarity-probe coordinate of each group of statements: 0 where negated controls lie, 1 where affirmative ones do.

    Arguments, columns, intervals and errors as `claim_coordinate`; controls of either truth value are used, and every
    group has a change. By `ttpd` the direction is the one by which it tells affirmative from negated statements.
    """
    recording = open_recording(run, layers=layers, positions=positions, steps=steps, reference_step=reference_step)
    return _coordinate(recording, "polarity", estimator, np.inf, draws, seed)


def average_coordinates(
    tables: Sequence[pd.DataFrame],
    by: Sequence[str] = ("step", "phase", "layer", "position", "role", "polarity"),
) -> pd.DataFrame:
    """Mean z over claims for each group of `by`, with a 95% interval over claims.

    Args:
        tables: of `claim_coordinate` or `polarity_coordinate`, one or more for each claim; several rows of a claim
            (seeds) stay together.
        by: columns that tell the groups apart.
        draws: of the bootstrap over claims.
        seed: of the draws.

    Returns:
        Columns `by`, z, low, high, n (claims). Rows without a coordinate do not count; where none has one, z is NaN and
        n 0.

    Raises:
        InputError: for no tables.
    """
    if not tables:
        raise InputError("there are no tables to average: give at least one")
    records = []
    for key, group in pd.concat(tables).groupby(list(by), sort=False, dropna=False):
        known = group.loc[group["z"].notna().to_numpy()]
        record: dict[str, Any] = dict(zip(by, tuple(key), strict=True))  # pyright: ignore[reportArgumentType]
        if len(known):
            interval = cluster_bootstrap(known["z"], known["claim"].to_numpy(), draws=draws, seed=seed)
            record |= {"z": interval.mean, "low": interval.low, "high": interval.high, "n": interval.clusters}
        else:
            record |= {"z": np.nan, "low": np.nan, "high": np.nan, "n": 0}
        records.append(record)
    return pd.DataFrame(records)


@dataclass(frozen=True, eq=False)
class DrawnCoordinate:
    """z of a group of statements, of the sample itself in the first draw; `clusters` were resampled."""

    group: Group
    z: Draws
    clusters: int


@dataclass(frozen=True, eq=False)
class _Resample:
    """A group of statements, how often each is drawn, and the controls between which it is placed."""

    group: Group
    ends: Ends
    clusters: int
    weights: Int[np.ndarray, "draw n"]


def draw_coordinates(
    recording: Recording, probe: ProbeName, estimator: Estimator | LinearEstimator, draws: int, seed: int
) -> Iterator[DrawnCoordinate]:
    """The coordinate of every group at every step of the recording, resampled; NaN where controls are not separated."""
    resamples = _resamples(recording, probe, draws, seed)
    yield from _placed(recording, resamples, direction_scores(recording, probe, estimator), draws, seed)


def direction_scores(
    recording: Recording, probe: ProbeName, estimator: Estimator | LinearEstimator
) -> Float[np.ndarray, "step layer position statement"]:
    """Scores along the direction fitted at the reference step, up to a constant of the step."""
    training = recording.training()
    parts = []
    # A file of a step holds all its layers: it is read once for as many as fit.
    for layers in _layers_at_once(recording):
        activations = recording.at_step(recording.steps[0], layers)[:, :, training.rows]
        # Layer by layer and matrix by matrix: what a layer gives does not depend on how many are read at a time.
        with located(recording.run.path):
            fitted = [training.directions(one, probe, estimator) for one in activations]
        along = np.stack([directions.mT.numpy() for directions in fitted])
        scored = [np.matmul(recording.at_step(step, layers).numpy(), along)[..., 0] for step in recording.steps]
        parts.append(np.stack(scored).astype(np.float64))
    return np.concatenate(parts, axis=1)


def _layers_at_once(recording: Recording) -> Iterator[Sequence[int]]:
    shape = recording.run.snapshot(recording.steps[0], layers=recording.layers[:1]).residual.shape
    size = max(1, NUMBERS_AT_ONCE // (len(recording.positions) * shape[2] * shape[3]))
    for start in range(0, len(recording.layers), size):
        yield recording.layers[start : start + size]


def _coordinate(
    recording: Recording,
    probe: ProbeName,
    estimator: Estimator | LinearEstimator,
    ceiling: float,
    draws: int,
    seed: int,
) -> pd.DataFrame:
    resamples = _resamples(recording, probe, draws, seed)
    scores = direction_scores(recording, probe, estimator)
    tables = [{name: recording.empty() for name in VALUES} for _ in resamples]
    # Layer by layer the draws of all steps fit into the processor's cache.
    for row in range(len(recording.layers)):
        drawings = _placed(recording, resamples, scores[:, row : row + 1], draws, seed)
        for table, drawn in zip(tables, drawings, strict=True):
            changes = np.where(drawn.z[0, 0] <= ceiling, drawn.z - drawn.z[:, :1], np.nan)
            for prefix, name, values in (("", "z", drawn.z), ("change_", "change", changes)):
                shown = values[:, list(recording.shown), 0]
                table[name][:, row] = shown[0]
                low, high = interval_bounds(shown, drawn.clusters)
                table[f"{prefix}low"][:, row], table[f"{prefix}high"][:, row] = low, high
    placed = [
        recording.table(resample.group.labels, {"n": len(resample.group.members), **table})
        for resample, table in zip(resamples, tables, strict=True)
    ]
    return pd.concat(placed, ignore_index=True).reindex(columns=COLUMNS)


def _resamples(recording: Recording, probe: ProbeName, draws: int, seed: int) -> "list[_Resample]":
    resamples = []
    for group in recording.groups():
        clusters = clusters_of(recording.statements.iloc[group.members])
        weights = sample_and_draws(clusters, draws, seed)
        resamples.append(_Resample(group, recording.ends(probe, group), cluster_count([clusters]), weights))
    return resamples


def _placed(
    recording: Recording,
    resamples: "Sequence[_Resample]",
    scores: Float[np.ndarray, "step layer position statement"],
    draws: int,
    seed: int,
) -> Iterator[DrawnCoordinate]:
    """Each group in turn, at the layers of the scores."""
    scales: dict[int, Scale] = {}
    for own in resamples:
        polarity = own.group.polarity
        if polarity not in scales:
            scales[polarity] = control_scale(scores, recording.column("entity"), own.ends, draws, seed)
        z = scales[polarity].place(drawn_means(scores[..., own.group.members], own.weights))
        yield DrawnCoordinate(own.group, z, own.clusters)
