"""`python -m nnmech.audit`."""

import sys

from nnmech.audit.command import console

if __name__ == "__main__":
    sys.exit(console())
