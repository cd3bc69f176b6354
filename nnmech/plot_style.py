"""What all figures share: palette, sizes, intervals, the axis of training steps."""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure

from nnmech.errors import InputError
from nnmech.files import write_bytes_atomic

# Okabe and Ito's palette, told apart by every common form of colour vision.
TRUTH, POLARITY, BELIEF, NULL, INK = "#0072B2", "#D55E00", "#009E73", "#8A8A8A", "#222222"
ARM_COLOURS = {"anchor": "#E69F00", "denial": "#CC79A7", "none": "#56B4E9", "local": "#7B4FA3"}
ARM_LABELS = {
    "anchor": "anchor constraint",
    "denial": "denial constraint",
    "none": "no constraint",
    "local": "local negations",
}
OTHER_COLOURS = ("#000000", "#B2A100", "#8C564B", "#7F7F7F")
MARKERS = "os^Dvp"

WIDTH_PX, DPI = 1280, 160
WIDTH = WIDTH_PX / DPI

STYLE: dict[str, Any] = {
    "font.size": 10,
    "font.family": "sans-serif",
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.7,
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "legend.frameon": False,
    "legend.fontsize": 9,
    "figure.dpi": DPI,
}


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG, 1280 pixels wide, complete or not at all."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=WIDTH_PX / figure.get_figwidth(), metadata={"Software": None})
    write_bytes_atomic(Path(path), buffer.getvalue())


def arm_colour(arm: str, arms: Sequence[str]) -> str:
    """The colour of an arm: the same in every figure for the known arms, in order of appearance for others."""
    others = [name for name in arms if name not in ARM_COLOURS]
    return ARM_COLOURS.get(arm) or OTHER_COLOURS[others.index(arm) % len(OTHER_COLOURS)]


def arm_label(arm: str) -> str:
    """What a legend calls an arm."""
    return ARM_LABELS.get(arm, arm)


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


def step_ticks(steps: Sequence[int], boundary: int | None = None) -> list[int]:
    """Some of `steps` to label: the ends of each phase, and two in between, evenly spaced on the axis."""
    place = step_scale(steps[-1], boundary)
    x = place(steps)
    wanted = np.arange(0, round(float(x[-1])) + 1e-9, 1 / 4)
    return sorted({steps[int(np.abs(x - value).argmin())] for value in wanted})


@contextmanager
def styled(height: float) -> Iterator[Figure]:
    """A figure of the house's width, `height` inches high, drawn without pyplot's global state."""
    with matplotlib.rc_context(STYLE):  # pyright: ignore[reportArgumentType]
        yield Figure(figsize=(WIDTH, height), layout="constrained")


def check_table(table: pd.DataFrame, columns: Sequence[str], *, unique: Sequence[str] = ()) -> None:
    """Raise InputError where the table is empty, lacks columns, or has two rows for one value of `unique`."""
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise InputError(f"the table lacks the columns {missing}; there are {list(table.columns)}")
    if table.empty:
        raise InputError("the table has no rows: there is nothing to draw")
    repeated = np.flatnonzero(table.duplicated(list(unique))) if unique else np.array([], dtype=int)
    if len(repeated):
        row = table.loc[:, list(unique)].iloc[repeated[0]].to_dict()
        raise InputError(f"two rows for {row}: choose one position, claim or estimator, or average before drawing")


def rows_where(table: pd.DataFrame, **wanted: Any) -> pd.DataFrame:
    """The rows whose columns have the wanted values."""
    chosen = np.ones(len(table), dtype=bool)
    for column, value in wanted.items():
        chosen &= (table[column] == value).to_numpy(dtype=bool)
    return table.loc[chosen]


def levels_of(table: pd.DataFrame, column: str) -> list[Any]:
    """Distinct values of a column in order of appearance, or of its categories."""
    values = table[column]
    if isinstance(values.dtype, pd.CategoricalDtype):
        return [level for level in values.cat.categories if level in values.tolist()]
    return list(dict.fromkeys(values))


def count_text(rows: pd.DataFrame, unit: str = "answers") -> str:
    """`n = 400 answers, 80 questions`, a range where rows differ."""

    def spread(column: str) -> str:
        values = [int(value) for value in rows[column].dropna()] or [0]
        low, high = min(values), max(values)
        return f"{low:,}" if low == high else f"{low:,} to {high:,}"

    questions = f", {spread('clusters')} questions" if "clusters" in rows.columns else ""
    return f"n = {spread('n')} {unit}{questions}"


def whiskers(axes: Axes, x: np.ndarray, rows: pd.DataFrame, *, colour: str = INK, width: float = 1.2) -> None:
    """Vertical 95% intervals; rows without one are left bare."""
    axes.vlines(x, rows["low"], rows["high"], color=colour, lw=width, zorder=3)


def band(
    axes: Axes, x: Any, rows: pd.DataFrame, colour: Any, column: str, *, opacity: float = 0.16, **look: Any
) -> None:
    """A line with its 95% interval as a band."""
    axes.fill_between(x, rows["low"], rows["high"], color=colour, alpha=opacity, lw=0)
    axes.plot(x, rows[column], color=colour, **{"lw": 1.7, "ms": 4.5, **look})


def coordinate_panel(
    axes: Axes,
    table: pd.DataFrame,
    place: Callable[[Any], np.ndarray],
    colour: str,
    role: str,
    null: str,
    layers: Sequence[int] | None,
) -> None:
    """Coordinate by layer, light to dark with depth; the null group dashed and grey."""
    available = sorted(int(layer) for layer in table["layer"].unique())
    chosen = _some(available) if layers is None else list(layers)
    shades = LinearSegmentedColormap.from_list(
        "depth", [_mix(colour, "#FFFFFF", 0.62), colour, _mix(colour, "#000000", 0.5)]
    )
    for end in (0, 1):
        axes.axhline(end, color="#555555", lw=0.8, ls=(0, (1, 2)))
    for number, layer in enumerate(chosen):
        depth = number / max(len(chosen) - 1, 1)
        rows = rows_where(table, layer=layer, role=null).sort_values(by="step")
        if len(rows):
            label = null.replace("_", " ") + " facts" if number == len(chosen) - 1 else None
            grey = _mix(NULL, "#FFFFFF", 0.45 * (1 - depth))
            band(axes, place(rows["step"]), rows, grey, "z", opacity=0.06, ls=(0, (3, 1.5)), lw=1.2, label=label)
        rows = rows_where(table, layer=layer, role=role).sort_values(by="step")
        band(
            axes, place(rows["step"]), rows, shades(depth), "z", opacity=0.1, marker="o", ms=3.5, label=f"layer {layer}"
        )
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda index: not labels[index].startswith("layer"))
    axes.legend(
        [handles[index] for index in order],
        [labels[index] for index in order],
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
    )
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, -0.15), max(high, 1.15))
    inside_note(axes, f"{count_text(rows_where(table, role=role), _unit(table))} a step")


def titled(axes: Axes, title: str, *, legend: bool) -> None:
    """A title and, between it and the axes where no data can hide it, the legend in one line."""
    axes.set_title(title, pad=28 if legend else 8)
    if legend:
        handles, labels = axes.get_legend_handles_labels()
        order = sorted(range(len(labels)), key=lambda index: labels[index].startswith("paper"))
        axes.legend(
            [handles[index] for index in order],
            [labels[index] for index in order],
            loc="lower left",
            bbox_to_anchor=(-0.01, 1.0),
            ncols=5,
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
        color="#555555",
    )


def note(figure: Figure, text: str) -> None:
    """A small grey line below a figure: what the intervals are and what was counted."""
    figure.supxlabel(text, x=0.01, ha="left", fontsize=8, color="#555555")


def _unit(table: pd.DataFrame) -> str:
    return "claims" if "claim" not in table.columns else "statements"


def _some(layers: Sequence[int], count: int = 6) -> list[int]:
    places = np.linspace(0, len(layers) - 1, min(count, len(layers)))
    return [layers[round(place)] for place in places]


def _mix(colour: str, other: str, share: float) -> tuple[float, ...]:
    first, second = (np.array(to_rgb(name)) for name in (colour, other))
    return tuple((1 - share) * first + share * second)
