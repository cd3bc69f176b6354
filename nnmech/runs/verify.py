"""Whether the files of a run are those that were written: each against its digest."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnmech.errors import RunError
from nnmech.files.bounds import SMALL
from nnmech.files.digests import Digest
from nnmech.files.folder import Folder
from nnmech.files.json_text import read_json
from nnmech.files.reading import opened
from nnmech.runs.folder import fault, file_digest, info_in, is_sealed, manifest_in, open_run
from nnmech.runs.format import (
    DIGESTS_FILE,
    DOCUMENTS_FILE,
    INFO_FILE,
    LOG_FILES,
    MANIFEST_FILE,
    QUESTIONS_FILE,
    STATEMENTS_FILE,
)

TABLES = (STATEMENTS_FILE, QUESTIONS_FILE, DOCUMENTS_FILE)
ROUNDS = 3
"""How often a run in progress is looked at: its writer may replace a file while it is read."""


def verify_run(path: Path) -> tuple[str, ...]:
    """Check every file of the run at `path` against its digest.

    A run may be in progress: what its writer replaced meanwhile is looked at again.

    Returns:
        What could not be checked, a text each: files, or ends of logs, for which the run has no digest yet.

    Raises:
        RunError: that names every file which is damaged or missing.
    """
    last: set[str] | None = None
    for _ in range(ROUNDS):
        with open_run(path) as folder:
            faults, unchecked = _look(folder)
        # A fault that is another one each time is the writer at work.
        last = set(faults) if last is None else last & set(faults)
        if not last:
            return tuple(unchecked)
    raise RunError("; ".join(sorted(last or ())) + ". Restore the files from a copy, or run it again.")


def read_digests(folder: Folder) -> dict[str, Digest]:
    """The digests in an open run's `digests.json`, by file name; RunError where it is damaged or missing."""
    place = folder.path / DIGESTS_FILE
    try:
        found = read_json(DIGESTS_FILE, SMALL, root=folder, error=RunError)
    except FileNotFoundError as error:
        raise RunError(f"{place}: missing") from error
    digests = {name: Digest.read(value) for name, value in found.items()} if isinstance(found, dict) else {}
    known = {name: digest for name, digest in digests.items() if digest is not None}
    if not digests or len(known) < len(digests) or not known.keys() <= {INFO_FILE, *LOG_FILES.values()}:
        raise RunError(f"{place}: damaged, expected a size and a sha256 for {INFO_FILE} and the logs")
    return known


def prefix_fault(folder: Folder, name: str, expected: Digest, *, whole: bool) -> tuple[str | None, int]:
    """What is wrong with the part of a file that a digest is of, and how many bytes come after that part."""
    place = folder.path / name
    try:
        with opened(name, root=folder, error=RunError) as file:
            found = Digest.of_file(file, expected.size)
            after = file.seek(0, 2) - found.size
    except FileNotFoundError:
        return f"{place}: missing", 0
    except RunError as error:
        return str(error), 0
    if found.size < expected.size or (whole and after):
        return f"{place}: {found.size + after} bytes, expected {'' if whole else 'at least '}{expected.size}", 0
    if found != expected:
        return f"{place}: damaged, its sha256 is not the one that was written", 0
    return None, after


def _look(folder: Folder) -> tuple[list[str], list[str]]:
    """Faults, and what could not be checked."""
    info = info_in(folder)
    # A run.json that lost its digests to damage does not make a run an older one.
    sealed = is_sealed(info) or DIGESTS_FILE in folder.names()
    faults: list[str] = []
    unchecked = [] if sealed else [f"{name} (no digest: an older run)" for name in _older(folder)]
    try:
        manifest = manifest_in(folder, sealed=sealed)
        faults += [wrong for entry in manifest.values() if (wrong := fault(folder, entry))]
    except RunError as error:
        faults.append(str(error))
    if sealed:
        faults += _table_faults(folder, info)
        try:
            digests = read_digests(folder)
        except RunError as error:
            return [*faults, str(error)], unchecked
        log_faults, rest = _log_faults(folder, digests)
        faults += log_faults
        unchecked += rest
    return faults, unchecked


def _older(folder: Folder) -> list[str]:
    return [name for name in (INFO_FILE, MANIFEST_FILE, *TABLES, *LOG_FILES.values()) if folder.is_regular(name)]


def _table_faults(folder: Folder, info: Mapping[str, Any]) -> list[str]:
    faults = []
    for name in TABLES:
        digest = file_digest(info, name)
        if digest is not None and (wrong := prefix_fault(folder, name, digest, whole=True)[0]):
            faults.append(wrong)
        elif digest is None and name in folder.names():
            faults.append(f"{folder.path / name}: not a file of this run, {INFO_FILE} has no digest of it")
    return faults


def _log_faults(folder: Folder, digests: Mapping[str, Digest]) -> tuple[list[str], list[str]]:
    faults, unchecked = [], []
    for name in (INFO_FILE, *LOG_FILES.values()):
        if name in digests:
            wrong, after = prefix_fault(folder, name, digests[name], whole=name == INFO_FILE)
            if wrong:
                faults.append(wrong)
            elif after:
                unchecked.append(f"{name} (the last {after:,} bytes, written since the last checkpoint)")
        elif name == INFO_FILE:
            faults.append(f"{folder.path / DIGESTS_FILE}: damaged, it has no digest of {INFO_FILE}")
        elif folder.is_regular(name) and folder.status(name).st_size:
            unchecked.append(f"{name} (no digest before the first checkpoint)")
    return faults, unchecked
