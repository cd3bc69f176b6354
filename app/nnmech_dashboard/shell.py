"""What all pages share: the listing, the selection in the sidebar, and how they follow a run."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from nnmech_dashboard.parts.page import FilesPage, Page
from nnmech_dashboard.parts.panel import guarded
from nnmech_dashboard.parts.width import watch_width
from nnmech_dashboard.parts.words import age_text, badge_html, lead_html, plain_markdown
from nnmech_dashboard.state import background
from nnmech_dashboard.state.following import FOLLOW_SECONDS, follow
from nnmech_dashboard.state.listing import DEFAULT_ROOTS, Entry, Listing, list_runs
from nnmech_dashboard.state.opening import faults
from nnmech_dashboard.state.selection import read_address, select, unmet, write_address
from nnmech_dashboard.views import pages

MOST_FAULTS = 5
"""Damaged parts of a run that are named one by one."""
LIVE_SECONDS = 15 * 60
"""An unfinished run that was not written for longer is taken to have stopped."""


def find_runs(given: Sequence[Path]) -> Listing:
    """The runs in the folders `given`, or in the usual places."""
    return list_runs(list(given) or list(DEFAULT_ROOTS))


def show(given: Sequence[Path]) -> None:
    """Draw the page that the address names, for the runs in the folders `given`, or in the usual places."""
    listing = find_runs(given)
    background.begin()

    def drawn(page: Page | FilesPage) -> Callable[[], None]:
        return lambda: _show(page, listing)

    entries = [
        st.Page(
            drawn(page),
            title=page.title,
            icon=page.icon,
            url_path=page.title.lower() if number else "",
            default=not number,
        )
        for number, page in enumerate(pages())
    ]
    # Streamlit serves the default page at the root alone: at its own name there is nothing but this.
    first = pages()[0].title
    again = st.Page(_to_root(entries[0]), title=first, url_path=first.lower(), visibility="hidden")
    st.navigation([*entries, again], expanded=True).run()


def _to_root(page: st.Page) -> Callable[[], None]:
    return lambda: st.switch_page(page, query_params=st.query_params.to_dict())


def _show(page: Page | FilesPage, listing: Listing) -> None:
    watch_width()
    if isinstance(page, FilesPage):
        page.draw(listing)
        return
    if not listing.entries:
        _empty(listing)
        return
    read_address()
    selection = None
    with st.sidebar, guarded("The run cannot be read"):
        selection = select(listing, inside=page.inside)
    with st.sidebar:
        if selection is not None:
            _badge(selection.entry)
        _report_faults(listing.faults)
    write_address()
    for missing in unmet():
        st.warning(missing, icon=":material/link_off:")
    if selection is not None:
        _report_damage(selection.path)
        page.draw(selection)
        follow([selection.entry])
    background.rerun_when_ready()


def _badge(entry: Entry) -> None:
    summary = entry.summary
    if summary is None:
        return
    age = time.time() - summary.updated
    live = not summary.finished and age < LIVE_SECONDS
    state = "live, " if live else "finished, " if summary.finished else "stopped, "
    st.html(badge_html(f"{state}last write {age_text(age)}", live=live))


def _report_faults(faults: Sequence[str]) -> None:
    if not faults:
        return
    what = "One run is left out" if len(faults) == 1 else f"{len(faults)} runs are left out"
    heading = f"{what}; the others are not affected. Put the file back from a copy, or make the run again."
    st.warning("\n\n".join([heading, *map(plain_markdown, faults)]), icon=":material/warning:")


def _report_damage(path: str) -> None:
    damaged = faults(path)
    if damaged:
        parts = "One part of this run is damaged and left out" if len(damaged) == 1 else "Parts of this run are damaged"
        heading = f"{parts}; the rest is whole. Put the file back from a copy, or make the run again."
        shown = [
            *damaged[:MOST_FAULTS],
            *([f"{len(damaged) - MOST_FAULTS} more"] if len(damaged) > MOST_FAULTS else []),
        ]
        st.warning("\n\n".join([heading, *map(plain_markdown, shown)]), icon=":material/healing:")


def _empty(listing: Listing) -> None:
    st.title("No runs yet")
    st.html(lead_html("Make one: three claims, two seeds and two arms in a few minutes on two cores."))
    st.code("make two-phase", language="bash")
    places = "\n".join(f"- {plain_markdown(root)}" for root in listing.roots)
    st.markdown(f"It lands in the folder runs, and shows up here while it is being made. Looked in:\n\n{places}")
    st.markdown("Runs elsewhere? Start the dashboard with their folder:")
    st.code('make dashboard ARGS="path/to/runs"', language="bash")
    _report_faults(listing.faults)
    st.fragment(_look_for_runs, run_every=FOLLOW_SECONDS)(listing.roots)


def _look_for_runs(roots: tuple[Path, ...]) -> None:
    if list_runs(roots).entries:
        st.rerun()
