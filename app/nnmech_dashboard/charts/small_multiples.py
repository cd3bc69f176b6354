"""Small multiples over training steps as one view, with a line that can be pointed at for each statement.

A facet of Vega-Lite would be the usual way. It has no width of its own that Streamlit could stretch to the page, and it
draws every panel as a chart: here each panel is a shifted part of one pair of axes.
"""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from nnmech.plots.axes import step_ticks
from nnmech.plots.style import INK
from nnmech_dashboard.charts.curves import Spec, StepAxis
from nnmech_dashboard.parts.theme import WORDS, null_colour, shade
from nnmech_dashboard.parts.width import MEDIUM, NARROW, WIDE

LINE = "line"
"""Name of the selection of a statement, and of the column that numbers them."""
FIELDS = ["text", "about"]
"""What the pointer shows of a statement."""
MOST_COLUMNS = {WIDE: 4, MEDIUM: 3, NARROW: 2}
NAME_LETTERS = {WIDE: 34, MEDIUM: 22, NARROW: 19}
"""Of the name of a panel in one line."""
GAP = 0.13
"""Between two panels, in widths of a panel."""
PANEL, HEAD, LINE_HEIGHT, FOOT, TITLE = 104, 36, 14, 20, 32
"""Heights in pixels: of a panel, of its title in one line, of each further line, of the steps below it, and of the
title of the axis below all."""
APART = 16
"""How far two names on an axis have to be from each other, in pixels."""
REACH = 4
"""How near to a line one has to point, in pixels."""


@dataclass(frozen=True)
class Title:
    """What stands above a panel."""

    name: str
    count: str
    note: str = ""
    """Stands within the panel where it has nothing to show."""


@dataclass(frozen=True)
class Grid:
    """Where the panels lie on the one pair of axes: that of a value from `low` to `high`, and that of steps."""

    titles: tuple[Title, ...]
    axis: StepAxis
    low: float
    high: float
    ends: tuple[str, str]
    """What lies at 0 and at 1."""
    page: str = WIDE
    """How wide the page is."""

    @property
    def rows(self) -> int:
        return -(-len(self.titles) // MOST_COLUMNS[self.page])

    @property
    def columns(self) -> int:
        """As few as the number of rows allows: nine panels are three by three."""
        return -(-len(self.titles) // self.rows)

    @property
    def width(self) -> float:
        """Of all panels, in the unit of the step axis."""
        return self.left(self.columns - 1) + self.axis.phases

    @cached_property
    def names(self) -> tuple[list[str], ...]:
        """The names of the panels in lines that are no longer than a panel."""
        return tuple(textwrap.wrap(title.name, NAME_LETTERS[self.page]) or [""] for title in self.titles)

    @property
    def head(self) -> int:
        """Height of the titles of a row, in pixels."""
        return HEAD + LINE_HEIGHT * (max(map(len, self.names)) - 1)

    @property
    def row(self) -> int:
        """Height of a row of panels, in pixels."""
        return self.head + PANEL + FOOT

    @property
    def pixel(self) -> float:
        """A pixel of height in the unit of the value."""
        return (self.high - self.low) / PANEL

    def left(self, panel: Any) -> Any:
        return (np.asarray(panel) % self.columns) * self.axis.phases * (1 + GAP)

    def down(self, panel: Any) -> Any:
        """How far below the first row a panel lies, in the unit of the value."""
        return (np.asarray(panel) // self.columns) * self.row * self.pixel

    def placed(self, table: pd.DataFrame, *columns: str) -> pd.DataFrame:
        """A table with columns panel, step and values in `columns`: with x, and with the values where they are drawn.

        What lies beyond the panel is drawn at its edge.
        """
        panels = table["panel"].to_numpy()
        moved = {
            name: np.clip(table[name].to_numpy(dtype=float), self.low, self.high) - self.down(panels)
            for name in columns
        }
        x = self.axis.place(table["step"].to_numpy()) + self.left(panels)
        return table.assign(x=x, **moved).drop(columns="panel")

    def rules(self, step: int) -> pd.DataFrame:
        """Where a step lies in each panel: x, y, y2."""
        panels = np.arange(len(self.titles))
        x, y = self.axis.place([step]) + self.left(panels), self.low - self.down(panels)
        return pd.DataFrame({"x": x, "y": y, "y2": y + self.high - self.low})


def small_multiples(grid: Grid, data: Mapping[str, pd.DataFrame], about: Sequence[dict[str, Any]], dark: bool) -> Spec:
    """Thin lines of statements, and thick ones of means with 95% bands, in the panels of `grid`.

    `data` has a row a line and step: lines (line, step, z, x, y, colour), means (low, high, interval, group, dashed,
    several too), the chosen one (x, y), and the rules of the chosen step in now (x, y, y2). They are apart from the
    chart, so that another step or choice sends and draws those alone. `about` says of each line its text, and what it
    is.
    """
    x, y = _x(grid), _y(grid)
    line = {"x": x, "y": y, "detail": {"field": LINE}, "color": {"field": "colour", "type": "nominal", "scale": None}}
    z = [
        {"field": "step", "type": "quantitative", "format": ","},
        {"field": "z", "type": "quantitative", "title": "coordinate", "format": ".2f"},
    ]
    # A run of one step has dots in place of lines.
    alone = len(set(data["lines"]["step"])) < 2
    thin, thick = (6, 10) if alone else (1, 2.6)
    stroke = {"type": "line", "strokeJoin": "round", "strokeCap": "round"}
    dash = {"condition": {"test": "datum.dashed", "value": [5, 3]}, "value": [1, 0]}
    looked_up = {"lookup": LINE, "from": {"data": {"values": list(about)}, "key": LINE, "fields": FIELDS}}
    layers: list[Spec] = [
        *_frame(grid, dark),
        {
            "data": {"name": "now"},
            "mark": {"type": "rule", "color": WORDS[dark], "opacity": 0.55},
            "encoding": {"x": x, "y": y, "y2": {"field": "y2"}},
        },
        {
            "data": {"name": "means"},
            "mark": {"type": "area", "opacity": 0.16},
            "encoding": line | {"y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {
            "data": {"name": "lines"},
            "mark": {**stroke, "strokeWidth": thin, "opacity": 0.55},
            "encoding": line,
        },
        {
            "data": {"name": "means"},
            "mark": {**stroke, "strokeWidth": thick, "strokeCap": "round" if alone else "butt"},
            "encoding": line | ({} if alone else {"strokeDash": dash}),
        },
        {
            "data": {"name": "chosen"},
            "mark": {**stroke, "strokeWidth": thin + 1.2, "color": shade(INK, dark)},
            "encoding": {"x": x, "y": y},
        },
        _reach(
            "lines",
            line,
            alone,
            [{"field": "text", "title": "statement"}, {"field": "about", "title": "it is"}, *z],
            params=[{"name": LINE, "select": {"type": "point", "fields": [LINE], "toggle": False}}],
            transform=[looked_up],
        ),
        _reach(
            "means",
            line,
            alone,
            [{"field": "group", "title": "mean of"}, *z, {"field": "interval", "title": "95% interval"}],
            transform=[{"filter": "datum.several"}],
        ),
    ]
    return {
        "layer": layers,
        "datasets": dict(data),
        "height": grid.rows * grid.row + TITLE,
        "autosize": {"type": "fit", "contains": "padding"},
        "config": {"view": {"stroke": None}, "axis": {"labelOverlap": False}},
    }


def _reach(name: str, line: Spec, alone: bool, tooltip: list[Spec], **more: Any) -> Spec:
    """What lines are pointed at by.

    Vega shows the tooltip of a line at its corners alone. That of an area it shows anywhere, of the corner that is
    nearest in x: an unseen one lies around each line.
    """
    places = {"x": line["x"], "y": line["y"], "y2": {"field": "y"}, "detail": line["detail"]}
    mark = {"type": "area", "opacity": 0, "yOffset": -REACH, "y2Offset": REACH}
    if alone:
        mark = {"type": "point", "filled": True, "size": 5 * REACH**2, "opacity": 0}
        del places["y2"]
    mark |= {"cursor": "pointer"} if "params" in more else {}
    return {"data": {"name": name}, "mark": mark, "encoding": places | {"tooltip": tooltip}, **more}


def _frame(grid: Grid, dark: bool) -> list[Spec]:
    """What the panels have without any line: levels 0 and 1, their names, steps, and where phase 1 ends."""
    panels = range(len(grid.titles))
    places = [(float(grid.left(panel)), grid.low - float(grid.down(panel))) for panel in panels]
    reach, tall = grid.axis.phases, grid.high - grid.low
    levels = [{"x": x, "x2": x + reach, "y": end - grid.low + y} for x, y in places for end in (0, 1)]
    floors = [{"x": x, "x2": x + reach, "y": y} for x, y in places]
    ticks = _ticks(grid.axis)
    labels = [{"x": x + at, "y": y, "text": text, "align": side} for x, y in places for at, text, side in ticks]
    edges = [{"x": x + 1, "y": y, "y2": y + tall} for x, y in places if reach == 2]
    heads = [
        {"x": x, "y": y + tall, "name": name, "count": title.count, "note": title.note}
        for (x, y), title, name in zip(places, grid.titles, grid.names, strict=True)
    ]
    words, x, y = WORDS[dark], _x(grid), _y(grid)
    across, up = {"x": x, "x2": {"field": "x2"}, "y": y}, {"x": x, "y": y, "y2": {"field": "y2"}}
    at = {"x": x, "y": y}
    text: Spec = {"type": "text", "fontSize": 11, "color": words, "align": "left"}
    lines = {"lineHeight": LINE_HEIGHT, "dy": {"expr": f"-18 - {LINE_HEIGHT} * (length(datum.name) - 1)"}}
    return [
        _rule(levels, across, color=words, strokeDash=[1, 3]),
        _rule(floors, across, color=words, opacity=0.5),
        _rule(edges, up, color=null_colour(dark), strokeDash=[4, 3]),
        *(
            {
                "data": {"values": labels},
                "transform": [{"filter": f"datum.align === '{side}'"}],
                "mark": {**text, "align": side, "baseline": "top", "dy": 5},
                "encoding": at | {"text": {"field": "text"}},
            }
            for side in ("left", "center", "right")
        ),
        {
            "data": {"values": heads},
            "mark": {**text, "fontSize": 12.5, "baseline": "bottom", "color": shade(INK, dark), **lines},
            "encoding": at | {"text": {"field": "name"}},
        },
        {
            "data": {"values": heads},
            "mark": {**text, "baseline": "bottom", "dy": -4},
            "encoding": at | {"text": {"field": "count"}},
        },
        {
            "data": {"values": heads},
            "mark": {**text, "baseline": "top", "dy": 6, "dx": 6},
            "encoding": at | {"text": {"field": "note"}},
        },
    ]


def _rule(values: list[dict[str, Any]], encoding: Spec, **look: Any) -> Spec:
    return {"data": {"values": values}, "mark": {"type": "rule", **look}, "encoding": encoding}


def _ticks(axis: StepAxis) -> list[tuple[float, str, str]]:
    """The ends of the phases, or the ends and the middle of a single one: place, name and how it is aligned."""
    boundary, last = axis.spans[0]
    steps = step_ticks(list(range(max(last, 1) + 1)), boundary, parts=3 - axis.phases)
    sides = ["left", *["center"] * (len(steps) - 2), "right"]
    return list(zip(axis.place(steps).tolist(), [f"{step:,}" for step in steps], sides, strict=True))


def _x(grid: Grid) -> Spec:
    title = ["training step, logarithmic"]
    if grid.axis.phases == 2:
        title = ["training step, logarithmic within each phase;", "phase 1 ends at the dashed rule"]
    return {
        "field": "x",
        "type": "quantitative",
        "title": title if grid.page == NARROW else " ".join(title),
        "scale": {"domain": [0, grid.width], "nice": False},
        "axis": {"labels": False, "ticks": False, "domain": False, "grid": False, "titlePadding": 2},
    }


def _y(grid: Grid) -> Spec:
    """The axis on the left names the levels 0 and 1 of each row, or its ends where those two lie close."""
    if grid.pixel * APART < 1:
        levels = [(0.0, grid.ends[0]), (1.0, grid.ends[1])]
    else:
        levels = [(grid.low, f"{grid.low:.0f}"), (0.5, "0 and 1"), (grid.high, f"{grid.high:.0f}")]
    downs = [float(grid.down(row * grid.columns)) for row in range(grid.rows)]
    marks = [(at - down, name) for down in downs for at, name in levels]
    cases = "".join(f"abs(datum.value - {at:.6f}) < 1e-6 ? '{name}' : " for at, name in marks)
    top = grid.high + grid.head * grid.pixel
    return {
        "field": "y",
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [top - grid.rows * grid.row * grid.pixel, top], "nice": False},
        "axis": {
            "values": [at for at, _ in marks],
            "labelExpr": f"{cases}''",
            "ticks": False,
            "domain": False,
            "grid": False,
        },
    }
