"""Values of any kind in JSON's own types."""

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import torch

from nnmech.errors import InputError


def plain(value: Any, *, finite: bool = True) -> Any:
    """`value` in JSON's own types; with `finite`, NaN and infinities, for which JSON has no word, become null.

    Dataclasses and mappings become objects, scalars of numpy and torch become numbers; InputError for anything else.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return None if finite and not math.isfinite(value) else float(value)
    if isinstance(value, Path | torch.dtype | torch.device):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item, finite=finite) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name), finite=finite) for field in dataclasses.fields(value)}
    if isinstance(value, Set):
        return [plain(item, finite=finite) for item in sorted(value)]
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain(item, finite=finite) for item in value]
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "shape", None) == ():
        return plain(item(), finite=finite)
    raise InputError(f"a value of type {type(value).__name__} cannot be written as JSON; pass numbers, text or lists.")


def json_lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """One line of JSON a row, each with its newline."""
    lines = (json.dumps(plain(row), ensure_ascii=False) + "\n" for row in rows)
    return "".join(lines).encode("utf-8", errors="replace")
