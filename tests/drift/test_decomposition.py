import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from nnmech.claims import Statement
from nnmech.drift import claim_coordinate, decomposition
from nnmech.errors import InputError
from nnmech.runs import Run

TRUTH, OTHER = np.eye(16)[:2]

Place = Callable[..., np.ndarray]
Record = Callable[..., Run]


def of_role(table: pd.DataFrame, role: str, step: int = 10) -> pd.Series:
    chosen = table[(table["role"] == role) & (table["step"] == step) & (table["probe"] == "truth")]
    assert len(chosen) == 1
    return chosen.iloc[0]


def covers(row: pd.Series, part: str, value: float = 0.0) -> bool:
    return row[f"{part}_low"] <= value <= row[f"{part}_high"]


def test_columns_and_unit(statements: list[Statement], place: Place, record: Record) -> None:
    table = decomposition(record("run", statements, {0: place(statements, 0), 10: place(statements, 10)}), draws=50)
    parts = [f"{part}{bound}" for part in ("data", "refit", "total") for bound in ("", "_low", "_high")]
    named = ["step", "phase", "layer", "position", "probe", "role", "claim", "polarity"]
    assert table.columns.tolist() == [*named, *parts, "n"]
    assert set(table["probe"]) == {"truth", "polarity"}
    assert len(table) == 2 * 2 * 4
    assert (table["total"] == table["data"] + table["refit"]).all()
    assert (table.loc[table["step"] == 0, parts] == 0).all(axis=None)


def test_a_planted_shift_is_data_drift(statements: list[Statement], place: Place, record: Record) -> None:
    rows = {0: place(statements, 0, claim=-TRUTH), 10: place(statements, 10, claim=0.4 * TRUTH)}
    table = decomposition(record("run", statements, rows))
    moved = of_role(table, "claim")
    assert moved["data"] == pytest.approx(0.7, abs=0.1)
    assert moved["data_low"] > 0.5
    assert covers(moved, "refit")
    assert abs(moved["refit"]) < 0.05
    for null in ("matched_false", "unrelated_claim"):
        assert all(covers(of_role(table, null), part) for part in ("data", "refit", "total"))


@pytest.mark.parametrize("degrees", [40, 90])
def test_a_planted_rotation_is_probe_drift(
    statements: list[Statement], place: Place, record: Record, degrees: float
) -> None:
    """Truth turns away from the claim, which stays where it is: only the new direction reads it otherwise."""
    angle = np.deg2rad(degrees)
    axis = np.cos(angle) * TRUTH + np.sin(angle) * OTHER
    stays = -TRUTH + OTHER
    rows = {0: place(statements, 0, claim=stays), 10: place(statements, 10, truth=axis, claim=stays)}
    moved = of_role(decomposition(record("run", statements, rows)), "claim")
    assert covers(moved, "data")
    assert abs(moved["data"]) < 0.05
    assert covers(moved, "refit", (stays @ axis + 1) / 2)
    assert moved["refit_low"] > 0.1
    assert moved["refit"] / moved["total"] == pytest.approx(1, abs=0.1)


def test_noise_is_neither(statements: list[Statement], place: Place, record: Record) -> None:
    """Intervals of 95% cover zero about that often, though statements of the claim have a place in common."""
    runs, hits = 16, dict.fromkeys(("data", "refit", "total"), 0)
    ada = np.random.default_rng(5).normal(0, 0.4, 16)
    for number in range(runs):
        rows = {step: place(statements, 100 * number + step, noise=0.4, claim=ada - TRUTH) for step in (0, 10)}
        row = of_role(decomposition(record(f"run{number}", statements, rows), probes=["truth"], draws=150), "claim")
        for part in hits:
            hits[part] += covers(row, part)
    assert min(hits.values()) >= 0.75 * runs


def test_the_total_is_the_change_of_a_coordinate_that_is_fitted_again(
    statements: list[Statement], place: Place, record: Record
) -> None:
    axis = 1.3 * TRUTH + 0.8 * OTHER
    rows = {0: place(statements, 0), 10: place(statements, 10, truth=axis, claim=0.3 * TRUTH)}
    run = record("run", statements, rows)
    total = of_role(decomposition(run, draws=20), "claim")["total"]
    z = [claim_coordinate(run, steps=[step], reference_step=step).set_index("role")["z"]["claim"] for step in (0, 10)]
    assert total == pytest.approx(z[1] - z[0], abs=1e-5)


def test_where_all_activations_grow_the_parts_cancel(statements: list[Statement], place: Place, record: Record) -> None:
    rows = {0: place(statements, 0), 10: 1.5 * place(statements, 10) + 3.0}
    row = of_role(decomposition(record("run", statements, rows)), "claim")
    assert covers(row, "total")
    assert row["data"] < -0.1


def test_without_separated_controls_there_is_no_unit(statements: list[Statement], place: Place, record: Record) -> None:
    rows = {0: place(statements, 0), 10: place(statements, 10, truth=0 * TRUTH, claim=-TRUTH)}
    row = of_role(decomposition(record("run", statements, rows), draws=50), "claim")
    assert np.isfinite(row["data"])
    assert np.isnan(row["refit"])
    assert np.isnan(row["total"])


def test_one_statement_has_no_interval(statements: list[Statement], place: Place, record: Record) -> None:
    first = next(item for item in statements if item.role == "claim")
    single = [item for item in statements if item.role != "claim"] + [dataclasses.replace(first)]
    run = record("run", single, {0: place(single, 0), 10: place(single, 10)})
    row = of_role(decomposition(run, draws=20), "claim")
    assert np.isfinite(row["data"])
    assert np.isnan([row["data_low"], row["data_high"]]).all()


def test_an_unknown_probe_is_refused(statements: list[Statement], place: Place, record: Record) -> None:
    run = record("run", statements, {0: place(statements, 0)})
    with pytest.raises(InputError, match=r"probes \[\]: expected some of \['truth', 'polarity'\]"):
        decomposition(run, probes=[])
