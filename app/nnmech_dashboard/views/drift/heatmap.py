"""The coordinate of the claim by layer and training step, where a click chooses both for all pages."""

import streamlit as st

from nnmech import plots
from nnmech.claims import MATCHED_FALSE
from nnmech.plots.recipes import Recipe, call
from nnmech.plots.style import NEGATION, PROBE_ENDS, role_label
from nnmech.plots.tables import claim_rows, counted, rows_where, span
from nnmech.plots.uncertainty import uncertain_coordinates
from nnmech_dashboard.charts.curves import CELL, Value, interval_text
from nnmech_dashboard.charts.heatmap import heatmap
from nnmech_dashboard.parts import panel
from nnmech_dashboard.parts.panel import Panel
from nnmech_dashboard.parts.theme import coordinate_colours
from nnmech_dashboard.parts.width import width
from nnmech_dashboard.parts.words import note_html
from nnmech_dashboard.state.selection import Selection, choose
from nnmech_dashboard.views.drift.rows import WAITING, placed

ROLES = ("claim", NEGATION, "alternative", MATCHED_FALSE)
"""Of which the heatmap shows one."""
HEATMAP = "coordinate_by_layer_and_step"
DOMAIN = (-0.25, 0.5, 1.25)
"""Coordinates of the two darkest shades, and of none between them."""


def by_layer_and_step(selection: Selection) -> None:
    """The heatmap: a click on a cell chooses its layer and step for all pages."""
    probe = selection.probe
    coordinates = selection.coordinates(probe)
    found = placed(coordinates)
    if found is None:
        panel.waiting(WAITING)
        return
    present = set(claim_rows(found, selection.claim, ROLES)["role"])
    options = [role for role in ROLES if role in present]
    if not options:
        st.html(note_html("The run recorded no statements about its claim: there is nothing to place."))
        return
    title = st.container()
    role = st.segmented_control(
        "Statements",
        options,
        default=options[0],
        required=True,
        format_func=role_label,
        key="statements",
        bind="query-params",
        label_visibility="collapsed",
    )
    role = options[0] if role is None else role
    nulls = tuple(name for name in (MATCHED_FALSE,) if name in options and name != role)
    table = call("table", claim_rows, coordinates, selection.claim, [role, *nulls])
    both = table.run({coordinates: found})
    rows, null = rows_where(both, role=role), rows_where(both, role=MATCHED_FALSE if nulls else "")
    steps, layers = (sorted({int(value) for value in rows[name]}) for name in ("step", "layer"))
    zero, one = PROBE_ENDS[probe]
    against = f"that of {role_label(MATCHED_FALSE)}" if nulls else f"0.5, half-way between {zero} and {one}"
    shown = Panel(
        key=HEATMAP,
        title=f"{probe.capitalize()} coordinate by layer and step",
        meaning=(
            f"Mean over n = {counted(span(rows, 'n'), 'statements')} ({role_label(role)}): at 0 lie the {zero} "
            f"controls of the same step, at 1 the {one} ones. Pale and struck out: the 95% interval does not exclude "
            f"{against}. Grey: the controls themselves are not told apart. A click on a cell chooses its layer and "
            "step on every page."
        ),
        recipe=Recipe.drawn(
            table,
            plots.coordinate_heatmap,
            claim=selection.claim,
            role=role,
            nulls=nulls,
            boundary=selection.boundary,
            probe=probe,
            beside=False,
        ),
        known={table: both},
    )
    chart = heatmap(
        rows,
        steps,
        layers,
        colours=coordinate_colours(probe, selection.dark),
        domain=DOMAIN,
        value=Value("coordinate", marks=((0, zero), (1, one))),
        dark=selection.dark,
        page=width(),
        chosen=(selection.layer, selection.recorded_step(steps)),
        boundary=selection.boundary,
    )
    data = rows[["step", "layer", "z"]].assign(
        interval=interval_text(rows, 2), uncertain=uncertain_coordinates(rows, null)
    )
    with title:
        panel.head(shown)
    panel.show(shown, chart, data, titled=False, on_select=_take_cell, selection=CELL)


def _take_cell() -> None:
    picked = st.session_state[f"chart_{HEATMAP}"]["selection"].get(CELL)
    if picked:
        choose(layer=int(picked[0]["layer"]), step=int(picked[0]["step"]))
