"""Parts of figures: the axis of training steps, bands, legends, notes."""

import textwrap
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnmech.plots.style import INK, SMALL

NOTE_WIDTH = 140
"""Characters of the note below a figure that fit into a line."""
LEGEND_WIDTH, TITLED_WIDTH = 125, 112
"""Characters of a legend across a whole figure, and across one whose single panel has a labelled axis beside it."""


def step_scale(last: int, boundary: int | None = None) -> Callable[[Any], np.ndarray]:
    """A map from training steps to the axis: each phase one unit long, logarithmic from its own start.

    The steps of `log_spaced_steps` come out equally far apart.
    """
    edges = [0, last] if boundary is None or not 0 < boundary < last else [0, boundary, last]

    def place(steps: Any) -> np.ndarray:
        values = np.asarray(steps, dtype=float)
        x = np.zeros(values.shape)
        for start, end in pairwise(edges):
            shift = 0.062 * (end - start)
            x += np.log1p(np.clip(values - start, 0, end - start) / shift) / np.log1p((end - start) / shift)
        return x

    return place


def step_ticks(steps: Sequence[int], boundary: int | None = None, *, parts: int = 4) -> list[int]:
    """Some of `steps` to label: the ends of each phase and some in between, which divide it in `parts` on the axis."""
    place = step_scale(steps[-1], boundary)
    x = place(steps)
    wanted = np.arange(0, round(float(x[-1])) + 1e-9, 1 / parts)
    return sorted({steps[int(np.abs(x - value).argmin())] for value in wanted})


def whiskers(axes: Axes, x: np.ndarray, rows: pd.DataFrame, *, colour: str = INK, width: float = 1.2) -> None:
    """Vertical 95% intervals; rows without one are left bare."""
    axes.vlines(x, rows["low"], rows["high"], color=colour, lw=width, zorder=3)


def band(
    axes: Axes, x: Any, rows: pd.DataFrame, colour: Any, column: str, *, opacity: float = 0.16, **look: Any
) -> None:
    """A line with its 95% interval as a band."""
    axes.fill_between(x, rows["low"], rows["high"], color=colour, alpha=opacity, lw=0)
    axes.plot(x, rows[column], color=colour, **{"lw": 1.7, "ms": 4.5, **look})


def titled(axes: Axes, title: str, *, legend: bool) -> None:
    """A title and, between it and the axes where no data can hide it, the legend."""
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda index: labels[index].startswith("paper"))
    columns = _legend_columns([labels[index] for index in order], TITLED_WIDTH) if legend else 1
    rows = -(-len(labels) // columns)
    axes.set_title(title, pad=13 + 15 * rows if legend else 8)
    if legend:
        axes.legend(
            [handles[index] for index in order],
            [labels[index] for index in order],
            loc="lower left",
            bbox_to_anchor=(-0.01, 1.0),
            ncols=columns,
            columnspacing=1.6,
            handletextpad=0.5,
        )


def write_values(axes: Axes, x: Any, y: Any, texts: Sequence[str], *, distance: float = 3.0) -> None:
    """Numbers above the points (x, y), `distance` typographic points away; none where y is NaN."""
    for across, up, text in zip(x, y, texts, strict=True):
        if np.isfinite(up):
            axes.annotate(text, (across, up), (0, distance), textcoords="offset points", ha="center", fontsize=9)


def inside_note(axes: Axes, text: str) -> None:
    """A small grey line in the upper left corner of a panel."""
    axes.annotate(
        text,
        (0, 1),
        (6, -4),
        xycoords="axes fraction",
        textcoords="offset points",
        va="top",
        fontsize=8.5,
        color=SMALL,
        bbox={"fc": "white", "ec": "none", "alpha": 0.8, "pad": 1},
    )


def note(figure: Figure, text: str) -> None:
    """Small grey lines below a figure: how to read it, what the intervals are, what was counted."""
    lines = textwrap.fill(text, NOTE_WIDTH, break_long_words=False)
    figure.supxlabel(lines, x=0.01, ha="left", fontsize=8, color=SMALL)


def panel_grid(figure: Figure, count: int, columns: int = 3) -> list[Axes]:
    """`count` panels that share both axes, in rows of at most `columns`; places left over stay empty."""
    columns = min(columns, count)
    rows = -(-count // columns)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.ravel()[count:]:
        axes.set_axis_off()
    for column in range(columns):
        # The lowest panel of a column that is not full carries the tick labels.
        grid[(count - 1 - column) // columns, column].tick_params(labelbottom=True)
    return list(grid.ravel()[:count])


def outer_labels(panels: Sequence[Axes], x: str, y: str) -> None:
    """Name the axes of a grid beside its middle row and below its middle column, or all where none is in the middle.

    A name for every panel would be longer than the panel.
    """
    columns = _columns(panels)
    first, last = panels[::columns], panels[(len(panels) - 1) // columns * columns :]
    for axes in _middle(first):
        axes.set_ylabel(y)
    for axes in [last[min(columns // 2, len(last) - 1)]] if columns % 2 else last:
        axes.set_xlabel(x)


def header(figure: Figure, title: str, panels: Sequence[Axes]) -> None:
    """Title and, below it, one legend for all panels, every label once, what was drawn last first."""
    named = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            named.setdefault(label, handle)
    labels = list(named)[::-1]
    figure.legend(
        [named[label] for label in labels],
        labels,
        loc="outside upper left",
        ncols=_legend_columns(labels, LEGEND_WIDTH),
        title=title,
        title_fontproperties={"weight": "bold", "size": 11},
        alignment="left",
        columnspacing=1.6,
        handletextpad=0.5,
        borderaxespad=0.2,
    )


def mark_steps(
    panels: Sequence[Axes],
    steps: Sequence[int],
    boundary: int | None,
    phases: tuple[str, str],
    *,
    parts: int = 4,
    first: int = 1,
) -> Callable[[Any], np.ndarray]:
    """The axis of training steps of panels that share it: ticks, and the end of phase 1, named in the `first` panels.

    Gives the map from steps to the axis.
    """
    ordered = sorted({int(step) for step in steps})
    place = step_scale(max(ordered[-1], 1), boundary)
    ticks = step_ticks(ordered, boundary, parts=parts) if len(ordered) > 1 else ordered
    for number, axes in enumerate(panels):
        axes.set_xticks(place(ticks), [f"{step:,}" for step in ticks])
        axes.set_xlim(-0.03, float(place(ordered[-1])) + 0.03)
        if boundary is not None:
            edge = float(place(boundary))
            axes.axvline(edge, color=INK, lw=1, ls=(0, (4, 2)))
            if number < first:
                name_phases(axes, edge, phases)
    return place


def step_label(boundary: int | None) -> str:
    """What the axis of training steps is called."""
    return "training step (logarithmic within each phase)" if boundary is not None else "training step (logarithmic)"


def tilt(steps: Sequence[int]) -> int:
    """The angle in degrees at which the labels of a row of cells do not run into each other."""
    return 90 if len(steps) > 14 else 45 if len(steps) > 8 else 0


def name_phases(axes: Axes, edge: float | int, phases: tuple[str, str]) -> None:
    """The names of the phases above a panel, on either side of the edge between them."""
    for text, side, offset in ((f"◂ {phases[0]}", "right", -6), (f"{phases[1]} ▸", "left", 6)):
        axes.annotate(
            text, (edge, 1), (offset, 3), xycoords=("data", "axes fraction"), textcoords="offset points", ha=side
        )


def _middle(panels: Sequence[Axes]) -> Sequence[Axes]:
    return [panels[len(panels) // 2]] if len(panels) % 2 else panels


def _legend_columns(labels: Sequence[str], width: int) -> int:
    """As many columns as fit in a width; a legend fills the first ones first, and an entry has a handle too."""
    widths = np.array([len(label) + 8 for label in labels])
    for columns in range(len(labels), 1, -1):
        if sum(part.max() for part in np.array_split(widths, columns)) <= width:
            return columns
    return 1


def _columns(panels: Sequence[Axes]) -> int:
    place = panels[0].get_subplotspec()
    return 1 if place is None else place.get_gridspec().ncols
