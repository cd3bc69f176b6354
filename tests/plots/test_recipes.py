"""A recipe gives what its Python gives, whatever its calls are, and writes nothing that is no Python."""

import math
import operator

import pandas as pd
import pytest

from nnmech import drift, plots
from nnmech.errors import InputError
from nnmech.plots.recipes import Call, Recipe, call, given
from nnmech.plots.tables import rows_where, stacked
from tests.plots.execution import execute


def frame(**columns: object) -> Call:
    return call("rows", pd.DataFrame, columns)


NASTY = ["plain", "it's", 'say "no"', "both ' and \"", "back\\slash", "line\nbreak", "naïve – 漢字", "{x}", ""]


@pytest.mark.parametrize(
    "value",
    [None, True, 7, -0.25, 1e-300, [], (), {}, (1,), [(1, "a"), (2, None)], {"a": [1, {"b": (2,)}]}, NASTY, NASTY * 9],
)
def test_a_value_is_written_as_python_that_gives_it(value):
    table = given("table", value)
    assert execute(table.source())["table"] == value == table.run()


@pytest.mark.parametrize("value", [math.nan, math.inf, object(), {1, 2}, b"bytes", pd.Timestamp(0)])
def test_what_python_could_not_give_again_is_refused(value):
    with pytest.raises(InputError, match="cannot be written as Python; expected a number, a text"):
        call("table", stacked, {"a": value}, "of").source()


def test_calls_take_what_other_calls_give_wherever_they_stand():
    rows = frame(step=[0, 1, 2], z=[0.5, 1.5, 2.5])
    parts = {"low": call(None, rows_where, rows, step=0), "high": call(None, rows_where, rows, step=2)}
    table = call("table", stacked, parts, "about")
    first = call("first", operator.getitem, call(None, getattr, table, "columns"), 0)
    recipe = Recipe(table, first)
    made, ran = execute(recipe.source()), recipe.run()
    pd.testing.assert_frame_equal(made["table"], ran["table"])
    assert ran["table"]["z"].tolist() == [0.5, 2.5]
    assert ran["table"]["about"].tolist() == ["low", "high"]
    assert made["first"] == ran["first"] == "step"


def test_a_method_and_an_attribute_are_written_as_such():
    rows = frame(step=[2, 1])
    table = call("table", pd.DataFrame.sort_values, rows, "step")
    source = Recipe(table, call("size", getattr, table, "size")).source()
    assert 'table = rows.sort_values("step")' in source
    assert "size = table.size" in source
    assert execute(source)["size"] == 2


def test_every_call_runs_once_and_what_is_known_does_not_run():
    ran = []

    def noted(name: str, *given: object) -> str:
        ran.append(name)
        return name

    first = call("first", noted, "first")
    last = call("last", noted, "last", call("left", noted, "left", first), call("right", noted, "right", first))
    assert last.run() == "last"
    assert sorted(ran) == ["first", "last", "left", "right"]
    ran.clear()
    assert last.run({first: "known"}) == "last"
    assert sorted(ran) == ["last", "left", "right"]
    ran.clear()
    assert last.run({last: "known"}) == "known"
    assert not ran


def test_functions_of_one_name_are_told_apart_by_their_package():
    rows = frame(step=[0])
    source = Recipe(
        call("table", drift.belief_over_steps, rows), call("figure", plots.belief_over_steps, rows)
    ).source()
    assert "from nnmech import drift, plots" in source
    assert "table = drift.belief_over_steps(rows)" in source
    assert "figure = plots.belief_over_steps(rows)" in source
    alone = call("figure", plots.belief_over_steps, rows).source()
    assert "from nnmech.plots import belief_over_steps" in alone


def test_imports_are_sorted_and_long_lines_broken():
    several = given("runs", {f"run {number}": "a" * 40 for number in range(6)})
    source = call("table", stacked, {"z": call(None, rows_where, several, a=1)}, "about").source()
    imports = [line for line in source.splitlines() if line.startswith("from ")]
    assert imports == sorted(imports)
    assert all(len(line) <= 100 for line in source.splitlines())
    assert execute(several.source())["runs"] == several.run()


def test_two_calls_cannot_have_one_name():
    rows = frame(step=[0])
    with pytest.raises(InputError, match=r"\['rows'\] name two results"):
        Recipe(call("table", stacked, {"a": rows, "b": frame(step=[1])}, "of"))
