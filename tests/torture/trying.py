"""What a check counts, and how a use of a file is held to end well or in one line."""

import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nnmech.errors import NnmechError
from nnmech.runs import RunWriter
from tests.runs.small_runs import train

SECONDS = 10
"""What a single read may take before it counts as hanging."""


@dataclass
class Result:
    """How often a check tried, and what went wrong."""

    tried: int = 0
    faults: list[str] = field(default_factory=list)

    def expect(self, right: bool, fault: str) -> None:
        """Count a try."""
        self.tried += 1
        if not right:
            self.faults.append(fault)


class Hanging(Exception):
    """A read that did not end."""


@contextmanager
def limited(seconds: int = SECONDS) -> Iterator[None]:
    """Hanging where what is inside is not done after so many seconds."""

    def stop(*_: object) -> None:
        raise Hanging(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def outcome(use: Callable[[], object]) -> str | None:
    """None where `use` ends well or with one line for a person; else what it ended with."""
    try:
        with limited(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            use()
    except NnmechError as error:
        return f"an error of several lines: {error}" if "\n" in str(error) else None
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"[:300]
    return None


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file() and file.name != ".lock"}


def go_on(path: Path) -> None:
    with RunWriter.resume(path, discard=True) as writer:
        train(writer)
