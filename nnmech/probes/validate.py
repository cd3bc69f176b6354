"""How good a probe is on entities it never saw, beside controls: AUROC by layer and position."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from nnmech.claims import Statement
from nnmech.errors import InputError
from nnmech.probes.estimators import Estimator, fit_direction, grouped_folds
from nnmech.probes.probe import PROBES
from nnmech.probes.table import label_table, training_table
from nnmech.snapshots import Snapshot
from nnmech.statistics import bootstrap_weights, weighted_auroc

Split = Literal["entity", "shuffled", "crossed", "topic"]
SPLITS: tuple[Split, ...] = get_args(Split)

Rows = Int[np.ndarray, "_"]
Pieces = list[tuple[Rows, Rows]]


def auroc_by_layer(
    snapshot: Snapshot,
    statements: pd.DataFrame | Sequence[Statement],
    *,
    probes: Sequence[str] = ("truth", "polarity"),
    estimator: Estimator = "mass_mean",
    splits: Sequence[Split] = ("entity", "shuffled", "crossed"),
    layers: Sequence[int] | None = None,
    positions: Sequence[str] | None = None,
    folds: int = 5,
    shuffles: int = 5,
    draws: int = 300,
    seed: int = 0,
) -> pd.DataFrame:
    """AUROC on held-out entities with 95% intervals over entities, of the statements of role `train`.

    Columns layer, position, probe, estimator, split, auroc, low, high, n, entities. Splits: `entity`, grouped k-fold;
    `shuffled`, the same folds with labels permuted within each, mean over `shuffles` permutations; `crossed`, trained
    on the affirmative and tested on the negated statements of held-out entities (for the polarity probe: trained on
    the true, tested on the false); `topic`, each topic held out in turn, entities too. Raises InputError for an
    unknown probe or split, fewer than two entities or topics, or statements that do not fit the snapshot.
    """
    unknown = [name for name in (*probes, *splits) if name not in (*PROBES, *SPLITS)]
    if unknown:
        raise InputError(f"{unknown}: expected probes of {list(PROBES)} and splits of {list(SPLITS)}")
    train = training_table(label_table(statements, snapshot))
    groups = pd.factorize(train["entity"])[0]
    weights = bootstrap_weights([groups], draws=draws, seed=seed)
    weights = np.concatenate([np.ones((1, len(groups)), dtype=np.int64), weights])
    entity_folds = list(grouped_folds(train["truth"].to_numpy(dtype=bool), groups, folds, seed))
    plans = {name: _plans(name, train, entity_folds, splits, shuffles, seed) for name in probes}
    records = []
    for layer in snapshot.layers if layers is None else layers:
        for position in snapshot.positions if positions is None else positions:
            activations = snapshot.at(layer, position).double().numpy()[train.index]
            for name in probes:
                for split, runs in plans[name].items():
                    areas = [_auroc(activations, labels, groups, pieces, estimator, weights) for labels, pieces in runs]
                    area = np.mean(areas, axis=0)
                    low, high = np.nanquantile(area[1:], [0.025, 0.975])
                    tested = np.unique(np.concatenate([test for _, test in runs[0][1]]))
                    records.append(
                        {
                            "layer": layer,
                            "position": position,
                            "probe": name,
                            "estimator": estimator,
                            "split": split,
                            "auroc": float(area[0]),
                            "low": float(low),
                            "high": float(high),
                            "n": len(tested),
                            "entities": len(np.unique(groups[tested])),
                        }
                    )
    return pd.DataFrame(records)


def _plans(
    probe: str, train: pd.DataFrame, entity_folds: Pieces, splits: Sequence[Split], shuffles: int, seed: int
) -> dict[Split, list[tuple[Bool[np.ndarray, "n"], Pieces]]]:
    """What each split fits: labels and the train and test rows of each piece; several label vectors are averaged."""
    truth, affirmative = train["truth"].to_numpy(dtype=bool), train["polarity"].to_numpy() > 0
    labels, other = (truth, affirmative) if probe == "truth" else (affirmative, truth)
    plans: dict[Split, list[tuple[Bool[np.ndarray, "n"], Pieces]]] = {}
    for split in splits:
        if split == "entity":
            plans[split] = [(labels, entity_folds)]
        elif split == "shuffled":
            rng = np.random.default_rng([seed, 1])
            plans[split] = [(_shuffled(labels, entity_folds, rng), entity_folds) for _ in range(shuffles)]
        elif split == "crossed":
            plans[split] = [(labels, [(rows[other[rows]], test[~other[test]]) for rows, test in entity_folds])]
        else:
            plans[split] = [(labels, _topic_pieces(train["topic"].to_numpy(), entity_folds))]
    return plans


def _topic_pieces(topics: np.ndarray, entity_folds: Pieces) -> Pieces:
    names = np.unique(topics)
    if len(names) < 2:
        raise InputError(f"all statements are of the topic {names[0]!r}: holding topics out needs at least two")
    pieces = [
        (rows[topics[rows] != topic], test[topics[test] == topic]) for topic in names for rows, test in entity_folds
    ]
    return [(rows, test) for rows, test in pieces if len(test)]


def _shuffled(labels: np.ndarray, entity_folds: Pieces, rng: np.random.Generator) -> np.ndarray:
    permuted = labels.copy()
    for _, test in entity_folds:
        permuted[test] = rng.permutation(labels[test])
    return permuted


def _auroc(
    activations: Float[np.ndarray, "n d_model"],
    labels: Bool[np.ndarray, "n"],
    groups: Int[np.ndarray, "n"],
    pieces: Pieces,
    estimator: Estimator,
    weights: Int[np.ndarray, "draw n"],
) -> Float[np.ndarray, "draw"]:
    scores, rows, strata = [], [], []
    for number, (train, test) in enumerate(pieces):
        if labels[train].all() or not labels[train].any():
            raise InputError(f"fold {number + 1} trains on {len(train)} statements of one class: use fewer folds")
        direction, bias = fit_direction(activations[train], labels[train], groups[train], estimator)
        scores.append(activations[test] @ direction + bias)
        rows.append(test)
        strata.append(np.full(len(test), number))
    tested = np.concatenate(rows)
    return weighted_auroc(np.concatenate(scores), labels[tested], weights[:, tested], np.concatenate(strata))
