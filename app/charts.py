"""Charts as Vega-Lite, in the colours and on the axis of the figures, for a light and a dark page.

Written out rather than through Altair, which takes a tenth of a second to check each of them at every click.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from theme import WORDS, null_colour

from nnmech.plots.axes import step_scale, step_ticks

Spec = dict[str, Any]
HEIGHT = 280
CELL = "cell"
"""Name of the selection of a heatmap."""


@dataclass(frozen=True)
class StepAxis:
    """The axis of training steps: each phase one unit long, logarithmic within, as in the figures.

    Runs may differ in the length of their phases; then the ticks name the ends of the phases in place of steps.
    """

    spans: tuple[tuple[int | None, int], ...]
    """Last step of phase 1 (None for a single phase) and last step of all, for each run."""

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
            ticks, labels = [0, 1, 2], ["untouched", "end of phase 1", "end of phase 2"]
        pairs = zip(ticks, labels, strict=True)
        cases = "".join(f"abs(datum.value - {tick:.6f}) < 1e-4 ? '{label}' : " for tick, label in pairs)
        title = f"training step, logarithmic{' within each phase' if self.phases == 2 else ''}" if shared else None
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
    data: pd.DataFrame, axis: StepAxis, lines: Sequence[Line], value: Value, *, dark: bool, step: int | None = None
) -> Spec:
    """Curves over training steps with 95% bands; data has columns x, step, series, y, low, high, n and `interval`.

    `detail` may tell apart curves of one series. A rule marks the chosen `step`, another the end of phase 1.
    """
    names = [line.name for line in lines]
    shown = {name: {"test": f"datum.series === {_quoted(name)}"} for name in names}
    colour = {
        "field": "series",
        "type": "nominal",
        "scale": {"domain": names, "range": [line.colour for line in lines]},
        "legend": _legend() if len(names) > 1 else None,
    }
    dash = {
        "field": "series",
        "type": "nominal",
        "scale": {"domain": names, "range": [list(line.dash) for line in lines]},
        "legend": _legend() if len(names) > 1 else None,
    }
    width = {"condition": [{**shown[line.name], "value": 1.2} for line in lines if not line.points], "value": 2}
    pointed = " || ".join(test["test"] for line, test in zip(lines, shown.values(), strict=True) if line.points)
    only_points = [{"filter": pointed or "false"}]
    x, y = axis.encoding(), _y(value)
    x_only = {"field": "x", "type": "quantitative"}
    detail = {"field": "detail"} if "detail" in data.columns else None
    grouped = {"color": colour} | ({"detail": detail} if detail else {})
    band_y = {"y": {**y, "field": "low"}, "y2": {"field": "high"}}
    band = {"mark": {"type": "area", "opacity": 0.14}, "encoding": {"x": x, **band_y, **grouped}}
    tooltip = [
        {"field": "series", "title": "of"},
        {"field": "step", "type": "quantitative", "title": "step", "format": ","},
        {"field": "y", "type": "quantitative", "title": value.title, "format": f".{value.digits}f"},
        {"field": "interval", "title": "95% interval"},
        {"field": "n", "type": "quantitative", "title": "n", "format": ","},
    ]
    layers = [
        *_levels(value, dark),
        *boundary_layers(axis, dark),
        *_step_layer(axis, step, dark),
        {**band, "transform": only_points},
        {
            "mark": {"type": "line"},
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
    return finished(layers)


def heatmap(
    data: pd.DataFrame,
    steps: Sequence[int],
    layers: Sequence[int],
    *,
    colours: Sequence[str],
    domain: tuple[float, float, float],
    title: str,
    dark: bool,
    chosen: tuple[int | None, int | None],
    boundary: int | None,
) -> Spec:
    """A value by layer and step, a click on a cell selecting it; data has columns step, layer, z, and `interval`.

    `domain` are the values of the three `colours`; cells without a value are grey. The `chosen` layer and step are
    framed, a rule marks the end of phase 1.
    """
    ink = "#F5F3EE" if dark else "#16181C"
    x = {
        "field": "step",
        "type": "ordinal",
        "title": "training step",
        "scale": {"domain": [int(step) for step in steps], "paddingInner": 0.02},
        "axis": {"labelOverlap": "greedy", "labelAngle": 0, "format": ",", "ticks": False},
    }
    y = {
        "field": "layer",
        "type": "ordinal",
        "title": "layer",
        "sort": "descending",
        "scale": {"domain": [int(layer) for layer in layers], "paddingInner": 0.04},
        "axis": {"ticks": False, "labelOverlap": "greedy"},
    }
    colour = {
        "condition": {"test": "!isValid(datum.z)", "value": null_colour(dark)},
        "field": "z",
        "type": "quantitative",
        "title": title,
        "scale": {"domain": list(domain), "range": list(colours), "clamp": True},
        "legend": {"orient": "right", "gradientLength": 150, "format": ".1f"},
    }
    tooltip = [
        {"field": "layer", "type": "ordinal"},
        {"field": "step", "type": "quantitative", "format": ","},
        {"field": "z", "type": "quantitative", "title": title, "format": ".2f"},
        {"field": "interval", "title": "95% interval"},
    ]
    is_chosen = f"datum.layer === {_number(chosen[0])} && datum.step === {_number(chosen[1])}"
    cells = {
        "params": [{"name": CELL, "select": {"type": "point", "fields": ["layer", "step"], "toggle": False}}],
        "mark": {"type": "rect", "cursor": "pointer"},
        "encoding": {"x": x, "y": y, "color": colour, "tooltip": tooltip},
    }
    frame = {
        "transform": [{"filter": is_chosen}],
        "mark": {"type": "rect", "fill": None, "stroke": ink, "strokeWidth": 2.5},
        "encoding": {"x": x, "y": y},
    }
    edge = {
        "transform": [{"filter": f"datum.step === {_number(_after(steps, boundary))}"}],
        "mark": {"type": "rule", "color": ink, "strokeDash": [4, 3], "xOffset": -1},
        "encoding": {"x": {**x, "bandPosition": 0}},
    }
    return finished([cells, edge, frame], height=max(150, min(26 * len(layers), 460)))


def boundary_layers(axis: StepAxis, dark: bool) -> list[Spec]:
    """A rule where phase 1 ends, with the name of the phase on either side."""
    if axis.phases == 1:
        return []
    x = {"datum": 1.0, "type": "quantitative"}
    look = {"type": "text", "fontSize": 11, "color": WORDS[dark], "baseline": "bottom", "dy": -4, "y": 0}
    one = {"values": [{}]}
    return [
        {
            "data": one,
            "mark": {"type": "rule", "color": null_colour(dark), "strokeDash": [4, 3]},
            "encoding": {"x": x},
        },
        {"data": one, "mark": {**look, "text": "◂ phase 1", "align": "right", "dx": -6}, "encoding": {"x": x}},
        {"data": one, "mark": {**look, "text": "phase 2 ▸", "align": "left", "dx": 6}, "encoding": {"x": x}},
    ]


def finished(layers: Sequence[Spec], height: int = HEIGHT) -> Spec:
    """A chart of layers at the width of the page."""
    return {
        "layer": list(layers),
        "height": height,
        "autosize": {"type": "fit", "contains": "padding"},
        "config": {"view": {"stroke": None}, "axis": {"labelOverlap": "greedy"}},
    }


def interval_text(table: pd.DataFrame, digits: int) -> list[str]:
    """The 95% intervals of rows with columns low and high, as words."""
    pairs = zip(table["low"], table["high"], strict=True)
    return ["none" if np.isnan(low) else f"{low:.{digits}f} to {high:.{digits}f}" for low, high in pairs]


def _y(value: Value) -> Spec:
    names = "".join(f"datum.value === {height} ? '{height:g} {name}' : " for height, name in value.marks)
    axis: Spec = {"tickCount": 5}
    if names:
        axis["labelExpr"] = f"{names}datum.label"
    scale: Spec = {"zero": False} if value.domain is None else {"domain": list(value.domain), "nice": False}
    title = f"{value.title} ({value.unit})" if value.unit else value.title
    return {"field": "y", "type": "quantitative", "title": title, "scale": scale, "axis": axis}


def _levels(value: Value, dark: bool) -> list[Spec]:
    if not value.marks:
        return []
    return [
        {
            "data": {"values": [{"y": height} for height, _ in value.marks]},
            "mark": {"type": "rule", "strokeDash": [1, 3], "color": WORDS[dark]},
            "encoding": {"y": {"field": "y", "type": "quantitative"}},
        }
    ]


def _step_layer(axis: StepAxis, step: int | None, dark: bool) -> list[Spec]:
    """A thin rule at the chosen step."""
    if step is None or len(set(axis.spans)) > 1:
        return []
    place = float(axis.place([step])[0])
    return [
        {
            "data": {"values": [{"x": place}]},
            "mark": {"type": "rule", "color": WORDS[dark], "opacity": 0.55},
            "encoding": {"x": {"field": "x", "type": "quantitative"}},
        }
    ]


def _after(steps: Sequence[int], boundary: int | None) -> int | None:
    return None if boundary is None else min((step for step in steps if step > boundary), default=None)


def _number(value: int | None) -> str:
    return "null" if value is None else str(int(value))


def _quoted(text: str) -> str:
    """Text as a string of the expression language of Vega."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", " ")
    return f"'{escaped}'"


def _legend() -> Spec:
    return {"orient": "top", "title": None, "symbolOpacity": 1, "symbolStrokeWidth": 2, "labelLimit": 400, "offset": 14}
