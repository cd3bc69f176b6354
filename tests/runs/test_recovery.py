"""A damaged run is not wiped: what is whole goes on, what nobody can account for is kept, and a warning says so."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from nnmech.errors import RunError
from nnmech.runs import Run, RunWriter, drop_checkpoints
from tests.runs.small_runs import STEPS, advance, content, create, train
from tests.runs.test_safety import as_older


def cut(path: Path, how: str) -> None:
    manifest = path / "manifest.jsonl"
    data = manifest.read_bytes()
    if how == "missing":
        manifest.unlink()
    else:
        manifest.write_bytes({"empty": b"", "300 bytes": data[:300], "a byte less": data[:-1]}[how])


def listed(found: dict[str, Any], older: bool) -> dict[str, Any]:
    """The content of a run, the lines of its manifest in an order of their own."""
    rows = [row for row in found["manifest.jsonl"] if row["kind"] != "manifest"]
    assert len(rows) == len(found["manifest.jsonl"]) - 1 or older
    return {**found, "manifest.jsonl": sorted(rows, key=lambda row: row["file"])}


CUTS = ["missing", "empty", "300 bytes", "a byte less"]


@pytest.mark.parametrize("how", CUTS)
@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("steps", [10, STEPS])
def test_a_damaged_manifest_costs_nothing(tmp_path: Path, whole: Path, how: str, older: bool, steps: int) -> None:
    path = tmp_path / "run"
    with create(path) as writer:
        writer.event("start", step=0)
        for step in range(1, steps + 1):
            advance(writer, step)
        if steps == STEPS:
            writer.event("end", step=STEPS)
    if older:
        as_older(path)
    before = sorted(path.rglob("*.safetensors"))
    cut(path, how)
    damaged = (path / "manifest.jsonl").read_bytes() if how != "missing" else None
    with pytest.warns(UserWarning, match=r"resumed at step (9|12); .*manifest\.jsonl.*listed again"):
        writer = RunWriter.resume(path)
    with writer:
        assert writer.checkpoint_step == (9 if steps == 10 else 12)
        assert [file for file in before if not file.exists() and "000010" not in file.name] == []
        train(writer)
    row = Run(path).events.query("kind == 'resume'").iloc[0]
    assert "manifest" in row["found"][0]
    kept = list((path / "set_aside").rglob("manifest.jsonl"))
    assert [file.read_bytes() for file in kept] == ([] if damaged is None else [damaged])
    shutil.rmtree(path / "set_aside", ignore_errors=True)
    assert listed(content(path), older) == listed(content(whole), older)
    assert Run(path).verify() == () or older


@pytest.mark.parametrize("how", CUTS)
def test_results_without_a_checkpoint_are_asked_for(whole: Path, how: str) -> None:
    drop_checkpoints(whole)
    cut(whole, how)
    before = {file: file.read_bytes() for file in whole.rglob("*") if file.is_file()}
    with pytest.raises(RunError, match=r"so resuming would delete it.*discard"):
        RunWriter.resume(whole)
    assert {file: file.read_bytes() for file in whole.rglob("*") if file.is_file()} == before
    with pytest.warns(UserWarning, match="resumed at step -1"):
        writer = RunWriter.resume(whole, discard=True)
    with writer:
        assert writer.last_step == 0
        train(writer)
    assert Run(whole).finished


def test_files_that_are_damaged_too_are_kept_aside(whole: Path) -> None:
    file = whole / "snapshots/step_000004.safetensors"
    file.write_bytes(file.read_bytes()[:-3])
    cut(whole, "empty")
    with pytest.warns(UserWarning, match="set_aside/"):
        RunWriter.resume(whole).close()
    assert Run(whole).steps == [2, 6, 8, 10, 12]
    assert len(list((whole / "set_aside").rglob("step_000004.safetensors"))) == 1


def test_a_flipped_bit_in_a_listed_file_is_no_longer_listed(whole: Path) -> None:
    file = whole / "snapshots/step_000004.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\xff")
    cut(whole, "a byte less")
    with pytest.warns(UserWarning, match="resumed at step 12"):
        RunWriter.resume(whole).close()
    assert Run(whole).steps == [2, 6, 8, 10, 12]
    assert Run(whole).verify() == ()


def test_the_checkpoint_before_a_damaged_one_serves(tmp_path: Path, whole: Path) -> None:
    path = tmp_path / "run"
    with create(path, keep_checkpoints=2) as writer:
        train(writer)
    file = path / "checkpoints/step_000012.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\xff")
    with pytest.warns(UserWarning, match=r"step_000012\.safetensors: damaged.*set_aside/"):
        writer = RunWriter.resume(path)
    with writer:
        assert writer.checkpoint_step == 9
        train(writer)
    assert Run(path).steps == Run(whole).steps
    assert Run(path).verify() == ()


def test_the_only_checkpoint_is_asked_for(whole: Path) -> None:
    (whole / "checkpoints/step_000012.safetensors").unlink()
    with pytest.raises(RunError, match=r"missing.*no other checkpoint is good.*discard"):
        RunWriter.resume(whole)
    with pytest.warns(UserWarning, match="resumed at step -1"):
        writer = RunWriter.resume(whole, discard=True)
    with writer:
        assert writer.snapshot_steps == []


def test_lost_lines_are_asked_for(whole: Path) -> None:
    file = whole / "answers.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:4], *lines[5:]]))
    with pytest.raises(RunError, match=r"answers\.jsonl.*lost or changed.*discard"):
        RunWriter.resume(whole)
    with pytest.warns(UserWarning, match=r"answers\.jsonl"):
        RunWriter.resume(whole, discard=True).close()
    assert len(Run(whole).answers) == len(lines) - 1
    assert Run(whole).verify() == ()


def test_an_ordinary_resume_is_silent(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    path = tmp_path / "run"
    with create(path) as writer:
        for step in range(1, 8):
            advance(writer, step)
    RunWriter.resume(path).close()
    assert not recwarn.list
    assert not (path / "set_aside").exists()
    assert set(json.loads((path / "events.jsonl").read_text().splitlines()[-1])) == {"kind", "step", "time"}


def test_checkpoints_that_were_dropped_are_missed(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with create(path) as writer:
        for step in range(1, 11):
            advance(writer, step)
    with (path / "events.jsonl").open("ab") as file:
        file.write(b'{"kind": "half')
    assert drop_checkpoints(path) > 0
    (unchecked,) = Run(path).verify()
    assert unchecked.startswith("events.jsonl (the last ")
    assert list(Run(path).events["kind"])[-1] == "drop_checkpoints"
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    with pytest.raises(RunError, match=r"since they were dropped, so resuming would delete it.*--discard"):
        RunWriter.resume(path)
    assert {file: file.read_bytes() for file in path.rglob("*") if file.is_file()} == before
    with RunWriter.resume(path, discard=True) as writer:
        assert writer.checkpoint_step is None
        assert writer.snapshot_steps == []
    RunWriter.resume(path).close()
