"""Which files are read, in what format, and their bytes, decompressed as they stream and bounded."""

import gzip
import io
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nnmech.audit.streams import Reads
from nnmech.errors import InputError

Format = Literal["jsonl", "json", "text", "csv", "tsv", "parquet"]
FORMATS: dict[str, Format] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".jsonlines": "jsonl", ".json": "json", ".txt": "text", ".text": "text",
    ".md": "text", ".markdown": "text", ".rst": "text", ".csv": "csv", ".tsv": "tsv", ".parquet": "parquet",
}  # fmt: skip
COMPRESSED = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd"}
STDIN = "-"
MAX_RATIO = 200
"""How many times its size a compressed file may grow to, beyond `RATIO_FREE` bytes: text stays far below."""
RATIO_FREE = 64 * 1024 * 1024
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Source:
    """A file to read, or standard input."""

    path: str
    format: Format
    compression: str | None = None


class ReadingError(InputError):
    """A file that cannot be read on; what came before it was."""


def find_sources(paths: Sequence[str | Path], format: Format | None = None) -> list[Source]:
    """The files that paths name, folders searched for files of known suffixes in the order of their names.

    Args:
        paths: Files, folders, `-` for standard input.
        format: What standard input and files of an unknown suffix are; JSON lines where it is not given.

    Raises:
        InputError: A path that does not exist, a file of an unknown kind, a folder without any known one.
    """
    sources: list[Source] = []
    for path in paths:
        if str(path) == STDIN:
            sources.append(Source(STDIN, format or "jsonl"))
            continue
        place = Path(path)
        if place.is_dir():
            inside = [found for item in sorted(place.rglob("*")) if item.is_file() and (found := _source(item, None))]
            if not inside:
                raise InputError(
                    f"{path}: no file to read in this folder; expected one of {' '.join(FORMATS)}, also .gz or .zst"
                )
            sources += inside
        elif not place.exists():
            raise InputError(f"{path}: no such file or folder; check the path")
        elif found := _source(place, format):
            sources.append(found)
        else:
            raise InputError(
                f"{path}: unknown kind of file; expected one of {' '.join(FORMATS)}, also .gz or .zst; or say --format"
            )
    return sources


def _source(path: Path, format: Format | None) -> Source | None:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compression = COMPRESSED.get(suffixes[-1]) if suffixes else None
    if compression:
        suffixes.pop()
    known = format or (FORMATS.get(suffixes[-1]) if suffixes else None)
    return Source(str(path), known, compression) if known else None


@contextmanager
def opened(source: Source) -> Iterator[Reads]:
    """The decompressed bytes of a source as a stream; ReadingError where the file is damaged or a bomb."""
    if source.path == STDIN:
        yield sys.stdin.buffer
        return
    try:
        with open(source.path, "rb") as file:
            yield file if source.compression is None else _Decompressed(source, file)
    except OSError as error:
        if isinstance(error, gzip.BadGzipFile):
            raise ReadingError(f"{source.path}: damaged gzip data: {error}; expected a whole file") from error
        raise ReadingError(
            f"{source.path}: cannot be read: {error.strerror or error}; check its permissions"
        ) from error


class _Decompressed(io.RawIOBase):
    """A decompressing stream that counts what comes out against what went in."""

    def __init__(self, source: Source, file: Any) -> None:
        self._place, self._file, self._out, self._tail = source.path, file, 0, b""
        self._stream = _stream_of(source, file)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            data = self._stream.read(size if size > 0 else _CHUNK)
        except (OSError, EOFError, zlib.error, ValueError) as error:
            raise ReadingError(f"{self._place}: damaged compressed data: {error}; expected a whole file") from error
        except Exception as error:
            if type(error).__name__ != "ZstdError":
                raise
            raise ReadingError(f"{self._place}: damaged zstd data: {error}; expected a whole file") from error
        self._out += len(data)
        if self._out > RATIO_FREE and self._out > MAX_RATIO * max(1, self._file.tell()):
            raise ReadingError(
                f"{self._place}: grows to over {MAX_RATIO} times its size, as a zip bomb does; expected text; "
                "reading stopped there; decompress the file yourself if you trust it"
            )
        return data


def _stream_of(source: Source, file: Any) -> Reads:
    if source.compression == "gzip":
        return gzip.GzipFile(fileobj=file)
    import zstandard

    return zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(file, read_across_frames=True)
