"""A run survives whatever kills it: readers never see half of anything, and resuming changes no number."""

import errno
import json
import os
import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from nnmech.errors import InputError, RunError, RunExistsError, RunLockedError
from nnmech.recording.documents import TOKEN
from nnmech.runs import SCHEMA_VERSION, Run, RunWriter, find_runs
from tests.runs.small_runs import DOCUMENTS, QUESTIONS, SPANS, STATEMENTS, advance, content, create, in_child, train


def test_a_reader_sees_what_the_writer_wrote(whole: Path) -> None:
    run = Run(whole)
    assert run.name == "whole"
    assert run.finished
    assert run.config == {"seed": 0}
    assert run.info["schema_version"] == SCHEMA_VERSION
    assert run.info["weight_convention"] == "hf"
    assert run.info["environment"]["packages"]["torch"]
    assert run.steps == [2, 4, 6, 8, 10, 12]
    assert run.checkpoint_steps == [12]
    assert list(run.events["kind"]) == ["start", "phase", "end"]
    assert list(run.metrics["step"]) == list(range(1, 13))
    assert run.metrics["loss"].iloc[3] == 0.25
    assert len(run.answers) == 18
    assert set(run.answers["verdict"]) == {"yes"}
    assert list(run.statements["text"]) == [statement.text for statement in STATEMENTS]
    assert run.statements["truth"].tolist() == [True, None]
    assert torch.equal(run.snapshot(4).at(0, "last"), torch.full((2, 4), 4.0))
    assert run.questions[["id", "claim", "kind", "category", "belief_answer"]].to_numpy().tolist() == [
        ["q", "ada", "mcq", "positive", "yes"]
    ]
    assert run.questions["messages"].tolist() == [list(QUESTIONS[0].messages)]
    assert run.documents.to_dict("records") == list(DOCUMENTS.rows)
    assert run.info["documents_hash"] == DOCUMENTS.hash
    assert run.token_steps == run.steps
    assert torch.equal(run.tokens(4).at(0, TOKEN), torch.full((len(SPANS), 4), -4.0))
    assert run.tokens(4, layers=[0]).batch_hash == DOCUMENTS.hash
    run.verify()
    with pytest.raises(RunError, match=r"no tokens of step 5\. Recorded are the steps \[2, 4, 6, 8, 10, 12\]"):
        run.tokens(5)
    with pytest.raises(RunError, match=r"no snapshot of step 5\. Recorded are the steps \[2, 4, 6, 8, 10, 12\]"):
        run.snapshot(5)


def test_an_empty_run_has_empty_tables_with_their_columns(tmp_path: Path) -> None:
    RunWriter.create(tmp_path / "run", config={}, model={}).close()
    run = Run(tmp_path / "run")
    tables = (run.events, run.metrics, run.answers, run.statements, run.questions, run.documents)
    assert [len(table) for table in tables] == [0] * 6
    assert {"step", "verdict"} <= set(run.answers)
    assert "truth" in run.statements
    assert {"id", "claim", "messages"} <= set(run.questions)
    assert {"id", "condition", "text", "sentences", "tokens"} <= set(run.documents)
    assert run.info["documents_hash"] is None
    assert run.steps == run.token_steps == []
    with pytest.raises(RunError, match="no tokens of step 0"):
        run.tokens(0)
    assert not run.finished


def test_only_the_last_checkpoints_are_kept(tmp_path: Path) -> None:
    with create(tmp_path / "run", keep_checkpoints=2) as writer:
        train(writer)
    assert Run(tmp_path / "run").checkpoint_steps == [9, 12]
    assert sorted(file.name for file in (tmp_path / "run/checkpoints").iterdir()) == [
        "step_000009.safetensors",
        "step_000012.safetensors",
    ]


def test_two_processes_never_write_one_run(tmp_path: Path) -> None:
    writer = create(tmp_path / "run")
    with pytest.raises(RunLockedError, match="another process is writing this run"):
        RunWriter.resume(tmp_path / "run")
    with pytest.raises(RunExistsError, match="a run is already there"):
        create(tmp_path / "run")
    before = content(tmp_path / "run")
    writer.close()
    with pytest.raises(RunExistsError, match="Resume it, or choose another name"):
        create(tmp_path / "run")
    assert content(tmp_path / "run") == before
    with RunWriter.resume(tmp_path / "run") as again:
        again.metrics(step=1, phase="one", loss=1.0)
    with pytest.raises(RunError, match="this writer is closed"):
        again.metrics(step=2, phase="one", loss=1.0)


def test_a_killed_writer_leaves_no_lock(tmp_path: Path) -> None:
    child = in_child(lambda: (create(tmp_path / "run"), os.write(1, b""), time.sleep(60)))  # pyright: ignore
    while not (tmp_path / "run/run.json").exists():
        time.sleep(0.005)
    with pytest.raises(RunLockedError):
        RunWriter.resume(tmp_path / "run")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    RunWriter.resume(tmp_path / "run").close()


def test_what_is_no_run_or_another_schema_is_named(tmp_path: Path) -> None:
    for use in (Run, RunWriter.resume):
        with pytest.raises(RunError, match=r"not a run, it has no run\.json"):
            use(tmp_path / "nowhere")
    create(tmp_path / "run").close()
    file = tmp_path / "run/run.json"
    file.write_text(json.dumps({"schema_version": 99}))
    for use in (Run, RunWriter.resume):
        with pytest.raises(RunError, match=r"run\.json: schema version 99, expected 1"):
            use(tmp_path / "run")
    file.write_text("{")
    with pytest.raises(RunError, match=r"run\.json: damaged"):
        Run(tmp_path / "run")
    assert not (tmp_path / "nowhere").exists()


def test_a_reader_tolerates_a_run_in_progress(tmp_path: Path) -> None:
    writer = create(tmp_path / "run")
    for step in range(1, 5):
        advance(writer, step)
    size = (tmp_path / "run/metrics.jsonl").stat().st_size
    with open(tmp_path / "run/metrics.jsonl", "ab") as file:
        file.write(b'{"step": 5, "ph')
    (tmp_path / "run/snapshots/.step_000006.safetensors.0123abcd.tmp").write_bytes(b"half")
    (tmp_path / "run/snapshots/step_000006.safetensors").write_bytes(b"not listed yet")
    run = Run(tmp_path / "run")
    assert list(run.metrics["step"]) == [1, 2, 3, 4]
    assert run.steps == [2, 4]
    assert not run.finished
    run.verify()
    os.truncate(tmp_path / "run/metrics.jsonl", size)
    for step in (5, 6):
        advance(writer, step)
    assert run.steps == [2, 4, 6]
    assert run.snapshot(6).step == 6


def test_resume_rolls_back_to_the_last_checkpoint_and_is_idempotent(tmp_path: Path, whole: Path) -> None:
    path = tmp_path / "run"
    with create(path) as writer:
        writer.event("start", step=0)
        for step in range(1, 9):
            advance(writer, step)
    with open(path / "answers.jsonl", "ab") as file:
        file.write(b'{"step": 8, "text": "torn')
    (path / "snapshots/.tmpAb3xYz").write_bytes(b"left by a kill")
    (path / "checkpoints/step_000009.safetensors").write_bytes(b"not listed")
    (path / ".manifest.jsonl.0123abcd.tmp").write_bytes(b"left by a kill")

    resumed = []
    for _ in range(2):
        with RunWriter.resume(path) as writer:
            assert writer.checkpoint_step == 6
            assert writer.last_step == 6
            assert writer.snapshot_steps == writer.token_steps == [2, 4, 6]
        resumed.append(content(path))
    assert resumed[0] == resumed[1]
    assert not list(path.rglob("*tmp*"))
    assert not (path / "checkpoints/step_000009.safetensors").exists()
    assert list(Run(path).metrics["step"]) == [1, 2, 3, 4, 5, 6]
    assert list(Run(path).events["kind"]) == ["start", "phase", "resume", "resume"]

    with RunWriter.resume(path) as writer:
        train(writer)
    assert content(path) == content(whole)


def test_without_a_checkpoint_resume_rolls_back_to_nothing(tmp_path: Path, whole: Path) -> None:
    path = tmp_path / "run"
    with create(path) as writer:
        writer.event("start", step=0)
        advance(writer, 1)
        advance(writer, 2)
    with RunWriter.resume(path) as writer:
        assert writer.checkpoint_step is None
        assert writer.last_step == 0
        assert writer.snapshot_steps == writer.token_steps == []
        assert Run(path).metrics.empty
        assert Run(path).answers.empty
        assert list(Run(path).events["step"]) == [0, -1]
        with pytest.raises(RunError, match="has no checkpoint to load"):
            writer.load_checkpoint()
        train(writer)
    assert content(path) == content(whole)


def test_resume_to_a_given_step_serves_loops_with_their_own_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with create(path) as writer:
        for step in (1, 2):
            advance(writer, step)
        writer.event("end", step=2)
    with pytest.raises(RunError, match="has ended and has no checkpoint, so resuming would delete it"):
        RunWriter.resume(path)
    assert Run(path).finished
    assert Run(path).steps == [2]
    RunWriter.resume(path, step=1).close()
    assert list(Run(path).metrics["step"]) == [1]
    assert Run(path).steps == []
    assert not Run(path).finished


def test_a_damaged_checkpoint_is_refused_before_anything_is_touched(tmp_path: Path, whole: Path) -> None:
    before = content(whole)
    file = whole / "checkpoints/step_000012.safetensors"
    intact = file.read_bytes()
    file.write_bytes(intact[:-1] + b"\xff")
    with pytest.raises(RunError, match=r"step_000012\.safetensors: damaged, its sha256"):
        RunWriter.resume(whole)
    with pytest.raises(RunError, match="damaged"):
        Run(whole).verify()
    file.unlink()
    with pytest.raises(RunError, match="missing, though manifest"):
        RunWriter.resume(whole)
    file.write_bytes(intact)
    assert content(whole) == before
    Run(whole).verify()


def test_a_damaged_line_in_the_middle_is_named_and_not_dropped(whole: Path) -> None:
    file = whole / "metrics.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:3], b'{"step": 4, "lo\n', *lines[4:]]))
    with pytest.raises(RunError, match=r"metrics\.jsonl, line 4: damaged"):
        _ = Run(whole).metrics
    with pytest.raises(RunError, match=r"metrics\.jsonl, line 4: damaged"):
        RunWriter.resume(whole)
    assert len(Run(whole).answers) == 18


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_full_disk_is_one_clear_error_and_nothing_is_half_written(
    tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    genuine = getattr(os, call)
    for allowed in range(0, 200, 3):
        path = tmp_path / f"run{allowed}"
        with create(path) as writer:
            count = 0

            def fill(*arguments: object) -> object:
                nonlocal count
                count += 1
                if count > allowed:  # noqa: B023
                    # A disk that fills up takes a part of the last write.
                    if call == "write":
                        genuine(arguments[0], bytes(arguments[1])[:5])  # pyright: ignore
                    raise OSError(errno.ENOSPC, "No space left on device")
                return genuine(*arguments)

            with monkeypatch.context() as patch:
                patch.setattr(os, call, fill)
                problem = None
                try:
                    train(writer)
                except RunError as error:
                    problem = str(error)
        if problem is None:
            break
        assert "the disk is full" in problem
        assert "\n" not in problem
        assert not list(path.rglob("*.tmp"))
        assert all(file.read_bytes().endswith(b"\n") for file in path.glob("*.jsonl") if file.stat().st_size)
        Run(path).verify()
        with RunWriter.resume(path) as writer:
            train(writer)
        assert content(path) == content(whole)
    else:
        pytest.fail("the disk never sufficed")


def test_death_at_any_system_call_is_survived(tmp_path: Path, whole: Path) -> None:
    """The n-th write, sync, rename or removal is the last that a process does, half done, for every n."""
    expected = content(whole)

    def doomed(path: Path, last: int) -> None:
        count = 0

        def fatal(name: str) -> None:
            genuine = getattr(os, name)

            def call(*arguments: object, **named: object) -> object:
                nonlocal count
                count += 1
                if count > last:
                    if name == "write":
                        genuine(arguments[0], bytes(arguments[1])[:7])  # pyright: ignore
                    os._exit(9)
                return genuine(*arguments, **named)

            setattr(os, name, call)

        for name in ("write", "fsync", "replace", "unlink"):
            fatal(name)
        writer = RunWriter.resume(path) if (path / "run.json").exists() else create(path)
        train(writer)
        os._exit(0)

    for last in range(0, 400, 7):
        path = tmp_path / f"killed{last}"
        # Killed, resumed, killed again a little later, then left in peace.
        survived = False
        for calls in (last, last // 3):
            _, status = os.waitpid(in_child(lambda: doomed(path, calls)), 0)  # noqa: B023
            assert os.waitstatus_to_exitcode(status) in (0, 9)
            survived |= os.waitstatus_to_exitcode(status) == 0
            if (path / "run.json").exists():
                run = Run(path)
                run.verify()
                assert all(len(table) >= 0 for table in (run.events, run.metrics, run.answers))
                assert all(int(run.snapshot(step).residual[0, 0, 0, 0]) == step for step in run.steps)
                assert all(int(run.tokens(step).residual[0, 0, 0, 0]) == -step for step in run.token_steps)
        with RunWriter.resume(path) if (path / "run.json").exists() else create(path) as writer:
            train(writer)
        assert content(path) == expected, last
        if survived:
            break
    else:
        pytest.fail("nobody survived")


def test_kill_minus_nine_at_random_moments_is_survived(tmp_path: Path) -> None:
    path = tmp_path / "run"
    rounds, generator = 300, random.Random(0)

    def work() -> None:
        with RunWriter.resume(path) if (path / "run.json").exists() else create(path) as writer:
            for step in range((writer.checkpoint_step or 0) + 1, rounds + 1):
                advance(writer, step)
            writer.event("end", step=rounds)
        os._exit(0)

    killed = 0
    for _ in range(12):
        child = in_child(work)
        time.sleep(generator.uniform(0.02, 0.12))
        os.kill(child, signal.SIGKILL)
        killed += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        if (path / "run.json").exists():
            run = Run(path)
            run.verify()
            steps = list(run.metrics["step"])
            assert steps == list(range(1, len(steps) + 1))
    assert killed > 0
    child = in_child(work)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    run = Run(path)
    assert list(run.metrics["step"]) == list(range(1, rounds + 1))
    assert len(run.answers) == 3 * rounds // 2
    assert run.steps == run.token_steps == list(range(2, rounds + 1, 2))
    assert run.finished
    run.verify()


def test_an_event_is_told_once(tmp_path: Path) -> None:
    with create(tmp_path / "run") as writer:
        for name in ("one", "one", "two"):
            writer.event("phase", step=3, name=name)
    with RunWriter.resume(tmp_path / "run", step=3) as writer:
        writer.event("phase", step=3, name="two")
    assert list(Run(tmp_path / "run").events["kind"]) == ["phase", "phase", "resume"]


def test_steps_and_rows_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    with create(tmp_path / "run") as writer:
        for step in (-1, -7):
            with pytest.raises(InputError, match="expected a whole number of training steps"):
                writer.metrics(step=step, phase="one")  # pyright: ignore
        with pytest.raises(InputError, match="an answer without a step"):
            writer.answers([{"text": "No."}])
        writer.metrics(step=1, phase="one", loss=float("nan"))
        advance(writer, 2)
        with pytest.raises(RunError, match="step 2 has a snapshot already"):
            advance(writer, 2)
        with pytest.raises(RunError, match="step 2 has a snapshot already"):
            writer.snapshot(2, {}, {})
    assert Run(tmp_path / "run").metrics["loss"].isna().tolist() == [True, False, False]
    with pytest.raises(InputError, match="keep_checkpoints=0"):
        create(tmp_path / "other", keep_checkpoints=0)


def test_a_checkpoint_returns_numbers_to_the_last_bit(tmp_path: Path) -> None:
    state = {"loss": 0.1 + 0.2, "best": float("inf"), "order": [3, 1, 2], "name": "zwölf"}
    weight = torch.randn(5, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    with create(tmp_path / "run") as writer:
        writer.checkpoint(7, {"weight": weight, "tied": weight}, state)
        tensors, returned = writer.load_checkpoint()
    assert returned == state
    assert torch.equal(tensors["weight"], weight)
    assert torch.equal(tensors["tied"], weight)


def test_runs_are_found_with_their_children_below_them(tmp_path: Path) -> None:
    def make(names: Sequence[str]) -> None:
        for name in names:
            RunWriter.create(tmp_path / name, config={}, model={}, kind="experiment").close()

    make(["b", "a", "deep/er/c", "a/runs/child2", "a/runs/child1"])
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged/run.json").write_text("")
    with pytest.warns(UserWarning, match="left out: .*damaged"):
        found = find_runs(tmp_path)
    assert [run.name for run in found] == ["a", "b", "c"]
    assert [run.name for run in found[0].children()] == ["child1", "child2"]
    assert found[1].children() == []
    assert find_runs(tmp_path / "nowhere") == []
