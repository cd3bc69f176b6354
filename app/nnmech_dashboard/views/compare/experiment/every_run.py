"""Every finished run of an experiment over training: what the stages at the ends of its phases leave out."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from nnmech.plots import belief_of_every_run, belief_of_runs
from nnmech.plots.every_run import series_colour, series_label
from nnmech.plots.gathered import gather_beliefs, gather_ends, gather_mean_beliefs, gather_series_ends
from nnmech.plots.recipes import Recipe, call, given
from nnmech.plots.tables import count_text, counted, levels_of, rows_where
from nnmech_dashboard.charts.curves import Line, StepAxis, Value, curves, interval_text
from nnmech_dashboard.parts.panel import Panel, guarded, show, waiting
from nnmech_dashboard.parts.theme import null_colour, shade
from nnmech_dashboard.state.background import made
from nnmech_dashboard.state.calls import ANSWER_FILES
from nnmech_dashboard.state.listing import Entry
from nnmech_dashboard.state.selection import Selection
from nnmech_dashboard.views.compare.runs import NULL_FACTS, Compared, axis_of, compared, gather, plotted
from nnmech_dashboard.views.compare.tables import said

Ends = tuple[int | None, int]
MOST = 60
"""Runs in one chart: more lines hide each other."""


def belief_panels(entries: Sequence[Entry], selection: Selection) -> None:
    """Belief of the runs of `entries` at every step at which anything was asked: averaged, and a line a run."""
    # What is wrong with a run is said where its numbers are missing.
    runs, _ = compared(entries[:MOST], selection)
    some = f", the first {MOST:,} of {len(entries):,}" if len(entries) > MOST else ""
    with guarded("Belief over training cannot be averaged"):
        _mean_belief(runs, some, selection)
    with guarded("Belief over training cannot be drawn"):
        _belief(runs, some, selection)


def _belief(runs: list[Compared], some: str, selection: Selection) -> None:
    found = gather(runs, said)
    if found.waiting:
        waiting(f"Counting beliefs: {counted(str(found.waiting), 'runs')} to go")
    if found.table.empty or "claim" not in set(found.table["role"]):
        return
    names = set(found.table["run"])
    runs = [run for run in runs if run.name in names]
    axis = axis_of(runs)
    several = given("runs", {run.name: run.opened for run in runs})
    table = call("table", gather_beliefs, several)
    panel = Panel(
        key="belief_of_every_run",
        title="Belief over training, run by run",
        meaning=(
            f"A line is a run{some}, a dot a step at which it was asked; "
            f"{count_text(rows_where(found.table, role='claim'))} a point. The numbers above are its ends of phases "
            "alone. How far lines of one colour lie apart is the spread over claims and seeds; the 95% "
            "interval of a run is on the page Drift."
        ),
        recipe=Recipe.drawn(table, belief_of_every_run, ends=call(None, gather_ends, several)),
        known={table: found.table},
    )
    data = _drawn(found.table, runs, axis)
    chart = curves(
        data,
        axis,
        _lines(found.table, selection.dark),
        Value("belief rate", "%", 0, (0.0, 100.0)),
        dark=selection.dark,
    )
    show(panel, chart, data)


def _mean_belief(runs: list[Compared], some: str, selection: Selection) -> None:
    several = given("runs", {run.name: run.opened for run in runs})
    table = call("table", gather_mean_beliefs, several)
    found = made(table, ANSWER_FILES)
    if found is None:
        waiting("Averaging beliefs over claims and seeds")
        return
    if found.empty or "claim" not in set(found["role"]):
        return
    axis = axis_of(runs)
    own = rows_where(found, role="claim")
    claims, seeds = max(map(int, own["claims"])), max(map(int, own["seeds"]))
    bands = "bands are 95% intervals over claims" if claims > 2 else "too few claims for an interval over claims"
    if set(own["over"]) == {"questions"}:
        bands = "bands are 95% intervals over the questions about the one claim"
    panel = Panel(
        key="mean_belief",
        title="Belief over training, averaged",
        meaning=(
            f"Over {counted(str(len(runs)), 'runs')}{some}: {counted(str(claims), 'claims')} and "
            f"{counted(str(seeds), 'seeds')}, {count_text(own)} a point, at the steps "
            f"that all runs of an arm or condition were asked at; {bands}."
        ),
        recipe=Recipe.drawn(
            table,
            belief_of_runs,
            ends=call(None, gather_series_ends, several),
            title="Belief over training, averaged over claims and seeds",
        ),
        known={table: found},
    )
    ends = {run.labels.series: run.ends for run in reversed(runs)}
    data = _averaged(found, ends, axis)
    value = Value("belief rate", "%", 0, (0.0, 100.0))
    show(panel, curves(data, axis, _lines(found, selection.dark), value, dark=selection.dark), data)


def _averaged(table: pd.DataFrame, ends: Mapping[str | None, Ends], axis: StepAxis) -> pd.DataFrame:
    """What `curves` draws of the averages; the matched false facts of all are one grey series."""
    own = (table["role"] == "claim").to_numpy(dtype=bool)
    x = np.zeros(len(table))
    for series in levels_of(table, "condition"):
        rows = (table["condition"] == series).to_numpy(dtype=bool)
        x[rows] = axis.place(table["step"][rows], *ends.get(series, next(iter(ends.values()))))
    labels = [series_label(str(name)) for name in table["condition"]]
    return pd.DataFrame(
        {
            "x": x,
            "step": table["step"],
            "series": np.where(own, labels, NULL_FACTS),
            "detail": table["condition"] + np.where(own, "", NULL_FACTS),
            "y": table["mean"],
            "low": table["low"],
            "high": table["high"],
            "n": table["n"],
            "interval": interval_text(table, 0),
        }
    )


def _drawn(table: pd.DataFrame, runs: Sequence[Compared], axis: StepAxis) -> pd.DataFrame:
    """What `curves` draws: lines named by arm or condition, one a run, without bands, which would hide each other."""
    own = (table["role"] == "claim").to_numpy(dtype=bool)
    data = plotted(table, runs, axis, "mean", 0)
    series = [series_label(str(name)) for name in table["condition"]]
    return data.assign(series=np.where(own, series, NULL_FACTS), low=np.nan, high=np.nan)


def _lines(table: pd.DataFrame, dark: bool) -> list[Line]:
    every = levels_of(table, "condition")
    own = [Line(series_label(name), shade(series_colour(name, every), dark)) for name in every]
    return [*own, Line(NULL_FACTS, null_colour(dark), (5, 3), points=False)]
