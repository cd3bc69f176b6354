"""`python -m nnmech`."""

import sys

from nnmech.cli import main

if __name__ == "__main__":
    sys.exit(main())
