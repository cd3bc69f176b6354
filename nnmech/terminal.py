"""What the programs share: errors as one line with exit code 2, and a quiet terminal."""

import sys
from collections.abc import Callable

from nnmech.errors import NnmechError

BAD_INPUT = 2
INTERRUPTED = 130


def main_guard(action: Callable[[], object]) -> int:
    """Run a program and return its exit code: 0, or 2 after one line on stderr for an error that nnmech names."""
    quiet()
    try:
        action()
    except NnmechError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("interrupted; what is finished is kept, go on with --resume", file=sys.stderr)
        return INTERRUPTED
    return 0


def quiet() -> None:
    """Keep the bars and warnings of transformers off a terminal that shows a progress bar of its own."""
    # Here, so that a help text does not wait for it.
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
