"""The lock that lets one process at a time write a run."""

import os
import stat
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from nnmech.errors import RunError, RunLockedError
from nnmech.files.writing import disk_errors
from nnmech.runs.format import LOCK_FILE


class RunLock:
    """The lock of the run at `path`, held from the start until `release`; RunLockedError where another has it.

    The folder is made where it is missing. RunError where the lock cannot be had, as where a link stands in its place.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path / LOCK_FILE
        with disk_errors(path):
            path.mkdir(parents=True, exist_ok=True)
            try:
                kind = stat.S_IFMT(os.lstat(self._file).st_mode)
            except FileNotFoundError:
                kind = stat.S_IFREG
            if kind != stat.S_IFREG:
                raise RunError(f"{self._file}: not a regular file. Remove it, and look where it came from.")
            self._lock = FileLock(self._file, thread_local=False)
            try:
                self._lock.acquire(blocking=False)
            except Timeout as error:
                raise RunLockedError(
                    f"{path}: another process is writing this run. Wait for it, or stop it."
                ) from error
            self._identity = self._found()

    @property
    def held(self) -> bool:
        """Whether the lock was not released yet."""
        return self._lock.is_locked

    def check(self) -> None:
        """Raise RunLockedError where the lock's file was removed or replaced: another process may hold a new one."""
        if self._found() != self._identity:
            raise RunLockedError(
                f"{self._file}: removed or replaced while this process wrote the run, so that another may write it "
                "too. Nothing more is written; see that one process alone is left, then resume."
            )

    def release(self) -> None:
        """Let another process write the run."""
        self._lock.release()

    def __enter__(self) -> "RunLock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def _found(self) -> tuple[int, int] | None:
        # A file that is held keeps its number: another one under its name has another.
        try:
            status = os.lstat(self._file)
        except OSError:
            return None
        return status.st_dev, status.st_ino
