import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nnmech.claims import Statement
from nnmech.errors import InputError
from nnmech.probes import ESTIMATORS, PolarityProbe, ProbeInfo, TruthProbe, auroc_by_layer
from nnmech.probes.estimators import Estimator, grouped_folds
from nnmech.snapshots import Snapshot, hook_name

WIDTH = 16
INFO = ProbeInfo(hook_name(0), "last", "tiny", "hf", "abc")


def crossed_statements(entities: int, topics: int = 3) -> list[Statement]:
    return [
        Statement(f"{entity}/{truth}/{polarity}", "…", truth, polarity, f"t{entity % topics}", f"e{entity}", "train")
        for entity in range(entities)
        for truth in (True, False)
        for polarity in (1, -1)
    ]


def planted(statements: list[Statement], *, strength: float = 2.0, seed: int = 0, axis: int = 0) -> torch.Tensor:
    """Truth along `axis`, polarity along the next, in noise of which an entity's statements share a part."""
    rng = np.random.default_rng(seed)
    entity = {statement.entity: rng.normal(0, 1, WIDTH) for statement in statements}
    rows = np.stack([5 + entity[statement.entity] + rng.normal(0, 0.5, WIDTH) for statement in statements])
    rows[:, axis] += [strength * (1 if statement.truth else -1) for statement in statements]
    rows[:, axis + 1] += [strength * statement.polarity for statement in statements]
    return torch.from_numpy(rows).float()


def snapshot_of(*layers: torch.Tensor, step: int = 0) -> Snapshot:
    numbers = tuple(range(len(layers)))
    names = tuple(hook_name(layer) for layer in numbers)
    residual = torch.stack(layers)[:, None]
    return Snapshot(step, "train", residual, numbers, ("last",), names, "abc", "hf", "tiny")


def fit(probe: type, statements: list[Statement], rows: torch.Tensor, estimator: Estimator = "mass_mean"):
    labels = [getattr(statement, probe.label) for statement in statements]
    groups = [statement.entity for statement in statements]
    return probe.fit(rows, labels, groups=groups, info=INFO, estimator=estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(("probe", "axis"), [(TruthProbe, 0), (PolarityProbe, 1)])
def test_a_planted_direction_is_found(probe: type, axis: int, estimator: Estimator) -> None:
    statements = crossed_statements(1000)
    # Strong enough that sampling noise is small, weak enough that the classes overlap and logistic stays finite.
    found = fit(probe, statements, planted(statements, strength=0.75), estimator)
    direction = torch.zeros(WIDTH)
    direction[axis] = 1.0
    assert torch.cosine_similarity(found.direction, direction, dim=0) >= 0.99


def test_a_mass_mean_direction_is_in_residual_stream_units() -> None:
    statements = crossed_statements(1000)
    found = fit(TruthProbe, statements, planted(statements, strength=2.0))
    assert found.direction[0] == pytest.approx(4.0, rel=0.05)


def test_covariance_undoes_a_shared_spread() -> None:
    statements = crossed_statements(500)
    rows = planted(statements)
    rows[:, 1:4] += 3 * torch.randn(len(rows), 1, generator=torch.Generator().manual_seed(0))
    rows[:, 1] += 2 * rows[:, 0]
    plain, whitened = (fit(TruthProbe, statements, rows, name) for name in ("mass_mean", "mass_mean_covariance"))
    labels = np.array([statement.truth for statement in statements])

    def separation(probe: TruthProbe) -> float:
        scores = probe.score(rows).numpy()
        return (scores[labels].mean() - scores[~labels].mean()) / scores[labels].std()

    assert separation(whitened) > 1.5 * separation(plain)


@pytest.mark.parametrize("estimator", ["logistic", "mass_mean_covariance"])
def test_probabilities_are_calibrated(estimator: Estimator) -> None:
    statements = crossed_statements(800)
    rows = planted(statements, strength=0.6)
    labels = torch.tensor([float(bool(statement.truth)) for statement in statements])
    probability = fit(TruthProbe, statements, rows, estimator).predict_proba(rows)
    for low, high in [(0.0, 0.3), (0.3, 0.7), (0.7, 1.0)]:
        inside = (probability >= low) & (probability < high)
        assert labels[inside].mean() == pytest.approx(float(probability[inside].mean()), abs=0.06)


def test_mass_mean_has_no_probabilities() -> None:
    statements = crossed_statements(10)
    with pytest.raises(InputError, match="no probabilities"):
        fit(TruthProbe, statements, planted(statements)).predict_proba(planted(statements))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_score_is_an_affine_map_along_the_direction(estimator: Estimator) -> None:
    statements = crossed_statements(20)
    rows = planted(statements)
    probe = fit(TruthProbe, statements, rows, estimator)
    torch.testing.assert_close(probe.score(rows), rows @ probe.direction + probe.bias, rtol=1e-3, atol=1e-3)
    assert probe.score(rows.reshape(4, -1, WIDTH)).shape == (4, len(rows) // 4)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_probe_comes_back_bit_for_bit(estimator: Estimator, tmp_path: Path) -> None:
    statements = crossed_statements(20)
    rows = planted(statements)
    probe = fit(PolarityProbe, statements, rows, estimator)
    probe.save(tmp_path / "probe")
    loaded = PolarityProbe.load(tmp_path / "probe")
    assert torch.equal(loaded.direction, probe.direction)
    assert torch.equal(loaded.score(rows), probe.score(rows))
    for item in dataclasses.fields(probe):
        if item.name != "direction":
            assert getattr(loaded, item.name) == getattr(probe, item.name)


def test_a_probe_of_another_kind_or_a_damaged_one_is_not_loaded(tmp_path: Path) -> None:
    statements = crossed_statements(5)
    fit(TruthProbe, statements, planted(statements)).save(tmp_path)
    with pytest.raises(InputError, match=r"a truth probe .* expected a polarity probe"):
        PolarityProbe.load(tmp_path)
    (tmp_path / "probe.json").write_text("{}")
    with pytest.raises(InputError, match="not a saved probe"):
        TruthProbe.load(tmp_path)
    with pytest.raises(InputError, match="not a saved probe"):
        TruthProbe.load(tmp_path / "nowhere")


def test_fit_refuses_what_would_fit_nothing() -> None:
    statements = crossed_statements(5)
    rows, labels = planted(statements), [bool(statement.truth) for statement in statements]
    groups = [statement.entity for statement in statements]
    broken = rows.clone()
    broken[3, 2] = torch.nan
    with pytest.raises(InputError, match="1 statements, the first in row 3, are NaN"):
        TruthProbe.fit(broken, labels, groups=groups, info=INFO)
    with pytest.raises(InputError, match="one class"):
        TruthProbe.fit(rows, [True] * len(rows), groups=groups, info=INFO)
    with pytest.raises(InputError, match="20 rows of activations, 19 labels"):
        TruthProbe.fit(rows, labels[1:], groups=groups, info=INFO)
    with pytest.raises(InputError, match="expected a bool"):
        TruthProbe.fit(rows, [2, 1] * 10, groups=groups, info=INFO)


def test_score_refuses_another_width_or_origin() -> None:
    statements = crossed_statements(5)
    probe = fit(TruthProbe, statements, planted(statements))
    rows = planted(statements)
    with pytest.raises(InputError, match="8 wide, the probe 16"):
        probe.score(rows[:, :8])
    for change in ({"weight_convention": "folded"}, {"hook_name": hook_name(1)}, {"position": "object"}):
        with pytest.raises(InputError, match=f"{next(iter(change))} .* do not transfer"):
            probe.score(rows, source=dataclasses.replace(INFO, **change))
    probe.score(rows, source=dataclasses.replace(INFO, data_hash="other", model="the same, trained"))


def test_a_snapshot_is_read_where_the_probe_was_fitted() -> None:
    statements = crossed_statements(10)
    here, there = planted(statements, seed=1), planted(statements, seed=2)
    probe = TruthProbe.fit_snapshot(snapshot_of(here, there), statements, layer=1, position="last")
    assert torch.equal(probe.score_snapshot(snapshot_of(here, there)), probe.score(there))
    with pytest.raises(InputError, match=r"blocks.1.hook_resid_post at position 'last'; .* layers \[0\]"):
        probe.score_snapshot(snapshot_of(here))


def test_truth_must_be_crossed_with_polarity() -> None:
    statements = [s for s in crossed_statements(10) if s.truth or s.polarity == -1]
    with pytest.raises(InputError, match=r"False with polarity \+1"):
        TruthProbe.fit_snapshot(snapshot_of(planted(statements)), statements, layer=0, position="last")


def test_statements_that_do_not_fit_the_snapshot_are_refused() -> None:
    statements = crossed_statements(10)
    with pytest.raises(InputError, match="39 statements, but the snapshot of step 0 holds 40"):
        TruthProbe.fit_snapshot(snapshot_of(planted(statements)), statements[1:], layer=0, position="last")


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=12, max_size=60), st.integers(2, 5))
def test_entities_never_cross_a_split(rows: list[tuple[int, bool]], folds: int) -> None:
    groups, labels = np.array([group for group, _ in rows]), np.array([label for _, label in rows])
    if len(np.unique(groups)) < 2:
        return
    tested = []
    for train, test in grouped_folds(labels, groups, folds, seed=0):
        assert not set(groups[train]) & set(groups[test])
        tested.extend(test)
    assert sorted(tested) == list(range(len(rows)))


def test_planted_layers_are_read_and_shuffled_labels_are_not() -> None:
    statements = crossed_statements(150)
    nothing = planted(statements, strength=0.0, seed=3)
    table = auroc_by_layer(
        snapshot_of(nothing, planted(statements)), statements, splits=["entity", "shuffled", "crossed"]
    )
    areas = table.set_index(["probe", "split", "layer"])["auroc"]
    for probe in ("truth", "polarity"):
        assert areas[probe, "entity", 1] > 0.95
        assert areas[probe, "crossed", 1] > 0.95
        assert areas[probe, "shuffled", 1] == pytest.approx(0.5, abs=0.05)
        assert areas[probe, "entity", 0] == pytest.approx(0.5, abs=0.08)
    assert (table["low"] <= table["auroc"]).all()
    assert (table["auroc"] <= table["high"]).all()
    assert set(table["n"]) == {600, 300}
    assert set(table["entities"]) == {150}


def test_a_probe_of_words_alone_fails_across_polarity() -> None:
    statements = crossed_statements(100)
    rows = planted(statements, strength=0.0)
    # What the affirmative sentence would say: true affirmations and false negations share it.
    rows[:, 5] += torch.tensor([2.0 * statement.polarity * (1 if statement.truth else -1) for statement in statements])
    table = auroc_by_layer(snapshot_of(rows), statements, probes=["truth"]).set_index("split")["auroc"]
    assert table["crossed"] < 0.1
    assert table["entity"] == pytest.approx(0.5, abs=0.08)


def test_a_memory_of_entities_does_not_help_on_others() -> None:
    rng = np.random.default_rng(0)
    statements = [
        dataclasses.replace(statement, id=f"{statement.id}/{copy}", truth=bool(int(statement.entity[1:]) % 2))
        for statement in crossed_statements(60)
        for copy in range(2)
    ]
    # Truth is a matter of the entity here, and every entity has its own vector: there is only that to recognise.
    own = {f"e{number}": torch.from_numpy(rng.normal(0, 1, 64)).float() for number in range(60)}
    rows = torch.stack([own[statement.entity] for statement in statements])
    table = auroc_by_layer(snapshot_of(rows), statements, probes=["truth"], splits=["entity"])
    assert table["auroc"][0] == pytest.approx(0.5, abs=0.2)
    assert table["low"][0] < 0.5 < table["high"][0]


def test_topics_are_held_out_in_turn() -> None:
    statements = crossed_statements(60, topics=2)
    rows = planted(statements, strength=0.0)
    # Truth is written along another axis in each topic: what one teaches says nothing about the other.
    for row, statement in enumerate(statements):
        rows[row, 8 + int(statement.topic[1:])] += 3.0 if statement.truth else -3.0
    table = auroc_by_layer(snapshot_of(rows), statements, probes=["truth"], splits=["entity", "topic"])
    areas = table.set_index("split")["auroc"]
    assert areas["entity"] > 0.9
    assert areas["topic"] == pytest.approx(0.5, abs=0.1)


def test_validation_names_what_it_does_not_know() -> None:
    statements = crossed_statements(4)
    rows = snapshot_of(planted(statements))
    with pytest.raises(InputError, match="expected probes of"):
        auroc_by_layer(rows, statements, probes=["lie"])
    with pytest.raises(InputError, match="lack the columns"):
        auroc_by_layer(rows, pd.DataFrame({"id": range(16)}))
    with pytest.raises(InputError, match="held-out entities need at least two"):
        auroc_by_layer(snapshot_of(planted(statements[:4])), statements[:4])
