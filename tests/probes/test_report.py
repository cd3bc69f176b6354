"""The report says what is planted: a signal, its absence, what words give away, what only passes through."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from nnmech.errors import InputError
from nnmech.probes import TTPD, Logistic
from nnmech.probes.controls import calibration_error, expected_error, reliability, weighted_partial_correlation
from nnmech.probes.estimators import sigmoid
from nnmech.probes.validate import own_statements, validation_report
from nnmech.recording.snapshots import Snapshot, hook_name

Plant = Callable[..., Any]
QUICK = {"draws": 200, "shuffles": 3, "random_directions": 5}


def own(data: Any, texts: list[str] | None = None) -> pd.DataFrame:
    return own_statements(data.truth, data.entity, polarity=data.polarity, topics=data.topic, texts=texts)


def test_a_planted_signal_is_read_and_no_control_reads_it(planted: Plant) -> None:
    data = planted(120)
    report = validation_report(data.activations, own(data), **QUICK)
    for split in ("entity", "topic", "crossed", "crossed_back"):
        assert report.value("mass_mean", split, "auroc") > 0.97
    assert report.value("mass_mean", "entity", "accuracy") > 0.9
    assert report.value("mass_mean", "shuffled", "auroc") == pytest.approx(0.5, abs=0.05)
    assert report.value("mass_mean", "shuffled", "accuracy") == pytest.approx(0.5, abs=0.05)
    assert report.value("random_direction", "entity", "auroc") < 0.9
    assert (report.topics["auroc"] > 0.97).all()
    assert set(report.topics["n"]) == {160}
    assert (report.n, report.entities) == (480, 120)


def test_nothing_is_read_where_nothing_is(planted: Plant) -> None:
    data = planted(120, truth=0.0)
    report = validation_report(data.activations, own(data), **QUICK)
    areas = report.measures[report.measures["measure"] == "auroc"]
    assert (areas["value"].sub(0.5).abs() < 0.1).all()
    entity = areas[areas["split"] == "entity"]
    assert ((entity["low"] < 0.5) & (entity["high"] > 0.5)).all()


def test_a_memory_of_entities_is_no_knowledge() -> None:
    rng = np.random.default_rng(0)
    entity = np.repeat(np.arange(60), 8)
    rows = rng.normal(0, 1, (60, 64))[entity]
    report = validation_report(rows, own_statements(entity % 2 == 1, entity), estimators=["mass_mean"], **QUICK)
    found = report.measures.set_index(["estimator", "split", "measure"]).loc[("mass_mean", "entity", "auroc")]
    assert found["low"] < 0.5 < found["high"]
    # The same rows give everything away where an entity is on both sides.
    leaked = own_statements(entity % 2 == 1, np.arange(len(entity)))
    assert (
        validation_report(rows, leaked, estimators=["mass_mean"], **QUICK).value("mass_mean", "entity", "auroc") > 0.9
    )


def test_a_signal_that_flips_under_negation_is_caught(planted: Plant) -> None:
    data = planted(80, truth=0.0, sensitive=2.0)
    report = validation_report(data.activations, own(data), **QUICK)
    assert report.value("mass_mean", "crossed", "auroc") < 0.1
    assert report.value("mass_mean", "crossed_back", "auroc") < 0.1
    polarity = validation_report(planted(80).activations, own(data), probe="polarity", **QUICK)
    assert polarity.value("mass_mean", "crossed", "auroc") > 0.95


def test_the_words_alone_give_away_what_is_written_in_them(planted: Plant) -> None:
    data = planted(80)
    silent = [f"Statement about {name}." for name in data.entity]
    assert validation_report(data.activations, own(data, silent), **QUICK).value(
        "bag_of_words", "entity", "auroc"
    ) == pytest.approx(0.5, abs=0.1)
    telling = [
        f"{name} {'really' if truth else 'hardly'} did." for name, truth in zip(data.entity, data.truth, strict=True)
    ]
    report = validation_report(data.activations, own(data, telling), **QUICK)
    for split in ("entity", "topic", "crossed"):
        assert report.value("bag_of_words", split, "auroc") > 0.99
    # What "not" says of truth turns round with polarity, so that words fail where they are crossed.
    flipping = [
        f"{name} {'is' if truth == (sign > 0) else 'may be'} it."
        for name, truth, sign in zip(data.entity, data.truth, data.polarity, strict=True)
    ]
    assert (
        validation_report(data.activations, own(data, flipping), **QUICK).value("bag_of_words", "crossed", "auroc")
        < 0.1
    )


def test_well_specified_probabilities_are_calibrated(planted: Plant) -> None:
    data = planted(300, truth=0.4)
    estimators = [Logistic(inverse_penalties=(0.1,)), "mass_mean_covariance"]
    report = validation_report(data.activations, own(data), estimators=estimators, **QUICK)
    for name in ("logistic", "mass_mean_covariance"):
        # A fit is never quite as good outside as inside, hence twice the error of perfect probabilities.
        assert report.value(name, "entity", "ece") < 2 * report.value(name, "entity", "ece_if_calibrated")
        assert report.value(name, "entity", "brier") < 0.24
        bins = report.reliability[report.reliability["estimator"] == name]
        assert bins["n"].sum() == report.n
        crowded = bins[bins["n"] > 50]
        assert len(crowded) > 3
        assert (crowded["observed"] - crowded["predicted"]).abs().max() < 0.15
        assert ((bins["low"] <= bins["observed"]) & (bins["observed"] <= bins["high"])).all()


def test_calibration_error_is_that_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    odds = rng.normal(0, 2, 3000)
    labels = rng.random(3000) < sigmoid(odds)
    ones = np.ones((1, 3000), dtype=np.int64)
    expected = expected_error(sigmoid(odds), 10, draws=200, seed=0)
    assert calibration_error(sigmoid(odds), labels, ones, 10)[0] < expected.max()
    for factor in (0.3, 3.0):
        assert calibration_error(sigmoid(factor * odds), labels, ones, 10)[0] > 3 * expected.mean()
    table = reliability(sigmoid(3 * odds), labels, np.arange(3000), 10, draws=100, seed=0)
    by_hand = (table["n"] / 3000 * (table["observed"] - table["predicted"]).abs()).sum()
    assert calibration_error(sigmoid(3 * odds), labels, ones, 10)[0] == pytest.approx(by_hand)
    # Rows that are drawn twice count twice.
    twice = np.concatenate([np.full(1000, 2), np.zeros(2000, dtype=np.int64)])[None]
    half = calibration_error(sigmoid(3 * odds[:1000]), labels[:1000], ones[:, :1000], 10)
    assert calibration_error(sigmoid(3 * odds), labels, twice, 10) == pytest.approx(half)


def test_partial_correlation_is_that_of_residuals() -> None:
    rng = np.random.default_rng(1)
    given = rng.normal(-50, 5, (200, 2))
    first, second = given @ [1.0, 2.0] + rng.normal(0, 3, 200), given @ [-1.0, 0.5] + rng.normal(0, 3, 200)
    weights = np.stack([np.ones(200, dtype=np.int64), rng.integers(0, 4, 200)])
    found = weighted_partial_correlation(first, second, given, weights)
    for row, drawn in enumerate(weights):
        rows = np.repeat(np.arange(200), drawn)
        design = np.column_stack([np.ones(len(rows)), given[rows]])
        residuals = [one[rows] - design @ np.linalg.lstsq(design, one[rows])[0] for one in (first, second)]
        assert found[row] == pytest.approx(np.corrcoef(*residuals)[0, 1])
    nothing = np.empty((200, 0))
    alone = weighted_partial_correlation(first, second, nothing, weights[:1])
    assert alone[0] == pytest.approx(np.corrcoef(first, second)[0, 1])
    assert np.isnan(weighted_partial_correlation(given[:, 0] * 3 + 1, second, given, weights)).all()


def test_what_passes_through_the_log_probability_alone_leaves_no_partial_correlation(planted: Plant) -> None:
    data = planted(250, truth=0.0)
    rng = np.random.default_rng(0)
    log_probs = -30 + np.where(data.truth, 2.0, -2.0) + 3 * data.polarity + rng.normal(0, 2, len(data.truth))
    only = data.activations.clone()
    only[:, 4] += torch.from_numpy(log_probs).float()
    also = only.clone()
    also[:, 4] += torch.from_numpy(np.where(data.truth, 3.0, -3.0)).float()
    reports = [validation_report(rows, own(data), log_probs=log_probs, **QUICK) for rows in (only, also)]
    for report in reports:
        assert report.value("mass_mean", "entity", "correlation") > 0.3
    through, direct = (
        report.measures.set_index(["estimator", "split", "measure"]).loc[("mass_mean", "entity", "partial_correlation")]
        for report in reports
    )
    assert through["value"] == pytest.approx(0.0, abs=0.1)
    assert through["low"] < 0 < through["high"]
    assert direct["low"] > 0.3
    assert 0.6 < reports[0].value("log_prob", "entity", "auroc") < 0.95


def snapshot_and_table(data: Any, extra: Any) -> tuple[Snapshot, pd.DataFrame]:
    """Statements of role control in front, which a validation must leave alone."""
    parts = [own(part, [f"About {name}." for name in part.entity]) for part in (extra, data)]
    table = pd.concat(
        [part.assign(role=role, claim=None) for part, role in zip(parts, ("control", "train"), strict=True)]
    )
    table = table.assign(id=[str(number) for number in range(len(table))])
    rows = torch.cat([extra.activations, data.activations])[None, None]
    return Snapshot(0, "train", rows, (3,), ("last",), (hook_name(3),), "abc", "hf", "tiny"), table


def test_a_snapshot_reads_as_the_arrays_that_it_holds(planted: Plant) -> None:
    data, extra = planted(40, truth=0.5), planted(10, first=100)
    snapshot, table = snapshot_and_table(data, extra)
    log_probs = -10 + torch.randn(len(table), generator=torch.Generator().manual_seed(0))
    taken = validation_report(snapshot, table, layer=3, position="last", log_probs=log_probs, **QUICK)
    arrays = own(data, [f"About {name}." for name in data.entity])
    given = validation_report(data.activations.numpy(), arrays, log_probs=log_probs[len(extra.truth) :], **QUICK)
    pd.testing.assert_frame_equal(taken.measures, given.measures)
    pd.testing.assert_frame_equal(taken.reliability, given.reliability)
    assert (taken.layer, taken.position, given.layer) == (3, "last", None)
    frame = taken.to_frame()
    assert list(frame.columns) == [
        *("probe", "layer", "position", "estimator", "split", "measure", "value", "low", "high", "n", "entities"),
    ]
    assert set(frame["layer"]) == {3}
    known = taken.measures[~taken.measures["measure"].isin(["ece", "ece_if_calibrated"])]
    assert ((known["low"] <= known["value"]) & (known["value"] <= known["high"])).all()
    # Roles count for one's own activations too.
    both = validation_report(snapshot.at(3, "last"), table, log_probs=log_probs, **QUICK)
    pd.testing.assert_frame_equal(both.measures, taken.measures)


def test_the_text_holds_every_estimate_with_its_interval_and_n(planted: Plant) -> None:
    data = planted(30, truth=0.3)
    report = validation_report(data.activations, own(data), **QUICK)
    text = str(report)
    assert text == report.to_markdown()
    assert text.startswith("## Truth probe, own activations: 120 statements, 30 entities")
    for row in report.measures.to_dict("records"):
        assert f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]" in text
    for words in ("held-out entities", "affirmative to negated", "negated to affirmative", "shuffled labels"):
        assert f"| {words}" in text
    table = [line for line in text.splitlines() if line.startswith("| affirmative to negated")]
    assert "| 60 " in table[0]


def test_what_is_not_known_is_reported_as_not_measured(planted: Plant) -> None:
    data = planted(30)
    report = validation_report(data.activations, own_statements(data.truth, data.entity), **QUICK)
    assert set(report.measures["split"]) == {"entity", "shuffled"}
    for reason in (
        "affirmative to negated: the polarity",
        "held-out topics: there are 0 topics",
        "bag_of_words: the texts",
        "partial correlation: the log-prob",
        "mass_mean, calibration: its score is no log-odds",
    ):
        assert any(reason in line for line in report.skipped)
        assert reason in str(report)
    with pytest.raises(InputError, match=r"no auroc of bag_of_words on 'entity'.*the texts"):
        report.value("bag_of_words", "entity", "auroc")
    affirmative = data[data.polarity == 1]
    one_sided = validation_report(affirmative.activations, own(affirmative), **QUICK)
    assert set(one_sided.measures["split"]) == {"entity", "shuffled", "topic"}
    assert any("affirmative to negated: " in line for line in one_sided.skipped)
    empty = validation_report(data.activations, own(data, ["…"] * len(data.truth)), **QUICK)
    assert any("hold no words" in line for line in empty.skipped)


def test_an_estimator_that_a_split_does_not_suit_is_skipped_there(planted: Plant) -> None:
    data = planted(30)
    quick = TTPD(Logistic(inverse_penalties=(0.1,)), Logistic(inverse_penalties=(1.0,)))
    report = validation_report(data.activations, own(data), estimators=[quick], folds=2, **QUICK | {"shuffles": 1})
    assert report.value("ttpd", "entity", "auroc") > 0.95
    assert any(line.startswith("ttpd, affirmative to negated: ") for line in report.skipped)
    with pytest.raises(InputError, match="give the polarity"):
        validation_report(data.activations, own_statements(data.truth, data.entity), estimators=["ttpd"], **QUICK)


def test_a_report_names_what_does_not_fit(planted: Plant) -> None:
    data = planted(10)
    snapshot, table = snapshot_and_table(data, planted(5, first=100))

    def refused(match: str, source: Any = data.activations, statements: Any = None, **options: Any) -> None:
        with pytest.raises(InputError, match=match):
            validation_report(source, own(data) if statements is None else statements, **options)

    refused("expected one of", probe="lie")
    refused("expected at least one, each once", estimators=[])
    refused("expected at least one, each once", estimators=["mass_mean", "mass_mean"])
    refused("must be at least 1", bins=0)
    refused("name both; the snapshot has the layers", source=snapshot, statements=table)
    refused("the snapshot has", source=snapshot, statements=table, layer=1, position="last")
    refused("40 rows of activations, 39 statements", statements=own(data)[:39])
    refused(r"log_probs of shape \(39,\): expected one finite number for each of 40", log_probs=np.zeros(39))
    refused("expected one finite number", log_probs=np.full(40, np.nan))
    refused("are NaN or infinite", source=data.activations * torch.nan)
    refused("lack the columns", statements=pd.DataFrame({"truth": data.truth}))
    refused("one class", statements=own_statements(np.ones(40), data.entity))
    refused("held-out entities need at least two", statements=own_statements(data.truth, ["one"] * 40))
    refused("entity of 1 statements is missing", statements=own(data).assign(entity=[None, *data.entity[1:]]))
    refused("needs the polarity", statements=own_statements(data.truth, data.entity), probe="polarity")
    refused("must be crossed", statements=own_statements(data.truth, data.entity, polarity=data.truth))
    refused("no statements of role train", statements=own(data).assign(role="control"))
    with pytest.raises(InputError, match=r"columns of different lengths, \{'truth': 40, 'entity': 39\}"):
        own_statements(data.truth, data.entity[1:])
