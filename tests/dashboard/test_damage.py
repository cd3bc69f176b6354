"""Damage costs what is damaged: a step, not a page; and what it cost is said on every page of the run."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nnmech.plots.recipes import call
from nnmech.runs import DamagedRun
from nnmech.user_cache import CACHE_VARIABLE
from nnmech_dashboard.state import background, kept
from nnmech_dashboard.state.background import made
from nnmech_dashboard.state.calls import RECORDED_FILES
from tests.dashboard.conftest import SAMPLE
from tests.dashboard.test_shell import words

NAME = "isaksen_greek.anchor.seed0"


@pytest.fixture
def damaged(tmp_path: Path) -> tuple[Path, int]:
    """A copy of the sample run with a cut snapshot and a bad third line of answers, and the step of the snapshot."""
    root = Path(shutil.copytree(SAMPLE, tmp_path / "sample_run"))
    run = root / "runs" / NAME
    snapshots = sorted((run / "snapshots").iterdir())
    snapshots[3].write_bytes(snapshots[3].read_bytes()[:1000])
    answers = (run / "answers.jsonl").read_bytes().splitlines(keepends=True)
    answers[2] = b'{"step": 0\n'
    (run / "answers.jsonl").write_bytes(b"".join(answers))
    return root, int(snapshots[3].stem.removeprefix("step_"))


@pytest.mark.parametrize("page", ["drift", "answers"])
def test_a_cut_snapshot_and_a_bad_answer_take_their_steps_and_leave_the_page(
    open_app: Callable[..., Any], damaged: tuple[Path, int], page: str
) -> None:
    root, step = damaged
    app = open_app(root, page=page, run=f"sample_run/{NAME}")
    assert not app.exception
    said = words(app)
    assert "Parts of this run are damaged" in said
    assert f"step_{step:06d}.safetensors: 1,000 bytes" in said
    assert "answers.jsonl, line 3: " in said
    assert "answers of step 0 are left out" in said
    assert "cannot be" not in said
    # The slider keeps the step, at which everything was asked.
    assert f"{step:,}" in app.sidebar.select_slider[0].options


def test_a_snapshot_that_was_put_back_is_in_the_table_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv(kept.SWITCH, "1")
    monkeypatch.setattr(kept, "WORTH_SECONDS", 0.0)
    monkeypatch.setattr(background, "PATIENCE", 60.0)
    run = Path(shutil.copytree(SAMPLE / "runs" / NAME, tmp_path / "run"))
    files = sorted((run / "snapshots").iterdir())[2:4]
    whole = [file.read_bytes() for file in files]
    for damaged, data in zip(files, whole, strict=True):
        damaged.write_bytes(data[:1000])
        opened = call("run", DamagedRun, str(run))
        steps = made(call("steps", _steps, opened), RECORDED_FILES)["step"].tolist()
        assert int(damaged.stem.removeprefix("step_")) not in steps
        assert len(steps) == len(DamagedRun(run).steps) == len(list((run / "snapshots").iterdir())) - 1
        damaged.write_bytes(data)


def _steps(run: DamagedRun) -> pd.DataFrame:
    return pd.DataFrame({"step": run.steps})


def test_a_folder_without_its_run_json_is_listed_as_what_it_is(open_app: Callable[..., Any], tmp_path: Path) -> None:
    run = Path(shutil.copytree(SAMPLE / "runs" / NAME, tmp_path / "some" / "run"))
    (run / "run.json").unlink()
    app = open_app(tmp_path / "some")
    assert "files of a run without run.json" in words(app)
