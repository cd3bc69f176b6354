"""Two phases: `nnmech two-phase`, from a checkout."""

import sys

from nnmech.cli import main

if __name__ == "__main__":
    sys.exit(main(["two-phase", *sys.argv[1:]]))
