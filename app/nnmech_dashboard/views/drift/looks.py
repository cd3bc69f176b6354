"""Deeper looks at a probe in one run, one at a time: its direction, its transfer, the parts of a change, and others."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from nnmech import drift, plots
from nnmech.claims import MATCHED_FALSE
from nnmech.plots.recipes import Call, Recipe, call
from nnmech.plots.style import PROBE_ENDS
from nnmech.plots.tables import claim_rows, count_text, rows_where, sample_text
from nnmech.plots.transfer import uncertain_transfer
from nnmech_dashboard.charts.curves import Line, Value, curves, interval_text
from nnmech_dashboard.charts.heatmap import step_matrix
from nnmech_dashboard.parts import panel
from nnmech_dashboard.parts.panel import Panel
from nnmech_dashboard.parts.theme import INK, amount_colours, null_colour, probe_colour
from nnmech_dashboard.parts.width import width
from nnmech_dashboard.parts.words import note_html
from nnmech_dashboard.state.background import made
from nnmech_dashboard.state.calls import RECORDED_FILES
from nnmech_dashboard.state.selection import Selection
from nnmech_dashboard.views.drift.places import onsets, quality
from nnmech_dashboard.views.drift.rows import axis_of

MATRIX_STEPS = 40
"""At most so many steps have a row and a column: a matrix of hundreds takes long, and nobody could read it."""


def deeper(selection: Selection) -> None:
    """The choice of a look, and the one that is chosen."""
    chosen = st.segmented_control("Look deeper at the probe", list(LOOKS), key="look", bind="query-params")
    if chosen is not None:
        with panel.guarded("This cannot be shown"):
            LOOKS[chosen](selection)


def direction(selection: Selection) -> None:
    """How far the direction turned."""
    table = call("table", drift.direction_cosine, selection.opened, **_place(selection), reference_step=selection.first)
    found = _made(table, "Fitting the probe at every step")
    if found is None:
        return
    title = f"Direction of the {selection.probe} probe, layer {selection.layer}"
    meaning = (
        f"Cosine of the direction fitted at each step with that of step {selection.run.steps[0]:,}, corrected for the "
        "noise of the fits: the direction has turned where the band stays below 1, and is lost where it meets shuffled "
        f"labels; {sample_text(found)}."
    )
    recipe = Recipe.drawn(table, plots.direction_cosine, boundary=selection.boundary)
    shown = Panel("direction_cosine", title, meaning, recipe, {table: found})
    colour = probe_colour(selection.probe, selection.dark)
    grey = null_colour(selection.dark)
    lines = {
        "corrected": Line("cosine, corrected", colour),
        "cosine": Line("as fitted", colour, (7, 3), points=False),
        "reliability": Line("reliability", INK[selection.dark], (1, 3), points=False),
        "null": Line("shuffled labels", grey, (5, 3), points=False),
    }
    parts = [_series(found, name, line, {"corrected": "", "null": "null_"}.get(name)) for name, line in lines.items()]
    _show_curves(shown, pd.concat(parts), list(lines.values()), Value("cosine with the first step"), selection)


def transfer(selection: Selection) -> None:
    """AUROC by the step that the probe was fitted at and the one that it was scored at."""
    recorded = selection.run.steps
    steps = matrix_steps(recorded, selection.boundary)
    table = call("table", drift.transfer_matrix, selection.opened, **_place(selection), steps=list(steps))
    found = _made(table, "Scoring every probe at every step")
    if found is None:
        return
    some = f", {len(steps)} of {len(recorded)} recorded steps" if len(steps) < len(recorded) else ""
    null = f"{found['shuffled'].min():.2f} to {found['shuffled'].max():.2f}"
    meaning = (
        "AUROC on held-out entities of the probe fitted at one step and scored at another: off the diagonal as high as "
        f"on it says that the direction stayed the same. With shuffled labels {null}: pale and struck out where the "
        f"95% interval does not exclude these; {sample_text(found)}{some}."
    )
    title = f"Transfer of the {selection.probe} probe, layer {selection.layer}"
    recipe = Recipe.drawn(table, plots.transfer_matrix, boundary=selection.boundary)
    shown = Panel("transfer_matrix", title, meaning, recipe, {table: found})
    data = found[["fitted_step", "scored_step"]].assign(
        y=found["auroc"],
        interval=interval_text(found, 2),
        null=[f"{value:.2f}" for value in found["shuffled"]],
        uncertain=uncertain_transfer(found),
    )
    chart = step_matrix(
        data,
        steps,
        colours=amount_colours(selection.probe, selection.dark),
        domain=(float(np.nanmin([0.5, *found["auroc"]])), 1.0),
        value=Value("AUROC", marks=((0.5, "chance"), (0.75, ""), (1, ""))),
        dark=selection.dark,
        page=width(),
        boundary=selection.boundary,
    )
    panel.show(shown, chart, data)


def parts_of_change(selection: Selection) -> None:
    """What of the claim's change the activations did, and what the direction did."""
    changes = call(
        "changes", drift.decomposition, selection.opened, **_place(selection), reference_step=selection.first
    )
    found = _made(changes, "Fitting the probe again at every step")
    if found is None:
        return
    table = call("table", claim_rows, changes, selection.claim, ["claim", MATCHED_FALSE])
    rows = table.run({changes: found})
    own, null = rows_where(rows, role="claim"), rows_where(rows, role=MATCHED_FALSE)
    if own.empty or null.empty:
        missing = "of the claim" if own.empty else "of matched false facts, without which a change has no null"
        st.html(note_html(f"The run recorded no statements {missing}."))
        return
    zero, one = PROBE_ENDS[selection.probe]
    meaning = (
        f"Change of the claim since step {selection.run.steps[0]:,} in gaps between {zero} and {one} controls, "
        f"{count_text(own, 'statements')}. Data drift: the old direction reads new activations; probe drift: what "
        "refitting the direction adds; the total is their sum. Bands: 95% intervals."
    )
    title = f"Data drift and probe drift, layer {selection.layer}"
    recipe = Recipe.drawn(table, plots.decomposition, boundary=selection.boundary)
    shown = Panel("decomposition", title, meaning, recipe, {table: rows})
    colour, dark = probe_colour(selection.probe, selection.dark), selection.dark
    lines = {
        "data": Line("data drift", colour),
        "refit": Line("probe drift", colour, (4, 3), points=False),
        "total": Line("total", INK[dark], points=False),
    }
    parts = [_series(own, name, line, f"{name}_") for name, line in lines.items()]
    beside = Line("total, matched false facts", null_colour(dark), (5, 3), points=False)
    parts.append(_series(null, "total", beside, "total_"))
    if not np.isfinite(own["total"].to_numpy(dtype=float)).any():
        panel.head(shown)
        st.html(note_html(f"In layer {selection.layer} the controls are not told apart: a change has no unit."))
        return
    _show_curves(shown, pd.concat(parts), [*lines.values(), beside], Value("change since the first step"), selection)


LOOKS: dict[str, Callable[[Selection], None]] = {
    "Direction": direction,
    "Transfer": transfer,
    "Data or probe drift": parts_of_change,
    "Onset": onsets,
    "Probe by layer": quality,
}


def matrix_steps(recorded: Sequence[int], boundary: int | None) -> tuple[int, ...]:
    """The steps of a matrix: all recorded ones, or as many as can be read, the ends of the phases among them."""
    if len(recorded) <= MATRIX_STEPS:
        return tuple(recorded)
    places = np.linspace(0, len(recorded) - 1, MATRIX_STEPS - 1).round().astype(int)
    return tuple(
        sorted({*(recorded[place] for place in places), *(number for number in recorded if number == boundary)})
    )


def _made(table: Call, waiting: str) -> pd.DataFrame | None:
    """What a step gives; None, and words in its place, while it is being made."""
    found = made(table, RECORDED_FILES)
    if found is None:
        panel.waiting(waiting)
    return found


def _place(selection: Selection) -> dict[str, list[Any]]:
    """Where a probe is fitted, as the functions of `nnmech.drift` take it."""
    return {"probes": [selection.probe], "layers": [selection.layer], "positions": [selection.position]}


def _series(rows: pd.DataFrame, column: str, line: Line, bounds: str | None) -> pd.DataFrame:
    """Rows as the charts take them; `bounds` is what the columns of the interval begin with, None for none."""
    low, high = (np.nan, np.nan) if bounds is None else (rows[f"{bounds}low"], rows[f"{bounds}high"])
    return rows[["step", "n"]].assign(series=line.name, y=rows[column], low=low, high=high)


def _show_curves(shown: Panel, data: pd.DataFrame, lines: Sequence[Line], value: Value, selection: Selection) -> None:
    axis = axis_of(selection)
    data = data.assign(x=axis.place(data["step"]), interval=interval_text(data, 2))
    panel.show(shown, curves(data, axis, lines, value, dark=selection.dark, step=selection.step), data)
