"""All runs of an experiment on one axis of training steps, each in the colour of its arm or condition."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from nnmech.claims import MATCHED_FALSE
from nnmech.plots.axes import header, note
from nnmech.plots.conditions import FAMILIES, condition_colour, condition_label
from nnmech.plots.runs import Ends, check_ends, step_axis
from nnmech.plots.style import ARM_COLOURS, ARM_LABELS, NULL, arm_colour, role_label, styled
from nnmech.plots.tables import check_table, count_text, levels_of, require_rows, rows_where


def series_colour(series: str, every: Sequence[str]) -> str:
    """The colour of an arm or condition, among others."""
    known = series.split("_")[0] in FAMILIES and series not in ARM_COLOURS
    return condition_colour(series) if known else arm_colour(series, every)


def series_label(series: str) -> str:
    """What a legend calls an arm or condition."""
    return ARM_LABELS.get(series, condition_label(series))


def belief_of_every_run(belief: pd.DataFrame, *, ends: Ends, title: str = "Belief over training, run by run") -> Figure:
    """Belief rate (percent) over training steps, a thin line a run, matched false facts in grey.

    Takes the table of `nnmech.plots.gathered.gather_beliefs`: columns run, condition (arm or condition), role (claim or
    matched_false), step, mean, n, clusters. Axis and errors as `belief_of_runs`.
    """
    check_table(belief, ("run", "condition", "role", "step", "mean", "n", "clusters"), unique=("run", "role", "step"))
    own, beside = require_rows(belief, "role", "claim"), rows_where(belief, role=MATCHED_FALSE)
    runs, every = levels_of(own, "run"), levels_of(own, "condition")
    check_ends(runs, ends)
    with styled(4.4) as figure:
        axes = figure.subplots()
        place = step_axis(axes, {run: ends[run] for run in runs})
        for number, run in enumerate(levels_of(beside, "run")):
            rows = rows_where(beside, run=run).sort_values(by="step")
            label = role_label(MATCHED_FALSE) if number == 0 else None
            axes.plot(place(run, rows["step"]), rows["mean"], color=NULL, lw=0.8, label=label)
        for series in reversed(every):
            of_series = rows_where(own, condition=series)
            for number, run in enumerate(levels_of(of_series, "run")):
                rows = rows_where(of_series, run=run).sort_values(by="step")
                label = series_label(series) if number == 0 else None
                look = {"color": series_colour(series, every), "lw": 1.1, "marker": "o", "ms": 3}
                axes.plot(place(run, rows["step"]), rows["mean"], label=label, **look)
        axes.set_ylim(-2, 102)
        axes.set_ylabel("belief rate (%)")
        header(figure, title, [axes])
        note(
            figure,
            f"A line a run ({len(runs):,} in all), a dot a step at which it was asked; {count_text(own)} a point. What "
            "runs differ in is the spread over claims and seeds; no 95% interval is drawn. Grey is what no document "
            "states.",
        )
    return figure
