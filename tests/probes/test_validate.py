"""Planted layers are read on entities that no fit saw, and what is not there is not read."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from nnmech.errors import InputError
from nnmech.probes import TTPD, Logistic, auroc_by_layer
from nnmech.probes.fitting import fit_one
from nnmech.probes.labels import labelled
from nnmech.probes.linear import TrainingSet
from nnmech.probes.splits import SPLITS, held_out_scores, make_trials
from nnmech.recording.snapshots import Snapshot, hook_name

Plant = Callable[..., Any]
QUICK_TTPD = TTPD(Logistic(inverse_penalties=(0.1,)), Logistic(inverse_penalties=(1.0,)))


def table_of(data: Any) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [str(row) for row in range(len(data.truth))],
            "truth": data.truth.tolist(),
            "polarity": data.polarity,
            "topic": [f"t{topic}" for topic in data.topic],
            "entity": data.entity,
            "role": "train",
            "claim": None,
        }
    )


def snapshot_of(*layers: torch.Tensor) -> Snapshot:
    numbers = tuple(range(len(layers)))
    names = tuple(hook_name(layer) for layer in numbers)
    return Snapshot(0, "train", torch.stack(layers)[:, None], numbers, ("last",), names, "abc", "hf", "tiny")


def test_planted_layers_are_read_and_shuffled_labels_are_not(planted: Plant) -> None:
    data = planted(150)
    nothing = planted(150, truth=0.0, polarity=0.0, seed=3)
    table = auroc_by_layer(
        snapshot_of(nothing.activations, data.activations), table_of(data), splits=["entity", "shuffled", "crossed"]
    )
    areas = table.set_index(["probe", "split", "layer"])["auroc"]
    for probe in ("truth", "polarity"):
        assert areas[probe, "entity", 1] > 0.95
        assert areas[probe, "crossed", 1] > 0.95
        assert areas[probe, "shuffled", 1] == pytest.approx(0.5, abs=0.05)
        assert areas[probe, "entity", 0] == pytest.approx(0.5, abs=0.08)
    assert list(table.columns) == [
        *("layer", "position", "probe", "estimator", "split", "auroc", "low", "high", "n", "entities"),
    ]
    assert table["layer"].tolist() == [0] * 6 + [1] * 6
    assert (table["low"] <= table["auroc"]).all()
    assert (table["auroc"] <= table["high"]).all()
    assert set(table["n"]) == {600, 300}
    assert set(table["entities"]) == {150}


def test_a_probe_of_words_alone_fails_across_polarity(planted: Plant) -> None:
    # What the affirmative sentence would say: true affirmations and false negations share it.
    data = planted(100, truth=0.0, sensitive=2.0)
    table = auroc_by_layer(
        snapshot_of(data.activations), table_of(data), probes=["truth"], splits=["entity", "crossed", "crossed_back"]
    )
    areas = table.set_index("split")["auroc"]
    assert areas["crossed"] < 0.1
    assert areas["crossed_back"] < 0.1
    assert areas["entity"] == pytest.approx(0.5, abs=0.08)


def test_a_memory_of_entities_does_not_help_on_others() -> None:
    rng = np.random.default_rng(0)
    entity = np.repeat(np.arange(60), 8)
    # Truth is a matter of the entity here, and every entity has its own vector: there is only that to recognise.
    truth, polarity = entity % 2 == 1, np.tile([1, -1], 240)
    rows = torch.from_numpy(rng.normal(0, 1, (60, 64)))[entity].float()
    table = pd.DataFrame({"id": range(480), "truth": truth.tolist(), "polarity": polarity, "entity": entity})
    table = table.assign(topic="t", role="train", claim=None)
    found = auroc_by_layer(snapshot_of(rows), table, probes=["truth"], splits=["entity"])
    assert found["auroc"][0] == pytest.approx(0.5, abs=0.2)
    assert found["low"][0] < 0.5 < found["high"][0]


def test_topics_are_held_out_in_turn(planted: Plant) -> None:
    data = planted(60, truth=0.0, topics=2)
    # Truth is written along another axis in each topic: what one teaches says nothing about the other.
    rows = data.activations.clone()
    rows[torch.arange(len(rows)), 8 + torch.from_numpy(data.topic)] += torch.from_numpy(np.where(data.truth, 3.0, -3.0))
    table = auroc_by_layer(snapshot_of(rows), table_of(data), probes=["truth"], splits=["entity", "topic"])
    areas = table.set_index("split")["auroc"]
    assert areas["entity"] > 0.9
    assert areas["topic"] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("estimator", "split"),
    [*product(["mass_mean", "mass_mean_covariance"], SPLITS), ("logistic", "entity"), (QUICK_TTPD, "topic")],
)
def test_every_split_scores_as_fits_of_its_own_would(planted: Plant, estimator: Any, split: Any) -> None:
    data = labelled(table_of(planted(24, truth=0.4)), "truth")
    rows = planted(24, truth=0.4).activations.double().numpy()
    trials = make_trials(data, split, folds=2, shuffles=2, seed=1)
    found = held_out_scores(np.stack([rows, 2 * rows]), data, trials, estimator, seed=1)
    for scores, trial in zip(found, trials, strict=True):
        expected = []
        for train, test in trial.pieces:
            assert not set(data.groups[train]) & set(data.groups[test])
            assert data.affirmative is not None
            assert data.topics is not None
            if split == "topic":
                assert not set(data.topics[train]) & set(data.topics[test])
            known = (trial.labels[train], data.groups[train], data.affirmative[train], data.topics[train])
            one = fit_one(TrainingSet(rows[train], *known), estimator, seed=1)
            expected.append(rows[test] @ one.direction + one.bias)
        expected = np.concatenate(expected)
        np.testing.assert_allclose(scores[0], expected, rtol=0, atol=5e-3 * np.abs(expected).max())


def test_labels_are_permuted_within_folds_and_nowhere_else(planted: Plant) -> None:
    data = labelled(table_of(planted(30)), "truth")
    for trial in make_trials(data, "shuffled", folds=5, shuffles=3, seed=0):
        assert (trial.labels != data.labels).any()
        for _, test in trial.pieces:
            assert trial.labels[test].sum() == data.labels[test].sum()


def test_a_configured_estimator_is_named_as_its_kind(planted: Plant) -> None:
    data = planted(20)
    table = auroc_by_layer(
        snapshot_of(data.activations),
        table_of(data),
        probes=["truth"],
        estimator=Logistic(inverse_penalties=(0.01,)),
        splits=["entity"],
    )
    assert set(table["estimator"]) == {"logistic"}
    assert table["auroc"][0] > 0.95


def test_validation_names_what_it_does_not_know(planted: Plant) -> None:
    data = planted(4)
    snapshot, table = snapshot_of(data.activations), table_of(data)
    with pytest.raises(InputError, match="expected probes of"):
        auroc_by_layer(snapshot, table, probes=["lie"])
    with pytest.raises(InputError, match="lack the columns"):
        auroc_by_layer(snapshot, pd.DataFrame({"id": range(16)}))
    with pytest.raises(InputError, match="held-out entities need at least two"):
        auroc_by_layer(snapshot_of(data.activations[:4]), table[:4])
    with pytest.raises(InputError, match="there are 1 topics"):
        auroc_by_layer(snapshot, table.assign(topic="t"), splits=["topic"])
