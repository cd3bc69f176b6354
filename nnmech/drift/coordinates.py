"""Where a claim lies between false and true controls, and between negated and affirmative ones, over training."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from nnmech.drift.recording import Ends, Group, ProbeName, Recording, fit_directions, open_recording
from nnmech.drift.resampling import bounds, clusters_of, draw_ends, draw_weights, separated, shares
from nnmech.errors import InputError
from nnmech.probes.estimators import Estimator
from nnmech.runs import Run
from nnmech.statistics import cluster_bootstrap

Draws = Float[np.ndarray, "draw step layer position"]


def claim_coordinate(
    run: Run,
    *,
    layers: Sequence[int] | None = None,
    positions: Sequence[str] | None = None,
    steps: Sequence[int] | None = None,
    estimator: Estimator = "mass_mean",
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

    Columns step, phase, layer, position, role, claim, polarity, z, low, high, n (statements), and change, change_low,
    change_high since the reference step. The 95% intervals resample control entities and the statements (entities,
    where a group has several) together. z is NaN where the controls of that step are not separated, and the change
    where the reference z exceeds 1 - `headroom`: what already reads true cannot be seen to become so.
    Raises InputError for missing steps, controls, or entities shared between training and the rest, RunError for a run
    without snapshots or with damaged ones.
    """
    recording = open_recording(run, layers=layers, positions=positions, steps=steps, reference_step=reference_step)
    return _coordinate(recording, "truth", estimator, 1 - headroom, draws, seed)


def polarity_coordinate(
    run: Run,
    *,
    layers: Sequence[int] | None = None,
    positions: Sequence[str] | None = None,
    steps: Sequence[int] | None = None,
    estimator: Estimator = "mass_mean",
    reference_step: int = 0,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Polarity-probe coordinate of each group of statements: 0 where negated controls lie, 1 where affirmative ones do.

    Columns, intervals and errors as `claim_coordinate`; controls of either truth value are used.
    """
    recording = open_recording(run, layers=layers, positions=positions, steps=steps, reference_step=reference_step)
    return _coordinate(recording, "polarity", estimator, np.inf, draws, seed)


def average_coordinates(
    tables: Sequence[pd.DataFrame],
    by: Sequence[str] = ("step", "phase", "layer", "position", "role", "polarity"),
    *,
    draws: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Mean z over claims for each group of `by`, with a 95% interval over claims; columns `by`, z, low, high, n.

    `tables` are of `claim_coordinate` or `polarity_coordinate`, one or more for each claim; n counts claims. Several
    rows of a claim (seeds) stay together. Rows without a coordinate do not count; where none has one, z is NaN and n 0.
    Raises InputError for no tables.
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
    """z of a group of statements, of the sample itself in the first draw; `clusters` are what was resampled."""

    group: Group
    z: Draws
    clusters: np.ndarray


def draw_coordinates(
    recording: Recording, probe: ProbeName, estimator: Estimator, draws: int, seed: int
) -> Iterator[DrawnCoordinate]:
    """The coordinate of every group at every step of the recording, resampled; NaN where controls are not separated."""
    groups = recording.groups()
    ends = [recording.ends(probe, group) for group in groups]
    scores = _scores(recording, probe, estimator)
    scales: dict[int, tuple[Draws, Draws]] = {}
    for group, controls in zip(groups, ends, strict=True):
        if group.polarity not in scales:
            scales[group.polarity] = _scale(recording, scores, controls, draws, seed)
        zero, gap = scales[group.polarity]
        clusters = clusters_of(recording.statements.iloc[group.members])
        drawn = draw_weights(clusters, draws, seed)
        yield DrawnCoordinate(group, (_means(scores[..., group.members], drawn) - zero) / gap, clusters)


def _coordinate(
    recording: Recording, probe: ProbeName, estimator: Estimator, ceiling: float, draws: int, seed: int
) -> pd.DataFrame:
    shown = list(recording.shown)
    tables = []
    for drawn in draw_coordinates(recording, probe, estimator, draws, seed):
        z = drawn.z[:, shown]
        change = np.where(drawn.z[0, 0] <= ceiling, z - drawn.z[:, :1], np.nan)
        low, high = bounds(z[1:], drawn.clusters)
        change_low, change_high = bounds(change[1:], drawn.clusters)
        values = {"z": z[0], "low": low, "high": high, "n": len(drawn.group.members)}
        values |= {"change": change[0], "change_low": change_low, "change_high": change_high}
        tables.append(recording.table(drawn.group.labels, values))
    return pd.concat(tables, ignore_index=True)


def _scores(
    recording: Recording, probe: ProbeName, estimator: Estimator
) -> Float[np.ndarray, "step layer position statement"]:
    """Scores along the direction fitted at the reference step, up to a constant of the step."""
    training = recording.training()
    everything = np.ones((1, len(training.rows)), dtype=bool)
    layers = []
    for layer in recording.layers:
        activations = recording.activations(layer)
        fitted = fit_directions(
            activations[0][:, training.rows], training.labels(probe)[None], everything, training, estimator
        )
        layers.append((activations @ fitted.mT)[..., 0].double().numpy())
    return np.stack(layers, axis=1)


def _scale(recording: Recording, scores: np.ndarray, ends: Ends, draws: int, seed: int) -> tuple[Draws, Draws]:
    """Mean score of the controls at 0, and the gap to those at 1."""
    weights = draw_ends(recording, ends, draws, seed)
    zero, one = (_means(scores[..., rows], drawn) for rows, drawn in zip((ends.zero, ends.one), weights, strict=True))
    return zero, separated(one - zero)


def _means(
    values: Float[np.ndarray, "step layer position n"], weights: Float[np.ndarray, "draw n"]
) -> Float[np.ndarray, "draw step layer position"]:
    return np.einsum("slpn,dn->dslp", values, shares(weights), optimize=True)
