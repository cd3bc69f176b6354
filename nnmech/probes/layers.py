"""How well probes read held-out entities at every layer and position of a snapshot."""

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Int

from nnmech.claims import Statement
from nnmech.errors import InputError
from nnmech.probes.estimators import Estimator, LinearEstimator, find_estimator
from nnmech.probes.kinds import PROBES
from nnmech.probes.labels import label_table, labelled, training_table
from nnmech.probes.splits import SPLITS, Split, Trial, held_out_scores, make_trials, trial_auroc
from nnmech.recording.snapshots import Snapshot
from nnmech.statistics import interval_bounds, sample_and_draws

COLUMNS = ["layer", "position", "probe", "estimator", "split", "auroc", "low", "high", "n", "entities"]

Plan = dict[Split, list[Trial]]


def auroc_by_layer(
    snapshot: Snapshot,
    statements: pd.DataFrame | Sequence[Statement],
    *,
    probes: Sequence[str] = ("truth", "polarity"),
    estimator: Estimator | LinearEstimator = "mass_mean",
    splits: Sequence[Split] = ("entity", "shuffled", "crossed"),
    layers: Sequence[int] | None = None,
    positions: Sequence[str] | None = None,
    folds: int = 5,
    shuffles: int = 5,
    draws: int = 300,
    entities: Collection[str] | None = None,
    tested: Collection[str] | None = None,
    device: str | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """AUROC on held-out entities with 95% intervals over entities, of the statements of role `train`.

    Args:
        snapshot: the activations.
        statements: all statements of the run, in the order of the snapshot.
        probes: `truth`, `polarity`.
        estimator: a name, or an estimator with settings of its own.
        splits: `entity`, grouped k-fold; `shuffled`, the same folds with labels permuted within each, mean over the
            permutations; `crossed`, trained on the affirmative and tested on the negated statements of held-out
            entities (for the polarity probe: trained on the true, tested on the false), and `crossed_back`, the other
            way; `topic`, each topic held out in turn, entities too.
        layers: decoder blocks; all that were recorded if None.
        positions: token positions; all that were recorded if None.
        folds: of the entities.
        shuffles: permutations of the labels.
        draws: of the bootstrap over entities.
        entities: those of role `train` that are looked at; all if None.
        tested: those among them that probes are tested on; all if None. Probes are fitted on all others of a fold.
        device: where probes are fitted; the CPU if None.
        seed: of folds, shuffles and draws.

    Returns:
        Columns layer, position, probe, estimator, split, auroc, low, high, n, entities.

    Raises:
        InputError: for an unknown probe or split, fewer than two entities or topics, or statements that do not fit the
            snapshot.
    """
    unknown = [name for name in (*probes, *splits) if name not in (*PROBES, *SPLITS)]
    if unknown:
        raise InputError(f"{unknown}: expected probes of {list(PROBES)} and splits of {list(SPLITS)}")
    train = training_table(label_table(statements, snapshot))
    if entities is not None:
        train = train.loc[train["entity"].isin(list(entities)).to_numpy()]
    data = {probe: labelled(train, probe) for probe in probes}
    plans: dict[str, Plan] = {
        probe: {split: make_trials(data[probe], split, folds=folds, shuffles=shuffles, seed=seed) for split in splits}
        for probe in probes
    }
    if tested is not None:
        inside = train["entity"].isin(list(tested)).to_numpy()
        plans = {
            probe: {split: [trial.among(inside) for trial in trials] for split, trials in plan.items()}
            for probe, plan in plans.items()
        }
    weights = sample_and_draws(train["entity"].to_numpy(), draws, seed)
    places = list(snapshot.positions if positions is None else positions)
    records = []
    for layer in snapshot.layers if layers is None else layers:
        cells = np.stack([snapshot.at(layer, position).double().numpy()[train.index] for position in places])
        areas = {}
        for probe, plan in plans.items():
            trials = [trial for members in plan.values() for trial in members]
            scores = held_out_scores(cells, data[probe], trials, estimator, device=device, seed=seed)
            areas[probe] = _areas(plan, scores, weights)
        for cell, position in enumerate(places):
            for probe, plan in plans.items():
                for split, trials in plan.items():
                    area, rows = areas[probe][split][:, cell], np.unique(trials[0].tested)
                    count = len(np.unique(data[probe].groups[rows]))
                    low, high = interval_bounds(area, count, share=True)
                    key = (layer, position, probe, find_estimator(estimator).name, split)
                    records.append((*key, float(area[0]), float(low), float(high), len(rows), count))
    return pd.DataFrame(records, columns=pd.Index(COLUMNS))


def _areas(plan: Plan, scores: Sequence[np.ndarray], weights: Int[np.ndarray, "draw n"]) -> dict[Split, np.ndarray]:
    """AUROC [draw cell] of each split, averaged over its trials, from their scores [cell tested] in turn."""
    rest = iter(scores)
    return {
        split: np.mean([trial_auroc(next(rest), trial, weights) for trial in trials], axis=0)
        for split, trials in plan.items()
    }
