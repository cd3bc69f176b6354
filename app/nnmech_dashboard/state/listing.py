"""What there is to look at: the runs in some folders, those that cannot be read among them, and when they changed."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import streamlit as st

from nnmech.errors import RunError
from nnmech.plots.every_run import series_label
from nnmech.runs.format import DOCUMENTS_FILE, INFO_FILE, LOG_FILES, MANIFEST_FILE, QUESTIONS_FILE, STATEMENTS_FILE
from nnmech.runs.summary import RunSummary, summarise_run
from nnmech.shipped import shipped

DEFAULT_ROOTS = (Path("runs"), shipped("sample_run"))
RUN_FILES = (INFO_FILE, *LOG_FILES.values(), STATEMENTS_FILE, QUESTIONS_FILE, DOCUMENTS_FILE, MANIFEST_FILE)
_WITHOUT_INFO = {MANIFEST_FILE, LOG_FILES["event"]}
"""Files that tell a run whose INFO_FILE is lost."""

Stamp = tuple[tuple[str, int, int], ...]
"""Path, modification time (ns) and size (bytes) of files: what a table depends on."""


@dataclass(frozen=True)
class Entry:
    """A run, or the `fault` that keeps it from being read; `id` names it in the listing and in the address."""

    id: str
    path: Path
    summary: RunSummary | None = None
    fault: str | None = None
    around: Path | None = None
    """The experiment that the run belongs to."""
    seen: Stamp = ()
    """The stamp of its files, taken before anything of it was read: what is written later shows as another one."""

    @property
    def label(self) -> str:
        """What tells it from the other runs first: arm or condition and seed, then its claim and where it is."""
        summary = self.summary
        if summary is None or summary.condition is None:
            return self.id
        seed = () if summary.seed is None else (f"seed {summary.seed}",)
        about = () if summary.claim is None else (summary.claim,)
        place = self.id.split("/")[0] if self.around is not None else self.id
        return f"{', '.join((series_label(summary.condition), *seed, *about))} ({place})"


@dataclass(frozen=True)
class Listing:
    """What was found: training runs, the experiments around them, and what is wrong with the others."""

    roots: tuple[Path, ...]
    entries: tuple[Entry, ...]
    experiments: tuple[Entry, ...]
    faults: tuple[str, ...]

    def __getitem__(self, name: str) -> Entry:
        return next(entry for entry in self.entries if entry.id == name)

    @property
    def names(self) -> list[str]:
        return [entry.id for entry in self.entries]

    def experiment(self, entry: Entry) -> Entry | None:
        """The experiment that a run belongs to, where it can be read."""
        return next((other for other in self.experiments if other.path == entry.around), None)

    def siblings(self, entry: Entry) -> list[Entry]:
        """The runs of the same experiment, the run itself among them."""
        return [other for other in self.entries if other.around == entry.around and other.around] or [entry]


def list_runs(roots: Sequence[Path]) -> Listing:
    """The runs in or below each of `roots`, by path, each folder once; what an experiment holds is listed run by run.

    Where a name is there twice, the later one has its root in its id.
    """
    entries: dict[str, Entry] = {}
    experiments, faults = [], [f"{root}: no such folder. Give a folder that holds runs." for root in _missing(roots)]
    seen: set[Path] = set()
    for root in roots:
        for folder, around in _folders(root):
            if not (folder / INFO_FILE).exists():
                faults.append(
                    f"{folder}: files of a run without {INFO_FILE}, which says whose they are; put it back from a copy"
                )
                continue
            if folder.resolve() in seen:
                continue
            seen.add(folder.resolve())
            name = _name(folder, root, around)
            name = name if name not in entries else folder.as_posix()
            entry = _entry(name, folder, around)
            if entry.fault is not None:
                faults.append(entry.fault)
            elif entry.summary is not None and entry.summary.kind == "experiment":
                experiments.append(entry)
            else:
                entries[name] = entry
    return Listing(tuple(roots), tuple(entries.values()), tuple(experiments), tuple(faults))


def stamp(folders: Iterable[Path | str], names: Sequence[str] = RUN_FILES) -> Stamp:
    """The stamp of the files `names`, where they exist, in each of `folders`."""
    found = []
    for folder in folders:
        for name in names:
            file = f"{folder}/{name}"
            try:
                status = os.stat(file)  # noqa: PTH116 (a listing of hundreds of runs asks thousands of times)
            except OSError:
                continue
            found.append((file, status.st_mtime_ns, status.st_size))
    return tuple(found)


def _missing(roots: Sequence[Path]) -> list[Path]:
    return [root for root in roots if not root.is_dir() and root not in DEFAULT_ROOTS]


def _folders(root: Path) -> Iterator[tuple[Path, Path | None]]:
    """Folders that hold what a run writes, each with that of the experiment around it, which comes before its runs."""
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        if INFO_FILE in files:
            own = Path(folder)
            yield own, None
            if "runs" in subfolders:
                yield from ((inner, own) for inner, _ in _folders(own / "runs"))
            subfolders.clear()
        elif not _WITHOUT_INFO.isdisjoint(files):
            yield Path(folder), None
            subfolders.clear()


def _name(folder: Path, root: Path, around: Path | None) -> str:
    if around is not None:
        return f"{around.resolve().name}/{folder.name}"
    return folder.relative_to(root).as_posix() if folder != root else folder.resolve().name


def _entry(name: str, folder: Path, around: Path | None) -> Entry:
    seen = stamp([folder])
    try:
        return Entry(name, folder, _summaries().of(folder, seen), around=around, seen=seen)
    except RunError as error:
        return Entry(name, folder, fault=str(error), around=around, seen=seen)


def _summary(folder: Path) -> RunSummary:
    try:
        return summarise_run(folder)
    except RunError:
        return summarise_run(folder, damaged=True)


class _Summaries:
    """The summary of every run that was listed, until one of its files changes; for all sessions."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[Stamp, RunSummary | str]] = {}
        self._lock = Lock()

    def of(self, folder: Path, now: Stamp) -> RunSummary:
        with self._lock:
            known = self._known.get(folder)
        if known is None or known[0] != now:
            try:
                known = (now, _summary(folder))
            except RunError as error:
                known = (now, str(error))
            with self._lock:
                self._known[folder] = known
        if isinstance(known[1], str):
            raise RunError(known[1])
        return known[1]


@st.cache_resource(show_spinner=False)
def _summaries() -> _Summaries:
    return _Summaries()
