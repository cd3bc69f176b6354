"""What leaves a run directory: half-written files, files that nobody lists, and what is kept aside."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from nnmech.files.folder import Folder, folder_of
from nnmech.files.writing import disk_errors, write_bytes_inside
from nnmech.runs.format import ASIDE_FOLDER, FOLDERS, Entry, step_of

TEMPORARY = re.compile(r"\.(?:[A-Za-z0-9_]+\.(?:json|jsonl|safetensors)\.[0-9a-f]{8}\.tmp|tmp[A-Za-z0-9]{6})")
"""Names of what a writer, or safetensors on its behalf, was writing when it was killed."""


def sweep(folder: Folder, manifest: Mapping[str, Entry], target: int) -> list[str]:
    """Remove what a killed writer left half-written or unlisted; the files that are to be kept aside instead.

    Files of other names, folders and links are left alone: a writer removes what a writer has written.
    """
    aside = []
    sweep_temporaries(folder)
    for kind, inner in FOLDERS.items():
        try:
            within = folder.subfolder(inner)
        except FileNotFoundError:
            continue
        with within:
            gone = []
            for name in within.names():
                step, full = step_of(kind, name), f"{inner}/{name}"
                if TEMPORARY.fullmatch(name):
                    gone.append(name)
                elif step is not None and full not in manifest and within.is_regular(name):
                    # A checkpoint may be an outdated one; a snapshot is made once, on the way.
                    if kind != "checkpoint" and step <= target:
                        aside.append(full)
                    else:
                        gone.append(name)
            _remove(within, gone)
    return aside


def sweep_temporaries(folder: Folder) -> None:
    """Remove files that a killed writer left half-written beside the logs."""
    _remove(folder, [name for name in folder.names() if TEMPORARY.fullmatch(name)])


def set_aside(folder: Folder, names: list[str], *, copies: Mapping[str, bytes]) -> str:
    """Move files of the run to a folder of their own, `copies` (bytes by name) with them; the name of that folder."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    inner = f"{ASIDE_FOLDER}/{stamp}"
    for name, data in copies.items():
        write_bytes_inside(folder, f"{inner}/{name}", data)
    for name in names:
        place = folder.path / name
        with (
            disk_errors(place),
            folder_of(folder, name) as (source, last),
            folder_of(folder, f"{inner}/{name}", make=True) as (kept, _),
        ):
            if source.is_regular(last):
                source.replace(last, last, into=kept)
    return inner


def remove_files(folder: Folder, entries: Iterable[Entry]) -> None:
    """Remove files of the manifest from an open run; RunError where the disk does not let go of one."""
    for entry in entries:
        place = folder.path / entry["file"]
        with disk_errors(place), folder_of(folder, entry["file"]) as (within, name):
            within.unlink(name)


def _remove(folder: Folder, names: list[str]) -> None:
    for name in names:
        with disk_errors(folder.path / name):
            if folder.is_regular(name):
                folder.unlink(name)
