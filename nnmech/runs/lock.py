"""The lock that lets one process at a time write a run."""

from pathlib import Path

from filelock import FileLock, Timeout

from nnmech.errors import RunLockedError
from nnmech.files import disk_errors
from nnmech.runs.format import LOCK_FILE


def lock_run(path: Path) -> FileLock:
    """Hold the lock of the run at `path`; RunLockedError where another process does."""
    lock = FileLock(path / LOCK_FILE, thread_local=False)
    with disk_errors(path):
        path.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except Timeout as error:
            raise RunLockedError(f"{path}: another process is writing this run. Wait for it, or stop it.") from error
    return lock
