"""What drift fits is what a probe fits, by every estimator and in every function."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from nnmech import drift
from nnmech.claims import Statement
from nnmech.drift.recording import open_recording
from nnmech.drift.training import Training
from nnmech.errors import InputError
from nnmech.probes import ESTIMATORS, TTPD, Logistic, PolarityProbe, TruthProbe
from nnmech.probes.labels import label_table
from nnmech.runs import Run

Place = Callable[..., np.ndarray]
Record = Callable[..., Run]
PROBES = {"truth": TruthProbe, "polarity": PolarityProbe}
TRUTH, OTHER, POLARITY, TOPIC = np.eye(16)[:4]


def cosine(first: np.ndarray | torch.Tensor, second: np.ndarray | torch.Tensor) -> float:
    one, other = (np.asarray(side, dtype=np.float64) for side in (first, second))
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def directions(run: Run, probe: Any, estimator: Any) -> np.ndarray:
    """The direction at each step."""
    recording = open_recording(run)
    training = recording.training()
    activations = recording.activations(3)[:, 0, training.rows]
    return training.directions(activations, probe, estimator)[:, 0].numpy()


@pytest.fixture
def unbalanced(statements: list[Statement], place: Place, record: Record) -> Run:
    """A run in whose training statements nearly all of one topic are true, and topics lie far apart."""
    rng = np.random.default_rng(0)
    kept = []
    for item in statements:
        number = int(item.entity.removeprefix("train")) if item.role == "train" else 0
        topic = "art" if number % 2 else "work"
        if item.role != "train" or (item.truth == (topic == "art")) or rng.random() < 0.25:
            kept.append(replace(item, topic=topic))
    away = np.array([2.0 if item.topic == "art" else -2.0 for item in kept])[:, None] * TOPIC
    rows = {step: place(kept, step, truth=0.5 * TRUTH, noise=0.3) + away for step in (0, 10)}
    return record("run", kept, rows)


@pytest.mark.parametrize(("estimator", "least"), [("mass_mean", 0.99), ("ttpd", 0.99), ("logistic", 0.9)])
def test_a_planted_direction_is_recovered(
    statements: list[Statement], place: Place, record: Record, estimator: str, least: float
) -> None:
    """Logistic regression separates the classes, for which it need not lie quite along what lies between them."""
    axis = 0.6 * TRUTH + 0.8 * OTHER
    run = record("run", statements, {0: place(statements, 0), 10: place(statements, 10, truth=axis)})
    found = directions(run, "truth", estimator)
    assert found.shape == (2, 16)
    assert cosine(found[0], TRUTH) >= least
    assert cosine(found[1], axis) >= least
    assert cosine(directions(run, "polarity", estimator)[1], POLARITY) >= 0.9


@pytest.mark.parametrize("probe", ["truth", "polarity"])
@pytest.mark.parametrize("estimator", [*ESTIMATORS, Logistic((0.01,)), TTPD(polarity=Logistic((0.1,)))])
def test_drift_fits_the_direction_of_a_probe(unbalanced: Run, estimator: Any, probe: Any) -> None:
    found = directions(unbalanced, probe, estimator)
    table = label_table(unbalanced.statements, unbalanced.snapshot(0))
    training = Training.of(table)
    halves = np.concatenate([np.ones((1, len(training.rows)), dtype=bool), training.parts(probe, 2, 2, 0)])
    labels = np.tile(training.labels(probe), (len(halves), 1))
    for number, step in enumerate((0, 10)):
        snapshot = unbalanced.snapshot(step)
        one = PROBES[probe].fit_snapshot(snapshot, unbalanced.statements, layer=3, position="last", estimator=estimator)
        assert cosine(found[number], one.direction) == pytest.approx(1, abs=2e-6)
        rows = snapshot.at(3, "last")[torch.from_numpy(training.rows)]
        # Among resamples of it the fit on all statements is the same.
        many = training.directions(rows, probe, estimator, labels, halves, resampled=True)
        assert cosine(many[0], one.direction) == pytest.approx(1, abs=2e-6)


def test_topics_matter_to_the_direction(unbalanced: Run) -> None:
    """Else the test above could not tell whether drift drops them."""
    snapshot, table = unbalanced.snapshot(0), unbalanced.statements
    with_topics = TruthProbe.fit_snapshot(snapshot, table, layer=3, position="last", estimator="ttpd")
    without = TruthProbe.fit_snapshot(snapshot, table.assign(topic="one"), layer=3, position="last", estimator="ttpd")
    assert cosine(with_topics.direction, without.direction) < 0.9


@pytest.mark.parametrize("estimator", [*ESTIMATORS, Logistic((0.01,))])
def test_a_coordinate_is_that_of_a_probe(unbalanced: Run, estimator: Any) -> None:
    snapshot, table = unbalanced.snapshot(0), unbalanced.statements
    probe = TruthProbe.fit_snapshot(snapshot, table, layer=3, position="last", estimator=estimator)
    scores = probe.score_snapshot(snapshot).double().numpy()
    role, truth = table["role"].to_numpy(), table["truth"].to_numpy()
    own = (table["polarity"] == 1).to_numpy()
    low, high = (scores[own & (role == "control") & (truth == side)].mean() for side in (False, True))
    rows = drift.claim_coordinate(unbalanced, steps=[0], estimator=estimator, draws=20).set_index("role")
    z = (scores[role == "claim"].mean() - low) / (high - low)
    assert rows.loc["claim", "z"] == pytest.approx(z, abs=1e-3)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_function_works_by_every_estimator(unbalanced: Run, estimator: Any) -> None:
    how: dict[str, Any] = {"estimator": estimator}
    tables = [
        drift.claim_coordinate(unbalanced, draws=20, **how),
        drift.polarity_coordinate(unbalanced, draws=20, **how),
        drift.decomposition(unbalanced, draws=4, **how),
        drift.coordinate_difference(unbalanced, unbalanced, draws=20, **how),
        drift.statement_coordinates(unbalanced, layer=3, position="last", draws=20, **how),
        drift.transfer_matrix(unbalanced, folds=2, shuffles=1, draws=20, **how),
        drift.direction_cosine(unbalanced, splits=2, shuffles=2, draws=2, **how),
    ]
    for table, value in zip(tables, ["z", "z", "total", "difference", "z", "auroc", "cosine"], strict=True):
        assert np.isfinite(table[value].to_numpy(dtype=float)).all()
    assert drift.best_place(unbalanced, **how) == (3, "last")


def test_what_cannot_be_fitted_names_the_run(statements: list[Statement], place: Place, record: Record) -> None:
    """Two training entities, each with one polarity: no fold of them tells affirmative from negated."""
    few = [
        item
        for item in statements
        if item.role != "train" or (item.entity, item.polarity) in {("train0", 1), ("train1", -1)}
    ]
    run = record("run", few, {0: place(few, 0), 10: place(few, 10)})
    with pytest.raises(InputError, match=r"run: problem 0: no fold of the 2 groups .*inverse_penalties"):
        drift.polarity_coordinate(run, estimator="logistic", draws=5)
    drift.polarity_coordinate(run, estimator=Logistic(inverse_penalties=(0.1,)), draws=5)
