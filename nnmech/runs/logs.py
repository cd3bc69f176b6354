"""The logs of a run while they are written: lines added whole, the digest of each kept up to date on the way."""

import hashlib
import json
import operator
import os
from collections.abc import Mapping
from typing import Any

from nnmech.errors import InputError, RunError
from nnmech.files.digests import Digest
from nnmech.files.folder import Folder
from nnmech.files.values import plain
from nnmech.files.writing import disk_errors, write_all, write_bytes_inside
from nnmech.runs.format import LOG_FILES


class Logs:
    """The logs in the folder of a run, opened when their first line comes; `close` lets go of them."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._descriptors: dict[str, int] = {}
        self._sizes = dict.fromkeys(LOG_FILES, 0)
        self._states: dict[str, Any] = {kind: hashlib.sha256() for kind in LOG_FILES}

    def start(self, kind: str, data: bytes, *, rewrite: bool) -> None:
        """Go on after `data`, which the log holds already, or does once it was written with `rewrite`."""
        if rewrite:
            write_bytes_inside(self._folder, LOG_FILES[kind], data)
        self._sizes[kind] = len(data)
        self._states[kind] = hashlib.sha256(data)

    def append(self, kind: str, data: bytes) -> None:
        """Add lines; RunError where the disk does not take them, or where the log is not as this process left it."""
        file = self._folder.path / LOG_FILES[kind]
        with disk_errors(file):
            if kind not in self._descriptors:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
                self._descriptors[kind] = self._folder.open(LOG_FILES[kind], flags)
            descriptor, size = self._descriptors[kind], self._sizes[kind]
            found = os.fstat(descriptor).st_size
            if found != size:
                raise RunError(
                    f"{file}: {found} bytes, expected the {size} that this process wrote: another one writes it too. "
                    "Nothing more is written; see that one process alone is left, then resume."
                )
            try:
                write_all(descriptor, data)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
        self._sizes[kind] = size + len(data)
        self._states[kind].update(data)

    def sync(self) -> dict[str, Digest]:
        """Put every line on the disk; the digests of the logs that have any."""
        for kind, descriptor in self._descriptors.items():
            with disk_errors(self._folder.path / LOG_FILES[kind]):
                os.fsync(descriptor)
        return {
            LOG_FILES[kind]: Digest(size, self._states[kind].hexdigest()) for kind, size in self._sizes.items() if size
        }

    def close(self) -> None:
        """Let go of the files."""
        for descriptor in self._descriptors.values():
            os.close(descriptor)
        self._descriptors.clear()


def event_key(row: Mapping[str, Any]) -> str:
    """What two lines of the same event share: all but the time."""
    return json.dumps(plain({key: value for key, value in row.items() if key != "time"}), sort_keys=True)


def checked_step(step: Any) -> int:
    """A step as a number; InputError for what is none."""
    try:
        number = operator.index(step)
    except TypeError:
        number = -1
    if number < 0:
        raise InputError(f"step {step!r}: expected a whole number of training steps, 0 or more.")
    return number
