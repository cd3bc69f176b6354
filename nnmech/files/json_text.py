"""JSON that is not ours: bounded in bytes, depth, rows and memory, and of JSON's own numbers and whole characters."""

import json
import math
import re
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from nnmech.errors import InputError, NnmechError
from nnmech.files.bounds import SMALL, TABLE, Bounds
from nnmech.files.folder import Folder
from nnmech.files.reading import ErrorType, decode, read_bytes

_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_BRACKETS = bytes.maketrans(b"{}", b"[]")
# The digits of a file in place of all that is in it: a run of them that starts a number is seen at the speed of memory.
_DIGITS = bytes(48 if 48 <= byte <= 57 else 46 if byte == 46 else 32 for byte in range(256))
_LONG_NUMBER = b" " + b"0" * 19
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_LARGEST = 2**63
_MARK = secrets.token_hex(8)
BLOCK = 2**18
"""Bytes of the lines that are read at once."""


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"the number {_short(text)} is too large for any computation")
    return value


def _whole(text: str) -> int:
    # More digits than 2**63 has take the longer the more there are.
    value = int(text) if len(text) <= 20 else _LARGEST
    if not -_LARGEST <= value < _LARGEST:
        raise ValueError(f"the number {_short(text)} is too large for any computation")
    return value


def _constant(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _decoder(finite: bool, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> json.JSONDecoder:
    if not finite:
        return json.JSONDecoder(parse_int=_whole, object_pairs_hook=pairs)
    return json.JSONDecoder(parse_float=_finite, parse_constant=_constant, parse_int=_whole, object_pairs_hook=pairs)


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_constant)
_CAREFUL, _ANY_NUMBER = _decoder(finite=True), _decoder(finite=False)


def parse_json(
    text: str,
    place: object,
    *,
    depth: int = SMALL.depth,
    finite: bool = True,
    pairs: Callable[[list[tuple[str, Any]]], Any] | None = None,
    error: ErrorType = InputError,
) -> Any:
    """The value that `text` spells in JSON, at `place` (a file, or a file and a line).

    Raises `error` for anything else, for more than `depth` levels, for half a surrogate pair, for whole numbers beyond
    64 bits and, with `finite`, for numbers that are not finite. `pairs` makes an object of its names and values.
    """
    decoder = _CAREFUL if finite else _ANY_NUMBER
    if pairs is not None:
        decoder = _decoder(finite, pairs)
    try:
        value = decoder.decode(text)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise _too_deep(place, depth, error) from None
    except NnmechError:
        raise
    except UnicodeEncodeError as problem:
        raise error(f"{place}: damaged, half a surrogate pair; restore it from a copy") from problem
    except ValueError as problem:
        raise error(f"{place}: damaged, expected JSON: {problem}; restore it from a copy") from problem
    if text.count("[") + text.count("{") > depth and _deeper(text, depth):
        raise _too_deep(place, depth, error)
    return value


def read_json(
    path: Path | str, bounds: Bounds = SMALL, *, root: Folder | None = None, error: ErrorType = InputError
) -> Any:
    """The value in a file of JSON (within `root`, see `opened`); FileNotFoundError where it is missing.

    Raises `error` for what `parse_json` refuses and for what is beyond `bounds`.
    """
    place = path if root is None else root.path / path
    return parse_document(read_bytes(path, bounds.bytes, root=root, error=error), place, bounds, error=error)


def parse_document(data: bytes, place: object, bounds: Bounds = SMALL, *, error: ErrorType = InputError) -> Any:
    """The value in the bytes of one JSON document, bounded as `read_json` does."""
    _check_values(data, place, bounds, error)
    return parse_json(decode(data, str(place), error=error), place, depth=bounds.depth, error=error)


def parse_rows(
    data: bytes,
    place: object,
    bounds: Bounds = TABLE,
    *,
    first_line: int = 1,
    error: ErrorType = InputError,
) -> list[dict[str, Any]]:
    """The JSON objects in finished lines of `data`; a last line without its newline is still being written.

    Raises `error` that names the line for one that is not an object, and for what is beyond `bounds`.
    """
    end = data.rfind(b"\n")
    if end < 0:
        return []
    _check_values(data, place, bounds, error)
    if data.count(b"\n") > bounds.rows:
        raise error(f"{place}: more than {bounds.rows:,} lines, expected at most that many; split the file")
    rows: list[dict[str, Any]] = []
    start = 0
    # Block by block: a line that needs a closer look costs those around it, not a whole file.
    while start <= end:
        stop = data.find(b"\n", min(start + BLOCK, end))
        rows += _block_rows(data[start:stop], place, bounds, first_line + len(rows), error)
        start = stop + 1
    return rows


def _block_rows(data: bytes, place: object, bounds: Bounds, first_line: int, error: ErrorType) -> list[dict[str, Any]]:
    lines = decode(data, str(place), first_line=first_line, error=error).split("\n")
    if _is_simple(data, len(lines), bounds):
        # What is wrong with a line is said below, by the slower way.
        with suppress(ValueError, RecursionError):
            # Each under a name that no line can know: only lines that are a value each make just these names.
            names = [f"{_MARK}{number}" for number in range(len(lines))]
            rows = _DECODER.decode("{" + ",\n".join(map('"{}":{}'.format, names, lines)) + "}")
            if list(rows) == names and set(map(type, rows.values())) == {dict}:
                return list(rows.values())
    return [_row(line, f"{place}, line {number}", bounds, error) for number, line in enumerate(lines, start=first_line)]


def _is_simple(data: bytes, lines: int, bounds: Bounds) -> bool:
    """Whether no line can be too long or too deep, none has an escaped character and none a number of 19 digits."""
    # Each line that is an object has a bracket of its own: only what is beyond that can make one of them deep.
    deeper = data.count(b"[") + data.count(b"{") - lines
    digits = data.translate(_DIGITS)
    return (
        len(data) <= bounds.line_bytes
        and deeper < bounds.depth
        and b"\\u" not in data
        and _LONG_NUMBER not in digits
        and not digits.startswith(_LONG_NUMBER[1:])
    )


def _row(line: str, place: str, bounds: Bounds, error: ErrorType) -> dict[str, Any]:
    if len(line) > bounds.line_bytes:
        raise error(f"{place}: longer than {bounds.line_bytes:,} characters; restore it from a copy")
    row = parse_json(line, place, depth=bounds.depth, error=error)
    if not isinstance(row, dict):
        raise error(f"{place}: expected a JSON object, found {_kind(row)}; restore it from a copy")
    return row


def _kind(value: object) -> str:
    names: Sequence[tuple[type, str]] = ((list, "a list"), (str, "a text"), (bool, "a truth value"))
    return next((name for kind, name in names if isinstance(value, kind)), "null" if value is None else "a number")


def _check_values(data: bytes, place: object, bounds: Bounds, error: ErrorType) -> None:
    if data.count(b",") > bounds.values:
        raise error(f"{place}: more than {bounds.values:,} values, expected at most that many; split the file")


def _deeper(text: str, depth: int) -> bool:
    """Whether JSON that is well formed has more than `depth` levels."""
    # In well-formed JSON a backslash stands in a string alone, so that each second part is outside of strings.
    data = text.encode().replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = b"".join(data.split(b'"')[::2]).translate(_BRACKETS, _NOT_BRACKETS)
    for _ in range(depth):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _too_deep(place: object, depth: int, error: ErrorType) -> Exception:
    return error(f"{place}: more than {depth} levels of lists and objects, expected at most that many; make it flatter")


def _short(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:12]}… ({len(text):,} characters)"
