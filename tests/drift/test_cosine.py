from collections.abc import Callable

import numpy as np
import pytest

from nnmech.claims import Statement
from nnmech.drift import direction_cosine
from nnmech.errors import InputError
from nnmech.runs import Run

TRUTH, OTHER = np.eye(16)[:2]

Place = Callable[..., np.ndarray]
Record = Callable[..., Run]


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
