"""Charts as Vega-Lite, in the colours and on the axis of the figures, for a light and a dark page.

Written out rather than through Altair, which takes a tenth of a second to check each of them at every click.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from nnmech.plain_text import escaped
from nnmech.plots.axes import step_scale, step_ticks
from nnmech_dashboard.parts.theme import WORDS, null_colour
from nnmech_dashboard.parts.width import MEDIUM, NARROW, WIDE

Spec = dict[str, Any]
HEIGHT = 280
MANY = 600
"""Rows from which on a chart is one picture."""
ROOM = {WIDE: 400, MEDIUM: 440, NARROW: 250}
"""Pixels of a legend, by the width of the page."""
SYMBOL, LETTER = 36, 6.6
"""Pixels of an entry of a legend: of its line with what lies around it, and of a letter."""
CELL = "cell"
"""Name of the selection of a heatmap."""
CHOSEN, LEVELS = "chosen", "levels"
"""Names of the data of the chosen step, and of heights that mean something."""


@dataclass(frozen=True)
class StepAxis:
    """The axis of training steps: each phase one unit long, logarithmic within, as in the figures.

    Runs may differ in the length of their phases; then the ticks name the ends of the phases in place of steps.
    """

    spans: tuple[tuple[int | None, int], ...]
    """Last step of phase 1 (None for a single phase) and last step of all, for each run."""
    page: str = WIDE
    """How wide the page is."""

    @property
    def phases(self) -> int:
        return 2 if any(boundary is not None for boundary, _ in self.spans) else 1

    def place(self, steps: Any, boundary: int | None = None, last: int | None = None) -> np.ndarray:
        """Where steps of a run with these ends lie, by default those that all runs share."""
        if last is None:
            boundary, last = self.spans[0]
        return step_scale(max(last, 1), boundary)(steps)

    def encoding(self) -> Spec:
        """The x channel, ticks labelled with steps where all runs share them."""
        shared = len(set(self.spans)) == 1
        if shared:
            boundary, last = self.spans[0]
            steps = step_ticks(list(range(max(last, 1) + 1)), boundary)
            ticks = self.place(steps, boundary, last).tolist()
            labels = [f"{step:,}" for step in steps]
        else:
            ends = ["end of phase 1", "end of phase 2"] if self.phases == 2 else ["end of training"]
            ticks, labels = list(range(self.phases + 1)), ["untouched", *ends]
        pairs = zip(ticks, labels, strict=True)
        cases = "".join(f"abs(datum.value - {tick:.6f}) < 1e-4 ? '{label}' : " for tick, label in pairs)
        within = " within each phase" if self.phases == 2 and self.page != NARROW else ""
        title = f"training step, logarithmic{within}" if shared else None
        return {
            "field": "x",
            "type": "quantitative",
            "title": title,
            "scale": {"domain": [0, self.phases], "nice": False},
            "axis": {"values": ticks, "labelExpr": f"{cases}''", "grid": False, "labelFlush": True},
        }


@dataclass(frozen=True)
class Line:
    """How one group of rows of a table is drawn."""

    name: str
    """The value of the column `series`, which the legend shows."""
    colour: str
    dash: tuple[int, ...] = (1, 0)
    points: bool = True
    """Whether the measured steps are dots and the interval is a band; else a thin line beside the others."""


@dataclass(frozen=True)
class Value:
    """The quantity on the y axis of curves."""

    title: str
    unit: str = ""
    digits: int = 2
    domain: tuple[float, float] | None = None
    marks: tuple[tuple[float, str], ...] = ()
    """Heights that mean something, with their names on the axis."""


def curves(
    data: pd.DataFrame,
    axis: StepAxis,
    lines: Sequence[Line],
    value: Value,
    *,
    dark: bool,
    step: int | None = None,
    legend: bool = True,
    height: int = HEIGHT,
) -> Spec:
    """Curves over training steps with 95% bands; data has columns x, step, series, y, low, high, n and `interval`.

    `detail` may tell apart curves of one series. A rule marks the chosen `step`, another the end of phase 1. Several
    series have a legend, unless the page has one for all its charts.
    """
    names = [line.name for line in lines]
    shown = {name: {"test": f"datum.series === {_quoted(name)}"} for name in names}
    series = {
        "field": "series",
        "type": "nominal",
        "legend": legend_above(names, axis.page) if legend and len(names) > 1 else None,
    }
    colour = {**series, "scale": {"domain": names, "range": [line.colour for line in lines]}}
    dash = {**series, "scale": {"domain": names, "range": [list(line.dash) for line in lines]}}
    width = {"condition": [{**shown[line.name], "value": 1.2} for line in lines if not line.points], "value": 2}
    pointed = " || ".join(test["test"] for line, test in zip(lines, shown.values(), strict=True) if line.points)
    only_points = [{"filter": pointed or "false"}]
    x, y = axis.encoding(), _y(value)
    x_only = {"field": "x", "type": "quantitative"}
    detail = {"field": "detail"} if "detail" in data.columns else None
    grouped = {"color": colour} | ({"detail": detail} if detail else {})
    band_y = {"y": {**y, "field": "low"}, "y2": {"field": "high"}}
    band = {"mark": {"type": "area", "opacity": 0.14, "clip": True}, "encoding": {"x": x, **band_y, **grouped}}
    tooltip = [
        {"field": "series", "title": "of"},
        {"field": "step", "type": "quantitative", "title": "step", "format": ","},
        {"field": "y", "type": "quantitative", "title": value.title, "format": f".{value.digits}f"},
        {"field": "interval", "title": "95% interval"},
        {"field": "n", "type": "quantitative", "title": "n", "format": ","},
    ]
    layers = [
        *_rules(dark),
        *boundary_layers(axis, dark),
        {**band, "transform": only_points},
        {
            "mark": {"type": "line", "clip": True},
            "encoding": {"x": x, "y": y, **grouped, "strokeDash": dash, "strokeWidth": width},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 34, "opacity": 1},
            "transform": only_points,
            "encoding": {"x": x_only, "y": y, **grouped},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 260, "opacity": 0},
            "encoding": {"x": x_only, "y": y, **grouped, "tooltip": tooltip},
        },
    ]
    # What changes with the chosen step is data, named ones: the page then moves a rule and need not draw a new chart.
    known = step is not None and len(set(axis.spans)) == 1
    chosen = pd.DataFrame({"x": axis.place([step]) if known else np.array([], dtype=float)})
    levels = pd.DataFrame({"y": [float(mark) for mark, _ in value.marks]})
    chart = finished(layers, height) | {"datasets": {CHOSEN: chosen, LEVELS: levels}}
    return chart if len(data) < MANY else painted(chart)


def boundary_layers(axis: StepAxis, dark: bool) -> list[Spec]:
    """A rule where phase 1 ends, with the name of the phase on either side."""
    if axis.phases == 1:
        return []
    return phase_layers({"values": [{}]}, {"datum": 1.0, "type": "quantitative"}, null_colour(dark), dark)


def phase_layers(data: Spec, x: Spec, colour: str, dark: bool) -> list[Spec]:
    look = {"type": "text", "fontSize": 11, "color": WORDS[dark], "baseline": "bottom", "dy": -4, "y": 0}
    return [
        {"data": data, "mark": {"type": "rule", "color": colour, "strokeDash": [4, 3]}, "encoding": {"x": x}},
        {"data": data, "mark": {**look, "text": "◂ phase 1", "align": "right", "dx": -6}, "encoding": {"x": x}},
        {"data": data, "mark": {**look, "text": "phase 2 ▸", "align": "left", "dx": 6}, "encoding": {"x": x}},
    ]


def level_names(value: Value) -> str:
    """The beginning of an expression that names the heights that mean something."""
    return "".join(f"datum.value === {height} ? '{height:g} {name}' : " for height, name in value.marks)


def finished(layers: Sequence[Spec], height: int = HEIGHT) -> Spec:
    """A chart of layers at the width of the page."""
    return {
        "layer": list(layers),
        "height": height,
        "autosize": {"type": "fit", "contains": "padding"},
        # Without it the page leaves room for a menu that the chart does not have.
        "padding": {"left": 5, "right": 5, "top": 5, "bottom": 2},
        "config": {"view": {"stroke": None}, "axis": {"labelOverlap": "greedy"}},
    }


def painted(chart: Spec) -> Spec:
    """The chart as one picture: thousands of marks are quicker painted than made one by one."""
    return chart | {"usermeta": {"embedOptions": {"renderer": "canvas"}}}


def interval_text(table: pd.DataFrame, digits: int) -> list[str]:
    """The 95% intervals of rows with columns low and high, as words."""
    pairs = zip(table["low"], table["high"], strict=True)
    return ["none" if np.isnan(low) else f"{low:.{digits}f} to {high:.{digits}f}" for low, high in pairs]


def _y(value: Value) -> Spec:
    names = level_names(value)
    axis: Spec = {"tickCount": 5, "labelFlush": False}
    if value.marks and value.domain is not None:
        axis["values"] = _ticks(value.domain, [height for height, _ in value.marks])
    if names:
        axis["labelExpr"] = f"{names}datum.label"
    scale: Spec = {"zero": False} if value.domain is None else {"domain": list(value.domain), "nice": False}
    title = f"{value.title} ({value.unit})" if value.unit else value.title
    return {"field": "y", "type": "quantitative", "title": title, "scale": scale, "axis": axis}


def _ticks(domain: tuple[float, float], marks: Sequence[float]) -> list[float]:
    """Some four ticks, the heights that mean something among them."""
    low, high = domain
    widths = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)
    width = next((width for width in widths if high - low <= 4.5 * width), 50.0)
    round_ones = (np.arange(np.ceil(low / width), np.floor(high / width) + 1) * width).round(9)
    return sorted({*round_ones.tolist(), *marks})


def _rules(dark: bool) -> list[Spec]:
    """Rules at the heights that mean something, and a thin one at the chosen step."""
    level = {"type": "rule", "strokeDash": [1, 3], "color": WORDS[dark]}
    step = {"type": "rule", "color": WORDS[dark], "opacity": 0.55}
    return [
        {"data": {"name": LEVELS}, "mark": level, "encoding": {"y": {"field": "y", "type": "quantitative"}}},
        {"data": {"name": CHOSEN}, "mark": step, "encoding": {"x": {"field": "x", "type": "quantitative"}}},
    ]


def _quoted(text: str) -> str:
    """Text as a string of the expression language of Vega."""
    quoted = escaped(text).replace("\\", "\\\\").replace("'", "\\'").replace("\n", " ")
    return f"'{quoted}'"


def legend_above(names: Sequence[str], page: str) -> Spec:
    """A legend of lines above a chart, in as many columns as there is room for on a page of this width."""
    widest = SYMBOL + LETTER * max(map(len, names))
    fitting = max(1, int(ROOM[page] // widest))
    # Columns of one length: four names are two and two, not three and one.
    rows = -(-len(names) // fitting)
    return {
        "columns": -(-len(names) // rows),
        "orient": "top",
        "title": None,
        "symbolOpacity": 1,
        "symbolStrokeWidth": 2,
        "labelLimit": 400,
        "offset": 14,
        "symbolType": "stroke",
        "symbolSize": 260,
    }
