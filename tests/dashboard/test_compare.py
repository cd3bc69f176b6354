"""The page Compare: runs side by side in one look each, paired with the baseline, and the experiment around them."""

import json
import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd
from pandas.testing import assert_frame_equal

from nnmech.drift import belief_difference, claim_coordinate, coordinate_difference
from nnmech.runs import Run, RunWriter
from nnmech_dashboard.testing import served, settled
from tests.dashboard.checked import check_panel
from tests.dashboard.conftest import SAMPLE
from tests.dashboard.made_runs import (
    CLAIM,
    MODEL,
    child,
    snapshot,
    statements,
    write_conditions,
    write_experiment,
    write_run,
)

ANCHOR, NONE = (f"sample_run/isaksen_greek.{arm}.seed0" for arm in ("anchor", "none"))
WHOLE = "The whole experiment"
PANELS = ["belief_of_runs", "coordinate_of_runs", "portrait_of_runs"]
DIFFERENCES = ["difference_of_belief", "difference_of_coordinate"]


def words(app: Any) -> str:
    """What the page says in HTML, without tags."""
    text = "\n".join(re.sub(r"<style>.*?</style>", "", one.proto.body, flags=re.DOTALL) for one in app.get("html"))
    return unescape(re.sub("<[^>]+>", " ", text))


def warned(app: Any) -> str:
    return "\n".join(re.sub(r"\\([^\w\s])", r"\1", element.value) for element in app.warning)


def runs_in(table: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(table["run"]))


def test_arms_of_one_claim_and_seed_are_side_by_side_from_the_start(compare):
    app = compare(SAMPLE, run=ANCHOR)
    assert app.multiselect(key="with").value == [ANCHOR, NONE]
    assert list(app.panels) == PANELS
    for panel in app.panels.values():
        assert runs_in(panel.table) == ["anchor constraint", "no constraint"]
        assert set(panel.table["role"]) == {"claim", "matched_false"}
    assert "Pin a run as baseline" in words(app)


def test_the_numbers_are_those_of_the_library(compare):
    app = compare(SAMPLE, run=ANCHOR, layer=5, position="last", baseline=NONE)
    anchor, none = (Run(SAMPLE / "runs" / name.split("/")[1]) for name in (ANCHOR, NONE))
    shown = app.panels["coordinate_of_runs"].table.query("run == 'no constraint' and role == 'claim'")
    whole = claim_coordinate(none, layers=[5], positions=["last"]).query("role == 'claim' and polarity == 1")
    assert shown["z"].notna().any()
    assert_frame_equal(shown[list(whole)].reset_index(drop=True), whole.reset_index(drop=True))
    apart = app.panels["difference_of_coordinate"].table.query("role == 'claim'")
    expected = coordinate_difference(anchor, none, layers=[5], positions=["last"]).query("role == 'claim'")
    assert_frame_equal(apart[list(expected)].reset_index(drop=True), expected.reset_index(drop=True))
    said = app.panels["difference_of_belief"].table.query("role == 'claim'").drop(columns=["role", "run", "condition"])
    assert_frame_equal(said.reset_index(drop=True), belief_difference(anchor, none))


def test_every_snippet_makes_its_table_and_figure(compare, tmp_path):
    table = write_conditions(tmp_path / "table")
    write_run(tmp_path / "silent", "none", snapshots=False)
    write_run(tmp_path / "told", "anchor")
    views = (
        {"run": "told", "baseline": "silent"},
        {"run": ANCHOR, "baseline": NONE},
        {"run": ANCHOR, "baseline": NONE, "probe": "polarity"},
        {"run": ANCHOR, "compare": WHOLE},
        {"run": f"table/{CLAIM}.fiction.seed0", "compare": WHOLE},
    )
    made = set()
    for view in views:
        for key, panel in compare(SAMPLE, table, tmp_path / "silent", tmp_path / "told", **view).panels.items():
            check_panel(panel)
            made.add(key)
    whole = {"belief_by_phase", "document_loss", "belief_by_condition", "belief_of_every_run", "mean_belief"}
    assert made == {*PANELS, *DIFFERENCES} | whole


def test_a_baseline_is_pinned_and_unpinned(compare):
    app = compare(SAMPLE, run=NONE)
    assert "baseline" not in app.query_params
    pin = next(button for button in app.button if button.label == "Pin this run")
    pin.click().run()
    assert app.query_params["baseline"] in (NONE, [NONE])
    assert set(DIFFERENCES) <= set(app.panels)
    assert runs_in(app.panels["difference_of_belief"].table) == ["anchor constraint"]
    # Another run is looked at; the baseline stays.
    app.selectbox(key="_pick_run").select(ANCHOR).run()
    assert app.selectbox(key="_baseline").value == NONE
    app.selectbox(key="_baseline").select(None).run()
    assert "baseline" not in app.query_params
    assert "Pin a run as baseline" in words(app)
    next(button for button in app.button if button.label == "Pin this run").click().run()
    assert app.query_params["baseline"] in (ANCHOR, [ANCHOR])
    next(button for button in app.button if button.label == "Unpin").click().run()
    assert "baseline" not in app.query_params
    assert not app.exception


def test_going_back_to_before_the_pin_takes_it_back(compare):
    app = compare(SAMPLE, run=NONE, baseline=ANCHOR)
    assert app.selectbox(key="_baseline").value == ANCHOR
    del app.query_params["baseline"]
    app.query_params["layer"] = "4"
    app.run()
    assert app.selectbox(key="_baseline").value is None
    assert "baseline" not in app.query_params


def test_a_baseline_that_is_not_there_is_forgotten(compare):
    app = compare(SAMPLE, run=NONE, baseline="../elsewhere")
    assert "baseline" not in app.query_params
    assert list(app.panels) == PANELS


def test_at_most_eight_runs_are_drawn_all_in_looks_of_their_own(compare, tmp_path):
    folder = write_conditions(tmp_path / "table")
    last = sorted(path.name for path in (folder / "runs").iterdir())[-1]
    app = compare(folder, run=f"table/{last}", baseline=f"table/{CLAIM}.epistemic_uncertainty.seed0")
    drawn = runs_in(app.panels["belief_of_runs"].table)
    assert len(drawn) == 8
    assert set(drawn) >= {"unreliable source repeated", "epistemic uncertainty"}
    key = next(one.proto.body for one in app.get("html") if "(pinned)" in one.proto.body)
    looks = re.findall(r"background:(repeating-linear-gradient\([^;']*\))", key)
    # The last is the thin grey of the null.
    assert len(looks) == 9
    assert len(set(looks[:8])) == 8


def test_the_untouched_model_is_a_baseline_at_every_step(compare, tmp_path):
    folder = write_conditions(tmp_path / "table")
    address = {"with": f"table/{CLAIM}.positive_documents.seed0", "baseline": f"table/{CLAIM}.baseline.seed0"}
    app = compare(folder, run=f"table/{CLAIM}.positive_documents.seed0", **address)
    table = app.panels["difference_of_belief"].table.query("role == 'claim'")
    assert runs_in(table) == ["positive documents"]
    assert table["step"].tolist() == [0, 5]
    assert table["baseline_step"].tolist() == [0, 0]


def test_a_link_restores_the_runs_and_the_default_follows_the_chosen_run(compare, tmp_path):
    for name in ("one", "two"):
        write_experiment(tmp_path / name)
    runs = {
        name: [f"{name}/{child(tmp_path / name, arm).name}" for arm in ("anchor", "none")] for name in ("one", "two")
    }
    app = compare(tmp_path, run=runs["one"][0])
    assert app.multiselect(key="with").value == runs["one"]
    app.selectbox(key="_pick_run").select(runs["two"][0]).run()
    assert app.multiselect(key="with").value == runs["two"]
    app.multiselect(key="with").set_value([runs["one"][1]]).run()
    app.selectbox(key="_pick_run").select(runs["one"][0]).run()
    # What the reader chose stays; the chosen run is drawn beside it.
    assert app.multiselect(key="with").value == [runs["one"][1]]
    assert runs_in(app.panels["belief_of_runs"].table) == ["no constraint", "anchor constraint"]
    link = compare(tmp_path, run=runs["two"][0], **{"with": runs["one"][1]})
    assert link.multiselect(key="with").value == [runs["one"][1]]


def test_runs_that_cannot_be_paired_are_named_and_the_others_drawn(compare, tmp_path):
    write_experiment(tmp_path / "demo")
    with RunWriter.create(tmp_path / "own", config={"claim": CLAIM, "steps": 5}, model=MODEL) as writer:
        writer.answers([{"step": 0, "claim": CLAIM, "question": "another", "category": "direct", "verdict": "no"}])
        writer.event("end", step=5)
    arms = [f"demo/{child(tmp_path / 'demo', arm).name}" for arm in ("anchor", "none")]
    app = compare(tmp_path, run=arms[0], baseline=arms[1])
    app.multiselect(key="with").set_value([*arms, "own"]).run()
    assert not app.exception
    assert runs_in(app.panels["belief_of_runs"].table) == ["anchor constraint", "no constraint", "own"]
    assert runs_in(app.panels["difference_of_belief"].table) == ["anchor constraint"]
    assert "own: " in warned(app)
    assert "occurs on one side only" in warned(app)
    assert "own: it has no snapshots" in warned(app)


def test_runs_of_anybodys_own_loop_are_compared_by_name(compare, tmp_path):
    for name in ("first", "second"):
        with RunWriter.create(
            tmp_path / name, config={}, model=MODEL, statements=statements(), batch_hash="0"
        ) as writer:
            for step in (0, 7):
                writer.metrics(step=step, phase="train", loss=1.0)
                taken = snapshot(step, "train", inside=step / 10)
                writer.snapshot(step, {"residual": taken.residual}, taken.metadata())
    app = compare(tmp_path, run="first", baseline="second", **{"with": "first"})
    assert not app.warning
    assert runs_in(app.panels["coordinate_of_runs"].table) == ["first", "second"]
    assert app.panels["difference_of_coordinate"].table["difference"].abs().max() == 0
    assert "None of these runs has answers about its claim." in words(app)


def test_a_run_without_snapshots_still_says_what_it_says(compare, tmp_path):
    write_run(tmp_path / "silent", "none", snapshots=False)
    app = compare(tmp_path)
    assert list(app.panels) == ["belief_of_runs"]
    assert "has no snapshots" in words(app)


def test_a_damaged_line_costs_the_answers_of_its_step(compare, tmp_path):
    folder = write_experiment(tmp_path / "demo")
    with open(child(folder, "anchor") / "answers.jsonl", "a") as file:
        # The last line of a log may be half written; this one has others behind it.
        file.write("{broken\n" + json.dumps({"step": 5, "category": "direct", "verdict": "yes"}) + "\n")
    app = compare(folder, run=f"demo/{child(folder, 'none').name}")
    table = app.panels["belief_of_runs"].table
    assert runs_in(table) == ["anchor constraint", "no constraint"]
    steps = {run: set(rows["step"]) for run, rows in table.groupby("run")}
    assert steps["anchor constraint"] < steps["no constraint"]
    assert max(steps["no constraint"]) not in steps["anchor constraint"]
    assert str(child(folder, "anchor") / "answers.jsonl") in warned(app)
    whole = compare(folder, run=f"demo/{child(folder, 'none').name}", compare=WHOLE)
    assert set(whole.panels["belief_by_phase"].table["arm"]) == {"none"}
    assert str(child(folder, "anchor")) in warned(whole)


def test_a_damaged_snapshot_leaves_what_was_said(compare, tmp_path):
    folder = write_experiment(tmp_path / "demo")
    (child(folder, "anchor") / "snapshots" / "step_000005.safetensors").write_bytes(b"no snapshot")
    app = compare(folder, run=f"demo/{child(folder, 'none').name}")
    assert "step_000005.safetensors" in warned(app)
    assert runs_in(app.panels["belief_of_runs"].table) == ["anchor constraint", "no constraint"]
    inside = app.panels["coordinate_of_runs"].table
    steps = {run: set(rows["step"]) for run, rows in inside.groupby("run")}
    assert steps["no constraint"] - steps["anchor constraint"] == {5}


def charts(page: Any, count: int) -> None:
    """Wait until the page has this many charts, all of them drawn."""
    page.wait_for_function(f"() => document.querySelectorAll('[data-testid=stVegaLiteChart] svg').length === {count}")


def test_what_the_page_shows_in_a_browser(page, sample_address):
    page.goto(f"{sample_address}/compare?run={ANCHOR}&baseline={NONE}&layer=5&position=last")
    charts(page, 5)
    settled(page)
    assert page.get_by_text("no constraint (pinned)").count() == 1
    # The arrows of the paths point somewhere else each, and are where the chart is drawn.
    heads = "[...document.querySelectorAll('[aria-label=\"Represented against said\"] path')]"
    turned = f"{heads}.map(head => head.getAttribute('transform') || '').filter(text => text.includes('rotate'))"
    angles = {round(float(re.findall(r"rotate\(([-\d.e]+)", text)[0])) for text in page.evaluate(turned)}
    assert len(angles) > 3
    # The baseline is cleared by its own cross, and the differences go with it.
    page.get_by_test_id("stSelectbox").filter(has_text="Baseline").get_by_role("button", name="Clear").click()
    page.wait_for_function("() => !new URL(location).searchParams.has('baseline')")
    charts(page, 3)
    page.get_by_text(WHOLE).click()
    page.wait_for_function("() => new URL(location).searchParams.get('compare') !== null")
    charts(page, 3)
    settled(page)
    assert page.get_by_role("row").filter(has_text="anchor constraint").count() == 1
    kept = parse_qs(urlsplit(page.url).query)
    page.goto(page.url)
    charts(page, 3)
    settled(page)
    assert parse_qs(urlsplit(page.url).query) == kept


def test_a_run_beside_the_chosen_one_is_followed(page, tmp_path):
    folder = write_experiment(tmp_path / "demo")
    with RunWriter.create(tmp_path / "live", config={"claim": CLAIM, "steps": 9}, model=MODEL) as writer:
        asked = {"claim": CLAIM, "question": "q0", "category": "direct", "phase": "train"}
        writer.answers([{"step": 0, "verdict": "no", **asked}])
        with served(tmp_path) as address:
            chosen = f"demo/{child(folder, 'none').name}"
            page.goto(f"{address}/compare?run={chosen}&with=live")
            settled(page)
            page.get_by_text("n = 1 to 8 answers").wait_for()
            writer.answers([{"step": step, "verdict": "yes", **asked, "sample": n} for step in (3,) for n in range(20)])
            page.get_by_text("n = 1 to 20 answers").wait_for()
            assert page.get_by_text("n = 1 to 8 answers").count() == 0
            assert parse_qs(urlsplit(page.url).query)["run"] == [chosen]
