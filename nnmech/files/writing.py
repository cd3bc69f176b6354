"""Files that are complete or absent: written under a temporary name, synced, renamed."""

import errno
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from nnmech.errors import RunError
from nnmech.files.folder import Folder, folder_of
from nnmech.files.values import plain

_REASONS = {
    errno.ENOSPC: "the disk is full, nothing was half-written. Free some space, then resume.",
    errno.EDQUOT: "the disk quota is used up (the disk is full for you), nothing was half-written. Free some space, "
    "then resume.",
    errno.EFBIG: "larger than this process or file system may write, nothing was half-written. Raise the limit "
    "(`ulimit -f unlimited`), then resume.",
    errno.ENAMETOOLONG: "cannot be written: the name is too long for the file system. Choose a shorter one.",
}


def write_bytes_atomic(path: Path | str, data: bytes, *, private: bool = False) -> None:
    """Put `data` at `path`, all or nothing; a missing folder is made; RunError where the disk does not take it.

    A `private` file is for its owner alone to read.
    """
    with _parent(Path(path)) as folder:
        write_bytes_inside(folder, Path(path).name, data, private=private)


def write_bytes_inside(root: Folder, name: str, data: bytes, *, private: bool = False) -> None:
    """Put `data` at `name` (`a` or `folder/a`) in `root`, as above; RunError where a link would lead out of it."""
    with _replaced(root, name) as (folder, temporary):
        descriptor = folder.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
        try:
            write_all(descriptor, data)
        finally:
            os.close(descriptor)


def write_json_atomic(path: Path | str, obj: Any, *, private: bool = False) -> None:
    """Put `obj` at `path` as indented JSON, all or nothing; InputError for what JSON cannot say, RunError as above."""
    write_bytes_atomic(path, json_bytes(obj), private=private)


def json_bytes(obj: Any) -> bytes:
    """`obj` as indented JSON, the last line ended; InputError for what JSON cannot say."""
    text = json.dumps(plain(obj), ensure_ascii=False, indent=2) + "\n"
    return text.encode("utf-8", errors="replace")


def save_safetensors_atomic(
    path: Path | str, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Put `tensors` at `path`, all or nothing; the same tensors and metadata give the same bytes.

    Tensors on a device, views and tied weights are copied as needed. RunError where the disk does not take it.
    """
    with _parent(Path(path)) as folder:
        save_safetensors_inside(folder, Path(path).name, tensors, metadata)


def save_safetensors_inside(
    root: Folder, name: str, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Put `tensors` at `name` (`a` or `folder/a`) in `root`, as above; RunError where a link would lead out of it."""
    separate = _separate(tensors)
    with _replaced(root, name) as (folder, temporary):
        save_file(separate, folder.path / temporary, metadata=dict(metadata or {}))
        (folder.path / temporary).chmod(folder.path.stat().st_mode & 0o666)
        _sort_metadata(folder, temporary)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte of `data`, however few the system takes at a time."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


@contextmanager
def disk_errors(path: Path | str) -> Iterator[None]:
    """Turn what the disk reports while `path` is written into one RunError that says what to do."""
    if "\0" in str(path):
        raise RunError(f"{str(path)!r}: cannot be written: a NUL character in the name. Choose another name.")
    try:
        yield
    except (OSError, SafetensorError) as error:
        number = getattr(error, "errno", None)
        for code, reason in _REASONS.items():
            if number == code or f"(os error {code})" in str(error):
                raise RunError(f"{path}: {reason}") from error
        reason = getattr(error, "strerror", None) or str(error)
        raise RunError(f"{path}: cannot be written: {reason}. Check the folder and its permissions.") from error


@contextmanager
def _parent(path: Path) -> Iterator[Folder]:
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = Folder(path.parent)
    with folder:
        yield folder


@contextmanager
def _replaced(root: Folder, name: str) -> Iterator[tuple[Folder, str]]:
    with disk_errors(root.path / name), folder_of(root, name, make=True) as (folder, last):
        temporary = f".{last}.{secrets.token_hex(4)}.tmp"
        try:
            yield folder, temporary
            # Opened by the folder's descriptor: what was written elsewhere through a link is not found here.
            descriptor = folder.open(temporary, os.O_RDWR)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            folder.replace(temporary, last)
            folder.sync()
        finally:
            with suppress(OSError):
                folder.unlink(temporary)


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


def _sort_metadata(folder: Folder, name: str) -> None:
    """Order the header's metadata, which safetensors writes in a random order, so that equal content hashes equal."""
    with open(folder.open(name, os.O_RDWR), "rb+") as file:
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
