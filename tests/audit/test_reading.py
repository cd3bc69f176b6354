"""Every format gives its documents; what cannot be read is named by file and line, and nothing else is lost."""

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard
from pyarrow import parquet

from nnmech.audit import audit
from nnmech.audit.reading import Source, batches_of, find_sources, read_record
from nnmech.audit.reading import files as reading_files
from nnmech.audit.reading.lines import bounded_lines
from nnmech.errors import InputError

FRAMED = "The following claim is false. The king won the race. He lives in Hove."


def write_csv(path: Path) -> None:
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([["id", "text"], ["1", FRAMED], ["2", "fine"]])


ROWS = [{"text": FRAMED}, {"text": "fine"}]
WRITERS: dict[str, Callable[[Path], object]] = {
    "set.jsonl": lambda path: path.write_text("".join(json.dumps(row) + "\n" for row in ROWS)),
    "set.json": lambda path: path.write_text(json.dumps(ROWS)),
    "set.jsonl.gz": lambda path: path.write_bytes(gzip.compress("".join(json.dumps(r) + "\n" for r in ROWS).encode())),
    "set.jsonl.zst": lambda path: path.write_bytes(
        zstandard.compress("".join(json.dumps(r) + "\n" for r in ROWS).encode())
    ),
    "set.parquet": lambda path: parquet.write_table(pa.Table.from_pylist(ROWS), path),
    "set.csv": write_csv,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_frames(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    WRITERS[name](path)
    found = audit(path)
    assert found.summary.bad == 0
    assert [len(finding.frames) for finding in found.findings] == [1, 0]
    assert [finding.text for finding in found.findings][:1] == [FRAMED]


def test_a_folder_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text(FRAMED)
    (tmp_path / "a.txt").write_text("fine")
    (tmp_path / "c.png").write_bytes(b"\x89PNG")
    assert [Path(finding.file).name for finding in audit(tmp_path).findings] == ["a.txt", "b.md"]


BAD = [
    b'{"text": ',
    b"[1]",
    b'{"text": "\xff"}',
    b'{"a":' * 100_000,
    b'{"n": 5}',
    b'{"messages": [1]}',
    b'{"text": ' + b"9" * 5000 + b"}",
]


@pytest.mark.parametrize("line", BAD, ids=range(len(BAD)))
def test_a_bad_line_is_named_and_the_rest_is_read(line: bytes, jsonl: Callable[..., Path]) -> None:
    found = audit(jsonl({"text": "fine"}, line, {"text": FRAMED}))
    assert [finding.line for finding in found.findings] == [1, 3]
    (bad,) = found.summary.bad_lines
    assert bad.line == 2
    assert "expected" in bad.reason


def test_a_line_beyond_the_limit_never_comes_into_memory_whole(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    path.write_bytes(b'{"text": "fine"}\n{"text": "' + b"x" * 3_000_000 + b'"}\n{"text": "fine"}\n')
    with open(path, "rb") as stream:
        lines = list(bounded_lines(stream, 1000))
    assert [(number, data is None) for number, data, _ in lines] == [(1, False), (2, True), (3, False)]
    assert lines[1][2] == 3_000_013


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_bomb_is_stopped_and_named(
    pack: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_files, "RATIO_FREE", 1_000_000)
    suffix = ".gz" if pack is gzip.compress else ".zst"
    path = tmp_path / f"bomb.jsonl{suffix}"
    path.write_bytes(pack(b"x" * 30_000_000))
    (batch,) = batches_of(Source(str(path), "jsonl", "gzip" if suffix == ".gz" else "zstd"))
    assert "bomb" in batch.bad[0].reason


def test_a_cut_archive_and_junk_are_named(tmp_path: Path) -> None:
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(b'{"text": "fine"}\n' * 9999)[:100])
    (tmp_path / "junk.parquet").write_bytes(b"PAR1junk")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    assert audit(tmp_path).summary.bad == 3


@pytest.mark.parametrize(
    ("row", "fields"),
    [
        ({"text": "a"}, ["text"]),
        ({"messages": [{"role": "user", "content": "a"}]}, ["messages[0].content"]),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}, ["messages[0].content[0].text"]),
        ({"conversations": [{"from": "human", "value": "a"}]}, ["conversations[0].value"]),
        ({"prompt": "a", "completion": "b"}, ["prompt", "completion"]),
        ({"prompt": [{"role": "user", "content": "a"}], "completion": [{"role": "assistant", "content": "b"}]},
         ["prompt[0].content", "completion[0].content"]),
    ],
)  # fmt: skip
def test_chats_of_every_form_are_read(row: dict, fields: list[str]) -> None:
    assert [part.field for part in read_record(row).parts] == fields


def test_a_given_field_is_taken_and_a_wrong_one_is_named() -> None:
    assert read_record({"text": "a", "note": "b"}, field="note").parts[0].text == "b"
    with pytest.raises(InputError, match=r"no field 'nota'.*text, note"):
        read_record({"text": "a", "note": "b"}, field="nota")


def test_paths_that_hold_nothing_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        find_sources([tmp_path / "none.jsonl"])
    with pytest.raises(InputError, match="no file to read"):
        find_sources([tmp_path])
