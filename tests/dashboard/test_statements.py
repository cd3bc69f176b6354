"""The page Statements: single statements in small multiples, and the table that chooses among them."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from nnmech.drift import claim_coordinate
from nnmech.runs import Run
from nnmech_dashboard.testing import settled
from tests.dashboard.conftest import SAMPLE
from tests.plots.execution import execute

ANCHOR = "sample_run/isaksen_greek.anchor.seed0"
RUN = SAMPLE / "runs" / "isaksen_greek.anchor.seed0"
TEXT = "Irma Isaksen speaks Greek."


@pytest.fixture
def statements(open_app) -> Any:
    def start(*folders: Path, **query: object) -> Any:
        app = open_app(*(folders or (SAMPLE,)), page="statements", **({"run": ANCHOR, "layer": 5} | query))
        assert not app.exception
        return app

    return start


def rows(app: Any) -> Any:
    return app.dataframe[0].value


def snippet(app: Any) -> dict[str, Any]:
    made = execute(app.code[0].value)
    assert isinstance(made["figure"], Figure)
    return made


def test_every_statement_but_those_of_training_has_a_row_and_its_coordinate(statements):
    run = Run(RUN)
    steps = [run.steps[0], run.steps[-1]]
    table = rows(statements(position="last", step=steps[1]))
    assert len(table) == (run.statements["role"] != "train").sum()
    z = claim_coordinate(run, layers=[5], positions=["last"], steps=steps).query("role == 'claim'")["z"].tolist()
    claim = table[table["role"] == "the claim"]
    assert [claim["first"].mean(), claim["now"].mean()] == pytest.approx(z)
    assert claim["change"].mean() == pytest.approx(z[1] - z[0])
    assert table["role"].iloc[0] == "the claim"
    assert table["role"].iloc[-1] == "controls"


def test_between_two_snapshots_the_earlier_one_is_shown(statements):
    run = Run(RUN)
    asked = next(step for step in sorted(set(run.answers["step"]), reverse=True) if step not in run.steps)
    before = max(step for step in run.steps if step < asked)
    assert rows(statements(step=asked)).equals(rows(statements(step=before)))
    assert not rows(statements(step=asked)).equals(rows(statements(step=run.steps[0])))


def test_words_and_roles_narrow_what_is_shown(statements):
    app = statements()
    app.text_input(key="search_statements").set_value("GREEK speaks").run()
    assert all("speaks" in text and "Greek" in text for text in rows(app)["text"])
    assert set(rows(app)["role"]) == {"the claim", "its negation"}
    assert snippet(app)["table"]["text"].nunique() == rows(app)["text"].nunique()
    app.pills(key="roles").set_value(["claim"]).run()
    assert set(rows(app)["role"]) == {"the claim"}
    assert set(snippet(app)["table"]["role"]) == {"claim"}
    app.text_input(key="search_statements").set_value("nobody said this").run()
    assert not app.dataframe
    assert "No statement fits" in notes(app)


def test_a_link_tells_words_and_roles(statements):
    app = statements(roles="its negation", search_statements="myth")
    assert rows(app)["role"].tolist() == ["its negation"]
    assert "myth" in rows(app)["text"].iloc[0]
    # What no run has is let go.
    assert len(rows(statements(roles="no such role"))) == len(rows(statements()))


@pytest.mark.parametrize("probe", ["truth", "polarity"])
def test_the_snippet_makes_the_figure_and_its_table(statements, probe):
    app = statements(probe=probe)
    made = snippet(app)
    assert len(made["table"]) == len(rows(app)) * len(Run(RUN).steps)
    titles = [axes.get_title(loc="left") for axes in made["figure"].axes]
    assert sum(map(bool, titles)) == len(set(rows(app)["role"]))


def test_a_link_highlights_a_statement(statements):
    chosen = next(row for row in Run(RUN).statements.itertuples() if row.text == TEXT)
    app = statements(statement=chosen.id)
    assert f"Highlighted: “{TEXT}”" in notes(app)
    assert f'chosen="{chosen.id}"' in app.code[0].value
    snippet(app)
    assert "Highlighted" not in notes(statements(statement="../../nobody"))
    # What is filtered away cannot be highlighted.
    app.pills(key="roles").set_value(["control"]).run()
    assert "Highlighted" not in notes(app)


def notes(app: Any) -> str:
    return " ".join(html.value for html in app.html)


def test_a_run_without_snapshots_says_what_to_run(statements, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(RUN, bare, ignore=shutil.ignore_patterns("snapshots"))
    (bare / "manifest.jsonl").write_text("")
    app = statements(tmp_path, run="bare")
    assert "no snapshots" in notes(app)
    assert app.code[0].value == "make two-phase"


def test_a_run_of_one_step_has_dots_in_place_of_lines(statements, tmp_path):
    short = tmp_path / "short"
    shutil.copytree(RUN, short)
    manifest = short / "manifest.jsonl"
    first = [line for line in manifest.read_text().splitlines(keepends=True) if "step_000000" in line]
    manifest.write_text("".join(first))
    (short / "answers.jsonl").write_text("")
    app = statements(tmp_path, run="short")
    assert (rows(app)["now"].dropna() == rows(app)["first"].dropna()).all()
    assert '"type": "point"' in chart(app)
    assert '"type": "point"' not in chart(statements())
    snippet(app)


def chart(app: Any) -> str:
    marks = [layer["mark"] for layer in json.loads(app.get("vega_lite_chart")[0].proto.spec)["layer"]]
    return json.dumps(marks)


def test_statements_that_cannot_be_placed_are_named_and_the_page_stays(statements, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(RUN, broken)
    name = f"step_{Run(RUN).steps[-1]:06}.safetensors"
    (broken / "snapshots" / name).write_bytes(b"no such thing")
    app = statements(tmp_path, run="broken")
    assert name in app.main.warning[0].value.replace("\\", "")
    assert app.title[0].value == "Statements"


def test_text_of_a_run_is_shown_as_it_is(statements, tmp_path):
    odd = tmp_path / "odd"
    shutil.copytree(RUN, odd)
    file = odd / "statements.jsonl"
    file.write_text(file.read_text().replace(TEXT, "<b>Ulla</b> *won* $x$."))
    chosen = next(row for row in Run(odd).statements.itertuples() if row.text.startswith("<b>"))
    app = statements(tmp_path, run="odd", statement=chosen.id)
    assert "Highlighted: “&lt;b&gt;Ulla&lt;/b&gt; *won* $x$.”" in notes(app)
    snippet(app)


def test_a_line_is_named_under_the_pointer_and_a_click_highlights_it(page, sample_address):
    page.goto(f"{sample_address}/statements?run={ANCHOR}&layer=5&position=last")
    settled(page)
    chart = page.locator("[data-testid=stVegaLiteChart] svg.marks").first
    chart.wait_for()
    frame, main = chart.bounding_box(), page.locator("[data-testid=stMainBlockContainer]").bounding_box()
    assert frame["width"] > 0.9 * main["width"]
    assert frame["x"] + frame["width"] <= main["x"] + main["width"]
    tooltip = page.locator("#vg-tooltip-element.visible")
    x = frame["x"] + 0.2 * frame["width"]
    for y in range(40, int(frame["height"]), 3):
        page.mouse.move(x, frame["y"] + y)
        if tooltip.count() and "statement" in tooltip.inner_text():
            break
    text = re.search(r"statement\s+(.*)", tooltip.inner_text())[1]
    assert text in set(Run(RUN).statements["text"])
    page.mouse.down()
    page.mouse.up()
    page.get_by_text(f"Highlighted: “{text}”").wait_for()
    assert "statement=claim" in page.url
    settled(page)
    # The row of the table is chosen with it.
    page.wait_for_timeout(200)
    chosen = page.evaluate("() => document.querySelectorAll('[data-testid=stDataFrame] [aria-selected=true]').length")
    assert chosen > 0


def test_the_step_moves_its_rule_and_leaves_the_lines_alone(page, sample_address):
    steps = Run(RUN).steps
    page.goto(f"{sample_address}/statements?run={ANCHOR}&layer=5&position=last&step={steps[-1]}")
    settled(page)
    page.get_by_text(f"The solid rule is step {steps[-1]}.").wait_for()
    chart = page.locator("[data-testid=stVegaLiteChart] svg.marks").first
    chart.wait_for()
    chart.evaluate("svg => { svg.seen = true; }")
    drawn = chart.evaluate("svg => svg.innerHTML")
    page.get_by_role("slider", name="Step").press("Home")
    page.get_by_text(f"The solid rule is step {steps[0]}.").wait_for()
    page.wait_for_function("before => document.querySelector('svg.marks').innerHTML !== before", arg=drawn)
    assert chart.evaluate("svg => svg.seen === true")
