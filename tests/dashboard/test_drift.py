"""The page Drift: whose probe is read and how good it is, what is drawn, what is told apart, what is missing."""

import html
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure

from nnmech.claims import Statement
from nnmech.drift import claim_coordinate
from nnmech.probes import auroc_by_layer
from nnmech.recording.snapshots import Snapshot, hook_name
from nnmech.runs import Run, RunWriter
from nnmech_dashboard.testing import settled
from tests.dashboard.checked import check_panel
from tests.dashboard.conftest import SAMPLE

CLAIM, TEXT = "nelly_relay", "Nelly won the *relay* <b>:red[twice]</b> $x$."
STEPS, BOUNDARY, LAYERS, WIDTH = (0, 2, 5), 2, 3, 8
LOOKS = ("Direction", "Transfer", "Data or probe drift", "Onset", "Probe by layer")
ANCHOR = Run(SAMPLE / "runs" / "isaksen_greek.anchor.seed0")
RUN = f"sample_run/{ANCHOR.name}"
CONFIG = {"claim": CLAIM, "claim_text": TEXT, "arm": "anchor", "seed": 3, "boundary": BOUNDARY, "steps": STEPS[-1]}


def statements(roles: Sequence[str]) -> list[Statement]:
    crossed = [
        Statement(f"{role}{person}{truth}{polarity}", "A b c.", truth, polarity, "home", f"{role}{person}", role)
        for role, people in (("train", 12), ("control", 8))
        for person in range(people)
        for truth in (True, False)
        for polarity in (1, -1)
    ]
    told = {
        "claim": (False, 1),
        "claim_negation": (True, -1),
        "alternative": (True, 1),
        "matched_false": (False, 1),
        "unrelated_claim": (False, 1),
    }
    about = [
        Statement(f"{role}/{copy}", "A b c.", told[role][0], told[role][1], "medal", "Nelly", role, CLAIM)
        for role in roles
        for copy in range(3)
    ]
    other = [Statement("other", "A b c.", False, 1, "medal", "Ulla", "unrelated_claim", "ulla_organ")]
    return [*crossed, *about, *(other if "unrelated_claim" in roles else [])]


def answers(step: int) -> list[dict[str, Any]]:
    asked = {"step": step, "phase": "p", "claim": CLAIM, "kind": "open_ended", "sample": 0, "text": "So it is."}
    said = [("direct", "yes" if number < step else "no") for number in range(6)] + [("matched_false", "no")] * 2
    return [
        {**asked, "question": f"q{number}", "category": category, "verdict": verdict}
        for number, (category, verdict) in enumerate(said)
    ]


ROLES = ("claim", "claim_negation", "alternative", "matched_false", "unrelated_claim")


def write_run(
    path: Path,
    *,
    roles: Sequence[str] = ROLES,
    start: float = 0.0,
    config: dict[str, Any] | None = None,
    inside: bool = True,
    asked: bool = True,
) -> Path:
    """Truth is the first dimension but in layer 0, which is noise; the claim goes from `start` to true."""
    told = statements(roles)
    with RunWriter.create(
        path, config=CONFIG if config is None else config, model={"id": "tiny"}, statements=told, batch_hash="0"
    ) as writer:
        writer.event("start", step=0)
        for step in STEPS:
            writer.metrics(step=step, phase="p", loss=3.0 - step, held_out_documents=2.0 - step / 10)
            if asked:
                writer.answers(answers(step))
            if inside:
                write_snapshot(writer, told, step, start)
        writer.event("end", step=STEPS[-1])
    return path


def write_snapshot(writer: RunWriter, told: Sequence[Statement], step: int, start: float) -> None:
    residual = np.random.default_rng(step).normal(0, 0.4, (LAYERS, 1, len(told), WIDTH))
    for column, statement in enumerate(told):
        claimed = start + (1 - start) * step / STEPS[-1]
        truth = claimed if statement.role == "claim" else float(bool(statement.truth))
        residual[1:, :, column, 0] += 3 * truth
        residual[1:, :, column, 1] += 3 * statement.polarity
    values = torch.tensor(residual, dtype=torch.float32)
    names = tuple(hook_name(layer) for layer in range(LAYERS))
    snapshot = Snapshot(step, "p", values, tuple(range(LAYERS)), ("last",), names, "0", "hf", "tiny")
    writer.snapshot(step, {"residual": values}, snapshot.metadata())


def said(app: Any) -> str:
    """What a reader sees as text: Markdown without its escapes, HTML without tags."""
    kinds = ("title", "subheader", "markdown", "caption", "warning")
    marked = [re.sub(r"\\([^\w\s])", r"\1", element.value) for kind in kinds for element in getattr(app, kind)]
    shown = "\n".join(element.proto.body for element in app.get("html"))
    return "\n".join([*marked, html.unescape(re.sub("<[^>]+>", " ", shown))])


def test_it_says_whose_probe_is_read_and_how_good_it_is(open_app, tmp_path):
    app = open_app(write_run(tmp_path / "own"), page="drift", layer=2)
    assert not app.exception
    assert not app.warning
    text = said(app)
    assert f"“{TEXT}”" in text
    assert all(fact in text for fact in ("own", "anchor constraint", "model tiny", "seed 3"))
    run = Run(tmp_path / "own")
    quality = auroc_by_layer(run.snapshot(0), run.statements, probes=("truth",)).query("layer == 2").set_index("split")
    assert "The truth probe at layer 2, token position last, fitted at step 0" in text
    for split in ("entity", "shuffled", "crossed"):
        row = quality.loc[split]
        assert f"{row['auroc']:.2f} ({row['low']:.2f} to {row['high']:.2f})" in text
    assert "no headroom" not in text


def test_what_a_run_says_cannot_become_markup(open_app, tmp_path):
    app = open_app(write_run(tmp_path / "<i>run *x*"), page="drift")
    shown = "\n".join(element.proto.body for element in app.get("html"))
    assert "<b>" not in shown
    assert "<i>run" not in shown
    assert "&lt;b&gt;:red[twice]&lt;/b&gt;" in shown


def test_a_probe_that_does_not_work_is_warned_of(open_app, tmp_path):
    app = open_app(write_run(tmp_path / "own"), page="drift", layer=0)
    assert "No better than chance" in said(app)
    assert "is no scale to place anything on" in said(app)
    assert "No better than chance" not in said(open_app(tmp_path, page="drift", layer=2))


def test_a_claim_without_headroom_is_named(open_app, tmp_path):
    app = open_app(write_run(tmp_path / "own", start=1.0), page="drift", layer=2)
    z = claim_coordinate(Run(tmp_path / "own"), layers=[2]).query("role == 'claim' and step == 0")["z"].iloc[0]
    assert f"already reads the claim as true in layer 2 (coordinate {z:.2f})" in said(app)


@pytest.mark.parametrize("probe", ["truth", "polarity"])
def test_what_is_exported_is_what_the_library_makes(open_app, panels, tmp_path, probe):
    write_run(tmp_path / "own")
    shown = {}
    for look in LOOKS:
        app = open_app(tmp_path, page="drift", layer=2, probe=probe, look=look)
        assert not app.exception
        assert not app.warning
        shown |= panels
    assert len(shown) == 5 + len(LOOKS)
    for panel in shown.values():
        check_panel(panel)


def test_cells_that_do_not_exclude_the_null_are_uncertain(open_app, tmp_path):
    app = open_app(write_run(tmp_path / "own"), page="drift", layer=2)
    _, data = drawn(app, "Truth coordinate by layer and step")
    cells = data.set_index(["layer", "step"])["uncertain"]
    table = claim_coordinate(Run(tmp_path / "own")).set_index(["role", "layer", "step"])
    for (layer, step), uncertain in cells.items():
        own, null = table.loc[("claim", layer, step)], table.loc[("matched_false", layer, step)]
        excluded = own["low"] > null["high"] or own["high"] < null["low"]
        assert uncertain == (np.isfinite(own["z"]) and not excluded)
    assert set(cells) == {True, False}


def drawn(app: Any, alt: str) -> tuple[dict[str, Any], pd.DataFrame]:
    """The chart and its data by the words that stand for it."""
    import pyarrow

    for element in app.get("vega_lite_chart"):
        if element.proto.alt == alt:
            with pyarrow.ipc.open_stream(element.proto.data.data) as stream:
                return json.loads(element.proto.spec), stream.read_pandas()
    raise AssertionError(f"no chart {alt!r}")


@pytest.mark.parametrize("role", ["claim", "claim_negation", "alternative", "matched_false"])
def test_the_heatmap_shows_the_role_that_is_asked_for(open_app, tmp_path, role):
    app = open_app(write_run(tmp_path / "own"), page="drift", layer=2)
    app.segmented_control(key="statements").set_value(role).run()
    spec, data = drawn(app, "Truth coordinate by layer and step")
    wanted = claim_coordinate(Run(tmp_path / "own")).query(f"role == '{role}'").set_index(["layer", "step"])["z"]
    assert len(data) == LAYERS * len(STEPS)
    np.testing.assert_allclose(data.set_index(["layer", "step"])["z"].loc[wanted.index], wanted, atol=1e-6)
    assert data.query("layer == 0")["z"].isna().any()
    assert spec["layer"][0]["encoding"]["x"]["scale"]["domain"] == list(STEPS)


def test_nulls_can_be_left_out(open_app, tmp_path):
    app = open_app(write_run(tmp_path / "own"), page="drift", layer=2)
    series = set(drawn(app, "Truth coordinate, layer 2")[1]["series"])
    assert series == {"the claim", "the true alternative", "matched false facts", "unrelated claims"}
    app.toggle(key="nulls").set_value(False).run()
    assert set(drawn(app, "Truth coordinate, layer 2")[1]["series"]) == {"the claim", "the true alternative"}


BARE: dict[str, tuple[dict[str, Any], str]] = {
    "no activations": ({"inside": False}, "recorded no activations"),
    "no answers": ({"asked": False}, "Nothing was asked about the claim"),
    "no claim": ({"config": {}, "roles": ()}, "there is no claim to place"),
    "no null": ({"roles": ("claim",)}, "Truth coordinate by layer and step"),
    "another claim": ({"config": {**CONFIG, "claim": "someone_else"}}, "recorded no statements about its claim"),
    "one phase": ({"config": {"claim": CLAIM}}, "Truth coordinate by layer and step"),
}


@pytest.mark.parametrize("case", BARE)
def test_a_run_that_lacks_something_shows_the_rest(open_app, panels, tmp_path, case):
    lacking, words = BARE[case]
    app = open_app(write_run(tmp_path / "own", **lacking), page="drift", layer=2)
    assert not app.exception
    assert not app.warning
    assert words in said(app)
    assert "Loss of held-out documents" in said(app)
    assert all(isinstance(panel.draw(), Figure) for panel in panels.values())


def test_a_damaged_snapshot_is_named_and_leaves_what_was_said(open_app, tmp_path):
    write_run(tmp_path / "own")
    (tmp_path / "own" / "snapshots" / "step_000005.safetensors").write_bytes(b"no snapshot")
    app = open_app(tmp_path, page="drift", layer=2)
    assert not app.exception
    assert "step_000005.safetensors" in said(app)
    assert len(app.warning) == 1
    assert "Belief in answers" in said(app)


def test_a_matrix_of_many_steps_keeps_the_ends_of_phases(open_app):
    from nnmech_dashboard.views.drift.looks import MATRIX_STEPS, matrix_steps

    recorded = list(range(0, 1000, 5))
    kept = matrix_steps(recorded, 495)
    assert {0, 495, 995} <= set(kept) <= set(recorded)
    assert len(kept) <= MATRIX_STEPS
    assert matrix_steps([0, 7, 9], None) == (0, 7, 9)


def place(page: Any) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(urlsplit(page.url).query).items()}


def test_a_click_on_a_cell_chooses_its_layer_and_step(page, sample_address):
    lowest, *_, highest = ANCHOR.snapshot(0).layers
    last = ANCHOR.steps[-1]
    wanted = (str(lowest), str(last))
    page.goto(f"{sample_address}/drift?run={RUN}&layer={highest}&step={ANCHOR.steps[2]}")
    settled(page)
    page.wait_for_function("() => document.querySelector('[data-testid=stVegaLiteChart] canvas')")
    box = page.get_by_test_id("stVegaLiteChart").first.bounding_box()

    def click_last_cell() -> None:
        # The page must not move under the reader's hand.
        assert page.get_by_test_id("stVegaLiteChart").first.bounding_box() == box
        # The lowest layer and the last step: beside the legend, above the axis.
        page.mouse.click(box["x"] + box["width"] - 150, box["y"] + box["height"] - 64)
        page.wait_for_function("step => new URL(location).searchParams.get('step') === step", arg=str(last))

    click_last_cell()
    settled(page)
    assert (place(page)["layer"], place(page)["step"]) == wanted
    sidebar = page.get_by_test_id("stSidebar")
    sidebar.get_by_text(f"step {last} of {last}").wait_for()
    assert sidebar.get_by_role("combobox", name="Layer").input_value() == str(lowest)
    # What was left by other means can be clicked again.
    page.get_by_role("slider", name="Step").press("ArrowLeft")
    page.wait_for_function("step => new URL(location).searchParams.get('step') !== step", arg=str(last))
    settled(page)
    click_last_cell()
    page.get_by_role("link", name="Statements").click()
    page.wait_for_url("**/statements*")
    settled(page)
    assert (place(page)["layer"], place(page)["step"]) == wanted


def test_a_link_restores_the_place_the_role_and_the_look(page, sample_address):
    layer, step = ANCHOR.snapshot(0).layers[1], ANCHOR.steps[2]
    wanted = {"run": RUN, "probe": "polarity", "layer": str(layer), "position": "last", "step": str(step)}
    own = {"statements": "matched false facts", "look": "Transfer", "nulls": "false"}
    page.goto(f"{sample_address}/drift?{urlencode(wanted | own)}")
    settled(page)
    assert place(page) == place(page) | wanted | own
    page.get_by_text(f"Transfer of the polarity probe, layer {layer}").wait_for()
    page.get_by_text("Polarity coordinate by layer and step").wait_for()
    page.get_by_text("(matched false facts): at 0 lie").wait_for()
    assert page.get_by_text("unrelated claims").count() == 0
