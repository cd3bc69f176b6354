"""Tables that took a while, kept on disk between two starts: in the user's cache folder, never in a run.

A table is kept under the digest of what makes it: the Python that says how, the contents of the run's files that it
reads (the manifest has the digest of each snapshot), and the code of nnmech. What cannot be read is made again.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import pandas as pd

import nnmech
from nnmech.runs.format import MANIFEST_FILE
from nnmech.user_cache import cache_folder

SWITCH = "NNMECH_KEEP_TABLES"
"""Environment variable; 0 keeps nothing on disk."""
MOST_BYTES = 2**29
"""Of all kept tables; those that were not read for longest go first."""
WORTH_SECONDS = 0.2
"""Tables that take less are made again sooner than read."""


def is_on() -> bool:
    """Whether tables are kept on disk."""
    return os.environ.get(SWITCH, "1") != "0"


def table_key(source: str, paths: Iterable[str], files: Sequence[str], left_out: Sequence[str] = ()) -> str | None:
    """What a table is kept under; None where a file of a run cannot be read, and nothing is kept.

    Args:
        source: The Python that makes it.
        paths: The runs that it opens.
        files: Names of the files in them that it depends on, beside the manifest.
        left_out: What of these runs is damaged and no part of it.
    """
    left = "\n".join(left_out)
    digest = hashlib.sha256(f"{_code()}\n{pd.__version__}\n{source}\n{left}\n".encode())
    for path in paths:
        for name in dict.fromkeys((*files, MANIFEST_FILE)):
            file = Path(path, name)
            try:
                content = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "none"
            except OSError:
                return None
            digest.update(f"{path}\0{name}\0{content}\n".encode())
    return digest.hexdigest()


def read(key: str) -> pd.DataFrame | None:
    """The table kept under `key`; None for none, and for a file that is damaged."""
    file = _file(key)
    # Whatever is wrong with a file of a cache, the table is made again.
    try:
        found = pd.read_parquet(file)
    except Exception:  # noqa: BLE001
        with suppress(OSError):
            file.unlink(missing_ok=True)
        return None
    with suppress(OSError):
        os.utime(file)
    return found


def keep(key: str, found: object) -> None:
    """Keep a table under `key`, if it comes back from a file as it is; what cannot be kept is not."""
    if not isinstance(found, pd.DataFrame):
        return
    file = _file(key)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", suffix=".parquet", dir=file.parent)
        os.close(handle)
        part = Path(name)
        try:
            found.to_parquet(part)
            pd.testing.assert_frame_equal(pd.read_parquet(part), found, check_exact=True, check_freq=False)
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
        _bound(file.parent)
    except Exception:  # noqa: BLE001 (columns that parquet has no type for, a full disk, a folder that cannot be written)
        return


def _file(key: str) -> Path:
    return cache_folder() / "tables" / f"{key}.parquet"


def _bound(folder: Path) -> None:
    entries = [(entry.stat(), entry.path) for entry in os.scandir(folder) if entry.name.endswith(".parquet")]
    total = sum(status.st_size for status, _ in entries)
    for status, path in sorted(entries, key=lambda entry: entry[0].st_mtime):
        if total <= MOST_BYTES:
            return
        Path(path).unlink(missing_ok=True)
        total -= status.st_size


@cache
def _code() -> str:
    """A digest of the code that makes tables, by the sizes and times of its files."""
    root = Path(nnmech.__path__[0])
    files = sorted(root.rglob("*.py"))
    stamps = "\n".join(
        f"{file.relative_to(root)} {(status := file.stat()).st_size} {status.st_mtime_ns}" for file in files
    )
    return hashlib.sha256(f"{nnmech.__version__}\n{stamps}".encode()).hexdigest()
