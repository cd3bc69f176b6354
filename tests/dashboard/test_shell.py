"""What holds for every page: runs are listed, followed and named when damaged, text is text, nothing is written."""

import json
import re
import tomllib
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnmech.runs import RunWriter
from nnmech_dashboard.state import following
from nnmech_dashboard.state.listing import Stamp, list_runs
from nnmech_dashboard.testing import served
from tests.dashboard.conftest import APP
from tests.dashboard.made_runs import (
    BOUNDARY,
    CLAIM,
    MODEL,
    answers,
    child,
    snapshot,
    statements,
    write_experiment,
    write_run,
)

PAGES = ("runs", "drift", "statements", "tokens", "answers", "compare")
MARKED = ("title", "header", "subheader", "markdown", "caption", "warning", "info")

Open = Callable[..., Any]


def html(app: Any) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


def words(app: Any) -> str:
    """What a reader sees as text: Markdown without its escapes."""
    found = [element.value for kind in MARKED for element in getattr(app, kind)]
    return "\n".join([*(re.sub(r"\\([^\w\s])", r"\1", text) for text in found), html(app)])


def files_of(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {str(p): (p.stat().st_mtime_ns, p.read_bytes()) for p in sorted(folder.rglob("*")) if p.is_file()}


def own_run(folder: Path) -> Path:
    """A run of somebody's own training loop, whose config says nothing."""
    with RunWriter.create(folder, config={}, model=MODEL, statements=statements(), batch_hash="0") as writer:
        for step in (0, 7):
            writer.metrics(step=step, phase="train", loss=1.0)
            taken = snapshot(step, "train", inside=step / 10)
            writer.snapshot(step, {"residual": taken.residual}, taken.metadata())
    return folder


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_an_experiment_and_writes_nothing(open_app: Open, tmp_path: Path, page: str) -> None:
    write_experiment(tmp_path / "runs" / "demo")
    before = files_of(tmp_path)
    app = open_app(tmp_path / "runs", page=page)
    assert not app.exception
    assert not app.warning
    assert app.main.title[0].value.lower() == page
    assert files_of(tmp_path) == before


@pytest.mark.parametrize("page", PAGES)
def test_a_run_of_anybodys_training_loop_opens(open_app: Open, tmp_path: Path, page: str) -> None:
    own_run(tmp_path / "own")
    app = open_app(tmp_path, page=page)
    assert not app.exception
    assert not app.warning


@pytest.mark.parametrize("page", PAGES)
def test_a_run_that_has_just_begun_opens(open_app: Open, tmp_path: Path, page: str) -> None:
    RunWriter.create(tmp_path / "new", config={"claim": CLAIM, "steps": 9}, model=MODEL).close()
    app = open_app(tmp_path, page=page)
    assert not app.exception
    assert not app.warning


def test_an_empty_folder_shows_the_command(open_app: Open, tmp_path: Path) -> None:
    app = open_app(tmp_path)
    assert not app.exception
    assert "make two-phase" in [code.value for code in app.code]
    assert str(tmp_path) in words(app)


def test_a_folder_that_is_not_there_is_named(open_app: Open, tmp_path: Path) -> None:
    app = open_app(tmp_path / "nowhere")
    assert not app.exception
    assert f"{tmp_path / 'nowhere'}: no such folder" in words(app)


def test_damaged_runs_are_named_and_the_others_stay_usable(open_app: Open, tmp_path: Path) -> None:
    write_run(tmp_path / "good", "none")
    for name, text in (("bad", '{"schema_version": 1,'), ("hollow", '{"schema_version": 1}')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(text)
    for page in ("runs", "compare"):
        app = open_app(tmp_path, page=page)
        assert not app.exception
        assert f"{tmp_path / 'bad' / 'run.json'}: damaged" in words(app)
        assert f"{tmp_path / 'hollow' / 'run.json'}: lacks " in words(app)
        assert "from a copy" in words(app)
        assert app.query_params["run"] in ("good", ["good"])


def test_the_address_chooses_from_the_listing_alone(open_app: Open, tmp_path: Path) -> None:
    for name in ("runs/first", "runs/second", "outside"):
        write_run(tmp_path / name, "none")
    chosen = open_app(tmp_path / "runs", page="compare", run="first", layer="1")
    assert chosen.selectbox(key="_pick_run").value == "first"
    assert chosen.selectbox(key="_pick_layer").value == 1
    for stranger in ("../outside", str(tmp_path / "outside"), "third"):
        app = open_app(tmp_path / "runs", page="compare", run=stranger, **{"with": stranger, "baseline": stranger})
        assert not app.exception
        assert app.selectbox(key="_pick_run").value in ("first", "second")
        assert f"There is no run {stranger} " in words(app)
        assert set(app.multiselect(key="with").value) <= {"first", "second"}
        assert app.selectbox(key="_baseline").value is None


def test_choosing_a_run_is_told_in_the_address(open_app: Open, tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_run(tmp_path / name, "none")
    app = open_app(tmp_path, page="compare", run="first")
    app.selectbox(key="_pick_run").select("second").run()
    assert app.query_params["run"] in ("second", ["second"])
    app.query_params["run"] = "first"
    app.run()
    assert app.selectbox(key="_pick_run").value == "first"


def test_a_run_in_progress_is_followed_through_a_half_written_line(open_app: Open, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "live", "none", until=BOUNDARY + 1)
    line = json.dumps(answers(BOUNDARY + 1, "phase2", 1.0)[0]) + "\n"
    with open(folder / "answers.jsonl", "a") as file:
        file.write(line[:30])
    app = open_app(tmp_path, page="compare")
    assert not app.exception
    assert not app.warning
    assert app.select_slider(key="_pick_step").options == ["0", f"{BOUNDARY}"]
    assert f"step {BOUNDARY:,} of 5" in words(app)
    with open(folder / "answers.jsonl", "a") as file:
        file.write(line[30:])
    assert f"step {BOUNDARY + 1:,} of 5" in words(app.run())


def test_a_run_is_called_by_its_arm_and_seed(open_app: Open, tmp_path: Path) -> None:
    write_experiment(tmp_path / "demo")
    (choice,) = (box for box in open_app(tmp_path).selectbox if box.label == "Run")
    assert choice.options
    assert all(re.match(r"(anchor|no) constraint, seed 0, ", name) for name in choice.options)
    assert all(name.endswith(" (demo)") for name in choice.options)


def test_tables_change_with_the_files(open_app: Open, tmp_path: Path) -> None:
    folder = write_experiment(tmp_path / "demo")
    app = open_app(folder, page="compare", compare="The whole experiment")
    assert "50<small> %" in html(app)
    file = child(folder, "none") / "answers.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    for row in rows:
        row["verdict"] = "no" if row["step"] == BOUNDARY else row["verdict"]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert "50<small> %" not in html(app.run())


def test_what_a_run_says_is_shown_letter_by_letter(open_app: Open, tmp_path: Path) -> None:
    write_experiment(tmp_path / "<b>run *x* :red[y]")
    for page in ("runs", "compare"):
        app = open_app(tmp_path, page=page)
        assert not app.exception
        assert "<b>" not in html(app)
        assert "<img" not in html(app)
    assert "&lt;b&gt;$x$&lt;/b&gt;" in html(app)
    for kind in ("markdown", "caption"):
        for element in getattr(app, kind):
            assert not re.search(r"(?<!\\):red|(?<!\\)<b>", element.value)


def test_words_from_a_run_cannot_become_markup(open_app: Open) -> None:
    from nnmech_dashboard.parts import words as wording

    nasty = "".join(map(chr, range(33, 127)))
    assert re.sub(r"\\([^\w\s])", r"\1", wording.plain_markdown(nasty)) == nasty
    assert not re.search(r"(?<!\\)[^\w\s\\]", wording.plain_markdown(nasty.replace("\\", "")))
    assert "\n" not in wording.plain_markdown("a\n\n# b")
    assert not re.search("[<>\"']", wording.plain_html(nasty))


def test_lines_can_be_seen_on_both_pages() -> None:
    from nnmech.plots.conditions import FAMILIES
    from nnmech.plots.style import ARM_COLOURS, BELIEF, NULL, OTHER_COLOURS, POLARITY, TRUTH
    from nnmech_dashboard.parts import theme

    settings = tomllib.loads((APP / ".streamlit" / "config.toml").read_text())["theme"]

    def luminance(colour: str) -> float:
        values = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
        linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    dark, light = (luminance(settings[name]["backgroundColor"]) for name in ("dark", "light"))
    for colour in (TRUTH, POLARITY, BELIEF, NULL, *ARM_COLOURS.values(), *FAMILIES.values(), *OTHER_COLOURS):
        assert (luminance(theme.shade(colour, True)) + 0.05) / (dark + 0.05) >= 3
        assert (light + 0.05) / (luminance(colour) + 0.05) >= 3
        assert theme.shade(colour, False) == colour.lower()


def test_its_settings_hold_in_any_directory(tmp_path: Path) -> None:
    # Somebody else's project, which would let any page of any name in.
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "config.toml").write_text(
        'server.allowedHosts = ["elsewhere.example"]\n[browser]\ngatherUsageStats = true\n'
    )
    write_run(tmp_path / "runs" / "own", "none")
    with served(directory=tmp_path) as address:
        port = int(address.rsplit(":", 1)[1])
        assert _status(port, f"127.0.0.1:{port}") == 101
        assert _status(port, "elsewhere.example") == 403


def _status(port: int, host: str) -> int:
    """How the dashboard answers a page that wants to talk to it by this name."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    asked = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Origin": f"http://{host}"}
    connection.request("GET", "/_stcore/stream", headers={"Host": host, **asked, **key})
    try:
        return connection.getresponse().status
    finally:
        connection.close()


def test_labels_of_a_wrong_type_cost_that_run_alone(open_app: Open, tmp_path: Path) -> None:
    folder = write_experiment(tmp_path / "demo")
    file = child(folder, "anchor") / "run.json"
    info = json.loads(file.read_text())
    info["config"]["boundary"] = "two"
    file.write_text(json.dumps(info))
    good, bad = (f"demo/{child(folder, arm).name}" for arm in ("none", "anchor"))
    app = open_app(folder, page="compare", run=good)
    assert not app.exception
    assert f"{file}: config has boundary 'two'" in words(app)
    assert "What the runs say" in words(app)
    app = open_app(folder, page="drift", run=bad)
    assert not app.exception
    assert f"{file}: config has boundary 'two'" in words(app)
    assert app.selectbox(key="_pick_run").value == bad


def test_only_this_machine_can_reach_it() -> None:
    settings = tomllib.loads((APP / ".streamlit" / "config.toml").read_text())
    assert settings["server"]["address"] == "127.0.0.1"
    assert settings["server"]["allowedHosts"] == ["localhost", "127.0.0.1"]
    assert settings["server"]["enableCORS"]
    assert settings["server"]["enableXsrfProtection"]
    assert settings["client"]["showErrorDetails"] == "none"
    assert settings["browser"]["gatherUsageStats"] is False


def test_what_is_written_while_a_page_is_drawn_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the reading of a run and the end of its page a run may end: its page must not wait for another write."""
    watched: list[tuple[tuple[str, ...], Stamp]] = []
    redrawn: list[bool] = []
    monkeypatch.setattr(following.st, "fragment", lambda look, run_every: lambda *seen: watched.append(seen))
    monkeypatch.setattr(following.st, "rerun", lambda: redrawn.append(True))
    with RunWriter.create(tmp_path / "run", config={}, model=MODEL) as writer:
        writer.event("start", step=0, steps=9)
        entries = list_runs([tmp_path]).entries
        following.follow(entries)
        following._look_again(*watched[-1])
        assert not redrawn
        writer.event("end", step=9)
        following.follow(entries)
        following._look_again(*watched[-1])
    assert redrawn
