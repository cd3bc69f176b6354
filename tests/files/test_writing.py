"""A file is complete or absent, whatever happens while it is written."""

import errno
import math
import os
import resource
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from nnmech.errors import InputError, RunError
from nnmech.files import (
    json_lines,
    parse_rows,
    plain,
    save_safetensors_atomic,
    sha256_file,
    write_bytes_atomic,
    write_json_atomic,
    writing,
)


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_written_file_holds_the_bytes_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_bytes_atomic(tmp_path / "new folder" / "a.bin", b"first")
    write_bytes_atomic(tmp_path / "new folder" / "a.bin", b"second")
    assert (tmp_path / "new folder" / "a.bin").read_bytes() == b"second"
    assert names(tmp_path / "new folder") == ["a.bin"]


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_a_disk_that_refuses_leaves_the_old_file_and_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    target = tmp_path / "a.json"
    write_json_atomic(target, {"old": 1})

    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(
        RunError, match="disk is full.*Free some space" if code == errno.ENOSPC else "cannot be written"
    ):
        write_json_atomic(target, {"new": 2})
    monkeypatch.undo()
    assert target.read_text() == '{\n  "old": 1\n}\n'
    assert names(tmp_path) == ["a.json"]


def test_a_full_disk_under_safetensors_is_the_same_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise writing.SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(writing, "save_file", refuse)
    with pytest.raises(RunError, match=r"b\.safetensors: the disk is full"):
        save_safetensors_atomic(tmp_path / "b.safetensors", {"x": torch.ones(2)})
    assert names(tmp_path) == []


def test_the_folder_is_synced_after_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (order.append("fsync"), fsync(descriptor)))
    monkeypatch.setattr(os, "replace", lambda *names, **folders: (order.append("replace"), replace(*names, **folders)))
    write_bytes_atomic(tmp_path / "a", b"x")
    assert order == ["fsync", "replace", "fsync"]


def test_equal_tensors_and_metadata_give_equal_bytes(tmp_path: Path) -> None:
    tensors = {"b": torch.arange(6.0).reshape(2, 3), "a": torch.ones(2, dtype=torch.bfloat16)}
    metadata = {key: f'{key} "ä"\n' for key in "zyxwvu"}
    for name in "123456":
        save_safetensors_atomic(tmp_path / name, tensors, metadata)
    assert len({sha256_file(tmp_path / name) for name in "123456"}) == 1
    with safe_open(tmp_path / "1", framework="pt") as opened:
        assert opened.metadata() == metadata


def test_tied_weights_and_views_are_stored_as_what_they_show(tmp_path: Path) -> None:
    weight = torch.arange(12.0).reshape(3, 4)
    save_safetensors_atomic(tmp_path / "t", {"embed": weight, "head": weight, "turned": weight.T, "part": weight[1:]})
    loaded = load_file(tmp_path / "t")
    for name, expected in {"embed": weight, "head": weight, "turned": weight.T, "part": weight[1:]}.items():
        assert torch.equal(loaded[name], expected)


def test_json_says_what_it_can_and_refuses_the_rest() -> None:
    value = {"nan": math.nan, "numpy": np.float32(0.5), "torch": torch.tensor(3), "path": Path("a/b"), 1: (True, None)}
    assert plain(value) == {"nan": None, "numpy": 0.5, "torch": 3, "path": "a/b", "1": [True, None]}
    assert math.isnan(plain(math.nan, finite=False))
    with pytest.raises(InputError, match="type function cannot be written as JSON"):
        plain({"f": json_lines})


def test_rows_end_at_a_torn_last_line_and_a_damaged_one_is_named() -> None:
    assert parse_rows(b"", "a.jsonl") == []
    for torn in (b'{"a": 1}\n{"a": 2}\n{"a": ', b'{"a": 1}\n{"a": 2}\n{"a": "\xc3'):
        assert parse_rows(torn, "a.jsonl") == [{"a": 1}, {"a": 2}]
    with pytest.raises(RunError, match=r"a\.jsonl, line 2: damaged"):
        parse_rows(b'{"a": 1}\n{"a": \n{"a": 3}\n', "a.jsonl", error=RunError)
    with pytest.raises(InputError, match="line 1: expected a JSON object, found a list"):
        parse_rows(b"[1]\n", "a.jsonl")
    with pytest.raises(InputError, match=r"a\.jsonl, line 2: not UTF-8"):
        parse_rows(b'{}\n{"a": "\xff"}\n', "a.jsonl")


def test_text_of_any_language_survives_a_line() -> None:
    rows = [{"text": "Zoë said \u2028 “no”\n\t\0 🙂"}]
    assert parse_rows(json_lines(rows), "a.jsonl") == rows


def test_a_limit_on_the_size_of_files_says_what_it_is(tmp_path: Path) -> None:
    write_bytes_atomic(tmp_path / "a", b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, hard))
        with pytest.raises(RunError, match=r"larger than this process or file system may write.*ulimit -f"):
            write_bytes_atomic(tmp_path / "a", bytes(2**17))
        with pytest.raises(RunError, match=r"larger than this process or file system may write.*ulimit -f"):
            save_safetensors_atomic(tmp_path / "a", {"x": torch.ones(2**17)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("name", ["a" * 300, "nul\0byte", "file/below"])
def test_a_name_that_no_file_can_have_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"cannot be written"):
        write_bytes_atomic(tmp_path / name, b"x")
    with pytest.raises(RunError, match=r"cannot be written"):
        write_bytes_atomic(tmp_path / name / "inside", b"x")
