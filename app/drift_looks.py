"""Deeper looks at a probe in one run, one at a time: its direction, transfer, parts of a change, onset, quality."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import drift_tables
import numpy as np
import pandas as pd
import panel
import streamlit as st
from background import table
from charts import Line, Value, curves, interval_text
from drift_charts import layer_curves, onset_lanes
from drift_rows import axis_of, of_claim
from drift_tables import matrix_steps
from heatmap import step_matrix
from listing import stamp
from panel import Panel
from selection import Selection
from tables import ANSWER_FILES, FIRST_FILES, RECORDED_FILES, probe_quality
from theme import INK, amount_colours, belief_colour, null_colour, probe_colour
from words import note_html

from nnmech import plots
from nnmech.claims import MATCHED_FALSE
from nnmech.plots.style import PROBE_ENDS
from nnmech.plots.tables import count_text, counted, rows_where, sample_text, span

FIRST = "run.steps[0]"
SPLITS = {
    "truth": {"crossed": "trained on affirmative, tested on negated"},
    "polarity": {"crossed": "trained on true, tested on false"},
}


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


def onsets(selection: Selection) -> None:
    """When the claim became true inside, and when the model began to say it."""
    files = (*RECORDED_FILES, *ANSWER_FILES)
    arguments = (selection.path, selection.layer, selection.position, stamp([selection.path], files))
    found = table(drift_tables.onsets, *arguments)
    if found is None:
        panel.waiting("Looking for the steps at which one half is crossed")
        return
    rows = found.loc[found["what"].isin(["inside", "answers"]).to_numpy()].sort_values("what", ascending=False)
    later = rows_where(found, what="difference")
    said = ""
    if len(later) and bool(later["reached"].iloc[0]):
        row = later.iloc[0]
        said = f" Said {row['step']:+,.1f} steps after it was true inside ({row['low']:+,.1f} to {row['high']:+,.1f})."
    inside, answers = (rows_where(rows, what=name) for name in ("inside", "answers"))
    meaning = (
        "First step at which the truth coordinate (inside) and the belief rate (answers) cross one half, interpolated "
        f"between recorded steps; n = {counted(span(inside, 'n'), 'statements')}, "
        f"{counted(span(answers, 'n'), 'questions')}, bars are 95% intervals.{said}"
    )
    place = f"layers=[{selection.layer}], positions=[{selection.position!r}], reference_step={FIRST}"
    shown = Panel(
        key="onset",
        title=f"Onset, layer {selection.layer}",
        meaning=meaning,
        table=found,
        draw=partial(plots.onset, found, boundary=selection.boundary, last=max(selection.last, 1)),
        snippet=panel.snippet(
            selection.path,
            f"table = onset([run], {place})",
            f"figure = plots.onset(table, boundary={selection.boundary!r}, last={max(selection.last, 1)})",
            imports=("from nnmech import plots", "from nnmech.drift import onset"),
        ),
    )
    axis = axis_of(selection)
    end = float(axis.phases)
    data = pd.DataFrame(
        {
            "what": ["true inside" if what == "inside" else "said in answers" for what in rows["what"]],
            "x": _placed(axis, rows["step"]),
            "x_low": _placed(axis, rows["low"]),
            # A bound that is not there while the other is lies behind the last step.
            "x_high": np.where(rows["low"].notna() & rows["high"].isna(), end, _placed(axis, rows["high"])),
            "step": rows["step"],
            "interval": interval_text(rows, 1),
            "n": rows["n"],
        }
    )
    colours = [probe_colour("truth", selection.dark), belief_colour(selection.dark)]
    panel.show(shown, onset_lanes(data, axis, colours, selection.step, selection.dark), data)


def quality(selection: Selection) -> None:
    """AUROC of the probe by layer beside its controls."""
    found = table(probe_quality, selection.path, selection.probe, stamp([selection.path], FIRST_FILES))
    if found is None:
        panel.waiting("Fitting probes on the untouched model")
        return
    rows = rows_where(found, position=selection.position)
    probe, dark = selection.probe, selection.dark
    names = {"entity": "held-out entities", **SPLITS[probe], "shuffled": "shuffled labels"}
    zero, one = PROBE_ENDS[probe]
    shown = Panel(
        key="probe_auroc",
        title=f"Probe by layer, token position {selection.position}",
        meaning=(
            f"AUROC of the {probe} probe in telling {one} from {zero} statements at step "
            f"{selection.run.steps[0]:,}, on entities that it was not fitted on; "
            f"{sample_text(rows_where(rows, split='entity'))}. Dotted: chance. Bands: 95% intervals over entities."
        ),
        table=rows,
        draw=partial(plots.probe_auroc, rows),
        snippet=panel.snippet(
            selection.path,
            f"table = auroc_by_layer(run.snapshot({FIRST}), run.statements, probes=({probe!r},))",
            f'table = table[table["position"] == {selection.position!r}]',
            "figure = probe_auroc(table)",
            imports=("from nnmech.plots import probe_auroc", "from nnmech.probes import auroc_by_layer"),
        ),
    )
    colour = probe_colour(probe, dark)
    lines = [
        Line(names["entity"], colour),
        Line(names["crossed"], colour, (5, 3)),
        Line(names["shuffled"], null_colour(dark), (1, 3)),
    ]
    data = rows[["layer", "low", "high", "n"]].assign(
        y=rows["auroc"], series=[names[split] for split in rows["split"]], interval=interval_text(rows, 2)
    )
    layers = sorted({int(layer) for layer in rows["layer"]})
    panel.show(shown, layer_curves(data, lines, layers, selection.layer, title="AUROC", dark=dark), data)


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


def _placed(axis: Any, steps: pd.Series) -> np.ndarray:
    known = steps.notna().to_numpy()
    return np.where(known, axis.place(steps.fillna(0)), np.nan)
