"""Files that are not ours are read with bounds: in bytes, lines, levels, values and memory, each with an error."""

import json
import os
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
import zstandard

from nnmech.errors import InputError, RunError
from nnmech.files import (
    Bounds,
    Folder,
    open_tensors,
    parse_json,
    parse_rows,
    parse_yaml,
    read_bytes,
    read_json,
    read_text,
    save_safetensors_atomic,
    sha256_file,
    text_lines,
)

READERS: list[Callable[[Path], object]] = [
    lambda path: read_bytes(path, 100),
    lambda path: read_text(path, 100),
    read_json,
    lambda path: list(text_lines(path)),
    lambda path: open_tensors(path).__enter__(),
]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", ["a FIFO", "a folder", "a device"])
def test_what_is_no_regular_file_is_refused_without_waiting(
    tmp_path: Path, reader: Callable[[Path], object], kind: str
) -> None:
    path = tmp_path / "input"
    if kind == "a FIFO":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
    else:
        path = Path("/dev/zero")
    with pytest.raises(InputError, match=f"is {kind}, expected a regular file; put the file itself there"):
        reader(path)


def test_a_link_of_the_user_is_followed_and_one_within_a_folder_is_not(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "genuine").write_text("{}")
    (tmp_path / "inside/link").symlink_to(tmp_path / "genuine")
    assert read_json(tmp_path / "inside/link") == {}
    with Folder(tmp_path / "inside") as folder:
        for name in ("link", "../genuine", str(tmp_path / "genuine"), "..", "inside/../../genuine"):
            with pytest.raises((RunError, FileNotFoundError)):
                read_json(name, root=folder, error=RunError)
            with pytest.raises(OSError):  # noqa: PT011
                folder.open(name, os.O_WRONLY)


def test_bytes_and_lines_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_bytes(b"12345\n" * 10)
    assert len(read_bytes(path, 60)) == 60
    assert len(list(text_lines(path, Bounds(bytes=60, rows=10, line_bytes=6)))) == 10
    with pytest.raises(InputError, match=r"file\.txt: more than 59 bytes"):
        read_bytes(path, 59)
    with pytest.raises(InputError, match=r"file\.txt: more than 59 bytes"):
        list(text_lines(path, Bounds(bytes=59)))
    with pytest.raises(InputError, match=r"file\.txt: more than 9 lines"):
        list(text_lines(path, Bounds(rows=9)))
    with pytest.raises(InputError, match=r"file\.txt, line 1: longer than 5 bytes"):
        list(text_lines(path, Bounds(line_bytes=5)))
    with pytest.raises(InputError, match="is missing, expected a file"):
        read_text(tmp_path / "nothing", 10)


@contextmanager
def peak() -> Iterator[list[int]]:
    """The most bytes that Python objects took at a time, once the block is left."""
    found: list[int] = []
    tracemalloc.start()
    try:
        yield found
        found.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


def test_a_file_that_unpacks_to_much_more_is_stopped_early(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv.zst"
    path.write_bytes(zstandard.ZstdCompressor(level=1).compress(b"a,b\n" * 1_000_000))
    with peak() as memory, pytest.raises(InputError, match=r"rows\.csv\.zst: more than 20,000 lines"):
        for _ in text_lines(path, Bounds(rows=20_000)):
            pass
    assert memory[0] < 30 * 2**20
    with pytest.raises(InputError, match=r"rows\.csv\.zst: more than 100,000 bytes"):
        list(text_lines(path, Bounds(bytes=100_000)))


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (nested(65), "more than 64 levels"),
        (nested(900), "more than 64 levels"),
        (nested(100_000), "more than 64 levels"),
        ("[" * 100_000, "more than 64 levels"),
        ('{"a": ' * 65 + "1" + "}" * 65, "more than 64 levels"),
        ('["]", ' * 70 + "1" + ', "["]' * 70, "more than 64 levels"),
        ('"\\ud800"', "half a surrogate pair"),
        ('{"\\uDFFF": 1}', "half a surrogate pair"),
        ("NaN", "NaN is no number of JSON"),
        ("[-Infinity]", "-Infinity is no number of JSON"),
        ("1e400", "1e400 is too large"),
        (str(2**63), "is too large"),
        ("-" + "9" * 100_000, "is too large"),
        ("1 2", "damaged, expected JSON"),
        ("", "damaged, expected JSON"),
        ("\ufeff{}", "damaged, expected JSON"),
    ],
)
def test_json_that_is_none_or_goes_too_far_is_named(text: str, said: str) -> None:
    with pytest.raises(InputError, match=rf"^here: .*{said}") as caught:
        parse_json(text, "here")
    assert len(str(caught.value)) < 200
    line = ('{"v": ' + text + "}").encode("utf-8", errors="surrogatepass")
    with pytest.raises(RunError, match="here, line 3: "):
        parse_rows(b"{}\n{}\n" + line + b"\n{}\n", "here", error=RunError)


def test_json_as_it_is_written_is_read() -> None:
    value = {"a": [1, -2.5, None, True, '[{\\" \u2028 é'], "😀": {"b": 2**62}, "deep": json.loads(nested(60))}
    for ascii_only in (True, False):
        text = json.dumps(value, ensure_ascii=ascii_only)
        assert parse_json(text, "here") == value
        assert parse_rows(text.encode() + b"\n" + text.encode() + b"\n", "here") == [value, value]
    assert parse_json("[NaN, Infinity, 1e999]", "here", finite=False)[1] == float("inf")


def test_rows_of_any_size_are_those_of_single_lines() -> None:
    rows = [
        {"step": number, "text": "x" * (number % 700) + ("\u2029" if number % 3 else '"[{')} for number in range(3_000)
    ]
    data = "".join(json.dumps(row, ensure_ascii=bool(row["step"] % 2)) + "\n" for row in rows).encode()
    assert parse_rows(data, "here") == rows
    assert parse_rows(data + b'{"torn', "here") == rows
    lines = data.split(b"\n")
    for number in (0, 1, 1_500, 2_999):
        for bad in (b"", b"[1]", b"{} {}", b'{"a": 1}, {"b": 2}', b"\xff", b'{"a": "'):
            damaged = b"\n".join([*lines[:number], bad, *lines[number + 1 :]])
            with pytest.raises(InputError, match=f"here, line {number + 1}: "):
                parse_rows(damaged, "here")


def test_values_and_rows_are_bounded() -> None:
    with pytest.raises(InputError, match="here: more than 10 values"):
        parse_rows(b"[" + b"[]," * 11 + b"[]]\n", "here", Bounds(values=10))
    with pytest.raises(InputError, match="here: more than 2 lines"):
        parse_rows(b"{}\n{}\n{}\n", "here", Bounds(rows=2))


def test_yaml_is_bounded_before_it_takes_time_or_memory() -> None:
    flat = "a: [" + "1," * 500_000 + "1]"
    with peak() as memory, pytest.raises(InputError, match=r"here\.yaml, line 1: found more than 50,000 values"):
        parse_yaml(flat, "here.yaml")
    assert memory[0] < 20 * 2**20
    with pytest.raises(InputError, match="line 1: found more than 16 levels"):
        parse_yaml("[" * 100, "here.yaml")
    with pytest.raises(InputError, match="line 1: "):
        parse_yaml("[" * 100_000, "here.yaml")
    with pytest.raises(InputError, match="line 2: found the anchor or alias 'x', expected none"):
        parse_yaml("a: 1\nb: &x [1]\nc: *x\n", "here.yaml")
    for damaged in ("a: [1", "a: b: c", "\t- x", "a: 'b", "%YAML 9.9\n---\na: 1\n...\nb", "--- a\n--- b\n"):
        with pytest.raises(InputError, match=r"here\.yaml, line \d+: "):
            parse_yaml(damaged, "here.yaml")
    with pytest.raises(InputError, match=r"here\.yaml, line 3: a character that YAML does not allow"):
        parse_yaml("é: 1\nb: 2\nc: \x00\n", "here.yaml")
    assert parse_yaml("", "here.yaml") is None


def test_safetensors_that_are_none_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_safetensors_atomic(path, {"x": torch.ones(3)}, {"layers": "null", "n": "[1, Infinity]"})
    whole = path.read_bytes()
    with open_tensors(path) as tensors:
        assert tensors.names == ("x",)
        assert tensors.json("layers") is None
        assert tensors.tensor("x").tolist() == [1.0, 1.0, 1.0]
        for use in (lambda: tensors.json("n"), lambda: tensors.text("y"), lambda: tensors.tensor("y")):
            with pytest.raises(InputError, match=r"a\.safetensors"):
                use()
    for data in (
        b"",
        whole[:-1],
        whole[:9],
        b"\xff" * 100,
        b"{}",
        whole.replace(b"F32", b"XYZ"),
        whole[:8] + b"[" * 200,
    ):
        path.write_bytes(data)
        with pytest.raises(InputError, match=r"a\.safetensors: damaged"), open_tensors(path):
            pass
    with pytest.raises(FileNotFoundError), open_tensors(tmp_path / "nothing"):
        pass


def test_a_digest_of_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nothing: cannot be read: No such file"):
        sha256_file(tmp_path / "nothing")
