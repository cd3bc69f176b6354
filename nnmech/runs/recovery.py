"""From what a run directory holds to a run that can go on: the checkpoint to roll back to, and what is kept aside."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nnmech.errors import RunError
from nnmech.files.bounds import SMALL
from nnmech.files.digests import Digest
from nnmech.files.folder import Folder
from nnmech.files.json_text import parse_rows
from nnmech.files.reading import opened, read_bytes
from nnmech.files.tensors import open_tensors
from nnmech.runs.columns import ANSWERS, EVENTS, METRICS, READINGS, REQUIRED, check_rows
from nnmech.runs.folder import fault, is_sealed, manifest_in, rows_in
from nnmech.runs.format import (
    DROPPED,
    FOLDERS,
    INFO_FILE,
    LOG_FILES,
    MANIFEST,
    MANIFEST_FILE,
    Entry,
    check_entry,
    manifest_entry,
    of_kind,
    step_file,
    step_of,
)
from nnmech.runs.verify import prefix_fault, read_digests

LOG_COLUMNS = {"event": EVENTS, "metrics": METRICS, "answers": ANSWERS, "readings": READINGS}
NOTHING = -1
"""The step before the first one."""


@dataclass
class Recovery:
    """What a resume starts from."""

    manifest: dict[str, Entry]
    """The files that are as they should be, by name."""
    logs: dict[str, list[dict[str, Any]]]
    target: int
    """The step to roll back to, -1 for nothing."""
    notes: list[str] = field(default_factory=list)
    """What was found damaged, and what was made of it: a sentence each."""
    aside: list[str] = field(default_factory=list)
    """Files that are kept, out of the way."""
    damaged_manifest: bool = False


def look(folder: Folder, info: Mapping[str, Any], *, step: int | None, discard: bool) -> Recovery:
    """Find what the run in `folder` can go on from; nothing is changed.

    Args:
        folder: the run, locked.
        info: its `run.json`.
        step: to roll back to, for loops with checkpoints of their own; the last good checkpoint where None.
        discard: whether results may go that no checkpoint leads back to.

    Raises:
        RunError: where a log is damaged, and where results would go without `discard`.
    """
    logs = {kind: rows_in(folder, name) for kind, name in LOG_FILES.items()}
    for kind, rows in logs.items():
        check_rows(rows, LOG_COLUMNS[kind], folder.path / LOG_FILES[kind], REQUIRED[kind])
    _check_links(folder)
    found = _files(folder, is_sealed(info))
    found.logs = logs
    _check_logs(folder, found, sealed=is_sealed(info), discard=discard)
    if step is not None:
        found.target = step
        return found
    _choose_checkpoint(folder, found, discard=discard)
    return found


def manifest_copy(folder: Folder) -> dict[str, bytes]:
    """The damaged manifest as it is, by its name; nothing where there is none."""
    try:
        return {MANIFEST_FILE: read_bytes(MANIFEST_FILE, MANIFEST.bytes, root=folder, error=RunError)}
    except FileNotFoundError:
        return {}


def is_kept(kind: str, row: Mapping[str, Any], step: int) -> bool:
    """Whether a line of a log stays where a run is rolled back to `step`."""
    if kind == "event" and row.get("kind") == "start":
        return True
    # A run that goes on has not ended.
    return row["step"] <= step and not (kind == "event" and row.get("kind") == "end")


def is_other(folder: Folder, name: str, data: bytes) -> bool:
    """Whether a log has to be written again: it holds more, or shares its bytes with a name outside of the run."""
    try:
        with opened(name, root=folder, error=RunError) as file:
            return os.fstat(file.fileno()).st_nlink > 1 or Digest.of_file(file) != Digest.of(data)
    except FileNotFoundError:
        return bool(data)


def info_digest(folder: Folder) -> Digest:
    """The digest that `run.json` was written with; where that is lost, of the file as it is."""
    try:
        return read_digests(folder)[INFO_FILE]
    except (RunError, KeyError):
        return Digest.of(read_bytes(INFO_FILE, SMALL.bytes, root=folder, error=RunError))


def _check_links(folder: Folder) -> None:
    """RunError where a folder of the run is none of its own: it would be swept, and written to."""
    for inner in FOLDERS.values():
        try:
            folder.subfolder(inner).close()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise RunError(f"{folder.path / inner}: {error.strerror}; put the folder itself there.") from error


def _files(folder: Folder, sealed: bool) -> Recovery:
    """The binary files of a run by its manifest, or by the files themselves where the manifest is damaged."""
    problem = None
    try:
        manifest = manifest_in(folder, sealed=sealed)
        # An older manifest cannot say that lines were cut off: a kill leaves one file unlisted, not several.
        unlisted = [] if sealed else [name for name in _step_files(folder) if name not in manifest]
        checkpoints = [name for name in unlisted if name.startswith(FOLDERS["checkpoint"])]
        if len(unlisted) - len(checkpoints) < 2 and (manifest or not checkpoints):
            return Recovery(manifest, {}, NOTHING)
        problem = f"{folder.path / MANIFEST_FILE}: lacks {len(unlisted)} files that are there"
    except RunError as error:
        manifest, problem = _readable_entries(folder), str(error)
    found = Recovery({}, {}, NOTHING, damaged_manifest=True)
    found.notes.append(problem)
    for name, (kind, step) in _step_files(folder).items():
        entry = _as_found(folder, name, kind, step)
        listed = manifest.get(name)
        if entry is not None and (listed is None or listed == entry):
            found.manifest[name] = entry
        else:
            found.aside.append(name)
    found.notes.append(f"{len(found.manifest)} files were found whole and listed again")
    return found


def _step_files(folder: Folder) -> dict[str, tuple[str, int]]:
    """The files that are there under names of the format: kind and step by name."""
    found = {}
    for kind, inner in FOLDERS.items():
        try:
            within = folder.subfolder(inner)
        except FileNotFoundError:
            continue
        with within:
            for name in within.names():
                step = step_of(kind, name)
                if step is not None and within.is_regular(name):
                    found[step_file(kind, step)] = (kind, step)
    return found


def _as_found(folder: Folder, name: str, kind: str, step: int) -> Entry | None:
    """The entry of a file that nobody lists; None where it is not whole, or is of another step."""
    try:
        with open_tensors(name, root=folder, error=RunError) as tensors:
            if tensors.text("step") != str(step):
                return None
            for tensor in tensors.names:
                tensors.slice(tensor)
            if kind == "checkpoint":
                tensors.json("state", finite=False)
        with opened(name, root=folder, error=RunError) as file:
            return manifest_entry(kind, step, Digest.of_file(file))
    except (FileNotFoundError, RunError):
        return None


def _readable_entries(folder: Folder) -> dict[str, Entry]:
    """What can still be read of a damaged manifest."""
    entries = {}
    for line in manifest_copy(folder).get(MANIFEST_FILE, b"").split(b"\n"):
        try:
            entry = check_entry(parse_rows(line + b"\n", MANIFEST_FILE, error=RunError)[0], MANIFEST_FILE)
        except RunError:
            continue
        entries[entry["file"]] = entry
    return entries


def _check_logs(folder: Folder, found: Recovery, *, sealed: bool, discard: bool) -> None:
    """RunError where lines that were on the disk at the last checkpoint are not there any more."""
    if not sealed:
        return
    try:
        digests = read_digests(folder)
    except RunError as error:
        found.notes.append(str(error))
        return
    for name in LOG_FILES.values():
        if name in digests and (wrong := prefix_fault(folder, name, digests[name], whole=False)[0]):
            if not discard:
                raise RunError(
                    f"{wrong}: lines of before the last checkpoint are lost or changed. Restore the file from a copy, "
                    "or go on without them (discard=True, or --discard)."
                )
            found.notes.append(wrong)


def _choose_checkpoint(folder: Folder, found: Recovery, *, discard: bool) -> None:
    """Set the target to the last checkpoint that is as it should be."""
    faults = []
    for step, entry in reversed(of_kind(found.manifest, "checkpoint").items()):
        wrong = fault(folder, entry)
        if wrong is None:
            found.target = step
            break
        faults.append(wrong)
        del found.manifest[entry["file"]]
        if "missing" not in wrong:
            found.aside.append(entry["file"])
    found.notes += faults
    if found.target != NOTHING or discard:
        return
    if faults:
        raise RunError(
            f"{faults[0]}, and no other checkpoint is good. Put the file back, or begin the run again from nothing "
            "(discard=True, or --discard)."
        )
    recorded = bool(found.manifest or found.aside or any(found.logs[kind] for kind in found.logs if kind != "event"))
    said = {row.get("kind") for row in found.logs["event"]}
    whys = {"end": "has ended and has no checkpoint", DROPPED: "has no checkpoint since they were dropped"}
    why = next((words for kind, words in whys.items() if kind in said), None)
    if why is None and found.damaged_manifest:
        why = "has a damaged manifest and no good checkpoint"
    if recorded and why is not None:
        raise RunError(
            f"{folder.path}: {why}, so resuming would delete it. Give the step to which to roll back, or begin the run "
            "again from nothing (discard=True, or --discard)."
        )
