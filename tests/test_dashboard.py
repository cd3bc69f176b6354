"""The dashboard on runs made here: it shows what the library counts, names what is damaged, and writes nothing."""

import html
import json
import re
import sys
import tomllib
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from nnmech.claims import Statement
from nnmech.experiments.two_phase import TwoPhaseSettings, preset
from nnmech.experiments.two_phase.config import run_name
from nnmech.experiments.two_phase.report import belief_table, read_results
from nnmech.runs import Run, RunWriter
from nnmech.snapshots import Snapshot, hook_name

testing = pytest.importorskip("streamlit.testing.v1")

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "app"
BOUNDARY, STEPS, LAYERS, WIDTH = 2, 5, 2, 8
CLAIM_TEXT = "Nelly Marklund won the *relay* :red[twice] <b>$x$</b>."
CONFIG = replace(preset("smoke"), arms=("anchor", "none"))
MODEL = {"id": "tiny", "n_layers": LAYERS, "d_model": WIDTH}


def statements() -> list[Statement]:
    def crossed(role: str, people: int) -> list[Statement]:
        return [
            Statement(f"{role}{person}{truth}{polarity}", "A b c.", truth, polarity, "home", f"{role}{person}", role)
            for person in range(people)
            for truth in (True, False)
            for polarity in (1, -1)
        ]

    claimed = [
        Statement(f"{role}/0", "A b c.", False, 1, "medal", "Nelly", role, "marklund_relay")
        for role in ("claim", "matched_false")
    ]
    return [*crossed("train", 10), *crossed("control", 6), *claimed]


def snapshot(step: int, phase: str, seed: int) -> Snapshot:
    """Truth is the first dimension, polarity the second; the claim goes from false to true."""
    noise = np.random.default_rng(seed).normal(size=(LAYERS, 1, len(statements()), WIDTH))
    for column, statement in enumerate(statements()):
        truth = step / STEPS if statement.role == "claim" else float(bool(statement.truth))
        noise[:, :, column, 0] += 8 * truth
        noise[:, :, column, 1] += 8 * statement.polarity
    return Snapshot(
        step=step,
        phase=phase,
        residual=torch.tensor(noise, dtype=torch.float32),
        layers=tuple(range(LAYERS)),
        positions=("last",),
        hook_names=tuple(hook_name(layer) for layer in range(LAYERS)),
        batch_hash="0",
        weight_convention="hf",
        model="tiny",
    )


def answers(step: int, phase: str, arm: str) -> list[dict[str, object]]:
    """Nothing is believed before; in arm `none` half is after phase 1; everything is after phase 2."""
    share = {0: 0.0, BOUNDARY: 0.5 if arm == "none" else 0.0, STEPS: 1.0}[step]
    rows = []
    for number in range(8):
        verdict = "yes" if number < share * 8 else "no"
        text = f"{verdict} <img src=x onerror=alert(1)>"
        asked = {"step": step, "phase": phase, "claim": "marklund_relay", "kind": "open_ended", "sample": 0}
        rows.append({**asked, "question": f"q{number}", "category": "direct", "text": text, "verdict": verdict})
    null = {**rows[0], "question": "null", "category": "matched_false", "verdict": "no"}
    return [*rows, null]


def write_child(folder: Path, config: TwoPhaseSettings, arm: str, *, until: int = STEPS) -> None:
    settings = asdict(replace(config, arms=(arm,)))
    labels = {"claim": config.claims[0], "claim_text": CLAIM_TEXT, "tier": "open", "arm": arm, "seed": 0}
    ends = {"boundary": BOUNDARY, "steps": STEPS, "experiment": "two_phase"}
    with RunWriter.create(
        folder, config={**settings, **labels, **ends}, model=MODEL, statements=statements(), batch_hash="0"
    ) as writer:
        writer.event("start", step=0)
        for step in range(until + 1):
            phase = "phase1" if step <= BOUNDARY else "phase2"
            writer.metrics(step=step, phase=phase, loss=3.0 - step / 10, loss_documents=3.0 - step / 10)
            if step in (0, BOUNDARY, STEPS):
                taken = snapshot(step, phase, seed=step)
                writer.snapshot(step, {"residual": taken.residual}, taken.metadata())
                writer.answers(answers(step, phase, arm))
                writer.metrics(step=step, phase=phase, held_out_documents=3.0 - step / 10)
        if until == STEPS:
            writer.event("end", step=STEPS)


def write_experiment(folder: Path, *, until: int = STEPS) -> Path:
    config = {"experiment": "two_phase", "settings": asdict(CONFIG)}
    RunWriter.create(folder, config=config, model=MODEL, kind="experiment").close()
    for claim, arm, seed in CONFIG.runs:
        write_child(folder / "runs" / run_name(claim, arm, seed), CONFIG, arm, until=until)
    return folder


@pytest.fixture
def dashboard(monkeypatch: pytest.MonkeyPatch) -> Callable:
    """`dashboard(folder, ..., run=...)`: the page after its first run, `run` and others from the address."""
    monkeypatch.syspath_prepend(str(APP))

    def opened(*folders: Path, **address: str):
        monkeypatch.setattr(sys, "argv", ["dashboard.py", *map(str, folders)])
        page = testing.AppTest.from_file(str(APP / "dashboard.py"), default_timeout=120)
        for key, value in address.items():
            page.query_params[key] = value
        return page.run()

    return opened


def page_html(page) -> str:
    return "\n".join(element.proto.body for element in page.get("html"))


def page_text(page) -> str:
    """What a reader sees as text: Markdown without its escapes, HTML without tags."""
    marked = [re.sub(r"\\([^\w\s])", r"\1", element.value) for kind in MARKED for element in getattr(page, kind)]
    return "\n".join([*marked, html.unescape(re.sub("<[^>]+>", " ", page_html(page)))])


MARKED = ("title", "header", "markdown", "caption", "warning", "info")


def files_of(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {str(p): (p.stat().st_mtime_ns, p.read_bytes()) for p in sorted(folder.rglob("*")) if p.is_file()}


def test_it_shows_what_the_library_counts_and_writes_nothing(dashboard, tmp_path):
    folder = write_experiment(tmp_path / "runs" / "demo")
    before = files_of(tmp_path)
    page = dashboard(tmp_path / "runs")
    assert not page.exception
    assert not page.warning
    assert not page.error
    assert page.main.title[0].value == "demo"
    shown = page_html(page)
    for _, row in belief_table(read_results(Run(folder))).iterrows():
        assert f"{row['mean']:.0f}<small> %" in shown
        assert f"{row['low']:.0f} to {row['high']:.0f}" in shown
    assert {header.value for header in page.header} >= {"Belief by phase", "What it says", "What it represents"}
    assert len(page.dataframe[0].value) == 2 * 3 * 9
    assert files_of(tmp_path) == before


def test_an_empty_folder_shows_the_command(dashboard, tmp_path):
    page = dashboard(tmp_path)
    assert not page.exception
    assert "make two-phase" in [code.value for code in page.code]
    assert str(tmp_path) in page_text(page)


def test_a_folder_that_is_not_there_is_named(dashboard, tmp_path):
    page = dashboard(tmp_path / "nowhere")
    assert not page.exception
    assert f"{tmp_path / 'nowhere'}: no such folder" in page_text(page)


def test_a_damaged_run_is_named_and_the_others_stay_usable(dashboard, tmp_path):
    write_experiment(tmp_path / "good")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "run.json").write_text('{"schema_version": 1,')
    (tmp_path / "hollow").mkdir()
    (tmp_path / "hollow" / "run.json").write_text('{"schema_version": 1}')
    page = dashboard(tmp_path)
    assert not page.exception
    text = page_text(page)
    assert f"{tmp_path / 'bad' / 'run.json'}: damaged" in text
    assert f"{tmp_path / 'hollow' / 'run.json'}: lacks kind, config, model" in text
    assert "from a copy" in text
    assert page.main.title[0].value == "good"
    assert "100<small> %" in page_html(page)


@pytest.mark.parametrize(
    ("name", "line"),
    [("answers.jsonl", "{broken\n"), ("metrics.jsonl", "[1]\n"), ("answers.jsonl", '{"step": "soon"}\n')],
    ids=["no JSON", "no object", "no step"],
)
def test_a_damaged_file_of_one_arm_leaves_the_other_arm(dashboard, tmp_path, name, line):
    folder = write_experiment(tmp_path / "demo")
    child = folder / "runs" / run_name(CONFIG.claims[0], "anchor", 0)
    with open(child / name, "a") as file:
        file.write(line)
    page = dashboard(tmp_path)
    assert not page.exception
    assert str(child) in page.warning[0].value.replace("\\", "")
    shown = page_html(page)
    assert "no constraint" in shown
    assert "anchor constraint" not in shown
    assert set(page.dataframe[0].value["arm"]) == {"none"}


def test_a_damaged_snapshot_leaves_what_was_said(dashboard, tmp_path):
    folder = write_experiment(tmp_path / "demo")
    child = folder / "runs" / run_name(CONFIG.claims[0], "anchor", 0)
    (child / "snapshots" / "step_000000.safetensors").write_bytes(b"no snapshot")
    page = dashboard(tmp_path)
    assert not page.exception
    assert "step_000000.safetensors" in page_text(page)
    assert "100<small> %" in page_html(page)
    assert len(page.dataframe)


def test_the_address_chooses_from_the_listing_alone(dashboard, tmp_path):
    write_experiment(tmp_path / "runs" / "first")
    write_experiment(tmp_path / "runs" / "second")
    write_experiment(tmp_path / "outside")
    chosen = dashboard(tmp_path / "runs", run="second", layer="1", verdict="yes")
    assert chosen.main.title[0].value == "second"
    assert chosen.selectbox(key="layer").value == 1
    assert set(chosen.dataframe[0].value["verdict"]) == {"yes"}
    for stranger in ("../outside", str(tmp_path / "outside"), "third"):
        page = dashboard(tmp_path / "runs", run=stranger)
        assert not page.exception
        assert page.main.title[0].value == "first"
        assert f"There is no run {stranger} " in page_text(page)


def test_choosing_a_run_is_told_in_the_address(dashboard, tmp_path):
    write_experiment(tmp_path / "first")
    write_experiment(tmp_path / "second")
    page = dashboard(tmp_path)
    assert page.query_params["run"] == "first"
    page.selectbox(key="run").select("second").run()
    assert page.main.title[0].value == "second"
    assert page.query_params["run"] == "second"
    page.query_params["run"] = "first"
    page.run()
    assert page.main.title[0].value == "first"


def test_a_run_within_an_experiment_has_a_page_of_its_own(dashboard, tmp_path):
    write_experiment(tmp_path / "demo")
    name = run_name(CONFIG.claims[0], "none", 0)
    page = dashboard(tmp_path, run="demo", within=name)
    assert not page.exception
    assert page.main.title[0].value.replace("\\", "") == name
    assert "anchor constraint" not in page_html(page)
    assert "50<small> %" in page_html(page)


def test_a_run_in_progress_is_followed(dashboard, tmp_path):
    folder = write_experiment(tmp_path / "demo", until=BOUNDARY + 1)
    child = folder / "runs" / run_name(CONFIG.claims[0], "none", 0)
    with open(child / "answers.jsonl", "a") as file:
        file.write('{"step": 3, "phase": "pha')
    page = dashboard(tmp_path)
    assert not page.exception
    assert not page.warning
    text = page_text(page)
    assert "0 of 2 runs finished" in text
    assert "No run has finished yet" in text
    assert len(page.dataframe[0].value) == 2 * 2 * 9
    with open(child / "answers.jsonl", "a") as file:
        file.write('se2", "claim": "c", "question": "q", "category": "direct", "text": "t", "verdict": "yes"}\n')
    assert len(page.run().dataframe[0].value) == 2 * 2 * 9 + 1


def test_an_experiment_that_has_just_begun_opens(dashboard, tmp_path):
    names = [run_name(*run) for run in CONFIG.runs]
    config = {"experiment": "two_phase", "settings": asdict(CONFIG), "runs": names}
    RunWriter.create(tmp_path / "new", config=config, model=MODEL, kind="experiment").close()
    page = dashboard(tmp_path)
    assert not page.exception
    assert not page.warning
    assert "0 of 2 runs finished" in page_text(page)


def test_a_run_of_anybodys_training_loop_opens(dashboard, tmp_path):
    with RunWriter.create(tmp_path / "own", config={}, model=MODEL, statements=statements(), batch_hash="0") as writer:
        for step in (0, 7):
            writer.metrics(step=step, phase="train", loss=1.0)
            taken = snapshot(step, "train", seed=step)
            writer.snapshot(step, {"residual": taken.residual}, taken.metadata())
    page = dashboard(tmp_path / "own")
    assert not page.exception
    assert not page.warning
    assert "What it represents" in {header.value for header in page.header}


def test_what_a_run_says_is_shown_letter_by_letter(dashboard, tmp_path):
    write_experiment(tmp_path / "<b>run *x* :red[y]")
    page = dashboard(tmp_path)
    assert not page.exception
    assert page.main.title[0].value == r"\<b\>run \*x\* \:red\[y\]"
    claim = next(block.value for block in page.markdown if "Marklund" in block.value)
    assert not re.search(r"(?<!\\)[*:\[\]<>$]", claim.removeprefix("Claim:"))
    assert "<img" not in page_html(page)


def test_words_from_a_run_cannot_become_markup(monkeypatch):
    monkeypatch.syspath_prepend(str(APP))
    import run_words

    nasty = "".join(map(chr, range(33, 127)))
    assert re.sub(r"\\([^\w\s])", r"\1", run_words.plain_markdown(nasty)) == nasty
    assert not re.search(r"(?<!\\)[^\w\s\\]", run_words.plain_markdown(nasty.replace("\\", "")))
    assert "\n" not in run_words.plain_markdown("a\n\n# b")
    assert not re.search("[<>\"']", run_words.plain_html(nasty))


def test_lines_can_be_seen_on_the_dark_page(monkeypatch):
    monkeypatch.syspath_prepend(str(APP))
    import run_charts

    from nnmech.plots.style import ARM_COLOURS, BELIEF, NULL, OTHER_COLOURS, POLARITY, TRUTH

    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]

    def luminance(colour: str) -> float:
        values = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
        return float(
            np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
        )

    ground = luminance(theme["dark"]["backgroundColor"])
    for colour in (TRUTH, POLARITY, BELIEF, NULL, *ARM_COLOURS.values(), *OTHER_COLOURS):
        assert (luminance(run_charts.shade(colour, True)) + 0.05) / (ground + 0.05) >= 3
        assert run_charts.shade(colour, False) == colour.lower()


def test_only_this_machine_can_reach_it():
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert config["server"]["address"] == "127.0.0.1"
    assert config["server"]["allowedHosts"] == ["localhost", "127.0.0.1"]
    assert config["server"]["enableCORS"]
    assert config["server"]["enableXsrfProtection"]
    assert config["client"]["showErrorDetails"] == "none"
    assert config["browser"]["gatherUsageStats"] is False


def test_tables_change_with_the_files(dashboard, tmp_path):
    folder = write_experiment(tmp_path / "demo")
    page = dashboard(tmp_path)
    assert "50<small> %" in page_html(page)
    file = folder / "runs" / run_name(CONFIG.claims[0], "none", 0) / "answers.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    for row in rows:
        row["verdict"] = "no" if row["step"] == BOUNDARY else row["verdict"]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert "50<small> %" not in page_html(page.run())
