"""`python -m nnmech_dashboard [FOLDER ...]` opens the dashboard on this machine."""

import sys

from nnmech.terminal import main_guard
from nnmech_dashboard.serve import main

sys.exit(main_guard(main))
