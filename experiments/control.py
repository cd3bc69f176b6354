"""The positive control: `nnmech control`, from a checkout."""

import sys

from nnmech.cli import main

if __name__ == "__main__":
    sys.exit(main(["control", *sys.argv[1:]]))
