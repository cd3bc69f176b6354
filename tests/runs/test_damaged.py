"""A damaged run reads as far as it is whole: damage costs its step, and is named with file and line."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from nnmech.errors import RunError
from nnmech.runs import DamagedRun, Run
from nnmech.shipped import shipped

NAME = "runs/isaksen_greek.anchor.seed0"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return Path(shutil.copytree(shipped("sample_run") / NAME, tmp_path / "run"))


def test_a_whole_run_is_read_as_ever(run: Path) -> None:
    whole, strict = DamagedRun(run), Run(run)
    assert whole.faults == ()
    assert whole.steps == strict.steps
    assert whole.answers.equals(strict.answers)
    assert whole.metrics.equals(strict.metrics)


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_snapshot_that_is_cut_or_gone_takes_its_step_alone(run: Path, damage: str) -> None:
    strict = Run(run)
    step = strict.steps[2]
    file = run / f"snapshots/step_{step:06d}.safetensors"
    size = file.stat().st_size
    file.write_bytes(file.read_bytes()[: size // 2]) if damage == "cut" else file.unlink()
    damaged = DamagedRun(run)
    assert damaged.steps == [other for other in strict.steps if other != step]
    said = f"{size // 2:,} bytes, expected {size:,}" if damage == "cut" else "missing"
    assert damaged.faults == (f"{file}: {said}; step {step} is left out",)
    first = damaged.steps[0]
    assert np.array_equal(damaged.snapshot(first).residual, strict.snapshot(first).residual)
    with pytest.raises(RunError, match=f"no snapshot of step {step}"):
        damaged.snapshot(step)


def test_a_snapshot_of_the_right_size_whose_header_cannot_be_read_takes_its_step(run: Path) -> None:
    steps = Run(run).steps
    file = run / f"snapshots/step_{steps[2]:06d}.safetensors"
    file.write_bytes(b"\xff" * 64 + file.read_bytes()[64:])
    damaged = DamagedRun(run)
    assert damaged.steps == [step for step in steps if step != steps[2]]
    assert damaged.faults == (f"{file}: its header cannot be read; step {steps[2]} is left out",)


@pytest.mark.parametrize(
    "line", ['{"step": 0, "phase": ', "[]", '{"phase": "phase1"}', '{"step": "three"}', "\x00\xff"]
)
def test_a_bad_line_of_answers_takes_the_answers_of_its_step_and_is_named(run: Path, line: str) -> None:
    strict = Run(run)
    file = run / "answers.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    steps = strict.answers["step"].tolist()
    number = next(n for n in range(2, len(lines)) if steps[n - 1] == steps[n] == steps[n + 1] != steps[0])
    lines[number] = line.encode("latin-1") + b"\n"
    file.write_bytes(b"".join(lines))
    damaged = DamagedRun(run)
    assert set(damaged.answers["step"]) == set(steps) - {steps[number]}
    assert len(damaged.answers) == sum(step != steps[number] for step in steps)
    assert f"line {number + 1}" in damaged.faults[0]
    assert damaged.faults[-1] == f"{file}: answers of step {steps[number]} are left out"
    assert damaged.steps == strict.steps


def test_between_two_steps_a_bad_line_may_be_of_either(run: Path) -> None:
    file = run / "answers.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    steps = Run(run).answers["step"].tolist()
    number = next(n for n in range(1, len(lines)) if steps[n] != steps[n - 1])
    lines[number] = b"{\n"
    file.write_bytes(b"".join(lines))
    kept = set(DamagedRun(run).answers["step"])
    assert kept == set(steps) - {steps[number - 1], steps[number + 1]}


def test_a_bad_line_of_metrics_takes_itself_alone(run: Path) -> None:
    file = run / "metrics.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([lines[0], b"{}\n", b"?\n", *lines[1:]]))
    damaged = DamagedRun(run)
    assert len(damaged.metrics) == len(lines)
    assert [f"{file}, line 2: " in damaged.faults[0], f"{file}, line 3: " in damaged.faults[1]] == [True, True]


def test_damage_to_what_names_the_statements_is_an_error(run: Path) -> None:
    file = run / "statements.jsonl"
    file.write_bytes(file.read_bytes()[:-30] + b"\n")
    with pytest.raises(RunError, match=r"statements.jsonl"):
        _ = DamagedRun(run).statements
