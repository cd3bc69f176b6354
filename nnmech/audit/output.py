"""Where a mended set goes: a file that is complete or absent, compressed by its name, or standard output."""

import gzip
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nnmech.audit.reading.files import COMPRESSED, STDIN
from nnmech.audit.report.stream import replaced


@contextmanager
def opened_output(path: Path) -> Iterator[Any]:
    """A stream to write the mended rows to."""
    if str(path) == STDIN:
        yield sys.stdout.buffer
        return
    compression = COMPRESSED.get(path.suffix.lower())
    with replaced(path) as writable:
        file: Any = writable
        if compression == "gzip":
            # No name and no time: the same rows give the same bytes.
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
                yield packed
        elif compression == "zstd":
            import zstandard

            with zstandard.ZstdCompressor().stream_writer(file, closefd=False) as packed:
                yield packed
        else:
            yield file
