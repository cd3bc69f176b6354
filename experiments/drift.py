"""What probes say of two finished experiments: `nnmech drift`, from a checkout."""

import sys

from nnmech.cli import main

if __name__ == "__main__":
    sys.exit(main(["drift", *sys.argv[1:]]))
