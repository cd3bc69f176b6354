"""A run directory from somebody else: nothing outside is read, written or removed, and one bad run costs itself."""

import json
import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from nnmech.errors import RunError, RunLockedError
from nnmech.runs import Run, RunWriter, drop_checkpoints, find_runs
from nnmech.runs.summary import summarise_run
from tests.runs.small_runs import advance, create, train


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A folder beside the run, with files whose names a run has too."""
    folder = tmp_path / "victim"
    folder.mkdir()
    for name in ("victim.txt", "step_000002.safetensors", "step_000099.safetensors", ".tmpAb3xYz", "answers.jsonl"):
        (folder / name).write_text('{"precious": 1}\n')
    return folder


def held(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def use_all(path: Path) -> list[str]:
    """Everything that anybody does with a run; what went wrong, in one line each."""
    steps: list[Callable[[], object]] = [
        lambda: summarise_run(path),
        lambda: [getattr(Run(path), name) for name in ("events", "metrics", "answers", "statements", "questions")],
        lambda: [Run(path).snapshot(step) for step in Run(path).steps],
        lambda: Run(path).verify(),
        lambda: drop_checkpoints(path),
        lambda: write_on(path),
    ]
    said = []
    for use in steps:
        try:
            use()
        except RunError as error:
            said.append(str(error))
    assert not any("\n" in line for line in said)
    return said


def write_on(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        writer = RunWriter.resume(path, discard=True)
    with writer:
        advance(writer, 14)
        advance(writer, 15)


@pytest.mark.parametrize("name", ["../victim/victim.txt", "{victim}/victim.txt", "checkpoints/../../victim/victim.txt"])
@pytest.mark.parametrize("sealed", [True, False])
def test_a_manifest_that_names_a_file_outside_costs_no_file(whole: Path, victim: Path, name: str, sealed: bool) -> None:
    before = held(victim)
    entry = {"file": name.format(victim=victim), "kind": "checkpoint", "step": 1, "size": 16, "sha256": "0" * 64}
    manifest = whole / "manifest.jsonl"
    listed = [line for line in manifest.read_text().splitlines() if '"kind": "manifest"' not in line]
    manifest.write_text("".join(line + "\n" for line in [json.dumps(entry), *listed]))
    if not sealed:
        as_older(whole)
    with pytest.raises(RunError, match=r"manifest\.jsonl.*(expected 'checkpoints/step_000001\.safetensors'|damaged)"):
        drop_checkpoints(whole)
    assert use_all(whole)
    assert held(victim) == before


def as_older(path: Path) -> None:
    """Turn a run into one of a version that knew no digests but those of binary files."""
    info = json.loads((path / "run.json").read_text())
    info.pop("files", None)
    (path / "run.json").write_text(json.dumps(info))
    (path / "digests.json").unlink(missing_ok=True)
    manifest = path / "manifest.jsonl"
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(line for line in lines if '"kind": "manifest"' not in line))


@pytest.mark.parametrize("folder", ["snapshots", "tokens", "checkpoints"])
@pytest.mark.parametrize("manifest", ["kept", "empty"])
def test_a_folder_that_is_a_link_is_neither_read_nor_swept(
    whole: Path, victim: Path, folder: str, manifest: str
) -> None:
    before = held(victim)
    shutil.rmtree(whole / folder)
    (whole / folder).symlink_to(victim)
    if manifest == "empty":
        (whole / "manifest.jsonl").write_bytes(b"")
    with pytest.raises(RunError, match=rf"{folder}: is a symbolic link, expected a folder"):
        RunWriter.resume(whole, discard=True)
    use_all(whole)
    assert held(victim) == before


LINKED = ["run.json", "manifest.jsonl", "digests.json", "answers.jsonl", "statements.jsonl", ".lock"]


@pytest.mark.parametrize("name", [*LINKED, "snapshots/step_000002.safetensors", "checkpoints/step_000012.safetensors"])
@pytest.mark.parametrize("kind", ["link", "dangling link", "fifo", "folder", "hard link"])
def test_what_is_no_file_of_the_run_is_refused_at_once(whole: Path, victim: Path, name: str, kind: str) -> None:
    file, genuine = whole / name, (whole / name).read_bytes()
    outside = victim / "answers.jsonl"
    outside.write_bytes(genuine)
    file.unlink()
    if kind == "link":
        file.symlink_to(outside)
    elif kind == "dangling link":
        file.symlink_to(victim / "nothing")
    elif kind == "fifo":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    else:
        file.hardlink_to(outside)
    before = held(victim)
    said = use_all(whole)
    if kind != "hard link":
        assert said
    assert held(victim) == before


def test_a_new_run_does_not_write_through_links_that_wait_for_it(tmp_path: Path, victim: Path) -> None:
    before = held(victim)
    for name in ("events.jsonl", "run.json", ".lock"):
        path = tmp_path / f"run {name}"
        path.mkdir()
        (path / name).symlink_to(victim / "new")
        with pytest.raises(RunError):
            create(path)
    path = tmp_path / "run"
    with create(path) as writer:
        (path / "metrics.jsonl").symlink_to(victim / "new")
        (path / "snapshots").symlink_to(victim)
        with pytest.raises(RunError, match=r"metrics\.jsonl: cannot be written: is a symbolic link"):
            advance(writer, 1)
        with pytest.raises(RunError, match=r"cannot be written: is a symbolic link, expected a folder"):
            writer.snapshot(2, {}, {})
    assert held(victim) == before


def test_a_writer_sweeps_what_a_writer_wrote_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with create(path) as writer:
        train(writer)
    mine = ["snapshots/notes.txt", "checkpoints/best.safetensors", "snapshots/step_2.safetensors", "notes.tmp"]
    theirs = ["snapshots/.step_000009.safetensors.0123abcd.tmp", "checkpoints/step_000099.safetensors"]
    for name in (*mine, *theirs):
        (path / name).write_text("x")
    (path / "tokens/step_000077.safetensors").mkdir()
    RunWriter.resume(path).close()
    assert all((path / name).read_text() == "x" for name in mine)
    assert not any((path / name).exists() for name in theirs)
    assert (path / "tokens/step_000077.safetensors").is_dir()


def test_a_run_may_be_reached_through_a_link(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "by link").symlink_to(whole)
    RunWriter.resume(tmp_path / "by link").close()
    assert Run(tmp_path / "by link").verify() == ()
    assert Run(tmp_path / "by link").snapshot(4).step == 4


def test_children_behind_a_link_are_not_looked_at(whole: Path, tmp_path: Path) -> None:
    create(tmp_path / "elsewhere/other").close()
    (whole / "runs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="runs: a symbolic link"):
        Run(whole).children()


DAMAGE: dict[str, tuple[str, bytes]] = {
    "a hundred thousand levels": ("run.json", b"[" * 100_000),
    "900 levels": ("run.json", b'{"schema_version": 1, "config": ' + b"[" * 900 + b"]" * 900 + b', "model": {}}'),
    "levels in answers": ("answers.jsonl", b'{"step": 1, "text": ' + b"[" * 700 + b"]" * 700 + b"}\n"),
    "half a surrogate": ("run.json", b'{"schema_version": 1, "config": {"\\ud800": 1}, "model": {}}'),
    "config is a list": ("run.json", b'{"schema_version": 1, "config": [], "model": {}}'),
    "config is missing": ("run.json", b'{"schema_version": 1}'),
    "a number without end": (
        "run.json",
        b'{"schema_version": 1, "config": {"seed": ' + b"9" * 5000 + b'}, "model": {}}',
    ),
    "infinity": ("metrics.jsonl", b'{"step": 1, "loss": Infinity}\n'),
    "infinity in digits": ("metrics.jsonl", b'{"step": 1, "loss": 1e999}\n'),
    "a huge step": ("metrics.jsonl", b'{"step": 99999999999999999999999}\n'),
    "a step of another type": ("answers.jsonl", b'{"step": {"a": 1}, "text": "x"}\n'),
    "an id that is an object": ("answers.jsonl", b'{"step": 1, "question": {"a": 1}, "text": "x"}\n'),
    "an escape of half a character": ("answers.jsonl", b'{"step": 1, "text": "\\udc00"}\n'),
    "no object": ("answers.jsonl", b"7\n"),
    "no UTF-8": ("answers.jsonl", b'{"step": 1, "text": "\xff"}\n'),
    "a file that is an object": (
        "manifest.jsonl",
        b'{"file": {"a": 1}, "kind": "snapshot", "step": 1, "size": 1, "sha256": "00"}\n',
    ),
    "no file": ("manifest.jsonl", b'{"kind": "snapshot", "step": 1, "size": 1, "sha256": "00"}\n'),
    "a kind that is a list": (
        "manifest.jsonl",
        b'{"file": "a", "kind": [], "step": 1, "size": 1, "sha256": "00"}\n',
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_one_bad_run_costs_that_run(tmp_path: Path, whole: Path, name: str) -> None:
    file, data = DAMAGE[name]
    shutil.copytree(whole, tmp_path / "runs/bad")
    shutil.copytree(whole, tmp_path / "runs/good")
    as_older(tmp_path / "runs/bad")
    (tmp_path / "runs/bad" / file).write_bytes(data)
    with warnings.catch_warnings(record=True):
        found = {run.name for run in find_runs(tmp_path / "runs")}
    assert "good" in found
    said = use_all(tmp_path / "runs/bad")
    assert any(file in line for line in said), said
    assert Run(tmp_path / "runs/good").verify() == ()


def test_a_table_is_bounded_in_its_columns(whole: Path) -> None:
    rows = "".join(json.dumps({"step": 1, f"column {number}": 1}) + "\n" for number in range(1_001))
    (whole / "metrics.jsonl").write_text(rows)
    with pytest.raises(RunError, match=r"metrics\.jsonl: 1,002 different fields, expected at most 1,000"):
        _ = Run(whole).metrics


def test_a_bad_line_near_the_end_has_its_number(whole: Path) -> None:
    file = whole / "answers.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines * 4_000, b"nonsense\n", *lines]))
    with pytest.raises(RunError, match=rf"answers\.jsonl, line {len(lines) * 4_000 + 1}: damaged"):
        summarise_run(whole)


def test_a_lock_that_was_removed_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "run"
    writer = create(path)
    advance(writer, 1)
    (path / ".lock").unlink()
    with pytest.raises(RunLockedError, match=r"\.lock: removed or replaced while this process wrote the run"):
        writer.metrics(step=2, phase="one")
    with RunWriter.resume(path) as other:
        advance(other, 1)
        for use in (lambda: writer.answers([{"step": 2}]), lambda: writer.snapshot(2, {}, {})):
            with pytest.raises(RunLockedError):
                use()
        writer.close()
        advance(other, 2)
    assert list(Run(path).metrics["step"]) == [1, 2]


def test_a_log_that_another_process_wrote_is_left_to_it(tmp_path: Path) -> None:
    with create(tmp_path / "run") as writer:
        advance(writer, 1)
        with open(tmp_path / "run/metrics.jsonl", "a") as file:
            file.write('{"step": 2}\n')
        with pytest.raises(RunError, match=r"metrics\.jsonl: \d+ bytes, expected the \d+ that this process wrote"):
            advance(writer, 2)


@pytest.mark.parametrize("name", ["a" * 300, "nul\0byte", "file/below"])
def test_a_name_that_no_run_can_have_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    for use in (create, RunWriter.resume, Run, summarise_run, drop_checkpoints):
        with pytest.raises(RunError) as caught:
            use(tmp_path / name)
        assert "\n" not in str(caught.value)
        assert "Traceback" not in str(caught.value)
