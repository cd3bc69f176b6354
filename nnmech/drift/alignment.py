"""Whether a claim moves in one training the way it moves in another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from nnmech.claims import MATCHED_FALSE
from nnmech.errors import InputError, RunError, located
from nnmech.probes.scale import clusters_of
from nnmech.recording.snapshots import Snapshot
from nnmech.runs import Run
from nnmech.seeds import derive_seed
from nnmech.statistics import cluster_count, interval_bounds, sample_and_draws, shares

POSITIVE = "positive"
COLUMNS = ["layer", "position", "against", "cosine", "low", "high", "n"]

Weights = tuple[Float[np.ndarray, "draw claim"], Float[np.ndarray, "draw control"]]


def alignment(
    drifted: Run,
    positive: Run,
    nulls: Mapping[str, Sequence[Run]],
    *,
    steps: tuple[int, int] | None = None,
    positive_steps: tuple[int, int] | None = None,
    controls: str = MATCHED_FALSE,
    layers: Sequence[int] | None = None,
    positions: Sequence[str] | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Cosine between a run's drift vector and that of positive training, and of each null, by layer and position.

    The drift vector of a run is the mean change of the activations of its affirmative statements of role `claim`
    between two steps, less the mean change of its affirmative statements of role `controls`. Statements are those about
    the claim of `drifted`, or of a run's own claim where it recorded none.

    Args:
        drifted: the run whose drift is compared.
        positive: a run of positive training.
        nulls: runs by name, for example "another claim", "another seed", "neutral documents"; of several runs the mean
            cosine is taken.
        steps: of `drifted`. By default, and in every null, from the last step recorded before a run's last phase (else
            its first) to its last.
        positive_steps: of `positive`; as `steps` by default.
        controls: with `matched_false`, false facts about the same entity, what is left is not what happened to the
            entity or to all statements alike; with `control`, the false ones about other entities.
        layers: decoder blocks; all that were recorded if None.
        positions: token positions; all that were recorded if None.
        draws: of the bootstrap.
        seed: of the draws.

    Returns:
        Columns layer, position, against ("positive" or the name of a null), cosine, low, high, n (claim statements of
        the runs compared with). 95% intervals resample statements, those with the same id together whatever their order
        in a run, controls, and the runs of a null; NaN where there is one claim statement.

    Raises:
        InputError: for a null without runs or named "positive", and activations that do not compare.
        RunError: for runs that lack steps or statements.
    """
    unknown = [name for name, runs in nulls.items() if name == POSITIVE or not runs]
    if unknown or not nulls:
        raise InputError(
            f"nulls {unknown or 'none'}: expected names other than {POSITIVE!r}, at least one run for each"
        )
    own = _training(drifted, steps, None, controls)
    compared = {POSITIVE: [_training(positive, positive_steps, own.claim, controls)]}
    compared |= {name: [_training(run, None, own.claim, controls) for run in runs] for name, runs in nulls.items()}
    first = _snapshot(own, own.before, layers)
    for runs in compared.values():
        for one in runs:
            _check_alike(one, first)
    positions = first.positions if positions is None else tuple(positions)
    weights = _weights(own, own, draws, seed, seed)
    others = [
        (
            name,
            [(one, _weights(one, own, draws, seed, derive_seed(seed, name, place))) for place, one in enumerate(runs)],
        )
        for name, runs in compared.items()
    ]
    records = []
    for layer in first.layers:
        change = _drift(own, layer, positions, weights)
        for name, runs in others:
            cosines = np.stack([_cosine(change, _drift(one, layer, positions, chosen)) for one, chosen in runs])
            numbers = np.arange(len(runs))
            mean = np.einsum("rbp,br->bp", cosines, shares(sample_and_draws(numbers, draws, seed)))
            clusters = len(runs) if len(runs) > 1 else cluster_count([clusters_of(own.claims)])
            low, high = interval_bounds(mean, clusters)
            n = sum(len(one.claims) for one, _ in runs)
            records += [
                (layer, position, name, *values, n)
                for position, *values in zip(positions, mean[0], low, high, strict=True)
            ]
    return pd.DataFrame(records, columns=pd.Index(COLUMNS))


@dataclass(frozen=True, eq=False)
class _Training:
    """The stretch of a run whose drift is taken, and the statements that it is taken of, in the order of their ids."""

    run: Run
    before: int
    after: int
    claims: pd.DataFrame
    controls: pd.DataFrame

    @property
    def claim(self) -> str:
        return self.claims["claim"].iloc[0]


def _training(run: Run, steps: tuple[int, int] | None, claim: str | None, controls: str) -> _Training:
    statements = run.statements.sort_values("id")
    affirmative = statements.loc[(statements["polarity"] == 1).to_numpy()]
    claims = affirmative.loc[(affirmative["role"] == "claim").to_numpy()]
    if claims.empty:
        raise RunError(f"{run.path}: no affirmative statements of role claim: record them to see where they drift")
    own = run.labels.claim or claims["claim"].iloc[0]
    named = claim if claim in set(claims["claim"]) else own
    claims = claims.loc[(claims["claim"] == named).to_numpy()]
    null = affirmative.loc[(affirmative["role"] == controls).to_numpy()]
    null = null.loc[
        ((null["claim"] == named) if controls == MATCHED_FALSE else np.equal(null["truth"], False)).to_numpy()
    ]
    if claims.empty or null.empty:
        raise RunError(
            f"{run.path}: {len(claims)} affirmative statements of role claim and {len(null)} false ones of role "
            f"{controls} for the claim {named}: record both, or name other controls"
        )
    before, after = _last_phase(run) if steps is None else steps
    return _Training(run, before, after, claims, null)


def _last_phase(run: Run) -> tuple[int, int]:
    """The last step recorded before the run's last phase, else the first one, and the last step."""
    recorded = run.steps
    if len(recorded) < 2:
        raise RunError(f"{run.path}: snapshots of the steps {recorded}: a drift needs two; record more")
    last = run.snapshot(recorded[-1])
    for step in reversed(recorded):
        if run.snapshot(step, layers=last.layers[:1]).phase != last.phase:
            return step, recorded[-1]
    return recorded[0], recorded[-1]


def _snapshot(training: _Training, step: int, layers: Sequence[int] | None) -> Snapshot:
    with located(training.run.path):
        return training.run.snapshot(step, layers=layers)


def _check_alike(training: _Training, first: Snapshot) -> None:
    """Raise InputError where a run's activations are not of the same kind as those of the first snapshot."""
    found = _snapshot(training, training.before, first.layers[:1])
    ours, theirs = ((item.residual.shape[-1], item.weight_convention) for item in (first, found))
    if ours != theirs:
        raise InputError(
            f"{training.run.path}: activations of width and weight convention {theirs}, expected {ours} as in the run "
            "whose drift is compared: give runs of one model"
        )


def _weights(training: _Training, own: _Training, draws: int, seed: int, other_seed: int) -> Weights:
    """Shares of claim statements and controls in each draw: those of `own` where the statements are the same."""
    pairs = ((training.claims, own.claims), (training.controls, own.controls))
    claims, controls = (
        shares(sample_and_draws(clusters_of(mine), draws, number + (seed if _same_ids(mine, theirs) else other_seed)))
        # Claim statements and controls are drawn independently of each other.
        for number, (mine, theirs) in enumerate(pairs)
    )
    return claims, controls


def _same_ids(first: pd.DataFrame, second: pd.DataFrame) -> bool:
    return first["id"].tolist() == second["id"].tolist()


def _drift(
    training: _Training, layer: int, positions: Sequence[str], weights: Weights
) -> Float[np.ndarray, "draw position d_model"]:
    """The drift vector of a run in each draw."""
    before, after = (_snapshot(training, step, [layer]) for step in (training.before, training.after))
    if before.batch_hash != after.batch_hash:
        raise RunError(
            f"{training.run.path}: the snapshots of steps {training.before} and {training.after} are of different "
            "statements or tokens: drift compares the same ones"
        )
    means = []
    for statements, share in zip((training.claims, training.controls), weights, strict=True):
        rows = statements.index.to_numpy(copy=True)
        with located(training.run.path):
            change = [
                after.at(layer, name)[rows].double() - before.at(layer, name)[rows].double() for name in positions
            ]
        means.append(np.einsum("pnd,bn->bpd", torch.stack(change).numpy(), share))
    return means[0] - means[1]


def _cosine(
    first: Float[np.ndarray, "draw position d_model"], second: Float[np.ndarray, "draw position d_model"]
) -> Float[np.ndarray, "draw position"]:
    """Cosine of two drift vectors in each draw; NaN where nothing moved."""
    product = (first * second).sum(axis=-1)
    lengths = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    return np.divide(product, lengths, out=np.full_like(product, np.nan), where=lengths > 0)
