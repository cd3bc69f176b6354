"""A mended record as the bytes of its row: masks are put in at the end of a line, the rest stays as it was."""

import json
import re
from collections.abc import Mapping
from typing import Any

from nnmech.audit.reading import Record, Row
from nnmech.audit.remedies.mend import Mended

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def mask_value(mended: Mended) -> list[Any]:
    """Masked spans as they are written: [start, end] of the one text, or the field, start and end of one of several."""
    record = Record(mended.parts)
    if len(mended.parts) == 1:
        return [list(span) for span in mended.masked]
    value = []
    for start, end in mended.masked:
        for part, offset in zip(record.parts, record.starts, strict=True):
            begin, finish = max(start, offset), min(end, offset + len(part.text))
            if begin < finish:
                value.append({"field": part.field, "start": begin - offset, "end": finish - offset})
    return value


def row_bytes(row: Row, data: Any) -> bytes:
    """A row that nothing happens to: its own bytes, or a line of JSON where it did not come from one."""
    if isinstance(row.data, bytes):
        return row.data
    if isinstance(data, str):
        data = {"text": data}
    return _dumped(data, ascii_only=False) + b"\n"


def mended_bytes(
    row: Row, data: Any, record: Record, mended: Mended, mask_field: str, extra: Mapping[str, Any] | None = None
) -> bytes:
    """The row of a mended record; `extra` are further fields, such as the masks of a tokenizer."""
    added: dict[str, Any] = dict(extra or {})
    if mended.masked and mended.masked != record.masked:
        added[mask_field] = mask_value(mended)
    if isinstance(data, str):
        data = {"text": data}
    changed = [
        (new.field, new.text) for old, new in zip(record.parts, mended.parts, strict=True) if old.text != new.text
    ]
    line = row.data if isinstance(row.data, bytes) else None
    if not changed and line is not None and not set(added) & set(data) and line.rstrip().endswith(b"}"):
        body = line.rstrip()
        comma = b", " if data else b""
        fields = _dumped(added, ascii_only=line.isascii())[1:]
        return body[:-1] + comma + fields + line[len(body) :] if added else line
    data = json.loads(json.dumps(data, default=str))
    for place, text in changed:
        _put(data, place, text)
    data |= added
    end = line[len(line.rstrip()) :] if line is not None else b"\n"
    return _dumped(data, ascii_only=line is not None and line.isascii(), like=line) + end


def _put(data: Any, place: str, text: str) -> None:
    steps = [int(number) if number else name for name, number in _STEP.findall(place)]
    for step in steps[:-1]:
        data = data[step]
    data[steps[-1]] = text


def _dumped(data: Any, *, ascii_only: bool, like: bytes | None = None) -> bytes:
    tight = like is not None and b'": ' not in like[:200]
    separators = (",", ":") if tight else (", ", ": ")
    return json.dumps(data, ensure_ascii=ascii_only, separators=separators, default=str).encode(
        "utf-8", "surrogatepass"
    )
