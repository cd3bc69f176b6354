"""The table of conditions: `nnmech conditions`, from a checkout."""

import sys

from nnmech.cli import main

if __name__ == "__main__":
    sys.exit(main(["conditions", *sys.argv[1:]]))
