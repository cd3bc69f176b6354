"""The choice of runs that are compared, and of the baseline that is taken off them."""

import streamlit as st

from nnmech.runs import Run
from nnmech_dashboard.parts.width import WIDE, width
from nnmech_dashboard.state.listing import Entry, Listing
from nnmech_dashboard.state.selection import Selection, choose, forget
from nnmech_dashboard.views.compare.runs import condition_of, unit_of

MOST = 8
"""More lines in one chart nobody tells apart."""
CHOSEN = "with"
"""Key of the runs in the address."""


def choose_runs(selection: Selection) -> tuple[list[Entry], Entry | None]:
    """Draw the choice of runs and of the baseline; the runs, the chosen one and the baseline always among them."""
    listing = selection.listing
    _keep_to(_alike(selection))
    runs, baseline, pin = st.columns([6, 3.4, 1.7] if width() == WIDE else [5, 3, 2.4], vertical_alignment="bottom")
    names = runs.multiselect(
        "Runs",
        listing.names,
        key=CHOSEN,
        bind="query-params",
        max_selections=MOST,
        wrap=width() != WIDE,
        placeholder="Type to search all runs",
        help="At most eight. The run that is chosen at the left is always shown.",
    )
    st.session_state["_baseline"] = selection.baseline

    def take() -> None:
        picked = st.session_state["_baseline"]
        forget("baseline") if picked is None else choose(baseline=picked)

    baseline.selectbox(
        "Baseline",
        listing.names,
        index=None,
        key="_baseline",
        on_change=take,
        placeholder="None",
        help="The run that is taken off the others. It stays pinned on all pages.",
    )
    pinned = selection.baseline == selection.entry.id
    pin.button(
        "Unpin" if pinned else "Pin this run",
        icon=":material/keep_off:" if pinned else ":material/keep:",
        on_click=(lambda: forget("baseline")) if pinned else (lambda: choose(baseline=selection.entry.id)),
        width="stretch",
        help="Make the run that is chosen at the left the baseline.",
    )
    always = [name for name in (selection.entry.id, selection.baseline) if name is not None and name not in names]
    shown = [name for name in names if name in listing.names][: MOST - len(always)]
    entries = [listing[name] for name in dict.fromkeys([*shown, *always])]
    return entries, None if selection.baseline is None else listing[selection.baseline]


def _keep_to(default: list[str]) -> None:
    """The default until the reader chooses otherwise, also when it is another one since."""
    before = st.session_state.get("_compared")
    unsaid = CHOSEN not in st.session_state and CHOSEN not in st.query_params
    if unsaid or (before is not None and before != default and st.session_state.get(CHOSEN) == before):
        st.session_state[CHOSEN] = default
    st.session_state["_compared"] = default


def _alike(selection: Selection) -> list[str]:
    """The runs of the same experiment, claim and seed, in the order of the experiment."""
    entry = selection.entry
    siblings = [other for other in selection.listing.siblings(entry) if unit_of(other) == unit_of(entry)]
    order = planned_order(selection.listing, entry)
    rank = {condition: number for number, condition in enumerate(order)}
    siblings.sort(key=lambda other: rank.get(condition_of(other) or "", len(rank)))
    names = [other.id for other in siblings]
    return (names if entry.id in names[:MOST] else [entry.id, *names])[:MOST]


def planned_order(listing: Listing, entry: Entry) -> list[str]:
    """The arms or conditions of the experiment around a run, in the order of its settings."""
    around = listing.experiment(entry)
    settings = None if around is None else Run(around.path).config.get("settings")
    if not isinstance(settings, dict):
        return []
    planned = settings.get("arms") or settings.get("conditions")
    return [str(name) for name in planned] if isinstance(planned, list) else []
