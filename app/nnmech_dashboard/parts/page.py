"""A page of the dashboard."""

from collections.abc import Callable
from dataclasses import dataclass

from nnmech_dashboard.state.listing import Listing
from nnmech_dashboard.state.selection import Selection


@dataclass(frozen=True)
class Page:
    """What draws a page, and what the navigation says of it."""

    title: str
    """Also its address, in lower case."""
    icon: str
    draw: Callable[[Selection], None]
    inside: bool
    """Whether it looks inside the model: the sidebar then has probe, layer and token position."""


@dataclass(frozen=True)
class FilesPage:
    """A page about other files than runs, in the folders that the dashboard looks into."""

    title: str
    icon: str
    draw: Callable[[Listing], None]
