"""The command that opens the dashboard, which is an extra."""

import importlib.util
from collections.abc import Sequence

from nnmech.errors import InputError

PACKAGE, NEEDED = "nnmech_dashboard", "streamlit"


def main(words: Sequence[str]) -> None:
    """Open the dashboard with the folders and options that are given."""
    missing = next((name for name in (PACKAGE, NEEDED) if importlib.util.find_spec(name) is None), None)
    if missing is not None:
        raise InputError(f"dashboard: {missing} is not installed; expected it; run pip install 'nnmech[dashboard]'")
    importlib.import_module(f"{PACKAGE}.serve").main(list(words))
