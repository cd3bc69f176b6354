"""What there is to look at: the runs in some folders, those that cannot be read among them, and when they changed."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnmech.errors import RunError
from nnmech.run_format import INFO_FILE, LOG_FILES, MANIFEST_FILE, STATEMENTS_FILE
from nnmech.runs import Run

REPOSITORY = Path(__file__).resolve().parent.parent
DEFAULT_ROOTS = (Path("runs"), REPOSITORY / "checkpoints" / "sample_run")
INFO_KEYS = {"kind": str, "config": dict, "model": dict}
RUN_FILES = (INFO_FILE, *LOG_FILES.values(), STATEMENTS_FILE, MANIFEST_FILE)

Stamp = tuple[tuple[str, int, int], ...]
"""Path, modification time (ns) and size (bytes) of files: what a cached table depends on."""


@dataclass(frozen=True)
class Entry:
    """A run, or the `fault` that keeps it from being read; `id` names it in the listing and in the address."""

    id: str
    path: Path
    run: Run | None = None
    fault: str | None = None


def list_runs(roots: Sequence[Path]) -> list[Entry]:
    """The runs in or below each of `roots`, by path, without those inside other runs; each folder once.

    Where a name is there twice, the later one has its root in its id.
    """
    entries: dict[str, Entry] = {}
    seen: set[Path] = set()
    for root in roots:
        for folder in _run_folders(root):
            if folder.resolve() in seen:
                continue
            seen.add(folder.resolve())
            name = folder.relative_to(root).as_posix() if folder != root else folder.resolve().name
            name = name if name not in entries else folder.as_posix()
            entries[name] = _entry(name, folder)
    return list(entries.values())


def missing_roots(roots: Sequence[Path]) -> list[Path]:
    """Those of `roots` that are no folder."""
    return [root for root in roots if not root.is_dir()]


def children(run: Run) -> list[Entry]:
    """The runs of an experiment by name, those that cannot be read among them."""
    return list_runs([run.path / "runs"])


def stamp(folders: Iterable[Path | str], names: Sequence[str] = RUN_FILES) -> Stamp:
    """The stamp of the files `names`, where they exist, in each of `folders`."""
    found = []
    for folder in folders:
        for name in names:
            file = Path(folder) / name
            try:
                status = file.stat()
            except OSError:
                continue
            found.append((str(file), status.st_mtime_ns, status.st_size))
    return tuple(found)


def _run_folders(root: Path) -> Iterable[Path]:
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        if INFO_FILE in files:
            subfolders.clear()
            yield Path(folder)


def _entry(name: str, folder: Path) -> Entry:
    try:
        run = Run(folder)
    except RunError as error:
        return Entry(name, folder, fault=str(error))
    lacking = [key for key, kind in INFO_KEYS.items() if not isinstance(run.info.get(key), kind)]
    if lacking:
        fault = f"{folder / INFO_FILE}: lacks {', '.join(lacking)}. Restore it from a copy, or run it anew."
        return Entry(name, folder, fault=fault)
    return Entry(name, folder, run=run)
