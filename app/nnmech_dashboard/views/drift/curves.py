"""Curves over training steps at the chosen layer and position: what is represented, what is said, and the loss."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from nnmech import plots
from nnmech.claims import MATCHED_FALSE
from nnmech.plots.over_steps import logged
from nnmech.plots.recipes import Recipe, call
from nnmech.plots.runs import coordinate_range
from nnmech.plots.style import NEGATION, NULLS, PROBE_ENDS, UNRELATED, role_label
from nnmech.plots.tables import claim_rows, count_text, counted, levels_of, rows_where, span
from nnmech_dashboard.charts.curves import Line, Value, curves, interval_text
from nnmech_dashboard.parts import panel
from nnmech_dashboard.parts.panel import Panel
from nnmech_dashboard.parts.theme import INK, belief_colour, null_colour, probe_colour
from nnmech_dashboard.parts.words import note_html
from nnmech_dashboard.state.background import made
from nnmech_dashboard.state.calls import ANSWER_FILES, METRIC_FILES, belief, metrics
from nnmech_dashboard.state.selection import Selection
from nnmech_dashboard.views.drift.rows import WAITING, axis_of, placed

DASHES = {NEGATION: (2, 3), "alternative": (8, 3, 2, 3), MATCHED_FALSE: (5, 3), UNRELATED: (1, 3)}
SMALL = 270
"""Height in pixels of one of several charts."""
MOST_POINTS = 400
"""Of a curve: more are not told apart."""


def coordinate_curves(selection: Selection, probe: str, roles: Sequence[str]) -> None:
    """The coordinate of `roles` over steps at the chosen layer."""
    coordinates = selection.coordinates(probe)
    found = placed(coordinates)
    if found is None:
        panel.waiting(WAITING)
        return
    table = call("table", claim_rows, coordinates, selection.claim, list(roles), layer=selection.layer)
    rows = table.run({coordinates: found})
    if rows.empty:
        st.html(note_html(f"No statements to place on the {probe} probe were recorded."))
        return
    present, (zero, one) = levels_of(rows, "role"), PROBE_ENDS[probe]
    present = [role for role in roles if role in present]
    shown = Panel(
        key=f"{probe}_coordinate",
        title=f"{probe.capitalize()} coordinate, layer {selection.layer}",
        meaning=_placed_text(rows, present),
        recipe=Recipe.drawn(
            table, plots.coordinate_of_roles, claim=selection.claim, boundary=selection.boundary, probe=probe
        ),
        known={table: rows},
    )
    if not np.isfinite(rows["z"].to_numpy(dtype=float)).any():
        panel.head(shown)
        st.html(
            note_html(
                f"In layer {selection.layer} the probe does not tell {one} from {zero} controls apart, so that there "
                "is no scale to place anything on. Choose another layer or token position."
            )
        )
        return
    axis = axis_of(selection)
    value = Value(f"{probe} coordinate", domain=coordinate_range(rows), marks=((0, zero), (1, one)))
    data = pd.DataFrame(
        {
            "x": axis.place(rows["step"]),
            "step": rows["step"],
            "series": [role_label(role) for role in rows["role"]],
            "detail": pd.factorize(rows["claim"])[0],
            "y": rows["z"],
            **{name: rows[name] for name in ("low", "high", "n")},
            "interval": interval_text(rows, 2),
        }
    )
    lines = [_line(role, probe, selection.dark) for role in present]
    chart = curves(data, axis, lines, value, dark=selection.dark, step=selection.step, height=SMALL)
    panel.show(shown, chart, data)


def _placed_text(rows: pd.DataFrame, roles: Sequence[str]) -> str:
    counts = []
    for role in roles:
        own = rows_where(rows, role=role)
        claims = len(levels_of(own, "claim"))
        each = f"{claims} claims, {counted(span(own, 'n'), 'statements')} each" if claims > 1 else span(own, "n")
        counts.append(f"{each} ({role_label(role)})")
    return f"Mean over statements, n = {', '.join(counts)}. Bands: 95% intervals, resampling statements and controls."


def _line(role: str, probe: str, dark: bool) -> Line:
    if role in NULLS:
        return Line(role_label(role), null_colour(dark), DASHES[role], points=False)
    return Line(role_label(role), probe_colour(probe, dark), DASHES.get(role, (1, 0)))


def belief_curve(selection: Selection) -> None:
    """Belief rate over steps, matched false facts dashed."""
    table = belief(selection.opened, selection.claim)
    rates = made(table, ANSWER_FILES)
    if rates is None:
        panel.waiting("Counting answers")
        return
    own = rows_where(rates, role="claim")
    if own.empty:
        st.html(note_html("Nothing was asked about the claim: the run says nothing of belief."))
        return
    shown = Panel(
        key="belief_over_steps",
        title="Belief in answers",
        meaning=(
            f"Share of answers that affirm the claim, {count_text(own)} a step. Bands: 95% intervals, resampling "
            "questions. Matched false facts are as false, and no document states them."
        ),
        recipe=Recipe.drawn(table, plots.belief_over_steps, boundary=selection.boundary),
        known={table: rates},
    )
    axis, dark = axis_of(selection), selection.dark
    lines = [Line(role_label("claim"), belief_colour(dark))]
    if len(own) < len(rates):
        lines.append(Line(role_label(MATCHED_FALSE), null_colour(dark), (5, 3), points=False))
    data = pd.DataFrame(
        {
            "x": axis.place(rates["step"]),
            "series": np.where(rates["role"] == "claim", role_label("claim"), role_label(MATCHED_FALSE)),
            "y": rates["mean"],
            **{name: rates[name] for name in ("step", "low", "high", "n")},
            "interval": interval_text(rates, 0),
        }
    )
    value = Value("belief rate", "%", 0, domain=(0, 100))
    chart = curves(data, axis, lines, value, dark=dark, step=selection.step, height=SMALL)
    panel.show(shown, chart, data)


def loss_curve(selection: Selection) -> None:
    """Loss of held-out documents over steps; of a run that held none out, the losses that it logged."""
    measured = metrics(selection.opened)
    found = made(measured, METRIC_FILES)
    if found is None:
        panel.waiting("Reading what was logged")
        return
    numbers = [str(name) for name in found.select_dtypes("number").dropna(axis="columns", how="all").columns]
    held_out = [name for name in numbers if name == "held_out_documents"]
    columns = held_out or [name for name in numbers if name.startswith("loss")]
    if not columns:
        st.html(note_html("No loss was logged."))
        return
    table = call("table", logged, measured, columns)
    rows = table.run({measured: found})
    shown = Panel(
        key="loss_over_steps",
        title="Loss of held-out documents" if held_out else "Loss",
        meaning=(
            f"Nats per token at {len(rows):,} logged steps of this run"
            + (", of claim documents that it was not trained on" if held_out else "")
            + ". One run has no interval."
        ),
        recipe=Recipe.drawn(table, plots.loss_over_steps, columns=columns, boundary=selection.boundary),
        known={table: rows},
    )
    axis, dark = axis_of(selection), selection.dark
    long = rows.melt("step", columns, var_name="column", value_name="y").dropna(subset="y")
    long = long.iloc[:: max(1, len(long) // (MOST_POINTS * len(columns)))]
    few = len(long) <= 40 * len(columns)
    long = long.assign(
        x=axis.place(long["step"]), series=[_words(name) for name in long["column"]], low=np.nan, high=np.nan
    )
    dashes = ((1, 0), (5, 3), (1, 3), (8, 3, 2, 3), (2, 3))
    lines = [
        Line(_words(name), INK[dark] if number == 0 else null_colour(dark), dashes[number % len(dashes)], points=few)
        for number, name in enumerate(columns)
    ]
    chart = curves(long, axis, lines, Value("loss", "nats per token", 3), dark=dark, step=selection.step, height=SMALL)
    panel.show(shown, chart, long.assign(interval="none", n=1).drop(columns="column"))


def _words(column: str) -> str:
    return column.replace("_", " ")
