"""A user's own statements: read from CSV or JSON lines, every error with file, line and column, and written back."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

from nnmech.claims.csv_records import csv_records
from nnmech.claims.types import Statement
from nnmech.errors import InputError
from nnmech.files import parse_json, read_bytes, write_bytes_atomic

REQUIRED = ("text", "truth", "polarity", "entity", "topic")
OPTIONAL = ("id", "role", "claim", "object", "object_end")
SAVED: tuple[str, ...] = ("id", "text", "truth", "polarity", "entity", "topic", "role", "claim", "object_end")
MAX_BYTES = 64 * 1024**2
MAX_STATEMENTS = 200_000

TRUTHS: dict[str, bool | None] = {"true": True, "1": True, "false": False, "0": False, "": None}
POLARITIES: dict[str, Literal[1, -1]] = {"1": 1, "+1": 1, "affirmative": 1, "-1": -1, "negated": -1}


def load_statements(path: Path | str, *, max_bytes: int = MAX_BYTES) -> list[Statement]:
    """Read the statements of a `.csv` file with a header or a `.jsonl` file with an object a line, in UTF-8.

    Columns `text`, `truth` (true, false, 1, 0; empty or null where it is not known), `polarity` (+1 or affirmative, -1
    or negated), `entity` (what must not be in training and test at once) and `topic`; optional are `id` (default: file
    name and line), `role` (default `train`), `claim`, and `object`, a part of the text that occurs once, or
    `object_end`, the number of characters up to its end. Nothing is trimmed or guessed: raises InputError that names
    file, line, column and value for anything else, and for a file of more than `max_bytes`.
    """
    path = Path(path)
    try:
        data = read_bytes(path, max_bytes)
    except FileNotFoundError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; give a .csv or .jsonl file") from error
    return _parse(path, data)


def save_statements(path: Path | str, statements: Sequence[Statement]) -> None:
    """Write statements so that `load_statements` gives them back unchanged; the suffix says whether CSV or JSON lines.

    Raises InputError, and writes nothing, for statements that would not come back (as an empty entity or a duplicate
    id), RunError where the disk does not take the file.
    """
    path = Path(path)
    rows = [{column: getattr(statement, column) for column in SAVED} for statement in statements]
    if _suffix(path) == ".csv":
        buffer = io.StringIO(newline="")
        writer = csv.DictWriter(buffer, SAVED)
        writer.writeheader()
        writer.writerows({**row, "truth": json.dumps(row["truth"]) if row["truth"] is not None else ""} for row in rows)
        text = buffer.getvalue()
    else:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(f"{path}: {text[error.start]!r} is half of a character; write the whole one") from error
    if _parse(path, data) != list(statements):
        raise InputError(f"{path}: the statements would not read back as they are; give None for what is not there")
    write_bytes_atomic(path, data)


@dataclass(frozen=True)
class _Cell:
    """One value and where it stands."""

    path: Path
    line: int
    column: str
    value: Any

    def refuse(self, problem: str) -> NoReturn:
        shown = repr(self.value)
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        raise InputError(f"{self.path}, line {self.line}, column {self.column!r}: {shown}: {problem}")


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".jsonl"):
        raise InputError(f"{path}: a file of {suffix or 'no type'}: expected .csv or .jsonl; convert or rename it")
    return suffix


def _parse(path: Path, data: bytes) -> list[Statement]:
    suffix = _suffix(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}, line {line}: byte {data[error.start]:#04x} is not UTF-8; save the file as UTF-8"
        ) from error
    rows = _csv_rows(path, text) if suffix == ".csv" else _json_rows(path, text)
    lines: dict[str, int] = {}
    statements = []
    for line, row in rows:
        statement = _statement(path, line, row)
        if statement.id in lines:
            _Cell(path, line, "id", statement.id).refuse(
                f"already the id of line {lines[statement.id]}; give each statement its own, or leave out the column"
            )
        if len(lines) >= MAX_STATEMENTS:
            raise InputError(f"{path}: more than {MAX_STATEMENTS:,} statements, expected at most that many; split it")
        lines[statement.id] = line
        statements.append(statement)
    if not statements:
        raise InputError(f"{path}: holds no statements; expected one in each {'row' if suffix == '.csv' else 'line'}")
    return statements


def _csv_rows(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    header: list[str] | None = None
    line = 1
    try:
        for line_after, fields in csv_records(io.StringIO(text, newline="")):
            # A quoted field may span lines: the row is named by its first one.
            line, first = line_after + 1, line
            if not fields:
                continue
            if header is None:
                header = fields
                _check_header(path, first, header)
                continue
            if len(fields) != len(header):
                raise InputError(
                    f"{path}, line {first}: {len(fields)} fields, expected {len(header)} as in the header; quote a "
                    "text that holds commas"
                )
            yield first, dict(zip(header, fields, strict=True))
    except csv.Error as error:
        raise InputError(
            f"{path}, line {line}: not CSV: {error}; quote as RFC 4180 says, with doubled quotes"
        ) from None


def _check_header(path: Path, line: int, header: Sequence[str]) -> None:
    missing, unknown = _columns(header)
    if not missing and not unknown and len(set(header)) == len(header):
        return
    twice = sorted({name for name in header if header.count(name) > 1})
    problems = [(missing, "lacks the columns"), (unknown, "has the unknown columns"), (twice, "has twice the columns")]
    found = ", ".join(f"{problem} {names}" for names, problem in problems if names)
    hint = "separate them by commas" if any(mark in "".join(header) for mark in ";\t") else "mend the header"
    raise InputError(f"{path}, line {line}: the header {found}; expected {_expected()}; {hint}")


def _json_rows(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    # Not splitlines(), which also cuts at characters that JSON allows inside a string.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        pairs = parse_json(line, f"{path}, line {number}", pairs=_Pairs)
        if not isinstance(pairs, _Pairs):
            raise InputError(f"{path}, line {number}: {line[:40]!r}: expected one JSON object a line, as {{...}}")
        row = dict(pairs)
        missing, unknown = _columns(row)
        for problem, names in (("lacks", missing), ("has the unknown", unknown)):
            if names:
                raise InputError(f"{path}, line {number}: the object {problem} {names}; expected {_expected()}")
        if len(row) < len(pairs):
            raise InputError(f"{path}, line {number}: a column is given twice; keep one")
        yield number, row


class _Pairs(list[tuple[str, Any]]):
    """A JSON object before names that occur twice are lost."""


def _columns(names: Sequence[str] | Mapping[str, Any]) -> tuple[list[str], list[str]]:
    missing = [name for name in REQUIRED if name not in names]
    return missing, [name for name in names if name not in (*REQUIRED, *OPTIONAL)]


def _expected() -> str:
    return f"{', '.join(REQUIRED)} and, where wanted, {', '.join(OPTIONAL)}"


def _statement(path: Path, line: int, row: Mapping[str, Any]) -> Statement:
    cells = {name: _Cell(path, line, name, row.get(name)) for name in (*REQUIRED, *OPTIONAL)}
    text = _text(cells["text"])
    return Statement(
        id=_optional_text(cells["id"]) or f"{path.stem}:{line}",
        text=text,
        truth=_choice(cells["truth"], TRUTHS, "true, false, 1, 0, or empty where it is not known"),
        polarity=_choice(cells["polarity"], POLARITIES, "+1 or affirmative, -1 or negated"),
        topic=_text(cells["topic"]),
        entity=_text(cells["entity"]),
        role=_optional_text(cells["role"]) or "train",
        claim=_optional_text(cells["claim"]),
        object_end=_object_end(cells["object"], cells["object_end"], text),
    )


def _choice(cell: _Cell, choices: Mapping[str, Any], expected: str) -> Any:
    value = "" if cell.value is None else cell.value
    # JSON's own true, 1 and -1 read as their spelling does.
    key = json.dumps(value) if isinstance(value, int) else value
    if not isinstance(key, str) or key.lower() not in choices:
        cell.refuse(f"expected {expected}; correct the value")
    return choices[key.lower()]


def _text(cell: _Cell) -> str:
    if not isinstance(cell.value, str):
        cell.refuse("expected a text; put it in quotes")
    if not cell.value.strip():
        cell.refuse("expected a text, it is empty; fill it in")
    if cell.value != cell.value.strip():
        cell.refuse("expected no space before or after; remove it, or it makes another name")
    if not cell.value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in cell.value):
        cell.refuse("holds half of a character (a lone surrogate); write the whole one")
    return cell.value


def _optional_text(cell: _Cell) -> str | None:
    return None if cell.value is None or cell.value == "" else _text(cell)


def _object_end(named: _Cell, number: _Cell, text: str) -> int | None:
    end: int | None = None
    if (part := _optional_text(named)) is not None:
        start = text.find(part)
        if start < 0:
            named.refuse(f"expected a part of the text {text!r}; copy it letter by letter")
        if text.find(part, start + 1) >= 0:
            named.refuse(f"occurs more than once in the text {text!r}; give object_end instead")
        end = start + len(part)
    if number.value is None or number.value == "":
        return end
    given = number.value
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 20:
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= len(text):
        number.refuse(f"expected a whole number from 1 to {len(text)}, the length of the text; correct it")
    if text[given - 1].isspace():
        number.refuse("the object would end in a space; count up to its last letter")
    if end not in (None, given):
        number.refuse(f"column 'object' ends at {end}; give one of the two")
    return given
