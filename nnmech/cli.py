"""What the command-line programs share: errors as one line, exit code 2."""

import os
import sys
from collections.abc import Callable

from nnmech.errors import NnmechError

BAD_INPUT = 2
INTERRUPTED = 130


def main_guard(action: Callable[[], object]) -> int:
    """Run a program and return its exit code: 0, or 2 after one line on stderr for an error that nnmech names."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    try:
        action()
    except NnmechError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("interrupted; what is finished is kept, go on with --resume", file=sys.stderr)
        return INTERRUPTED
    return 0
