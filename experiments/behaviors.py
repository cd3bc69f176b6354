"""Unwanted behaviour with warnings: `nnmech behaviors`, from a checkout."""

import sys

from nnmech.cli import main

if __name__ == "__main__":
    sys.exit(main(["behaviors", *sys.argv[1:]]))
