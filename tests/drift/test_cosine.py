from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnmech.claims import Statement
from nnmech.drift import direction_cosine, fitted_directions, principal_angles
from nnmech.errors import InputError
from nnmech.runs import Run

TRUTH, OTHER, POLARITY = np.eye(16)[:3]

Place = Callable[..., np.ndarray]
Record = Callable[..., Run]


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


@pytest.mark.parametrize(("estimator", "least"), [("mass_mean", 0.99), ("ttpd", 0.99), ("logistic", 0.9)])
def test_a_planted_direction_is_recovered(
    statements: list[Statement], place: Place, record: Record, estimator: str, least: float
) -> None:
    """Logistic regression separates the classes, for which it need not lie quite along what lies between them."""
    axis = 0.6 * TRUTH + 0.8 * OTHER
    run = record("run", statements, {0: place(statements, 0), 10: place(statements, 10, truth=axis)})
    found = fitted_directions(run, estimator=estimator)  # pyright: ignore[reportArgumentType]
    assert found.shape == (2, 1, 1, 16)
    assert cosine(found[0, 0, 0], TRUTH) >= least
    assert cosine(found[1, 0, 0], axis) >= least
    polarity = fitted_directions(run, probe="polarity", steps=[10], estimator=estimator)  # pyright: ignore
    assert cosine(polarity[0, 0, 0], POLARITY) >= 0.9


def test_a_turned_direction_has_the_cosine_of_its_angle(
    statements: list[Statement], place: Place, record: Record
) -> None:
    axis = 0.6 * TRUTH + 0.8 * OTHER
    rows = {0: place(statements, 0), 10: place(statements, 10, truth=axis)}
    table = direction_cosine(record("run", statements, rows), draws=80, shuffles=60).set_index(["probe", "step"])
    assert table.loc["truth", "corrected"].tolist() == pytest.approx([1.0, 0.6], abs=0.03)
    turned = table.loc[("truth", 10)]
    assert turned["low"] < 0.6 < turned["high"]
    assert turned["high"] < 0.75
    assert table.loc[("polarity", 10), "low"] > 0.97
    first = table.loc[("truth", 0)]
    assert (first[["cosine", "corrected", "low", "high"]] == pytest.approx(1)).all()
    assert (table["null_low"] <= 0).all()
    assert (table["null_high"] >= 0).all()
    assert table["null"].abs().max() < 0.2
    assert set(table["n"]) == {240}
    assert set(table["entities"]) == {60}


def test_noise_alone_does_not_turn_a_direction(statements: list[Statement], place: Place, record: Record) -> None:
    """A direction that stays is read as turned by noise, unless its reliability is allowed for."""
    rows = {step: place(statements, step, own=0.0, noise=2.0) for step in (0, 10)}
    row = (
        direction_cosine(record("run", statements, rows), draws=80, shuffles=60, probes=["truth"])
        .set_index("step")
        .loc[10]
    )
    assert row["cosine"] < 0.85
    assert row["cosine"] < row["reliability"] + 0.1
    assert row["corrected"] > row["cosine"] + 0.1
    assert row["high"] == pytest.approx(1)


def test_statements_that_stay_do_not_make_a_direction(
    statements: list[Statement], place: Place, record: Record
) -> None:
    """Where nothing tells true from false, two fits on the same statements look alike; their halves do not."""
    rows = {step: place(statements, step, truth=0 * TRUTH, own=1.0, noise=0.05) for step in (0, 10)}
    row = (
        direction_cosine(record("run", statements, rows), draws=80, shuffles=60, probes=["truth"])
        .set_index("step")
        .loc[10]
    )
    assert row["cosine"] > 0.95
    assert np.isnan(row["corrected"]) or np.isnan(row["low"]) or row["reliability"] < 0.5


def test_too_few_entities_are_refused(statements: list[Statement], place: Place, record: Record) -> None:
    few = [item for item in statements if item.role != "train" or item.entity in {f"train{n}" for n in range(7)}]
    run = record("run", few, {0: place(few, 0)})
    with pytest.raises(InputError, match=r"run: 7 entities have statements of role train: .* at least 8"):
        direction_cosine(run)
    with pytest.raises(InputError, match="splits=0, shuffles=100, draws=200: expected at least one"):
        direction_cosine(run, splits=0)


@settings(deadline=None)
@given(st.lists(st.floats(0.01, np.pi / 2), min_size=1, max_size=3), st.integers(0, 1000))
def test_principal_angles_are_those_planted(angles: list[float], seed: int) -> None:
    """Whatever basis, order and lengths the two subspaces are given in."""
    rng = np.random.default_rng(seed)
    frame = np.linalg.qr(rng.normal(size=(9, 9)))[0]
    k = len(angles)
    turned = np.cos(angles)[:, None] * frame[:k] + np.sin(angles)[:, None] * frame[k : 2 * k]
    first = (np.eye(k) + 0.3 * np.triu(rng.normal(size=(k, k)), 1)) @ frame[:k]
    second = np.diag(rng.uniform(0.5, 9, k)) @ turned[rng.permutation(k)]
    np.testing.assert_allclose(principal_angles(first, second), sorted(angles), atol=1e-6)
    np.testing.assert_allclose(principal_angles(second, first), sorted(angles), atol=1e-6)


def test_subspaces_of_different_size_and_single_directions() -> None:
    assert principal_angles(TRUTH, np.stack([OTHER, TRUTH])) == pytest.approx([0])
    assert principal_angles(np.stack([TRUTH, OTHER]), [POLARITY]) == pytest.approx([np.pi / 2])


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (np.eye(3)[:1], np.eye(4)[:1], r"shapes \(1, 3\) and \(1, 4\)"),
        (np.zeros((0, 3)), np.eye(3), r"shapes \(0, 3\)"),
        (np.eye(3), np.full((1, 3), np.nan), "the second set of directions holds NaN"),
        (np.ones((2, 3)), np.eye(3), "the first set of 2 directions spans 1 dimensions"),
        (np.zeros((1, 3)), np.eye(3), "the first set of 1 directions spans 0 dimensions"),
    ],
)
def test_directions_that_span_nothing_are_refused(first: np.ndarray, second: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        principal_angles(first, second)
