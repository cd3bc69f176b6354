"""What is done to runs and files to break them; each check counts what it tried, and says what went wrong."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.torture.damage import cuts, flips, mutants
from tests.torture.hostile import hostile, hostile_dialogues, hostile_models
from tests.torture.processes import full_disks, kills, reader_beside_writer, two_writers
from tests.torture.trying import Result

CHECKS: list[Callable[[Path, float], Result]] = [
    mutants,
    cuts,
    flips,
    hostile,
    hostile_models,
    hostile_dialogues,
    two_writers,
    reader_beside_writer,
    kills,
    full_disks,
]
"""Each is called as `check(empty folder, effort)`: effort 1 is the whole of it, less is a part."""


def carry_out(check: Callable[[Path, float], Result], effort: float) -> Result:
    """A check in a folder of its own, without waiting for the disk: a killed process loses nothing that was written."""
    genuine = os.fsync
    os.fsync = lambda descriptor: None
    try:
        with tempfile.TemporaryDirectory() as folder:
            return check(Path(folder), effort)
    finally:
        os.fsync = genuine
