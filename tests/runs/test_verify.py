"""Every file of a run has a digest: whatever is flipped, swapped or cut is found."""

import os
import random
import shutil
import threading
import time
from pathlib import Path

import pytest

from nnmech.errors import RunError
from nnmech.runs import Run, RunWriter
from tests.runs.small_runs import advance, create
from tests.runs.test_safety import as_older

SAMPLE = Path(__file__).parents[2] / "checkpoints/sample_run"


def test_any_flipped_bit_is_found(tmp_path: Path, whole: Path) -> None:
    generator = random.Random(0)
    for file in sorted(path for path in whole.rglob("*") if path.is_file() and path.name != ".lock"):
        data = file.read_bytes()
        for _ in range(6):
            place = generator.randrange(8 * len(data))
            flipped = bytearray(data)
            flipped[place // 8] ^= 1 << place % 8
            file.write_bytes(bytes(flipped))
            with pytest.raises(RunError):
                Run(whole).verify()
        file.write_bytes(data)
    assert Run(whole).verify() == ()


@pytest.mark.parametrize("name", ["statements.jsonl", "answers.jsonl", "metrics.jsonl", "manifest.jsonl"])
def test_two_swapped_lines_are_found(whole: Path, name: str) -> None:
    lines = (whole / name).read_bytes().splitlines(keepends=True)
    (whole / name).write_bytes(b"".join([lines[1], lines[0], *lines[2:]]))
    with pytest.raises(RunError, match=name):
        Run(whole).verify()


@pytest.mark.parametrize("name", ["statements", "questions", "documents"])
def test_a_table_that_was_changed_is_not_read(whole: Path, name: str) -> None:
    file = whole / f"{name}.jsonl"
    file.write_bytes(file.read_bytes().replace(b"Ada", b"Ida", 1))
    with pytest.raises(RunError, match=rf"{name}\.jsonl: not the file that was written with the run"):
        getattr(Run(whole), name)
    file.unlink()
    with pytest.raises(RunError, match=rf"{name}\.jsonl: not the file"):
        getattr(Run(whole), name)


def test_what_has_no_digest_yet_is_said(tmp_path: Path) -> None:
    with create(tmp_path / "run") as writer:
        assert Run(tmp_path / "run").verify() == ()
        advance(writer, 1)
        assert Run(tmp_path / "run").verify() == ("metrics.jsonl (no digest before the first checkpoint)",)
        for step in (2, 3, 4):
            advance(writer, step)
        unchecked = Run(tmp_path / "run").verify()
        assert [text.split()[0] for text in unchecked] == ["metrics.jsonl", "answers.jsonl", "readings.jsonl"]
        assert all("since the last checkpoint" in text for text in unchecked)
    assert Run(tmp_path / "run").verify() == ()


def test_older_runs_are_read_and_what_cannot_be_checked_is_said(whole: Path) -> None:
    as_older(whole)
    run = Run(whole)
    assert len(run.statements) == 2
    assert [text.split()[0] for text in run.verify()] == [
        "run.json",
        "manifest.jsonl",
        "statements.jsonl",
        "questions.jsonl",
        "documents.jsonl",
        "events.jsonl",
        "metrics.jsonl",
        "answers.jsonl",
        "readings.jsonl",
    ]
    for sample in Run(SAMPLE).children():
        assert len(sample.answers) > 1_000
        assert len(sample.snapshot(sample.steps[-1]).residual)
        assert "statements.jsonl (no digest: an older run)" in sample.verify()
    with RunWriter.resume(whole) as writer:
        advance(writer, 13)
    assert Run(whole).steps == [2, 4, 6, 8, 10, 12]


def test_a_run_in_progress_never_fails(tmp_path: Path) -> None:
    path = tmp_path / "run"
    done = threading.Event()

    def write() -> None:
        try:
            for _ in range(3):
                with RunWriter.resume(path) if (path / "run.json").exists() else create(path) as writer:
                    for step in range(writer.last_step + 1 or 1, writer.last_step + 20):
                        advance(writer, max(step, 1))
        finally:
            done.set()

    thread = threading.Thread(target=write)
    thread.start()
    rounds = 0
    try:
        while not done.is_set():
            if (path / "run.json").exists():
                Run(path).verify()
                rounds += 1
            time.sleep(0)
    finally:
        thread.join()
    assert rounds > 10


def test_a_copy_of_a_run_is_as_good(tmp_path: Path, whole: Path) -> None:
    shutil.copytree(whole, tmp_path / "copy")
    os.utime(tmp_path / "copy/manifest.jsonl", (0, 0))
    assert Run(tmp_path / "copy").verify() == ()
