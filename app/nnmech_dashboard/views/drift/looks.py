"""Deeper looks at a probe in one run, one at a time: its direction, its transfer, the parts of a change, and others."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from nnmech import plots
from nnmech.claims import MATCHED_FALSE
from nnmech.plots.style import PROBE_ENDS
from nnmech.plots.tables import count_text, rows_where, sample_text
from nnmech_dashboard.charts.curves import Line, Value, curves, interval_text
from nnmech_dashboard.charts.heatmap import step_matrix
from nnmech_dashboard.parts import panel
from nnmech_dashboard.parts.panel import Panel
from nnmech_dashboard.parts.theme import INK, amount_colours, null_colour, probe_colour
from nnmech_dashboard.parts.words import note_html
from nnmech_dashboard.state.background import table
from nnmech_dashboard.state.listing import stamp
from nnmech_dashboard.state.selection import Selection
from nnmech_dashboard.state.tables import RECORDED_FILES
from nnmech_dashboard.views.drift import tables as drift_tables
from nnmech_dashboard.views.drift.places import onsets, quality
from nnmech_dashboard.views.drift.rows import axis_of, of_claim
from nnmech_dashboard.views.drift.tables import matrix_steps

FIRST = "run.steps[0]"


def deeper(selection: Selection) -> None:
    """The choice of a look, and the one that is chosen."""
    chosen = st.segmented_control("Look deeper at the probe", list(LOOKS), key="look", bind="query-params")
    if chosen is not None:
        with panel.guarded("This cannot be shown"):
            LOOKS[chosen](selection)


def direction(selection: Selection) -> None:
    """How far the direction turned."""
    found = _made(
        drift_tables.directions, selection, RECORDED_FILES, selection.probe, "Fitting the probe at every step"
    )
    if found is None:
        return
    title = f"Direction of the {selection.probe} probe, layer {selection.layer}"
    meaning = (
        f"Cosine of the direction fitted at each step with that of step {selection.run.steps[0]:,}, corrected for the "
        "noise of the fits: the direction has turned where the band stays below 1, and is lost where it meets shuffled "
        f"labels; {sample_text(found)}."
    )
    shown = _panel("direction_cosine", title, meaning, found, selection, "direction_cosine", FIRST)
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
    found = _made(
        drift_tables.transfer, selection, RECORDED_FILES, selection.probe, "Scoring every probe at every step", steps
    )
    if found is None:
        return
    some = f", {len(steps)} of {len(recorded)} recorded steps" if len(steps) < len(recorded) else ""
    null = f"{found['shuffled'].min():.2f} to {found['shuffled'].max():.2f}"
    meaning = (
        "AUROC on held-out entities of the probe fitted at one step and scored at another: off the diagonal as high as "
        f"on it says that the direction stayed the same. With shuffled labels {null}; {sample_text(found)}{some}."
    )
    title = f"Transfer of the {selection.probe} probe, layer {selection.layer}"
    given = "run.steps" if len(steps) == len(recorded) else repr(list(steps))
    shown = _panel("transfer_matrix", title, meaning, found, selection, "transfer_matrix", None, f"steps={given}, ")
    data = found[["fitted_step", "scored_step"]].assign(
        y=found["auroc"],
        interval=interval_text(found, 2),
        null=[f"{value:.2f}" for value in found["shuffled"]],
    )
    chart = step_matrix(
        data,
        steps,
        colours=amount_colours(selection.probe, selection.dark),
        domain=(float(np.nanmin([0.5, *found["auroc"]])), 1.0),
        value=Value("AUROC", marks=((0.5, "chance"), (0.75, ""), (1, ""))),
        dark=selection.dark,
        boundary=selection.boundary,
    )
    panel.show(shown, chart, data)


def parts_of_change(selection: Selection) -> None:
    """What of the claim's change the activations did, and what the direction did."""
    found = _made(
        drift_tables.changes, selection, RECORDED_FILES, selection.probe, "Fitting the probe anew at every step"
    )
    if found is None:
        return
    rows = of_claim(found, selection.claim, ["claim", MATCHED_FALSE])
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
    about = "isna()" if selection.claim is None else f"eq({selection.claim!r})"
    shown = _panel(
        "decomposition",
        f"Data drift and probe drift, layer {selection.layer}",
        meaning,
        rows,
        selection,
        "decomposition",
        FIRST,
        more=(
            f'table = table[table["claim"].{about} & table["role"].isin({["claim", MATCHED_FALSE]!r})]',
            'table = table[table["polarity"] == 1]',
        ),
    )
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


def _made(
    make: Callable[..., pd.DataFrame],
    selection: Selection,
    files: Sequence[str],
    probe: str,
    waiting: str,
    *more: Any,
) -> pd.DataFrame | None:
    """A table at the chosen place; None, and words in its place, while it is being made."""
    version = stamp([selection.path], files)
    found = table(make, selection.path, probe, selection.layer, selection.position, *more, version)
    if found is None:
        panel.waiting(waiting)
    return found


def _panel(
    name: str,
    title: str,
    meaning: str,
    found: pd.DataFrame,
    selection: Selection,
    function: str,
    reference: str | None,
    arguments: str = "",
    more: Sequence[str] = (),
) -> Panel:
    """A panel of what a function of `nnmech.drift` gives and the one of the same name in `nnmech.plots` draws."""
    place = f"probes=[{selection.probe!r}], layers=[{selection.layer}], positions=[{selection.position!r}]"
    given = place if reference is None else f"{place}, reference_step={reference}"
    return Panel(
        key=name,
        title=title,
        meaning=meaning,
        table=found,
        draw=partial(getattr(plots, function), found, boundary=selection.boundary),
        snippet=panel.snippet(
            selection.path,
            f"table = {function}(run, {arguments}{given})",
            *more,
            f"figure = plots.{function}(table, boundary={selection.boundary!r})",
            imports=("from nnmech import plots", f"from nnmech.drift import {function}"),
        ),
    )


def _series(rows: pd.DataFrame, column: str, line: Line, bounds: str | None) -> pd.DataFrame:
    """Rows as the charts take them; `bounds` is what the columns of the interval begin with, None for none."""
    low, high = (np.nan, np.nan) if bounds is None else (rows[f"{bounds}low"], rows[f"{bounds}high"])
    return rows[["step", "n"]].assign(series=line.name, y=rows[column], low=low, high=high)


def _show_curves(shown: Panel, data: pd.DataFrame, lines: Sequence[Line], value: Value, selection: Selection) -> None:
    axis = axis_of(selection)
    data = data.assign(x=axis.place(data["step"]), interval=interval_text(data, 2))
    panel.show(shown, curves(data, axis, lines, value, dark=selection.dark, step=selection.step), data)
