"""The pages of the dashboard, a folder each with `page.py`, which has a `PAGE`."""

from functools import cache
from importlib import import_module

from nnmech_dashboard.parts.page import FilesPage, Page

NAMES = (
    "runs",
    "drift",
    "statements",
    "tokens",
    "answers",
    "compare",
    "audit",
)
"""The folders of the pages in the order of the navigation; the first is the one that opens."""


@cache
def pages() -> tuple[Page | FilesPage, ...]:
    """Every page."""
    return tuple(import_module(f"{__name__}.{name}.page").PAGE for name in NAMES)
