"""Following runs that go on: the page is drawn again when one of them has written something."""

from collections.abc import Sequence

import streamlit as st

from nnmech_dashboard.state.listing import Entry, Stamp, stamp

FOLLOW_SECONDS = 3


def follow(entries: Sequence[Entry]) -> None:
    """At the end of a page: draw it again when a run among `entries` that has not finished has written something."""
    going_on = [entry for entry in entries if entry.summary is None or not entry.summary.finished]
    if going_on:
        paths = tuple(str(entry.path) for entry in going_on)
        st.fragment(_look_again, run_every=FOLLOW_SECONDS)(
            paths, tuple(file for entry in going_on for file in entry.seen)
        )


def _look_again(paths: tuple[str, ...], seen: Stamp) -> None:
    if stamp(paths) != seen:
        st.rerun()
