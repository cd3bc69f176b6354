"""Belief rates from the authors' raw answers: `nnmech recompute`, from a checkout."""

import sys

from nnmech.cli import main

if __name__ == "__main__":
    sys.exit(main(["recompute", *sys.argv[1:]]))
