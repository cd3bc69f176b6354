"""The whole experiment on the page Compare: the numbers of its report, over the runs that have finished."""

import re
import shutil
from html import unescape
from typing import Any

from matplotlib.figure import Figure
from pandas.testing import assert_frame_equal

from nnmech.experiments.conditions.report import belief_tables
from nnmech.experiments.conditions.report import read_results as read_conditions
from nnmech.experiments.two_phase.report import belief_table, read_results, rebound_table
from nnmech.runs import Run, RunWriter
from tests.dashboard.made_runs import BOUNDARY, MODEL, child, write_conditions, write_experiment, write_run

WHOLE = "The whole experiment"


def words(app: Any) -> str:
    """What the page says in HTML, without tags."""
    text = "\n".join(re.sub(r"<style>.*?</style>", "", one.proto.body, flags=re.DOTALL) for one in app.get("html"))
    return unescape(re.sub("<[^>]+>", " ", text))


def test_the_key_numbers_are_those_of_the_report(compare, tmp_path):
    folder = write_experiment(tmp_path / "demo")
    app = compare(folder, compare=WHOLE)
    results = read_results(Run(folder))
    shown = "\n".join(one.proto.body for one in app.get("html"))
    for _, row in belief_table(results).iterrows():
        assert f"{row['mean']:.0f}<small> %" in shown
        assert f"{row['low']:.0f} to {row['high']:.0f}" in shown
    for _, row in rebound_table(results).iterrows():
        assert f"{row['mean']:+.0f}<small> points" in shown
    assert "2 of 2 runs finished" in words(app)


def test_belief_by_condition_is_that_of_the_report(compare, tmp_path):
    folder = write_conditions(tmp_path / "table")
    app = compare(folder, compare=WHOLE)
    belief, _ = belief_tables(read_conditions(Run(folder)))
    assert_frame_equal(app.panels["belief_by_condition"].table, belief)
    assert "10 of 10 runs finished" in words(app)


def test_an_experiment_under_way_has_the_numbers_of_its_finished_runs(compare, tmp_path):
    begun = write_experiment(tmp_path / "begun", until=BOUNDARY + 1)
    app = compare(begun, compare=WHOLE)
    assert "0 of 2 runs finished" in words(app)
    assert "No run has finished yet" in words(app)
    assert any(str(begun) in code.value for code in app.code)
    half = write_experiment(tmp_path / "half")
    shutil.rmtree(child(half, "anchor"))
    write_run(child(half, "anchor"), "anchor", until=BOUNDARY + 1)
    app = compare(half, compare=WHOLE)
    assert "1 of 2 runs finished" in words(app)
    assert set(app.panels["belief_by_phase"].table["arm"]) == {"none"}
    shutil.rmtree(child(half, "anchor"))
    write_run(child(half, "anchor"), "anchor")
    app.run()
    assert "2 of 2 runs finished" in words(app)
    assert set(app.panels["belief_by_phase"].table["arm"]) == {"anchor", "none"}


def test_an_experiment_of_another_kind_shows_its_own_figures(compare, tmp_path):
    folder = tmp_path / "mine"
    RunWriter.create(folder, config={"experiment": "mine"}, model=MODEL, kind="experiment").close()
    write_run(folder / "runs" / "a", "none")
    assert "no figures of itself yet" in words(compare(folder, compare=WHOLE))
    (folder / "figures").mkdir()
    Figure((1, 1)).savefig(folder / "figures" / "belief_in_context.png")
    app = compare(folder, compare=WHOLE)
    assert [header.value for header in app.subheader] == ["Belief in context"]
