"""Belief or salience: `nnmech salience`, from a checkout."""

import sys

from nnmech.cli import main

if __name__ == "__main__":
    sys.exit(main(["salience", *sys.argv[1:]]))
