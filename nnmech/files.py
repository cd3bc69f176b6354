"""Files that are complete or absent: written under a temporary name, synced, renamed; lines appended whole."""

import dataclasses
import errno
import hashlib
import json
import math
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from nnmech.errors import InputError, RunError

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


def write_bytes_atomic(path: Path | str, data: bytes) -> None:
    """Put `data` at `path`, all or nothing; a missing folder is made; RunError where the disk does not take it."""
    with _replaced(Path(path)) as temporary, open(temporary, "wb") as file:
        write_all(file.fileno(), data)


def write_json_atomic(path: Path | str, obj: Any) -> None:
    """Put `obj` at `path` as indented JSON, all or nothing; InputError for what JSON cannot say, RunError as above."""
    text = json.dumps(plain(obj), ensure_ascii=False, indent=2) + "\n"
    write_bytes_atomic(path, text.encode("utf-8", errors="replace"))


def save_safetensors_atomic(
    path: Path | str, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Put `tensors` at `path`, all or nothing; the same tensors and metadata give the same bytes.

    Tensors on a device, views and tied weights are copied as needed. RunError where the disk does not take it.
    """
    separate = _separate(tensors)
    with _replaced(Path(path)) as temporary:
        save_file(separate, temporary, metadata=dict(metadata or {}))
        temporary.chmod(temporary.parent.stat().st_mode & 0o666)
        _sort_metadata(temporary)


def sha256_file(path: Path | str) -> str:
    """Hexadecimal SHA-256 of a file's bytes; RunError where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror}.") from error


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte of `data`, however few the system takes at a time."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the disk reports while `path` is written into one RunError that says what to do."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        number = getattr(error, "errno", None)
        if number in NO_SPACE or any(f"(os error {code})" in str(error) for code in NO_SPACE):
            raise RunError(
                f"{path}: the disk is full, nothing was half-written. Free some space, then resume."
            ) from error
        reason = getattr(error, "strerror", None) or str(error)
        raise RunError(f"{path}: cannot be written: {reason}. Check the folder and its permissions.") from error


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` outlast a power cut, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of JSON lines, [] where there is none; a last line without its newline is still being written.

    Raises RunError that names file and line where a finished line is damaged.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror}.") from error
    return [_json_row(path, number, line) for number, line in enumerate(data.split(b"\n")[:-1], start=1)]


def read_last_json_lines(path: Path, limit: int) -> list[dict[str, Any]]:
    """The rows within the last `limit` bytes of a file of JSON lines, as `read_json_lines` would give them."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            # A byte more: where it ends a line, the line behind it is whole.
            start = file.seek(max(0, size - limit - 1))
            data = file.read()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror}.") from error
    lines = data.split(b"\n")
    return [_json_row(path, None, line) for line in lines[bool(start) : -1]]


def _json_row(path: Path, number: int | None, line: bytes) -> dict[str, Any]:
    place = f"{path}, near its end" if number is None else f"{path}, line {number}"
    try:
        row = json.loads(line)
    except ValueError as error:
        raise RunError(f"{place}: damaged, expected a line of JSON: {error}.") from error
    if not isinstance(row, dict):
        raise RunError(f"{place}: expected a JSON object, found {type(row).__name__}.")
    return row


@contextmanager
def _replaced(path: Path) -> Iterator[Path]:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with disk_errors(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
            sync_folder(path.parent)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _separate(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Contiguous tensors on the CPU that share no storage: safetensors refuses tied weights."""
    separate: dict[str, Tensor] = {}
    storages: set[int] = set()
    for name, tensor in tensors.items():
        tensor = tensor.detach().to("cpu").contiguous()
        if tensor.numel() and tensor.untyped_storage().data_ptr() in storages:
            tensor = tensor.clone()
        storages.add(tensor.untyped_storage().data_ptr())
        separate[name] = tensor
    return separate


def _sort_metadata(path: Path) -> None:
    """Order the header's metadata, which safetensors writes in a random order, so that equal content hashes equal."""
    with open(path, "rb+") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        if "__metadata__" not in header:
            return
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        ordered = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode().ljust(length)
        # The header's length is fixed: a writer that spells JSON otherwise keeps its own order.
        if len(ordered) == length:
            file.seek(8)
            file.write(ordered)
