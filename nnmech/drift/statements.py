"""Where single statements lie between the controls over training, and the mean of those that are alike."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from nnmech.drift.coordinates import direction_scores
from nnmech.drift.recording import Group, ProbeName, Recording, check_probes, open_recording
from nnmech.errors import InputError
from nnmech.probes.estimators import Estimator, LinearEstimator
from nnmech.probes.labels import statement_table
from nnmech.probes.scale import Ends, clusters_of, control_scale
from nnmech.runs import Run
from nnmech.statistics import cluster_count, drawn_means, interval_bounds, sample_and_draws

LABELS = ("id", "text", "truth", "polarity", "topic", "entity", "role", "claim")

Scores = Float[np.ndarray, "step layer position statement"]


def statement_coordinates(
    run: Run,
    *,
    layer: int,
    position: str,
    probe: ProbeName = "truth",
    estimator: Estimator | LinearEstimator = "mass_mean",
    steps: Sequence[int] | None = None,
    reference_step: int = 0,
    claim: str | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Truth or polarity coordinate z of every statement but those of role `train`, at one layer and position.

    z is that of `claim_coordinate` and `polarity_coordinate`, of which a group's is the mean over its statements: the
    probe is fitted at `reference_step` on role `train`, 0 and 1 are the means of the controls of the same step, and NaN
    says that these are not separated, which `draws` and `seed` decide. A statement of role `control` is part of that
    scale: its own z is on the scale of the controls of all other entities, so that the means of controls come close to
    0 and 1 and are not those by construction; NaN where the others leave no scale.

    Args:
        run: with snapshots of statements of roles `train`, `control` and others.
        layer: decoder block.
        position: token position.
        probe: `truth` or `polarity`.
        estimator: a name of `nnmech.probes.ESTIMATORS`, or an estimator with settings of its own.
        steps: of training; all that were recorded if None.
        reference_step: where the probe is fitted, and since which changes count.
        claim: a role that has statements about it is shown without those about other claims; all if None.
        draws: of the bootstrap of the controls.
        seed: of the draws.

    Returns:
        Columns step, phase, layer, position, id, text, truth, polarity, topic, entity, role, claim, z, and change, that
        of z since the reference step. Rows are statement by statement in the order of the run, each over `steps` as
        given.

    Raises:
        InputError: for an unknown probe or claim, missing steps, controls or columns, or entities shared between
            training and the rest.
        RunError: for a run without snapshots or with damaged ones.
    """
    check_probes([probe])
    recording = open_recording(run, layers=[layer], positions=[position], steps=steps, reference_step=reference_step)
    kept = _kept(recording, claim)
    z = _coordinates(recording, probe, estimator, draws, seed)[:, kept]
    shown = list(recording.shown)
    labels = recording.statements.iloc[kept]
    columns = {name: np.repeat(labels[name].to_numpy(), len(shown)) for name in LABELS}
    place = {"step": np.asarray(recording.steps)[shown], "phase": np.asarray(recording.phases, dtype=object)[shown]}
    return pd.DataFrame(
        {name: np.tile(values, len(kept)) for name, values in place.items()}
        | {"layer": layer, "position": position}
        | columns
        | {"z": z[shown].T.ravel(), "change": (z[shown] - z[:1]).T.ravel()}
    )


def average_statements(
    table: pd.DataFrame, by: Sequence[str] = ("role", "truth", "polarity"), *, draws: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Mean z at every step over the statements of each group of `by`.

    Args:
        table: of `statement_coordinates`.
        by: columns that tell the groups apart.
        draws: of the bootstrap.
        seed: of the draws.

    Returns:
        Columns `by`, layer, position, step, phase, z, low, high, n. n counts the statements that have a z at the step;
        z is NaN for none. The 95% intervals resample entities, or statements where all are about one entity, on the
        scale as it is: those of `claim_coordinate`, which resample the controls too, are wider.

    Raises:
        InputError: for a table without rows.
    """
    if table.empty:
        raise InputError("there are no statements to average: give a table with rows")
    tables = []
    keys = [*by, "layer", "position"]
    for key, group in table.groupby(keys, sort=False, dropna=False):
        wide = group.pivot(index="id", columns="step", values="z")
        clusters = clusters_of(group.drop_duplicates("id").set_index("id", drop=False).loc[wide.index])
        values, known = wide.fillna(0.0).to_numpy(), wide.notna().to_numpy(dtype=float)
        weights = sample_and_draws(clusters, draws, seed)
        totals = weights @ known
        means = np.divide(weights @ values, totals, out=np.full_like(totals, np.nan), where=totals > 0)
        low, high = interval_bounds(means, cluster_count([clusters]))
        phases = group.drop_duplicates("step").set_index("step")["phase"].loc[wide.columns]
        labels: dict[str, Any] = dict(zip(keys, tuple(key), strict=True))  # pyright: ignore[reportArgumentType]
        over = {"step": wide.columns.to_numpy(), "phase": phases.to_numpy()}
        over |= {"z": means[0], "low": low, "high": high, "n": known.sum(axis=0).astype(int)}
        tables.append(pd.DataFrame({name: [value] * len(wide.columns) for name, value in labels.items()} | over))
    return pd.concat(tables, ignore_index=True)


def _kept(recording: Recording, claim: str | None) -> Int[np.ndarray, "kept"]:
    """Row numbers of the statements that are shown."""
    statements = statement_table(recording.statements, LABELS)
    kept = (statements["role"] != "train").to_numpy()
    if claim is not None:
        about = (statements["claim"] == claim).to_numpy(dtype=bool)
        if not about.any():
            known = [str(name) for name in dict.fromkeys(statements["claim"].dropna())]
            raise InputError(f"{recording.run.path}: no statement is about the claim {claim!r}; there are {known}")
        kept = kept & (about | ~statements["role"].isin(statements.loc[about, "role"]).to_numpy())
    return np.flatnonzero(kept)


def _coordinates(
    recording: Recording, probe: ProbeName, estimator: Estimator | LinearEstimator, draws: int, seed: int
) -> Float[np.ndarray, "step statement"]:
    """z of all statements at the steps of the recording, NaN for those of role `train`."""
    groups = recording.groups()
    placed = [*((group, recording.ends(probe, group)) for group in groups), *_controls(recording, probe)]
    scores = direction_scores(recording, probe, estimator)
    z = np.full((len(recording.steps), scores.shape[-1]), np.nan)
    scales: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for group, ends in placed:
        if group.polarity not in scales:
            scale = control_scale(scores, recording.column("entity"), ends, draws, seed)
            scales[group.polarity] = scale.zero[0, :, 0], scale.unit[0, :, 0]
        zero, gap = scales[group.polarity]
        if group.role == "control":
            zero, others = _scale_of_others(recording, scores, ends, group)
            gap = np.where(np.isnan(gap), np.nan, others)
        z[:, group.members] = (scores[:, 0, 0, group.members] - zero) / gap
    return z


def _controls(recording: Recording, probe: ProbeName) -> Iterator[tuple[Group, Ends]]:
    """The controls of each polarity that has some on both ends; without those there is nothing to place them on."""
    polarities = np.where(recording.column("role") == "control", recording.column("polarity"), 0)
    for polarity in (1, -1):
        group = Group("control", None, polarity, np.flatnonzero(polarities == polarity))
        try:
            ends = recording.ends(probe, group)
        except InputError:
            continue
        yield group, ends


def _scale_of_others(
    recording: Recording, scores: Scores, ends: Ends, group: Group
) -> tuple[Float[np.ndarray, "step member"], Float[np.ndarray, "step member"]]:
    """For each of some controls, the zero and the gap of the controls of all other entities, NaN where it is no gap."""
    entities = pd.factorize(recording.column("entity"))[0]
    own, place = np.unique(entities[group.members], return_inverse=True)
    zero, one = (
        drawn_means(scores[..., rows], (entities[rows] != own[:, None]).astype(float))[place, :, 0, 0].T
        for rows in (ends.zero, ends.one)
    )
    return zero, np.where(one > zero, one - zero, np.nan)
