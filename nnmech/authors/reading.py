"""Published files as they come, plain or compressed with zstd: streamed, bounded, complete, and in UTF-8."""

from collections.abc import Iterator
from pathlib import Path

from nnmech import files
from nnmech.errors import InputError
from nnmech.files import Bounds

DOCUMENTS = Bounds(bytes=4 * 2**30, rows=10_000_000)
"""Of a file of documents, which is read line by line and never held as a whole."""
MAX_TABLE_LINES = 500_000


def check_file(path: Path) -> None:
    """Raise InputError where `path` is no file."""
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "is no regular file" if path.exists() else "is missing"
        raise InputError(f"{path}: {found}, expected a file; check the path")


def read_text(path: Path, limit: int) -> str:
    """The text of a small file of at most `limit` bytes; raises InputError for more, or for other than UTF-8."""
    check_file(path)
    return files.read_text(path, limit)


def text_lines(path: Path, limit: int | None = None) -> Iterator[tuple[int, str]]:
    """The numbered lines of a file (`.zst`: unpacked on the way), each with its line ending, from 1.

    No more than a line and a piece is held in memory. Raises InputError for a missing or damaged file, a line beyond
    16 MiB, other than UTF-8, and a table (with a `limit` of bytes, once unpacked) of more bytes or lines than expected.
    """
    check_file(path)
    bounds = DOCUMENTS if limit is None else Bounds(bytes=limit, rows=MAX_TABLE_LINES)
    return files.text_lines(path, bounds)
