"""Several runs on one axis: what they say and represent, how far they are from a baseline, and the whole experiment."""

from collections.abc import Sequence

import streamlit as st

from nnmech_dashboard.parts.page import Page
from nnmech_dashboard.parts.panel import guarded
from nnmech_dashboard.parts.width import side_by_side
from nnmech_dashboard.parts.words import lead_html, note_html
from nnmech_dashboard.state.following import follow
from nnmech_dashboard.state.listing import Entry
from nnmech_dashboard.state.selection import Selection
from nnmech_dashboard.views.compare.choice import choose_runs
from nnmech_dashboard.views.compare.experiment import panels as experiment
from nnmech_dashboard.views.compare.panels import (
    portrait_panel,
    report,
    represented_apart_panel,
    represented_panel,
    said_apart_panel,
    said_panel,
)
from nnmech_dashboard.views.compare.runs import Compared, compared, key_html
from nnmech_dashboard.views.compare.settings import settings_panel

SIDE_BY_SIDE, WHOLE = "Runs side by side", "The whole experiment"


def draw(selection: Selection) -> None:
    """Draw the runs that are compared, or the experiment that the chosen run belongs to."""
    st.title("Compare")
    around = selection.listing.experiment(selection.entry)
    if around is not None and _part() == WHOLE:
        with guarded("The experiment cannot be drawn"):
            experiment.draw(around, selection)
    else:
        with guarded("The runs cannot be compared"):
            _side_by_side(selection)


def _part() -> str:
    return st.segmented_control(
        "Part",
        [SIDE_BY_SIDE, WHOLE],
        default=SIDE_BY_SIDE,
        required=True,
        key="compare",
        bind="query-params",
        label_visibility="collapsed",
    )


def _side_by_side(selection: Selection) -> None:
    about = () if selection.claim_text is None else (f"Claim of the chosen run: “{selection.claim_text}”",)
    st.html(lead_html("Several runs on one axis, and how far each is from a baseline.", about))
    entries, pinned = choose_runs(selection)
    runs, faults = compared(entries, selection)
    report(faults)
    st.html(key_html(runs, pinned, selection.dark))
    left, right = side_by_side()
    with left, guarded("What the runs say cannot be drawn"):
        said_panel(runs, selection)
    with right, guarded("What the runs represent cannot be drawn"):
        represented_panel(runs, selection)
    _against(runs, pinned, selection)
    with guarded("The paths cannot be drawn"):
        portrait_panel(runs, selection)
    with guarded("The settings cannot be compared"):
        settings_panel(entries, pinned, selection)
    # The chosen run is followed anyway.
    follow([entry for entry in entries if entry.id != selection.entry.id])


def _against(runs: Sequence[Compared], pinned: Entry | None, selection: Selection) -> None:
    baseline = next((run for run in runs if pinned is not None and run.entry.id == pinned.id), None)
    others = [run for run in runs if run is not baseline]
    if baseline is None or not others:
        what = "Pin a run as baseline" if baseline is None else "Choose another run beside the baseline"
        st.html(note_html(f"{what} to see how far the others are from it, paired by question and by statement."))
        return
    left, right = side_by_side()
    with left, guarded("Differences of belief cannot be drawn"):
        said_apart_panel(others, baseline, selection)
    with right, guarded("Differences of the coordinate cannot be drawn"):
        represented_apart_panel(others, baseline, selection)


PAGE = Page("Compare", ":material/compare_arrows:", draw, inside=True)
