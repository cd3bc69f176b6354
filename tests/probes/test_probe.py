import dataclasses
import importlib.metadata
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nnmech.claims import Statement
from nnmech.errors import InputError
from nnmech.probes import ESTIMATORS, Logistic, PolarityProbe, ProbeInfo, TruthProbe
from nnmech.recording.snapshots import Snapshot, hook_name

Plant = Callable[..., Any]
INFO = ProbeInfo(hook_name(0), "last", "tiny", "hf", "abc", "c0ffee")


def fit(data: Any, estimator: Any = "mass_mean", **named: Any) -> TruthProbe:
    named = {"groups": data.entity, "polarity": data.polarity, "info": INFO, **named}
    return TruthProbe.fit(data.activations, data.truth, estimator=estimator, **named)


def statements_of(data: Any) -> list[Statement]:
    columns = zip(data.truth.tolist(), data.polarity.tolist(), data.topic.tolist(), data.entity.tolist(), strict=True)
    return [
        Statement(str(row), "…", truth, polarity, f"t{topic}", entity, "train")
        for row, (truth, polarity, topic, entity) in enumerate(columns)
    ]


def snapshot_of(*layers: torch.Tensor) -> Snapshot:
    numbers = tuple(range(len(layers)))
    names = tuple(hook_name(layer) for layer in numbers)
    return Snapshot(0, "train", torch.stack(layers)[:, None], numbers, ("last",), names, "abc", "hf", "tiny")


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_score_is_an_affine_map_along_the_direction(planted: Plant, estimator: str) -> None:
    data = planted(20)
    rows, probe = data.activations, fit(data, estimator)
    torch.testing.assert_close(probe.score(rows), rows @ probe.direction + probe.bias, rtol=1e-3, atol=1e-3)
    assert probe.score(rows.reshape(4, 20, -1)).shape == (4, 20)
    assert probe.score(rows[0]).shape == ()


def test_arrays_and_tensors_of_a_users_own_read_alike(planted: Plant) -> None:
    data = planted(20)
    tensors = TruthProbe.fit(data.activations, torch.from_numpy(data.truth), groups=torch.arange(80) // 4)
    arrays = TruthProbe.fit(data.activations.numpy(), data.truth.tolist(), groups=[row // 4 for row in range(80)])
    assert torch.equal(tensors.direction, arrays.direction)
    assert torch.equal(tensors.score(data.activations), arrays.score(data.activations.numpy()))
    assert tensors.entities == arrays.entities
    assert tensors.info == ProbeInfo()
    tensors.score(data.activations, source=INFO)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_probe_comes_back_bit_for_bit(planted: Plant, estimator: str, tmp_path: Path) -> None:
    data = planted(20)
    probe = fit(data, estimator)
    probe.save(tmp_path / "probe")
    loaded = TruthProbe.load(tmp_path / "probe")
    assert torch.equal(loaded.score(data.activations), probe.score(data.activations))
    for item in dataclasses.fields(probe):
        ours, theirs = getattr(probe, item.name), getattr(loaded, item.name)
        if item.name == "direction":
            assert torch.equal(ours, theirs)
        elif item.name == "parts":
            assert ours.keys() == theirs.keys()
            assert all(torch.equal(ours[name], theirs[name]) for name in ours)
        else:
            assert ours == theirs


def test_its_file_says_where_it_was_fitted_on_whom_and_by_what(planted: Plant, tmp_path: Path) -> None:
    fit(planted(12)).save(tmp_path)
    described = json.loads((tmp_path / "probe.json").read_text())
    assert described["info"] == {
        "hook_name": "blocks.0.hook_resid_post",
        "position": "last",
        "model": "tiny",
        "weight_convention": "hf",
        "data_hash": "abc",
        "revision": "c0ffee",
    }
    assert sorted(described["entities"]) == sorted(f"e{number}" for number in range(12))
    assert (described["n"], described["estimator"], described["format_version"]) == (48, "mass_mean", 2)
    assert described["version"] == importlib.metadata.version("nnmech")


def test_what_is_not_the_saved_probe_is_not_loaded(planted: Plant, tmp_path: Path) -> None:
    probe = fit(planted(5))
    probe.save(tmp_path)
    with pytest.raises(InputError, match=r"a truth probe by mass_mean; expected a polarity probe"):
        PolarityProbe.load(tmp_path)
    fit(planted(5, seed=1)).save(tmp_path / "other")
    (tmp_path / "probe.safetensors").write_bytes((tmp_path / "other" / "probe.safetensors").read_bytes())
    with pytest.raises(InputError, match=r"probe\.safetensors: not the file that probe\.json describes"):
        TruthProbe.load(tmp_path)
    (tmp_path / "probe.safetensors").unlink()
    for text in ("{}", "[]", "{"):
        (tmp_path / "probe.json").write_text(text)
        with pytest.raises(InputError, match="not a saved probe"):
            TruthProbe.load(tmp_path)
    (tmp_path / "probe.json").write_text('{"format_version": 1, "probe": "truth"}')
    with pytest.raises(InputError, match=r"probe\.json: format 1, expected 2; fit again"):
        TruthProbe.load(tmp_path)
    with pytest.raises(InputError, match="not a saved probe"):
        TruthProbe.load(tmp_path / "nowhere")


def test_fit_refuses_what_would_fit_nothing(planted: Plant) -> None:
    data = planted(5)
    rows, labels, groups = data.activations, data.truth, data.entity
    broken = rows.clone()
    broken[3, 2] = torch.nan
    with pytest.raises(InputError, match="1 statements, the first in row 3, are NaN"):
        TruthProbe.fit(broken, labels, groups=groups)
    with pytest.raises(InputError, match="one class"):
        TruthProbe.fit(rows, [True] * len(rows), groups=groups)
    with pytest.raises(InputError, match="20 rows of activations, 19 labels, 20 groups"):
        TruthProbe.fit(rows, labels[1:], groups=groups)
    with pytest.raises(InputError, match="20 rows of activations, 3 topics"):
        TruthProbe.fit(rows, labels, groups=groups, topics=range(3))
    with pytest.raises(InputError, match=r"labels .* expected a bool"):
        TruthProbe.fit(rows, [2, 1] * 10, groups=groups)
    with pytest.raises(InputError, match=r"polarity .* expected a bool"):
        TruthProbe.fit(rows, labels, groups=groups, polarity=["yes", "no"] * 10)
    with pytest.raises(InputError, match=r"shape \(1, 20, 16\): expected \[statement, d_model\]"):
        TruthProbe.fit(rows[None], labels, groups=groups)
    with pytest.raises(InputError, match="there is 1 group"):
        TruthProbe.fit(rows, labels, groups=["one"] * 20, estimator=Logistic())


def test_truth_must_be_crossed_with_polarity(planted: Plant) -> None:
    data = planted(10)
    every_false_one_negated = data[data.truth | (data.polarity < 0)]
    with pytest.raises(InputError, match=r"no statement is False with polarity \+1 \(30 in all\)"):
        fit(every_false_one_negated)
    with pytest.raises(InputError, match=r"no statement is True with polarity -1"):
        fit(data[data.polarity > 0])
    statements = statements_of(every_false_one_negated)
    with pytest.raises(InputError, match=r"no statement of role train is False with polarity \+1"):
        TruthProbe.fit_snapshot(snapshot_of(every_false_one_negated.activations), statements, layer=0, position="last")
    with pytest.raises(InputError, match="20 labels differ from their polarity"):
        PolarityProbe.fit(data.activations, data.truth, groups=data.entity, polarity=data.polarity)


def test_score_refuses_another_width_nan_or_origin(planted: Plant) -> None:
    data = planted(5)
    rows, probe = data.activations, fit(data)
    with pytest.raises(InputError, match=r"8 wide, the probe 16: .* \(tiny\)"):
        probe.score(rows[:, :8])
    with pytest.raises(InputError, match="1 statements, the first in row 7, are NaN or infinite"):
        probe.score(rows.index_put((torch.tensor([7]), torch.tensor([0])), torch.tensor(torch.inf)))
    for change in ({"weight_convention": "folded"}, {"hook_name": hook_name(1)}, {"position": "object"}):
        with pytest.raises(InputError, match=f"{next(iter(change))} .* do not transfer"):
            probe.score(rows, source=dataclasses.replace(INFO, **change))
    probe.score(rows, source=dataclasses.replace(INFO, data_hash="other", model="the same, trained"))


def test_a_probe_is_not_judged_on_entities_it_was_fitted_on(planted: Plant, tmp_path: Path) -> None:
    data, others = planted(10), planted(10, first=9)
    probe = fit(data)
    probe.save(tmp_path)
    for known in (probe, TruthProbe.load(tmp_path)):
        with pytest.raises(InputError, match=r"fitted on 1 of these entities \(e9\)"):
            known.score(others.activations, groups=others.entity)
        with pytest.raises(InputError, match="entities it was fitted on"):
            known.evaluate(others.activations, others.truth, groups=others.entity)
        new = others[others.entity != "e9"]
        assert torch.equal(known.score(new.activations, groups=new.entity), probe.score(new.activations))
    with pytest.raises(InputError, match="40 rows of activations, 39 groups"):
        probe.score(others.activations, groups=others.entity[1:])


def test_an_entity_is_the_same_however_its_number_is_kept(planted: Plant) -> None:
    data = planted(5)
    probe = fit(data, groups=np.arange(20) // 4)
    for same in (np.full(20, 3.0), np.full(20, 3, dtype=np.int8), torch.full((20,), 3), ["3"] * 20):
        with pytest.raises(InputError, match=r"1 of these entities \(3\)"):
            probe.score(data.activations, groups=same)


def test_evaluation_tells_a_planted_truth_from_none(planted: Plant) -> None:
    data, others = planted(100, truth=0.8), planted(80, truth=0.8, first=100)
    probe = fit(data, "logistic")
    found = probe.evaluate(others.activations, others.truth, groups=others.entity)
    assert (found.n, found.entities) == (320, 80)
    assert 0.5 < found.accuracy.low < found.accuracy.mean < found.accuracy.high
    assert 0.7 < found.auroc.low < found.auroc.mean < found.auroc.high < 1
    nothing = probe.evaluate(others.activations, others.polarity, groups=others.entity)
    assert nothing.auroc.low < 0.5 < nothing.auroc.high
    assert nothing.accuracy.low < 0.5 < nothing.accuracy.high
    with pytest.raises(InputError, match="one class"):
        probe.evaluate(others.activations, np.ones(320, dtype=bool), groups=others.entity)


def test_mass_mean_has_no_probabilities(planted: Plant) -> None:
    data = planted(10)
    with pytest.raises(InputError, match="a mass_mean probe has no probabilities"):
        fit(data).predict_proba(data.activations)


def test_a_snapshot_is_read_where_the_probe_was_fitted(planted: Plant) -> None:
    here, there = planted(10, seed=1), planted(10, seed=2)
    both = snapshot_of(here.activations, there.activations)
    probe = TruthProbe.fit_snapshot(both, statements_of(there), layer=1, position="last", revision="c0ffee")
    assert probe.info == ProbeInfo(hook_name(1), "last", "tiny", "hf", "abc", "c0ffee")
    assert torch.equal(probe.score_snapshot(both), probe.score(there.activations))
    with pytest.raises(InputError, match=r"blocks.1.hook_resid_post at position 'last'; .* layers \[0\]"):
        probe.score_snapshot(snapshot_of(here.activations))
    with pytest.raises(InputError, match="an unknown hook at position None"):
        fit(there, info=None).score_snapshot(both)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_snapshot_gives_what_its_arrays_give(planted: Plant, estimator: Any) -> None:
    data = planted(12)
    read = TruthProbe.fit_snapshot(
        snapshot_of(data.activations), statements_of(data), layer=0, position="last", estimator=estimator
    )
    assert torch.equal(read.direction, fit(data, estimator, topics=data.topic).direction)


def test_statements_that_do_not_fit_the_snapshot_are_refused(planted: Plant) -> None:
    data = planted(10)
    with pytest.raises(InputError, match="39 statements, but the snapshot of step 0 holds 40"):
        TruthProbe.fit_snapshot(snapshot_of(data.activations), statements_of(data)[1:], layer=0, position="last")
