"""Documents in the context window: `nnmech in-context`, from a checkout."""

import sys

from nnmech.cli import main

if __name__ == "__main__":
    sys.exit(main(["in-context", *sys.argv[1:]]))
