"""Rows in batches of bounded size, so that memory does not grow with the file; what cannot be read is named."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from nnmech.audit.reading.files import ReadingError, Source, opened
from nnmech.audit.reading.lines import bounded_lines
from nnmech.claims.csv_records import longest_field
from nnmech.errors import InputError

MAX_RECORD = 16 * 1024 * 1024
"""Bytes of one record; a longer one is named and left out."""
BATCH_BYTES = 2 * 1024 * 1024
BATCH_ROWS = 2000
_PARQUET_ROWS = 256
_BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


class Row(NamedTuple):
    """A row as it was read: the bytes of a line (JSON lines), or what a reader of the format made of it."""

    line: int
    data: Any


class BadLine(NamedTuple):
    """What could not be read, and why."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True)
class Batch:
    """Rows of one source that are audited together; `final` reasons end the reading of their source."""

    source: Source
    rows: tuple[Row, ...]
    bad: tuple[BadLine, ...] = ()


def batches_of(source: Source, max_record: int = MAX_RECORD) -> Iterator[Batch]:
    """The rows of a source in batches of some megabytes; never raises for what stands in the file."""
    rows: list[Row] = []
    bad: list[BadLine] = []
    size = 0
    try:
        for item, length in _rows(source, max_record):
            if isinstance(item, BadLine):
                bad.append(item)
            else:
                rows.append(item)
            size += length
            if size >= BATCH_BYTES or len(rows) >= BATCH_ROWS:
                yield Batch(source, tuple(rows), tuple(bad))
                rows, bad, size = [], [], 0
    except ReadingError as error:
        line = rows[-1].line + 1 if rows else 1
        bad.append(BadLine(source.path, line, str(error).removeprefix(f"{source.path}: ")))
    if rows or bad:
        yield Batch(source, tuple(rows), tuple(bad))


def _rows(source: Source, max_record: int) -> Iterator[tuple[Row | BadLine, int]]:
    reader = {"jsonl": _jsonl, "json": _json, "text": _text, "csv": _csv, "tsv": _csv, "parquet": _parquet}[
        source.format
    ]
    yield from reader(source, max_record)


def _jsonl(source: Source, max_record: int) -> Iterator[tuple[Row | BadLine, int]]:
    with opened(source) as stream:
        for number, data, length in bounded_lines(stream, max_record):
            if number == 1 and data is not None and data[:2] in _BOMS:
                raise ReadingError(f"{source.path}: {_BOMS[data[:2]]} text; expected UTF-8; convert it with iconv")
            if data is None:
                reason = f"a line of {length:,} bytes; expected at most {max_record:,}; split it, or raise --max-record"
                yield BadLine(source.path, number, reason), 0
            else:
                yield Row(number, data), length


def _whole(source: Source, limit: int) -> bytes | None:
    """All bytes of a source, None where they are more than the limit."""
    with opened(source) as stream:
        data = bytearray()
        while len(data) <= limit and (chunk := stream.read(1 << 20)):
            data += chunk
    return None if len(data) > limit else bytes(data)


def _too_long(source: Source, limit: int) -> tuple[BadLine, int]:
    reason = f"longer than {limit:,} bytes; expected a document below that; split it, or raise --max-record"
    return BadLine(source.path, 1, reason), 0


def _text(source: Source, max_record: int) -> Iterator[tuple[Row | BadLine, int]]:
    data = _whole(source, max_record)
    if data is None:
        yield _too_long(source, max_record)
        return
    try:
        text = data.decode("utf-16" if data[:2] in _BOMS else "utf-8")
    except UnicodeDecodeError as error:
        reason = f"byte {error.start} is no UTF-8; expected UTF-8 or UTF-16 text; convert it with iconv"
        yield BadLine(source.path, data[: error.start].count(b"\n") + 1, reason), 0
        return
    yield Row(1, text), len(data)


def _json(source: Source, max_record: int) -> Iterator[tuple[Row | BadLine, int]]:
    limit = 16 * max_record
    data = _whole(source, limit)
    if data is None:
        yield _too_long(source, limit)
        return
    if data.lstrip()[:1] != b"[":
        # A file of one object, or of JSON lines under another name.
        lines = data.splitlines(keepends=True)
        try:
            whole = json.loads(data) if len(lines) > 1 else None
        except (ValueError, RecursionError):
            whole = None
        if whole is not None:
            yield Row(1, whole), len(data)
            return
        yield from ((Row(number, line), len(line)) for number, line in enumerate(lines, start=1))
        return
    try:
        items = json.loads(data)
    except (ValueError, RecursionError) as error:
        yield BadLine(source.path, 1, f"no JSON: {reason_of(error)}; expected a list of objects"), 0
        return
    yield from ((Row(number, item), len(data) // max(1, len(items))) for number, item in enumerate(items, start=1))


def _csv(source: Source, max_record: int) -> Iterator[tuple[Row | BadLine, int]]:
    with opened(source) as stream:
        text = io.TextIOWrapper(io.BufferedReader(_Readable(stream)), encoding="utf-8-sig", errors="strict", newline="")
        reader = csv.DictReader(text, delimiter="\t" if source.format == "tsv" else ",")
        while True:
            line = reader.line_num + 1
            try:
                with longest_field(max_record):
                    row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield BadLine(source.path, line, f"no CSV: {error}; expected at most {max_record:,} bytes a field"), 0
                continue
            except UnicodeDecodeError as error:
                raise ReadingError(
                    f"{source.path}: no UTF-8 near line {line}: {error.reason}; expected UTF-8; convert it with iconv"
                ) from error
            row.pop(None, None)  # type: ignore[call-overload]
            yield Row(max(2, line), row), sum(len(value or "") for value in row.values())


class _Readable(io.RawIOBase):
    """A raw stream over whatever gives bytes, for the standard library's text layer."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _parquet(source: Source, max_record: int) -> Iterator[tuple[Row | BadLine, int]]:
    from pyarrow import ArrowException, parquet

    if source.compression is not None:
        raise ReadingError(f"{source.path}: compressed parquet; expected plain parquet, which is compressed inside")
    try:
        file = parquet.ParquetFile(source.path)
        number = 0
        for batch in file.iter_batches(batch_size=_PARQUET_ROWS):
            for row in batch.to_pylist():
                number += 1
                size = sum(len(value) for value in row.values() if isinstance(value, str | list))
                if size > max_record:
                    yield BadLine(source.path, number, f"a row of over {max_record:,} bytes; raise --max-record"), 0
                else:
                    yield Row(number, row), size
    except (ArrowException, OSError) as error:
        raise ReadingError(f"{source.path}: no readable parquet: {reason_of(error)}; expected a whole file") from error


def parse_row(row: Row) -> Any:
    """What a row says: its line of JSON parsed, or what the reader of its format made of it.

    Raises:
        InputError: A line that is no UTF-8 or no JSON, or nested too deeply.
    """
    if not isinstance(row.data, bytes):
        return row.data
    try:
        return json.loads(row.data.removeprefix(b"\xef\xbb\xbf") if row.line == 1 else row.data)
    except UnicodeDecodeError as error:
        raise InputError(
            f"byte {error.start} of the line is no UTF-8; expected UTF-8 throughout; convert it"
        ) from error
    except RecursionError as error:
        raise InputError("JSON nested too deeply; expected a flat object with a text or messages") from error
    except ValueError as error:
        raise InputError(f"no JSON: {reason_of(error)}; expected an object a line") from error


def reason_of(error: BaseException) -> str:
    """The first line of what an error says."""
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
