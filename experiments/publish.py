"""Bring results into the pages of the project: `nnmech publish`, from a checkout."""

import sys

from nnmech.cli import main

if __name__ == "__main__":
    sys.exit(main(["publish", *sys.argv[1:]]))
