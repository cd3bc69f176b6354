import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from nnmech.claims import Statement
from nnmech.drift import average_statements, claim_coordinate, polarity_coordinate, statement_coordinates
from nnmech.errors import InputError
from nnmech.runs import Run

TRUTH = np.eye(16)[0]
GROUP = ["role", "claim", "polarity", "step"]

Place = Callable[..., np.ndarray]
Record = Callable[..., Run]


@pytest.fixture
def recorded(statements: list[Statement], place: Place, record: Record) -> Callable[..., Run]:
    """A run whose claim becomes true at step 20, and whose truth is not told apart at step 30."""

    def build(name: str = "run", items: list[Statement] | None = None) -> Run:
        chosen = statements if items is None else items
        rows = {step: place(chosen, step, claim=(2 * belief - 1) * TRUTH) for step, belief in ((0, 0), (20, 1))}
        rows[30] = place(chosen, 30, truth=0 * TRUTH, claim=0 * TRUTH)
        return record(name, chosen, rows, phases={0: "untouched", 20: "phase1", 30: "phase1"})

    return build


@pytest.mark.parametrize(("probe", "of_groups"), [("truth", claim_coordinate), ("polarity", polarity_coordinate)])
def test_the_mean_over_a_group_is_its_coordinate(recorded: Callable[..., Run], probe, of_groups) -> None:
    run = recorded()
    table = statement_coordinates(run, layer=3, position="last", probe=probe)
    means = table.groupby(GROUP, dropna=False)["z"].mean()
    groups = of_groups(run).set_index(GROUP)["z"]
    assert groups.isna().any() == (probe == "truth")
    pd.testing.assert_series_equal(means.reindex(groups.index), groups)
    averages = average_statements(table, GROUP[:3]).set_index(GROUP)
    pd.testing.assert_series_equal(averages["z"].reindex(groups.index), groups)


def test_a_control_is_placed_as_if_it_were_none(statements: list[Statement], recorded: Callable[..., Run]) -> None:
    # The same person, taken out of the controls, has no part in the scale.
    apart = [dataclasses.replace(item, role="held_out") if item.entity == "control7" else item for item in statements]
    own, other = (
        statement_coordinates(run, layer=3, position="last").query("entity == 'control7'").reset_index(drop=True)
        for run in (recorded(), recorded("apart", apart))
    )
    assert own["id"].nunique() == 4
    assert set(own["role"]) == {"control"}
    known = own["step"] < 30
    np.testing.assert_allclose(own.loc[known, "z"], other.loc[known, "z"])
    assert own.loc[~known, "z"].isna().all()


def test_rows_are_statement_by_statement_over_the_steps_that_were_asked_for(
    statements: list[Statement], recorded: Callable[..., Run]
) -> None:
    run = recorded()
    table = statement_coordinates(run, layer=3, position="last", steps=[20, 0])
    shown = [item for item in statements if item.role != "train"]
    assert table["id"].tolist() == [item.id for item in shown for _ in range(2)]
    assert table["step"].tolist() == [20, 0] * len(shown)
    assert table["phase"].tolist()[:2] == ["phase1", "untouched"]
    assert list(table)[:13] == [
        *("step", "phase", "layer", "position", "id", "text", "truth", "polarity", "topic", "entity", "role", "claim"),
        "z",
    ]
    at = table.pivot(index="id", columns="step", values="z")
    change = table.query("step == 20").set_index("id")["change"]
    np.testing.assert_allclose(change, (at[20] - at[0]).loc[change.index])
    assert (table.query("step == 0")["change"] == 0).all()
    moved = table.query("step == 20 and role == 'claim'")["change"]
    assert moved.mean() == pytest.approx(1.0, abs=0.1)


def test_of_roles_that_tell_of_a_claim_the_others_can_be_left_out(
    statements: list[Statement], recorded: Callable[..., Run]
) -> None:
    more = [
        dataclasses.replace(item, id=f"{item.id}/cy", claim="cy_diver", entity="cy")
        for item in statements
        if item.role == "claim"
    ]
    run = recorded(items=[*statements, *more])
    everything = statement_coordinates(run, layer=3, position="last")
    assert set(everything.query("role == 'claim'")["claim"]) == {"ada_pilot", "cy_diver"}
    own = statement_coordinates(run, layer=3, position="last", claim="ada_pilot")
    assert set(own.query("role == 'claim'")["claim"]) == {"ada_pilot"}
    assert set(own["role"]) == set(everything["role"])
    with pytest.raises(InputError, match=r"no statement is about the claim 'eve'; there are \['ada_pilot', 'bea_"):
        statement_coordinates(run, layer=3, position="last", claim="eve")


def test_controls_without_others_to_place_them_have_no_coordinate(
    statements: list[Statement], recorded: Callable[..., Run]
) -> None:
    def one_person(item: Statement) -> bool:
        return item.role != "control" or item.polarity > 0 or item.entity == "control0"

    def no_false_ones(item: Statement) -> bool:
        return item.role != "claim_negation" and (item.role != "control" or item.polarity > 0 or bool(item.truth))

    for kept in (one_person, no_false_ones):
        run = recorded(kept.__name__, [item for item in statements if kept(item)])
        table = statement_coordinates(run, layer=3, position="last")
        first = table.query("step == 0 and role == 'control'")
        assert set(first.query("polarity == -1")["entity"])
        assert first.query("polarity == -1")["z"].isna().all()
        assert first.query("polarity == 1")["z"].notna().all()


def test_a_place_that_was_not_recorded_is_refused(recorded: Callable[..., Run]) -> None:
    with pytest.raises(InputError, match=r"layers \[9\]: expected some of \[3\]"):
        statement_coordinates(recorded(), layer=9, position="last")


def rows(z: dict[str, list[float]], entity: Callable[[str], str] = str) -> pd.DataFrame:
    return pd.DataFrame(
        {"id": name, "entity": entity(name), "role": "claim", "truth": False, "polarity": 1, "layer": 3}
        | {"position": "last", "step": step, "phase": "phase1", "z": value}
        for name, values in z.items()
        for step, value in enumerate(values)
    )


def test_statements_without_a_coordinate_do_not_count_in_a_mean() -> None:
    table = average_statements(rows({"a": [1.0, np.nan, np.nan], "b": [3.0, 5.0, np.nan]}))
    np.testing.assert_allclose(table["z"], [2.0, 5.0, np.nan])
    assert table["n"].tolist() == [2, 1, 0]
    with pytest.raises(InputError, match="no statements to average"):
        average_statements(table.head(0))


def test_entities_are_resampled_whole() -> None:
    values = np.random.default_rng(0).normal(size=12)
    apart = {str(number): [value] for number, value in enumerate(values)}
    # Four statements that agree about each of twelve people tell no more than one about each.
    again = {f"{name}/{copy}": value for name, value in apart.items() for copy in range(4)}
    one = average_statements(rows(apart)).iloc[0]
    four = average_statements(rows(again, lambda name: name.split("/")[0])).iloc[0]
    assert four["z"] == pytest.approx(one["z"])
    assert four["n"] == 48
    assert four["high"] - four["low"] == pytest.approx(one["high"] - one["low"], rel=0.1)
    alike = average_statements(rows(apart, lambda _: "ada")).iloc[0]
    assert alike["low"] < alike["z"] < alike["high"]
