"""What moved inside: where a claim lies between false and true controls, and between negated and affirmative ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from nnmech.errors import InputError
from nnmech.probes.estimators import Estimator
from nnmech.probes.probe import PolarityProbe, Probe, TruthProbe
from nnmech.probes.table import label_table
from nnmech.runs import Run
from nnmech.statistics import LEVEL, bootstrap_weights, cluster_bootstrap, cluster_count

Scores = Float[np.ndarray, "step layer position statement"]


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
    is a role, a claim and a polarity; roles `train` and `control` are left out.

    Columns step, phase, layer, position, role, claim, polarity, z, low, high, n, and change, change_low, change_high
    since the reference step. The 95% intervals resample control entities and the statements (entities, where a group
    has several) together. z is NaN where the controls of that step are not separated, and the change where the
    reference z exceeds 1 - `headroom`: what already reads true cannot be seen to become so.
    Raises InputError for missing steps, controls, or entities shared between training and the rest.
    """
    scores = _read_scores(run, TruthProbe, layers, positions, steps, estimator, reference_step, seed)
    controls, polarity = scores.column("role") == "control", scores.column("polarity")
    truth = scores.column("truth")
    records = []
    for key, members in _groups(scores.statements):
        same = controls & (polarity == key["polarity"])
        zero, one = same & np.equal(truth, False), same & np.equal(truth, True)
        records.append(_coordinates(scores, key, members, zero, one, 1 - headroom, draws, seed))
    return pd.concat(records, ignore_index=True)


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
    scores = _read_scores(run, PolarityProbe, layers, positions, steps, estimator, reference_step, seed)
    controls, polarity = scores.column("role") == "control", scores.column("polarity")
    zero, one = controls & (polarity == -1), controls & (polarity == 1)
    records = [
        _coordinates(scores, key, members, zero, one, np.inf, draws, seed)
        for key, members in _groups(scores.statements)
    ]
    return pd.concat(records, ignore_index=True)


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


@dataclass(frozen=True)
class _Scores:
    """Probe scores of every statement at the steps asked for and, in the first row, at the reference step."""

    values: Scores
    statements: pd.DataFrame
    steps: tuple[int, ...]
    phases: tuple[str, ...]
    layers: tuple[int, ...]
    positions: tuple[str, ...]

    def column(self, name: str) -> np.ndarray:
        return self.statements[name].to_numpy()


def _read_scores(
    run: Run,
    probe_class: type[Probe],
    layers: Sequence[int] | None,
    positions: Sequence[str] | None,
    steps: Sequence[int] | None,
    estimator: Estimator,
    reference_step: int,
    seed: int,
) -> _Scores:
    wanted = [reference_step, *(run.steps if steps is None else steps)]
    missing = [step for step in wanted if step not in run.steps]
    if missing:
        raise InputError(f"{run.path}: no snapshot of steps {missing}; there are {run.steps}")
    reference = run.snapshot(reference_step)
    layers = tuple(reference.layers if layers is None else layers)
    positions = tuple(reference.positions if positions is None else positions)
    statements = label_table(run.statements, reference)
    _check_entities(statements)
    probes = {
        (layer, position): probe_class.fit_snapshot(
            reference, statements, layer=layer, position=position, estimator=estimator, seed=seed
        )
        for layer in layers
        for position in positions
    }
    values = np.empty((len(wanted), len(layers), len(positions), len(statements)))
    phases = []
    for row, step in enumerate(wanted):
        snapshot = reference if step == reference_step else run.snapshot(step)
        if snapshot.batch_hash != reference.batch_hash:
            raise InputError(
                f"{run.path}: the snapshots of steps {reference_step} and {step} are of different statements or tokens "
                f"({reference.batch_hash[:12]}, {snapshot.batch_hash[:12]}): drift compares the same ones"
            )
        phases.append(snapshot.phase)
        for place, layer in enumerate(layers):
            for column, position in enumerate(positions):
                values[row, place, column] = probes[layer, position].score_snapshot(snapshot).numpy()
    return _Scores(values, statements, tuple(wanted), tuple(phases), layers, positions)


def _check_entities(statements: pd.DataFrame) -> None:
    trained = set(statements.loc[statements["role"] == "train", "entity"])
    shared = sorted(trained & set(statements.loc[statements["role"] != "train", "entity"]))
    if shared:
        raise InputError(
            f"{len(shared)} entities ({', '.join(map(str, shared[:3]))}) have statements of role train and of another "
            "role: a probe must not be read on entities it was fitted on"
        )


def _groups(statements: pd.DataFrame) -> Iterator[tuple[dict[str, Any], Int[np.ndarray, "members"]]]:
    others = statements.loc[~statements["role"].isin(["train", "control"]).to_numpy()]
    if others.empty:
        raise InputError("the run has only statements of role train and control: there is no claim to place")
    by = ["role", "claim", "polarity"]
    for key, group in others.groupby(by, sort=False, dropna=False):
        yield dict(zip(by, tuple(key), strict=True)), group.index.to_numpy()  # pyright: ignore[reportArgumentType]


def _coordinates(
    scores: _Scores,
    key: dict[str, Any],
    members: Int[np.ndarray, "members"],
    zero: Bool[np.ndarray, "statement"],
    one: Bool[np.ndarray, "statement"],
    ceiling: float,
    draws: int,
    seed: int,
) -> pd.DataFrame:
    if not zero.any() or not one.any():
        raise InputError(
            f"the {key['role']} statements of claim {key['claim']} have polarity {key['polarity']:+d}: expected "
            f"controls on both ends of their scale, there are {int(zero.sum())} at 0 and {int(one.sum())} at 1"
        )
    values, entities = scores.values, scores.column("entity")
    controls = np.flatnonzero(zero | one)
    levels = [entities[members], scores.column("id")[members]]
    drawn = _with_estimate(bootstrap_weights(levels, draws=draws, seed=seed))
    # Another seed than that of the members: the two are drawn independently.
    drawn_controls = _with_estimate(bootstrap_weights([entities[controls]], draws=draws, seed=seed + 1))
    at_one = one[controls]
    false_end = _means(values[..., controls[~at_one]], drawn_controls[:, ~at_one])
    gap = _means(values[..., controls[at_one]], drawn_controls[:, at_one]) - false_end
    z = (_means(values[..., members], drawn) - false_end) / gap
    separated = np.nanquantile(gap, (1 - LEVEL) / 2, axis=0) > 0
    z = np.where(separated, z, np.nan)
    change = np.where(z[0, 0] <= ceiling, z - z[:, :1], np.nan)
    clusters = cluster_count(levels)
    index = pd.MultiIndex.from_product(
        [range(len(scores.steps)), scores.layers, scores.positions], names=["row", "layer", "position"]
    )
    table = index.to_frame(index=False)
    table.insert(0, "step", np.asarray(scores.steps)[table["row"]])
    table.insert(1, "phase", np.asarray(scores.phases, dtype=object)[table["row"]])
    table["role"], table["claim"], table["polarity"] = key["role"], key["claim"], key["polarity"]
    for name, draw in (("z", z), ("change", change)):
        prefix = "" if name == "z" else f"{name}_"
        table[name] = draw[0].ravel()
        table[f"{prefix}low"], table[f"{prefix}high"] = _bounds(draw[1:], clusters)
        if name == "z":
            table["n"] = len(members)
    # The first row is the reference, which counts only where it was asked for.
    return table.loc[table["row"].to_numpy() > 0].drop(columns="row").reset_index(drop=True)


def _with_estimate(weights: Int[np.ndarray, "draw n"]) -> Int[np.ndarray, "draws n"]:
    return np.concatenate([np.ones((1, weights.shape[1]), dtype=np.int64), weights])


def _means(
    values: Float[np.ndarray, "step layer position n"], weights: Int[np.ndarray, "draw n"]
) -> Float[np.ndarray, "draw step layer position"]:
    sums = np.einsum("slpn,dn->dslp", values, weights.astype(np.float64), optimize=True)
    totals = weights.sum(axis=1)[:, None, None, None]
    return np.divide(sums, totals, out=np.full_like(sums, np.nan), where=totals > 0)


def _bounds(draws: Float[np.ndarray, "draw step layer position"], clusters: int) -> tuple[np.ndarray, np.ndarray]:
    if clusters < 2:
        nothing = np.full(draws[0].size, np.nan)
        return nothing, nothing
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low.ravel(), high.ravel()
