"""Where a claim lies between false and true controls, and between negated and affirmative ones, over training."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from nnmech.drift.recording import Group, ProbeName, Recording, open_recording
from nnmech.errors import located
from nnmech.probes.estimators import Estimator, LinearEstimator
from nnmech.probes.scale import Ends, Scale, clusters_of, control_scale
from nnmech.runs import Run
from nnmech.statistics import cluster_count, drawn_means, interval_bounds, sample_and_draws

Draws = Float[np.ndarray, "draw step layer position"]
Scores = Float[np.ndarray, "fit step layer position statement"]

VALUES = ["z", "low", "high", "change", "change_low", "change_high"]
COLUMNS = ["step", "phase", "layer", "position", "role", "claim", "polarity", *VALUES[:3], "n", *VALUES[3:]]
PARTS = 10
"""Of the people whom a probe is fitted on, each left out in turn to see how much it owes to them."""
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
    people: bool = False,
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
        people: whether to add a column `people`: in each row an array [draw], z of the same statements under other
            people of the probe and of the controls. Runs of the same people and `seed` draw them together.

    Returns:
        Columns step, phase, layer, position, role, claim, polarity, z, low, high, n (statements), and change,
        change_low, change_high since the reference step. The 95% intervals resample control entities and the statements
        (entities, where a group has several) together, and the people whom the probe is fitted on. They are of this
        run and claim alone. z is NaN where the controls of that step are not separated.

    Raises:
        InputError: for missing steps, controls, or entities shared between training and the rest.
        RunError: for a run without snapshots or with damaged ones.
    """
    recording = open_recording(run, layers=layers, positions=positions, steps=steps, reference_step=reference_step)
    return _coordinate(recording, "truth", estimator, 1 - headroom, draws, seed, people)


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


@dataclass(frozen=True, eq=False)
class DrawnCoordinate:
    """z of a group of statements in every draw, of the sample itself in the first; `clusters` were resampled.

    `people` is z of these very statements under other people of the probe and of the controls.
    """

    group: Group
    z: Draws
    people: Draws
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
    yield from _placed(recording, resamples, refitted_scores(recording, probe, estimator, seed), draws, seed)


def direction_scores(
    recording: Recording, probe: ProbeName, estimator: Estimator | LinearEstimator
) -> Float[np.ndarray, "step layer position statement"]:
    """Scores along the direction fitted at the reference step, up to a constant of the step."""
    return _scores(recording, probe, estimator, None)[0]


def refitted_scores(
    recording: Recording, probe: ProbeName, estimator: Estimator | LinearEstimator, seed: int
) -> Scores:
    """The same, then those of probes that were fitted without a part of their people, `PARTS` in all."""
    training = recording.training()
    number = min(PARTS, len(np.unique(training.entities)))
    labels = training.labels(probe)
    kept = [rest for rest in ~training.parts(probe, number, 1, seed) if len(np.unique(labels[rest])) == 2]
    return _scores(recording, probe, estimator, np.stack([np.ones_like(labels), *kept]))


def _scores(
    recording: Recording,
    probe: ProbeName,
    estimator: Estimator | LinearEstimator,
    train: Bool[np.ndarray, "fit n"] | None,
) -> Scores:
    training = recording.training()
    labels = None if train is None else np.tile(training.labels(probe), (len(train), 1))
    parts = []
    # A file of a step holds all its layers: it is read once for as many as fit.
    for layers in _layers_at_once(recording):
        activations = recording.at_step(recording.steps[0], layers)[:, :, training.rows]
        # Layer by layer and matrix by matrix: what a layer gives does not depend on how many are read at a time.
        with located(recording.run.path):
            fitted = [training.directions(one, probe, estimator, labels, train, resampled=True) for one in activations]
        along = np.stack([directions.mT.numpy() for directions in fitted])
        scored = [np.matmul(recording.at_step(step, layers).numpy(), along) for step in recording.steps]
        parts.append(np.moveaxis(np.stack(scored).astype(np.float64), -1, 0))
    return np.concatenate(parts, axis=2)


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
    people: bool = False,
) -> pd.DataFrame:
    resamples = _resamples(recording, probe, draws, seed)
    scores = refitted_scores(recording, probe, estimator, seed)
    tables = [{name: recording.empty() for name in VALUES} for _ in resamples]
    others = [np.empty(recording.empty().shape, dtype=object) for _ in resamples]
    shown = list(recording.shown)
    # Layer by layer the draws of all steps fit into the processor's cache.
    for row in range(len(recording.layers)):
        drawings = _placed(recording, resamples, scores[:, :, row : row + 1], draws, seed)
        for table, other, drawn in zip(tables, others, drawings, strict=True):
            changes = np.where(drawn.z[0, 0] <= ceiling, drawn.z - drawn.z[:, :1], np.nan)
            for prefix, name, values in (("", "z", drawn.z), ("change_", "change", changes)):
                table[name][:, row] = values[0, shown, 0]
                low, high = interval_bounds(values[:, shown, 0], drawn.clusters)
                table[f"{prefix}low"][:, row], table[f"{prefix}high"][:, row] = low, high
            for step, position in product(range(len(shown)), range(len(recording.positions))) if people else ():
                other[step, row, position] = drawn.people[1:, shown[step], 0, position]
    placed = [
        recording.table(resample.group.labels, {"n": len(resample.group.members), **table, "people": other})
        for resample, table, other in zip(resamples, tables, others, strict=True)
    ]
    return pd.concat(placed, ignore_index=True).reindex(columns=[*COLUMNS, "people"] if people else COLUMNS)


def _resamples(recording: Recording, probe: ProbeName, draws: int, seed: int) -> "list[_Resample]":
    resamples = []
    for group in recording.groups():
        clusters = clusters_of(recording.statements.iloc[group.members])
        weights = sample_and_draws(clusters, draws, seed)
        resamples.append(_Resample(group, recording.ends(probe, group), cluster_count([clusters]), weights))
    return resamples


def _placed(
    recording: Recording, resamples: "Sequence[_Resample]", scores: Scores, draws: int, seed: int
) -> Iterator[DrawnCoordinate]:
    """Each group in turn, at the layers of the scores."""
    scales: dict[int, Scale] = {}
    # The same in every run: people that several runs share are drawn for all of them together.
    chance = np.random.default_rng([seed, len(scores)]).standard_normal((draws + 1, len(scores) - 1))
    chance[0] = 0
    for own in resamples:
        polarity, members = own.group.polarity, own.group.members
        if polarity not in scales:
            scales[polarity] = control_scale(scores[0], recording.column("entity"), own.ends, draws, seed)
        scale, mean = scales[polarity], scores[0][..., members].mean(axis=-1)
        probes = np.einsum("dp,p...->d...", chance, _without_parts(scores[1:], own))
        z = scale.place(drawn_means(scores[0][..., members], own.weights))
        yield DrawnCoordinate(
            own.group, z + probes, scale.place(np.broadcast_to(mean, scale.zero.shape)) + probes, own.clusters
        )


def _without_parts(scores: Scores, own: _Resample) -> Float[np.ndarray, "part step layer position"]:
    """How z differs by probes that lack a part of their people: squares add up to the jackknife's variance."""
    if len(scores) < 2:
        return np.zeros((len(scores), *scores.shape[1:-1]))
    zero, one, mean = (scores[..., rows].mean(axis=-1) for rows in (own.ends.zero, own.ends.one, own.group.members))
    z = np.divide(mean - zero, one - zero, out=np.zeros_like(mean), where=one != zero)
    return (z - z.mean(axis=0)) * np.sqrt((len(z) - 1) / len(z))
