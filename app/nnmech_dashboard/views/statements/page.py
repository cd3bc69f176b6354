"""Single statements over training: the claim in its wordings, its negation, and what both are held against."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from nnmech.drift import average_statements, statement_coordinates
from nnmech.plots import statement_trajectories
from nnmech.plots.recipes import Call, Recipe, call
from nnmech.plots.statements import MOST, matching, matching_mask, ordered_roles
from nnmech.plots.style import PROBE_ENDS, role_label
from nnmech_dashboard.charts.curves import StepAxis
from nnmech_dashboard.charts.small_multiples import LINE, small_multiples
from nnmech_dashboard.parts import panel
from nnmech_dashboard.parts.page import Page
from nnmech_dashboard.parts.width import MEDIUM, NARROW, WIDE, width
from nnmech_dashboard.parts.words import lead_html, note_html, plain_data, plain_markdown
from nnmech_dashboard.state.background import all_made, made
from nnmech_dashboard.state.calls import FIRST_FILES, RECORDED_FILES
from nnmech_dashboard.state.selection import Selection
from nnmech_dashboard.views.statements.lines import (
    POLARITIES,
    Look,
    Statements,
    arranged,
    described,
    drawn_rows,
    grid_of,
    line_tables,
    truth_word,
)

KEY = "statements"
CHOSEN = "statement"
"""Key of the address: id of the statement that is highlighted."""
TABLE = "statement_table"
WIDTHS = {"text": 270, "truth": 58, "polarity": 78, "entity": 118, "role": 118}
"""Of the columns of words, in pixels: with those of numbers they fit on a page of 1280."""
SHOWN_COLUMNS = {
    WIDE: [*WIDTHS, "first", "now", "change"],
    MEDIUM: ["text", "role", "first", "now", "change"],
    NARROW: ["text", "now"],
}
"""Of the table, by the width of the page."""
TWO_LINES = 54
"""Pixels of a row in which a text may be broken."""


@dataclass(frozen=True, eq=False)
class Filters:
    """A mask of the statements that are shown, and the words and roles by which they were chosen."""

    kept: np.ndarray
    words: list[str]
    roles: list[str]


def draw(selection: Selection) -> None:
    """Draw the small multiples and the table below them; choosing a row, or clicking a line, highlights a statement."""
    st.title("Statements")
    facts = () if selection.claim_text is None else (f"The claim: {selection.claim_text}",)
    st.html(
        lead_html(
            "Where the probe reads single statements while the model trains, on the scale of its controls.", facts
        )
    )
    if not selection.run.steps:
        panel.empty("This run has no snapshots of its statements. A run of two phases records them:", "make two-phase")
        return
    with panel.guarded("The statements cannot be placed"):
        # The widgets of the filters come before their table is there, or their part of the address would be lost.
        words, roles = _filters(selection)
        if not _fitted(selection):
            return
        source = Source.of(selection)
        statements = _read(source, selection)
        if statements is not None:
            kept = matching_mask(statements.labels, roles=roles, words=words)
            _explore(source, statements, Filters(kept, words, roles), selection)


@dataclass(frozen=True, eq=False)
class Source:
    """The steps that make the tables of the page."""

    coordinates: Call
    means: Call

    @classmethod
    def of(cls, selection: Selection) -> "Source":
        about = selection.claim if selection.claim in set(selection.run.statements["claim"]) else None
        coordinates = call(
            "coordinates",
            statement_coordinates,
            selection.opened,
            layer=selection.layer,
            position=selection.position,
            probe=selection.probe,
            reference_step=selection.first,
            **({} if about is None else {"claim": about}),
        )
        return cls(coordinates, call("means", average_statements, coordinates))


def _read(source: Source, selection: Selection) -> Statements | None:
    drawing = call(None, arranged, source.coordinates, source.means, selection.probe)
    found = all_made([source.coordinates, source.means, drawing], RECORDED_FILES)
    if found is None:
        panel.waiting("Placing every statement at every step")
        return None
    return found[-1]


def _fitted(selection: Selection) -> bool:
    """Whether there is a layer to look at; raises where no probe can be fitted, which the sidebar says too."""
    if selection.layer is not None and selection.position is not None:
        return True
    if made(selection.quality, FIRST_FILES) is None:
        panel.waiting("Looking for the layer that reads best")
    return False


def _filters(selection: Selection) -> tuple[list[str], list[str]]:
    """Words of the texts, and roles, that the reader asks for; none of them for all."""
    statements = selection.run.statements
    search, pills = st.columns([2, 5])
    text = search.text_input(
        "Search", key="search_statements", bind="query-params", placeholder="words of a text", icon=":material/search:"
    )
    with pills:
        roles = st.pills(
            "Roles",
            ordered_roles(statements.loc[(statements["role"] != "train").to_numpy()]),
            selection_mode="multi",
            wrap=True,
            key="roles",
            bind="query-params",
            format_func=lambda role: plain_markdown(role_label(role)),
        )
    return (text or "").lower().split(), list(roles)


def _explore(source: Source, statements: Statements, filters: Filters, selection: Selection) -> None:
    if not filters.kept.any():
        st.html(note_html("No statement fits. Take back a word or a role."))
        return
    chosen = _chosen(statements, filters.kept)
    recorded = selection.recorded_step(list(statements.steps))
    now = 0 if recorded is None else statements.steps.index(recorded)
    _multiples(source, statements, filters, chosen, now, selection)
    _table(statements, filters.kept, chosen, now, selection.probe)


def _chosen(statements: Statements, kept: np.ndarray) -> int | None:
    """Row number of the highlighted statement, where it is shown."""
    rows = np.flatnonzero(kept & (statements.labels["id"] == st.query_params.get(CHOSEN)).to_numpy())
    return int(rows[0]) if len(rows) else None


def _choose(statements: Statements, row: int | None) -> None:
    if row is not None:
        st.query_params[CHOSEN] = str(statements.labels["id"][row])
    elif CHOSEN in st.query_params:
        del st.query_params[CHOSEN]


def _multiples(
    source: Source, statements: Statements, filters: Filters, chosen: int | None, now: int, selection: Selection
) -> None:
    drawn, look = drawn_rows(statements, filters.kept), Look(selection.probe, selection.dark, width())
    axis = StepAxis(((selection.boundary, selection.last),), width())
    grid = grid_of(statements, filters.kept, drawn, look, axis)
    data = line_tables(statements, drawn, chosen, now, grid, look)
    chart = small_multiples(grid, data, described(statements, drawn), look.dark)
    name = None if chosen is None else str(statements.labels["id"][chosen])
    table = call("table", matching, source.coordinates, roles=filters.roles, words=filters.words)
    recipe = Recipe.drawn(
        table,
        statement_trajectories,
        source.means,
        **({} if name is None else {"chosen": name}),
        boundary=selection.boundary,
        probe=selection.probe,
    )
    known = {table: statements.long(filters.kept), source.coordinates: statements.table, source.means: statements.means}

    def take() -> None:
        picked = st.session_state[f"chart_{KEY}"]["selection"][LINE]
        _choose(statements, int(picked[0][LINE]) if picked else None)

    panel.show(
        panel.Panel(
            key=KEY,
            title="Statement by statement",
            meaning=_meaning(statements, chosen, now, "control" in drawn, selection),
            recipe=recipe,
            known=known,
        ),
        chart,
        on_select=take,
        selection=LINE,
    )


def _meaning(statements: Statements, chosen: int | None, now: int, controls: bool, selection: Selection) -> str:
    zero, one = PROBE_ENDS[selection.probe]
    place = f"layer {selection.layer}, token position {selection.position}"
    own = ", a control being placed by those of other entities" if controls else ""
    highlighted = ""
    if chosen is not None:
        where = ", ".join(f"{_number(statements.z[chosen, at])} at step {statements.steps[at]:,}" for at in (0, now))
        highlighted = f"Highlighted: “{statements.labels['text'].iloc[chosen]}”, {where}. "
    return (
        f"{highlighted}The {selection.probe} coordinate at {place}: thin, of single statements, at most {MOST} a panel "
        "from the lowest to the highest at the last step; thick, the mean over the whole role with its 95% bootstrap "
        f"interval over entities. 0 and 1 are the {zero} and {one} controls of the same step{own}. The solid rule is "
        f"step {statements.steps[now]:,}. Click a line to highlight it."
    )


def _number(z: float) -> str:
    return f"{z:.2f}" if np.isfinite(z) else "no coordinate"


def _table(statements: Statements, kept: np.ndarray, chosen: int | None, now: int, probe: str) -> None:
    """A row a statement, in the order of the panels."""
    order = np.concatenate([rows[kept[rows]] for rows in statements.members.values()])
    labels = statements.labels.iloc[order]
    first, last = (f"at step {statements.steps[place]:,}" for place in (0, now))
    columns = {
        "text": labels["text"],
        "truth": [truth_word(truth) for truth in labels["truth"]],
        "polarity": [POLARITIES.get(polarity, "") for polarity in labels["polarity"]],
        "entity": labels["entity"],
        "role": [role_label(role) for role in labels["role"]],
        "first": statements.z[order, 0],
        "now": statements.z[order, now],
        "change": statements.change[order, now],
    }
    st.session_state[TABLE] = {"selection": {"rows": np.flatnonzero(order == chosen).tolist(), "columns": []}}

    def take() -> None:
        picked = st.session_state[TABLE]["selection"]["rows"]
        _choose(statements, int(order[picked[0]]) if picked else None)

    st.dataframe(
        plain_data(pd.DataFrame(columns)),
        hide_index=True,
        column_config={
            **{
                name: st.column_config.TextColumn(name, width=200 if name == "text" and width() == NARROW else pixels)
                for name, pixels in WIDTHS.items()
            },
            "first": st.column_config.NumberColumn(first, format="%.2f", width=78),
            "now": st.column_config.NumberColumn(last, format="%.2f", width=78),
            "change": st.column_config.NumberColumn("change", format="%+.2f", width=66),
        },
        key=TABLE,
        on_select=take,
        selection_mode="single-row",
        column_order=SHOWN_COLUMNS[width()],
        row_height=TWO_LINES if width() == NARROW else None,
        height=min(36 * (len(order) + 1), 440),
        placeholder="",
    )
    count = f"{len(order):,} of {len(statements.labels):,} statements"
    more = "" if width() == WIDE else " A wider window shows more columns."
    st.html(
        note_html(
            f"{count}. Numbers are the {probe} coordinate, empty where the controls are not told apart. Choose a row "
            f"to highlight it above; click a column to sort by it.{more}"
        )
    )


PAGE = Page("Statements", ":material/format_quote:", draw, inside=True)
