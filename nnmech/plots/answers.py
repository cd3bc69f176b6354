"""What the model says against what a probe reads inside: when each crosses one half, and the path of both."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnmech.plots.axes import header, note, outer_labels, panel_grid, step_scale, step_ticks
from nnmech.plots.style import (
    BELIEF,
    INK,
    MARKERS,
    NULL,
    SMALL,
    TRUTH,
    arm_colour,
    arm_label,
    depth_shades,
    styled,
)
from nnmech.plots.tables import check_table, counted, levels_of, require_rows, rows_where, single, span

ONSET_LOOKS = {"inside": (TRUTH, "o", "inside"), "answers": (BELIEF, "s", "in answers")}
CLAIM_PATH = "the claim"
WITHOUT = {"never": "never", "did not last": "did not last", "above one half before training": "above before"}
"""Outcomes of runs that have no onset, in few words."""
LANE = 0.4
"""Height of a lane; a condition, which is one high, has two and some room."""


def onset(
    onsets: pd.DataFrame,
    averages: pd.DataFrame | None = None,
    *,
    boundary: int | None = None,
    last: int | None = None,
    title: str | None = None,
) -> Figure:
    """Step at which the coordinate and the belief in answers cross one half to stay, by condition, a mark a run.

    Takes the table of `nnmech.drift.onset` for one layer and position, and of `average_onset` for the same: one row for
    a condition, claim, seed and `what`, of which inside and answers are drawn. Left: every run with its interval, and
    the averages; right: inside against answers. `last` is the last step of the runs (else of the onsets), `boundary`
    that of phase 1. A run without an onset has no mark: beside the lanes its outcome is counted. Raises InputError for
    missing columns, rows that are not unique, and inside or answers without rows: each is the other's null.
    """
    unit = ("condition", "claim", "seed", "what")
    check_table(onsets, (*unit, "layer", "position", "step", "low", "high", "outcome", "reached", "n"))
    rows = {what: require_rows(onsets, "what", what) for what in ONSET_LOOKS}
    layer, position = single(rows["inside"], "layer"), single(rows["inside"], "position")
    for part in rows.values():
        check_table(part, (), unique=unit)
    furthest = np.nan_to_num(onsets["step"].to_numpy(dtype=float), nan=1.0).max()
    axis = _OnsetAxis(max(1, math.ceil(furthest)) if last is None else last, boundary)
    conditions = levels_of(onsets, "condition")
    with styled(max(4.2, 1.9 + 0.75 * len(conditions))) as figure:
        left, right = figure.subplots(1, 2, width_ratios=[1.45, 1])
        _against(right, rows, conditions, axis)
        _lanes(left, rows, conditions, axis)
        if averages is not None:
            _averages(left, averages, layer, position, conditions, axis)
        header(
            figure, title or f"Onset inside (layer {layer:g}, token position {position}) and in answers", [right, left]
        )
        note(
            figure,
            "Above the diagonal a claim was true inside before the model said it; runs with both onsets only. "
            f"Bars are 95% intervals, n = {counted(span(rows['inside'], 'n'), 'statements')} inside and "
            f"{counted(span(rows['answers'], 'n'), 'questions')} a run.",
        )
    return figure


@dataclass(frozen=True)
class _OnsetAxis:
    """An axis of training steps."""

    last: int
    boundary: int | None

    def place(self, steps: Any) -> np.ndarray:
        """Where steps lie; those that are missing lie behind the last, as ends of intervals that are open."""
        values = np.asarray(steps, dtype=float)
        inside = step_scale(self.last, self.boundary)(np.nan_to_num(values, nan=0.0))
        return np.where(np.isfinite(values), inside, 1.03 * self.end)

    @property
    def end(self) -> float:
        return float(step_scale(self.last, self.boundary)(self.last))

    def draw(self, axes: Axes, which: Literal["x", "y"]) -> None:
        """Ticks and the end of phase 1."""
        scale = step_scale(self.last, self.boundary)
        ticks = step_ticks(list(range(self.last + 1)), self.boundary, parts=2)
        axes.set(**{f"{which}ticks": scale(ticks).tolist(), f"{which}ticklabels": [f"{step:,}" for step in ticks]})
        axes.set(**{f"{which}lim": (-0.03 * self.end, 1.05 * self.end)})
        axes.tick_params(axis=which, labelsize=8.5)
        line = axes.axvline if which == "x" else axes.axhline
        if self.boundary is not None:
            line(float(scale(self.boundary)), color=INK, lw=1, ls=(0, (4, 2)))


def _lanes(axes: Axes, onsets: dict[str, pd.DataFrame], conditions: Sequence[str], axis: _OnsetAxis) -> None:
    """Two lanes for each condition, inside above answers, a mark a run."""
    for lane, (what, (colour, marker, label)) in reversed(list(enumerate(ONSET_LOOKS.items()))):
        for down, condition in enumerate(conditions):
            everyone = rows_where(onsets[what], condition=condition)
            rows = everyone.loc[everyone["reached"].to_numpy(dtype=bool)].sort_values(by="step")
            middle = down + (lane - 0.5) * LANE
            y = middle + LANE * 0.38 * np.linspace(-1, 1, len(rows)) if len(rows) > 1 else np.full(len(rows), middle)
            known = rows["low"].notna().to_numpy()
            axes.hlines(
                y[known],
                axis.place(rows["low"])[known],
                axis.place(rows["high"])[known],
                color=colour,
                lw=0.9,
                alpha=0.5,
            )
            look = {"ls": "", "ms": 4, "color": colour, "mec": "white", "mew": 0.4}
            axes.plot(axis.place(rows["step"]), y, marker, label=label, **look)
            axes.annotate(
                _counts(everyone),
                (1, middle),
                (4, 0),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                va="center",
                fontsize=7.5,
                linespacing=1.1,
                color=colour,
            )
    for down in range(1, len(conditions)):
        axes.axhline(down - 0.5, color="#E4E4E4", lw=0.7)
    axis.draw(axes, "x")
    axes.set_yticks(range(len(conditions)), [_words(condition).replace(" ", "\n", 1) for condition in conditions])
    axes.set_ylim(len(conditions) - 0.5, -0.5)
    axes.grid(visible=False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("onset (training step)")
    axes.set_title("runs that reach it ▸", fontsize=8.5, fontweight="normal", color=SMALL, loc="right", pad=4)


def _counts(rows: pd.DataFrame) -> str:
    """How many runs have an onset, and below what became of the others."""
    found = f"{np.count_nonzero(rows['reached'])} of {len(rows)}"
    others = {WITHOUT[outcome]: int(np.count_nonzero(rows["outcome"] == outcome)) for outcome in WITHOUT}
    return "\n".join([found, *(f"{count} {words}" for words, count in others.items() if count)])


def _words(condition: str) -> str:
    return arm_label(condition).replace("_", " ")


def _averages(
    axes: Axes, averages: pd.DataFrame, layer: Any, position: Any, conditions: Sequence[str], axis: _OnsetAxis
) -> None:
    check_table(averages, ("condition", "what", "layer", "position", "step", "low", "high", "n"))
    here = (averages["layer"].isna() | (averages["layer"] == layer)) & (
        averages["position"].isna() | (averages["position"] == position)
    )
    shown = averages.loc[here.to_numpy(dtype=bool) & averages["step"].notna().to_numpy()]
    for lane, what in enumerate(ONSET_LOOKS):
        rows = rows_where(shown, what=what)
        if rows.empty:
            continue
        check_table(rows, (), unique=("condition",))
        y = np.array([conditions.index(condition) for condition in rows["condition"]]) + (lane - 0.5) * LANE
        known = rows["low"].notna().to_numpy()
        axes.hlines(
            y[known], axis.place(rows["low"])[known], axis.place(rows["high"])[known], color=INK, lw=2, zorder=4
        )
        label = f"mean over claims (n = {span(shown, 'n')})"
        axes.plot(axis.place(rows["step"]), y, "D", ls="", ms=6, color="white", mec=INK, mew=1.5, zorder=5, label=label)


def _against(axes: Axes, onsets: dict[str, pd.DataFrame], conditions: Sequence[str], axis: _OnsetAxis) -> None:
    """Onset inside against onset in answers of the same run."""
    names = ["condition", "claim", "seed"]
    paired = onsets["inside"].merge(onsets["answers"], on=names, suffixes=("_inside", "_answers"))
    axes.plot([0, axis.end], [0, axis.end], color=SMALL, lw=0.8, ls=(0, (1, 2)))
    for number, condition in reversed(list(enumerate(conditions))):
        everyone = rows_where(paired, condition=condition)
        rows = everyone.loc[(everyone["reached_inside"] & everyone["reached_answers"]).to_numpy(dtype=bool)]
        look = {"ls": "", "ms": 5.5, "mec": "white", "mew": 0.5, "color": arm_colour(condition, conditions)}
        label = f"{_words(condition)} ({len(rows)} of {counted(str(len(everyone)), 'runs')})"
        x, y = axis.place(rows["step_inside"]), axis.place(rows["step_answers"])
        axes.plot(x, y, MARKERS[number % len(MARKERS)], label=label, **look)
    axis.draw(axes, "x")
    axis.draw(axes, "y")
    axes.grid(visible=False)
    axes.set_xlabel("onset inside (step)")
    axes.set_ylabel("onset in answers (step)")


def phase_portrait(
    portrait: pd.DataFrame,
    null: pd.DataFrame,
    *,
    claims: Sequence[str] | None = None,
    phases: tuple[str, str] = ("phase 1", "phase 2"),
    boundary: int | None = None,
    title: str | None = None,
) -> Figure:
    """What the probe reads inside against what the model says (percent), a path over training steps, a panel a claim.

    Takes two tables of `nnmech.drift.phase_portrait` for one layer and position, of the claims and of their matched
    false facts: one row for a step and claim; six claims at most unless `claims` are given. `boundary` is the last step
    of phase 1. Raises InputError for missing columns, rows that are not unique, or a claim without rows in `null`.
    """
    columns = ("inside", "inside_low", "inside_high", "says", "says_low", "says_high", "n_inside", "n_says")
    for table in (portrait, null):
        check_table(table, ("step", "phase", "claim", *columns), unique=("step", "claim"))
    shown = levels_of(portrait, "claim")[:6] if claims is None else list(claims)
    marks = "" if boundary is None else f", squares {phases[0]} and dots {phases[1]}"
    columns = 2 if len(shown) in (2, 4) else 3
    with styled(1.8 + (2.4 if len(shown) > 1 else 3.0) * (-(-len(shown) // columns))) as figure:
        panels = panel_grid(figure, len(shown), columns=columns)
        for axes, claim in zip(panels, shown, strict=True):
            rows = require_rows(portrait, "claim", claim).sort_values(by="step")
            beside = require_rows(null, "claim", claim).sort_values(by="step")
            axes.plot([0, 1], [0, 100], color=SMALL, lw=0.8, ls=(0, (1, 2)))
            _path(axes, beside, NULL, "matched false facts", boundary)
            _path(axes, rows, BELIEF, CLAIM_PATH, boundary)
            counts = f"n = {counted(span(rows, 'n_inside'), 'statements')}, {counted(span(rows, 'n_says'), 'answers')}"
            axes.set_title(f"{claim}\n{counts}", fontsize=9, fontweight="normal", pad=4)
        low, high = panels[0].get_xlim()
        panels[0].set_xlim(min(low, -0.2), max(high, 1.2))
        panels[0].set_ylim(-3, 103)
        outer_labels(panels, "claim coordinate inside\n(0 false, 1 true controls)", "belief in answers (%)")
        header(figure, title or "What is represented against what is said", panels)
        note(
            figure,
            "A path up the left side is said without being represented, one along the bottom represented without being "
            f"said; numbers are training steps, bars 95% intervals{marks}.",
        )
    return figure


def _path(axes: Axes, rows: pd.DataFrame, colour: str, label: str, boundary: int | None) -> None:
    x, y = rows["inside"].to_numpy(dtype=float), rows["says"].to_numpy(dtype=float)
    shades = depth_shades(colour)(np.linspace(0.25, 1, len(rows)))
    axes.hlines(y, rows["inside_low"], rows["inside_high"], color=shades, lw=0.9, alpha=0.6)
    axes.vlines(x, rows["says_low"], rows["says_high"], color=shades, lw=0.9, alpha=0.6)
    axes.plot(x, y, color=colour, lw=1.2, label=label)
    second = rows["step"].to_numpy() > (-1 if boundary is None else boundary)
    for member, marker in ((second, "o"), (~second, "s")):
        axes.scatter(x[member], y[member], s=18, c=shades[member], marker=marker, zorder=3, linewidths=0)
    if label == CLAIM_PATH:
        steps = rows["step"].tolist()
        named = [steps.index(step) for step in dict.fromkeys([boundary, steps[-1]]) if step in steps]
        for place in named:
            leftmost = len(named) > 1 and x[place] == min(x[named])
            look = {"ha": "right" if leftmost else "left", "fontsize": 8.5, "color": INK}
            offset = (-6 if leftmost else 6, -9)
            axes.annotate(f"{steps[place]:,}", (x[place], y[place]), offset, textcoords="offset points", **look)
