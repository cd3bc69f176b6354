"""Published files as they come, plain or compressed with zstd: streamed, bounded, complete, and in UTF-8."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import zstandard

from nnmech.errors import InputError

MAX_LINE_BYTES = 16 * 2**20
PIECE = 2**18
# A zstd block of 4 bytes may stand for 128 KiB: small pieces bound what one of them can become.
PACKED_PIECE = 2**10
MAX_WINDOW_BYTES = 2**27


def check_file(path: Path) -> None:
    """Raise InputError where `path` is no file."""
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "is missing"
        raise InputError(f"{path}: {found}, expected a file; check the path")


def read_text(path: Path, limit: int) -> str:
    """The text of a small file of at most `limit` bytes; raises InputError for more, or for other than UTF-8."""
    check_file(path)
    with _opened(path) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise InputError(f"{path}: more than {limit:,} bytes, expected at most that many; shorten or split the file")
    return _decode(path, data, 1).removeprefix("\ufeff")


def text_lines(path: Path, limit: int | None = None) -> Iterator[tuple[int, str]]:
    """The numbered lines of a file (`.zst`: unpacked on the way), each with its line ending, from 1.

    No more than a line and a piece is held in memory. Raises InputError for a missing or damaged file, a line beyond
    16 MiB, a file beyond `limit` bytes once unpacked, or other than UTF-8.
    """
    check_file(path)
    number, rest, total = 1, b"", 0
    for piece in _unpacked(path) if path.suffix == ".zst" else _plain(path):
        total += len(piece)
        if limit is not None and total > limit:
            raise InputError(f"{path}: more than {limit:,} bytes once unpacked; split the file")
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield number, _line(path, line + b"\n", number)
            number += 1
        if len(rest) > MAX_LINE_BYTES:
            break
    if rest:
        yield number, _line(path, rest, number)


def _line(path: Path, data: bytes, number: int) -> str:
    if len(data) > MAX_LINE_BYTES:
        raise InputError(f"{path}, line {number}: longer than {MAX_LINE_BYTES:,} bytes; split the line or the file")
    text = _decode(path, data, number)
    return text.removeprefix("\ufeff") if number == 1 else text


def _decode(path: Path, data: bytes, first_line: int) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = first_line + data.count(b"\n", 0, error.start)
        raise InputError(f"{path}, line {line}: not UTF-8 ({error.reason}); save the file as UTF-8") from error


def _opened(path: Path) -> BinaryIO:
    try:
        return open(path, "rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; check its permissions") from error


def _plain(path: Path) -> Iterator[bytes]:
    with _opened(path) as file:
        while piece := file.read(PIECE):
            yield piece


def _unpacked(path: Path) -> Iterator[bytes]:
    unpacker = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
    frame, pending = unpacker.decompressobj(), bytearray()
    with _opened(path) as file:
        while packed := file.read(PACKED_PIECE):
            while packed:
                if frame.eof:
                    frame = unpacker.decompressobj()
                try:
                    pending += frame.decompress(packed)
                except zstandard.ZstdError as error:
                    raise InputError(f"{path}: damaged, expected a zstd file ({error}); fetch it again") from error
                packed = frame.unused_data if frame.eof else b""
            if len(pending) >= PIECE:
                yield bytes(pending)
                pending.clear()
    yield bytes(pending)
    # A reader of zstd takes the end of the file for the end of the data, however much is missing.
    if not frame.eof:
        raise InputError(f"{path}: cut short, expected a whole zstd file; fetch it again")
