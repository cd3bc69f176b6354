"""Bytes and lines of files that are not ours: bounded, never waiting, every error with the file and the line."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import zstandard

from nnmech.errors import InputError, NnmechError, RunError
from nnmech.files.bounds import TABLE, Bounds
from nnmech.files.digests import Digest
from nnmech.files.folder import Folder, folder_of, open_regular

PIECE = 2**18
# A zstd block of 4 bytes may stand for 128 KiB: small pieces bound what one of them can become.
PACKED_PIECE = 2**8
MAX_WINDOW_BYTES = 2**27

ErrorType = type[NnmechError]
"""InputError for what a person gives, RunError for the files of a run directory."""


@contextmanager
def opened(path: Path | str, *, root: Folder | None = None, error: ErrorType = InputError) -> Iterator[BinaryIO]:
    """The regular file at `path`, or at the name `path` within `root` where no link may lead out of it.

    Raises FileNotFoundError where it is missing; `error` for what cannot be read, and for a folder, a FIFO or a device.
    """
    place = path if root is None else root.path / path
    if "\0" in str(path):
        raise error(f"{str(place)!r}: a NUL character in the name; give the name of a file")
    try:
        if root is None:
            descriptor = open_regular(path)
        else:
            with folder_of(root, str(path)) as (folder, name):
                descriptor = folder.open(name)
        with open(descriptor, "rb", buffering=0) as file:
            yield file  # pyright: ignore[reportReturnType]
    except FileNotFoundError:
        raise
    except OSError as problem:
        raise error(f"{place}: {_unreadable(problem)}") from problem


def read_bytes(path: Path | str, limit: int, *, root: Folder | None = None, error: ErrorType = InputError) -> bytes:
    """All of a file of at most `limit` bytes; FileNotFoundError where it is missing, `error` for anything else."""
    with opened(path, root=root, error=error) as file:
        return read_opened(file, path if root is None else root.path / path, limit, error=error)


def read_opened(file: BinaryIO, place: Path | str, limit: int, *, error: ErrorType = InputError) -> bytes:
    """What is left of an opened file, of at most `limit` bytes; `error` for more."""
    if os.fstat(file.fileno()).st_size - file.tell() > limit:
        raise _too_large(place, limit, error)
    pieces, left = [], limit + 1
    while left > 0 and (piece := file.read(left)):
        pieces.append(piece)
        left -= len(piece)
    if left <= 0:
        raise _too_large(place, limit, error)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def read_text(path: Path | str, limit: int, *, error: ErrorType = InputError) -> str:
    """The text of a file of at most `limit` bytes in UTF-8, without a byte order mark; `error` for anything else."""
    try:
        data = read_bytes(path, limit, error=error)
    except FileNotFoundError as problem:
        raise _missing(path, error) from problem
    return decode(data, path, error=error).removeprefix("\ufeff")


def text_lines(path: Path | str, bounds: Bounds = TABLE, *, error: ErrorType = InputError) -> Iterator[tuple[int, str]]:
    """The numbered lines of a file (`.zst`: unpacked on the way), each with its line ending, from 1.

    No more than a line and a piece is held in memory. Raises `error` for a missing or damaged file, for other than
    UTF-8, and for what is beyond the bytes, rows and bytes of a line of `bounds`.
    """
    path = Path(path)
    number, rest, total = 1, b"", 0
    try:
        with opened(path, error=error) as file:
            for piece in _unpacked(file, path, error) if path.suffix == ".zst" else _plain(file):
                total += len(piece)
                if total > bounds.bytes:
                    raise _too_large(path, bounds.bytes, error)
                *whole, rest = (rest + piece).split(b"\n")
                for line in whole:
                    yield number, _line(path, line + b"\n", number, bounds, error)
                    number += 1
                if len(rest) > bounds.line_bytes:
                    break
    except FileNotFoundError as problem:
        raise _missing(path, error) from problem
    if rest:
        yield number, _line(path, rest, number, bounds, error)


def decode(data: bytes, place: Path | str, *, first_line: int = 1, error: ErrorType = InputError) -> str:
    """`data` as UTF-8; `error` that names the line for anything else."""
    try:
        return data.decode()
    except UnicodeDecodeError as problem:
        line = first_line + data.count(b"\n", 0, problem.start)
        raise error(f"{place}, line {line}: not UTF-8 ({problem.reason}); save the file as UTF-8") from problem


def sha256_file(path: Path | str) -> str:
    """Hexadecimal SHA-256 of a file's bytes; RunError where it cannot be read."""
    try:
        with opened(path, error=RunError) as file:
            return Digest.of_file(file).sha256
    except FileNotFoundError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror}.") from error


def _line(path: Path, data: bytes, number: int, bounds: Bounds, error: ErrorType) -> str:
    if number > bounds.rows:
        raise error(f"{path}: more than {bounds.rows:,} lines, expected at most that many; split the file")
    if len(data) > bounds.line_bytes:
        raise error(f"{path}, line {number}: longer than {bounds.line_bytes:,} bytes; split the line or the file")
    text = decode(data, path, first_line=number, error=error)
    return text.removeprefix("\ufeff") if number == 1 else text


def _plain(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


def _unpacked(file: BinaryIO, path: Path, error: ErrorType) -> Iterator[bytes]:
    unpacker = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
    frame, pending = unpacker.decompressobj(), bytearray()
    while packed := file.read(PACKED_PIECE):
        while packed:
            if frame.eof:
                frame = unpacker.decompressobj()
            try:
                pending += frame.decompress(packed)
            except zstandard.ZstdError as problem:
                raise error(f"{path}: damaged, expected a zstd file ({problem}); fetch it again") from problem
            packed = frame.unused_data if frame.eof else b""
        if len(pending) >= PIECE:
            for start in range(0, len(pending), PIECE):
                yield bytes(pending[start : start + PIECE])
            pending.clear()
    yield bytes(pending)
    # A reader of zstd takes the end of the file for the end of the data, however much is missing.
    if not frame.eof:
        raise error(f"{path}: cut short, expected a whole zstd file; fetch it again")


def _missing(path: Path | str, error: ErrorType) -> NnmechError:
    return error(f"{path}: is missing, expected a file; check the path")


def _too_large(place: Path | str, limit: int, error: ErrorType) -> NnmechError:
    return error(f"{place}: more than {limit:,} bytes, expected at most that many; shorten or split the file")


def _unreadable(problem: OSError) -> str:
    reason = problem.strerror or str(problem)
    if reason.startswith("is a"):
        return f"{reason}; put the file itself there"
    return f"cannot be read: {reason}; check its name and permissions"
