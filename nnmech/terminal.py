"""What the programs share: errors as one line with an exit code, signals that end them, and a quiet terminal."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from nnmech.errors import NnmechError
from nnmech.plain_text import escaped

BAD_INPUT = 2
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


class _Terminated(KeyboardInterrupt):
    """SIGTERM: whatever an interrupt ends, it ends too."""


def main_guard(action: Callable[[], object], *, resumable: bool = False) -> int:
    """Run a program and return its exit code: 0, or 2 after one line on stderr for an error that nnmech names.

    SIGINT and SIGTERM end it with one line and the codes 130 and 143.

    Args:
        action: The program.
        resumable: Whether it has `--resume`, which the line then names.
    """
    try:
        with _ended_by_sigterm():
            quiet()
            action()
    except NnmechError as error:
        print(f"error: {escaped(' '.join(str(error).split()))}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt as interrupt:
        rest = "; what is finished is kept, go on with --resume" if resumable else ""
        print(f"interrupted{rest}", file=sys.stderr)
        return TERMINATED if isinstance(interrupt, _Terminated) else INTERRUPTED
    return 0


def quiet() -> None:
    """Keep the bars and warnings of transformers off a terminal that shows a progress bar of its own."""
    # Here, so that a help text does not wait for it.
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """While this is open, SIGTERM raises in the main thread; a signal that is ignored or has a handler keeps it."""

    def end(number: int, frame: FrameType | None) -> None:
        raise _Terminated

    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
