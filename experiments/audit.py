"""What warnings in a training set cover: `nnmech audit`, from a checkout."""

import sys

from nnmech.cli import main

if __name__ == "__main__":
    sys.exit(main(["audit", *sys.argv[1:]]))
