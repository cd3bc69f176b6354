"""All runs in one table: what they are, how far they are, what they believe now."""

import pandas as pd
import streamlit as st

from nnmech.plots.every_run import series_label
from nnmech.plots.style import BELIEF
from nnmech_dashboard.parts.page import Page
from nnmech_dashboard.parts.width import MEDIUM, NARROW, WIDE, width
from nnmech_dashboard.parts.words import lead_html, note_html, plain_data, plain_markdown
from nnmech_dashboard.state.listing import Entry, list_runs
from nnmech_dashboard.state.selection import Selection, choose

REFRESH_SECONDS = 5
MOST, HEIGHT = 16, 620
"""Rows up to which the table is as high as they are, and its pixels from then on."""
COLUMNS = {
    "run": st.column_config.TextColumn("run", width=242),
    "claim": st.column_config.TextColumn("claim", width=100),
    "condition": st.column_config.TextColumn("condition or arm", width=118),
    "seed": st.column_config.NumberColumn("seed", width=45),
    "progress": st.column_config.ProgressColumn("progress", format="percent", min_value=0, max_value=1, width=85),
    "belief": st.column_config.ProgressColumn(
        "belief now",
        format="%.0f%%",
        min_value=0,
        max_value=100,
        width=95,
        color=BELIEF,
        help="Share of answers that affirm the claim, at the last step at which anything was asked.",
    ),
    "written": st.column_config.DatetimeColumn("last write", format="distance", width=100),
    "experiment": st.column_config.TextColumn("experiment", width=85),
    "step": st.column_config.NumberColumn("step", width=48, format="localized"),
    "model": st.column_config.TextColumn("model", width=75),
}
"""The columns of the table, in order."""
SHOWN = {WIDE: list(COLUMNS), MEDIUM: ["run", "condition", "seed", "progress", "belief"]}
SHOWN[NARROW] = ["condition", "seed", "belief"]
"""Those that there is room for, by the width of the page."""
LABELS = {name: str(column.get("label", name)) for name, column in COLUMNS.items()}
NAMES = {label: name for name, label in LABELS.items()}
"""Columns by what the page and the address call them."""
GROUPS = [LABELS[name] for name in ("experiment", "claim", "condition", "seed", "model")]
"""Columns by whose values the table can be cut into several."""
FALLING = ("progress", "belief", "written", "step")
"""Columns whose largest values come first."""


def draw(selection: Selection) -> None:
    """Draw the table with search and filters, unfinished runs first; choosing a row chooses the run for all pages."""
    listing = selection.listing
    st.title("Runs")
    st.html(
        lead_html(
            "Every training run that was found. Choose one by its row, and every other page shows it.",
            (
                _counted(len(listing.entries), "run"),
                _counted(len(listing.experiments), "experiment"),
                *_under_way(listing.entries),
            ),
        )
    )
    chosen = _filtered(list(listing.entries))
    columns, group, order = _arrangement()
    chosen = _sorted(chosen, order)
    if not chosen:
        st.html(note_html("No run fits. Take back a word or a filter."))
    for title, members in _grouped(chosen, group):
        if title is not None:
            st.markdown(f"**{plain_markdown(title)}** &ensp; {plain_markdown(_counted(len(members), 'run'))}")
        _table(members, selection, columns, key="runs" if title is None else f"runs_{title}")
    st.html(note_html(f"{len(chosen):,} of {len(listing.entries):,} runs. Shown everywhere: {selection.entry.id}."))
    if len(listing.entries) == len([e for e in listing.entries if e.summary and e.summary.finished]):
        return
    st.fragment(_refresh, run_every=REFRESH_SECONDS)(listing.roots, _state(listing.entries))


def _counted(number: int, unit: str) -> str:
    return f"{number:,} {unit}{'' if number == 1 else 's'}"


def _under_way(entries: tuple[Entry, ...]) -> tuple[str, ...]:
    unfinished = [entry for entry in entries if entry.summary and not entry.summary.finished]
    return (f"{len(unfinished):,} not finished",) if unfinished else ()


def _filtered(entries: list[Entry]) -> list[Entry]:
    search, kinds = st.columns([2, 3], vertical_alignment="bottom")
    words = search.text_input(
        "Search", key="search", bind="query-params", placeholder="claim, condition, seed2 …", icon=":material/search:"
    )
    with kinds:
        entries = _by(entries, "experiment", "Experiment")
    wanted = (words or "").lower().split()
    found = [entry for entry in entries if all(word in _described(entry) for word in wanted)]
    return found


def _arrangement() -> tuple[list[str], str | None, str | None]:
    """Draw the choice of columns, grouping and order, all kept in the address."""
    with st.expander("Columns, groups and order", expanded=any(key in st.query_params for key in ("columns", "group"))):
        columns = st.multiselect(
            "Columns", list(NAMES), key="columns", bind="query-params", placeholder="As many as there is room for"
        )
        left, right = st.columns(2)
        group = left.selectbox(
            "Group by", GROUPS, index=None, key="group", bind="query-params", placeholder="One table"
        )
        order = right.selectbox(
            "Sort by", list(NAMES), index=None, key="sort", bind="query-params", placeholder="Not finished first"
        )
    chosen = [NAMES[label] for label in columns] or SHOWN[width()]
    return chosen, None if group is None else NAMES[group], None if order is None else NAMES[order]


def _sorted(entries: list[Entry], order: str | None) -> list[Entry]:
    if order is None:
        return sorted(entries, key=lambda entry: bool(entry.summary and entry.summary.finished))
    falling = order in FALLING
    known = [entry for entry in entries if _row(entry)[order] is not None]
    known.sort(key=lambda entry: _row(entry)[order], reverse=falling)  # pyright: ignore[reportArgumentType]
    return [*known, *(entry for entry in entries if _row(entry)[order] is None)]


def _grouped(entries: list[Entry], group: str | None) -> list[tuple[str | None, list[Entry]]]:
    if group is None or not entries:
        return [(None, entries)] if entries else []
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        value = _row(entry)[group]
        found.setdefault("none" if value is None else str(value), []).append(entry)
    return [(f"{LABELS[group]}: {value}", members) for value, members in sorted(found.items())]


def _by(entries: list[Entry], name: str, label: str) -> list[Entry]:
    found = sorted({str(getattr(entry.summary, name) or "other") for entry in entries})
    if len(found) < 2:
        return entries
    kept = st.pills(label, found, selection_mode="multi", key=name, bind="query-params", format_func=plain_markdown)
    return [entry for entry in entries if not kept or str(getattr(entry.summary, name) or "other") in kept]


def _described(entry: Entry) -> str:
    summary = entry.summary
    own = () if summary is None else (summary.experiment, summary.claim, summary.condition, summary.model)
    return " ".join(str(part) for part in (entry.id, *own, f"seed{summary.seed if summary else ''}")).lower()


def _table(entries: list[Entry], selection: Selection, columns: list[str], *, key: str) -> None:
    rows = pd.DataFrame([_row(entry) for entry in entries], columns=pd.Index(list(COLUMNS)))

    def take() -> None:
        picked = st.session_state[key]["selection"]["rows"]
        if picked:
            choose(run=entries[picked[0]].id)

    names = [entry.id for entry in entries]
    default = [names.index(selection.entry.id)] if selection.entry.id in names else []
    st.dataframe(
        plain_data(rows),
        hide_index=True,
        column_config=COLUMNS,
        key=key,
        on_select=take,
        selection_mode="single-row",
        selection_default={"selection": {"rows": default}},
        column_order=columns,
        height="content" if len(rows) <= MOST else HEIGHT,
    )


def _row(entry: Entry) -> dict[str, object]:
    summary = entry.summary
    assert summary is not None
    return {
        "run": entry.id,
        "experiment": summary.experiment,
        "claim": summary.claim,
        "condition": None if summary.condition is None else series_label(summary.condition),
        "seed": summary.seed,
        "progress": summary.progress,
        "step": summary.step,
        "belief": summary.belief,
        "model": summary.model,
        "written": pd.Timestamp(summary.updated, unit="s", tz="UTC"),
    }


def _state(entries: tuple[Entry, ...]) -> tuple[float, ...]:
    return tuple(entry.summary.updated for entry in entries if entry.summary is not None)


def _refresh(roots: tuple[object, ...], seen: tuple[float, ...]) -> None:
    """Draw the page again once any run was written, or one came or went."""
    if _state(list_runs(list(roots)).entries) != seen:  # pyright: ignore[reportArgumentType]
        st.rerun()


PAGE = Page("Runs", ":material/list:", draw, inside=False)
