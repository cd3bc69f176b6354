"""Heatmaps as Vega-Lite: a value by layer and training step, and one by pairs of steps."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from nnmech.plots.uncertainty import PALE
from nnmech_dashboard.charts.curves import CELL, CHOSEN, Spec, Value, finished, level_names, painted, phase_layers
from nnmech_dashboard.parts.theme import INK, MISSING, PAPERS, WORDS
from nnmech_dashboard.parts.width import NARROW

CELL_HEIGHT = 28
LEAST, MOST = 112, 420
"""Height of the cells of a heatmap in pixels."""
STROKE = 11
"""Pixels of a stroke at most."""
OPACITY = {"condition": {"test": "datum.uncertain", "value": PALE}, "value": 1}
EDGE = "edge"
"""Name of the data of the first column after the end of phase 1."""
MOST_NUMBERS = 12
"""Steps of a matrix up to which a cell has room for its number."""


def heatmap(
    data: pd.DataFrame,
    steps: Sequence[int],
    layers: Sequence[int],
    *,
    colours: Sequence[str],
    domain: tuple[float, float, float],
    value: Value,
    dark: bool,
    page: str,
    chosen: tuple[int | None, int | None],
    boundary: int | None,
) -> Spec:
    """A value by layer and step, a click on a cell selecting it.

    Data has columns step, layer, z, `interval`, and `uncertain` for cells that are pale and struck out. `domain` are
    the values of the three `colours`; cells without a value are grey. The `chosen` layer and step are framed, a rule
    marks the end of phase 1.
    """
    height = max(LEAST, min(CELL_HEIGHT * len(layers), MOST))
    x, y = _axis("step", "training step", steps), _axis("layer", "layer", list(layers)[::-1])
    colour = _colour("z", value, colours, domain, height, page, dark)
    tooltip = [
        {"field": "layer", "type": "ordinal"},
        {"field": "step", "type": "quantitative", "format": ","},
        {"field": "z", "type": "quantitative", "title": value.title, "format": f".{value.digits}f"},
        {"field": "interval", "title": "95% interval"},
    ]
    cells = {
        # Where the reader is when the click comes is part of what is selected: or a cell that was left by other means
        # could not be selected again, for it would be so already.
        "transform": [
            {"calculate": "1", "as": "one"},
            {"lookup": "one", "from": {"data": {"name": CHOSEN}, "key": "one", "fields": ["from"]}},
        ],
        "params": [{"name": CELL, "select": {"type": "point", "fields": ["layer", "step", "from"], "toggle": False}}],
        "mark": {"type": "rect", "cursor": "pointer", "invalid": None},
        "encoding": {"x": x, "y": y, "color": colour, "opacity": OPACITY, "tooltip": tooltip},
    }
    # Light around dark, so that the frame is seen on cells of any colour.
    frames = [
        {
            "data": {"name": CHOSEN},
            "mark": {"type": "rect", "fillOpacity": 0, "stroke": stroke, "strokeWidth": width, "cornerRadius": 1},
            "encoding": {"x": x, "y": y},
        }
        for stroke, width in ((PAPERS[dark], 6), (INK[dark], 2.5))
    ]
    place = {"one": [1], "layer": [chosen[0]], "step": [chosen[1]], "from": [f"{chosen[0]}/{chosen[1]}"]}
    marks = {CHOSEN: pd.DataFrame(place), EDGE: _after(steps, boundary, "step")}
    strokes = _strokes(x, y, (len(steps), len(layers)), dark)
    return _of_height([cells, strokes, *_edge(x, dark), *frames], height, dark) | {"datasets": marks}


def step_matrix(
    data: pd.DataFrame,
    steps: Sequence[int],
    *,
    colours: Sequence[str],
    domain: tuple[float, float],
    value: Value,
    dark: bool,
    page: str,
    boundary: int | None,
) -> Spec:
    """A value by the step that a probe was fitted at and the one that it was scored at.

    Data has columns fitted_step, scored_step, y, `interval`, `null`, and `uncertain` as for `heatmap`.
    """
    x, y = _axis("scored_step", "scored at step", steps), _axis("fitted_step", "fitted at step", list(steps)[::-1])
    height = max(LEAST, min(CELL_HEIGHT * len(steps), MOST))
    tooltip = [
        {"field": "fitted_step", "type": "quantitative", "title": "fitted at step", "format": ","},
        {"field": "scored_step", "type": "quantitative", "title": "scored at step", "format": ","},
        {"field": "y", "type": "quantitative", "title": value.title, "format": f".{value.digits}f"},
        {"field": "interval", "title": "95% interval"},
        {"field": "null", "title": "shuffled labels"},
    ]
    cells = {
        "mark": {"type": "rect", "invalid": None},
        "encoding": {
            **{"x": x, "y": y, "color": _colour("y", value, colours, domain, height, page, dark)},
            **{"opacity": OPACITY, "tooltip": tooltip},
        },
    }
    few = len(steps) <= MOST_NUMBERS and page != NARROW
    layers = [cells, _strokes(x, y, (len(steps), len(steps)), dark, beside=few), *_edge(x, dark)]
    if few:
        middle = sum(domain) / 2
        loud = f"datum.y > {middle} && !datum.uncertain"
        words = {"condition": {"test": loud, "value": PAPERS[False]}, "value": INK[dark]}
        text = {"field": "y", "type": "quantitative", "format": f".{value.digits}f"}
        layers.append({"mark": {"type": "text"}, "encoding": {"x": x, "y": y, "text": text, "color": words}})
    edge = _after(steps, boundary, "scored_step")
    # Two, for the page takes data that is named alone for that of the chart.
    return _of_height(layers, height, dark) | {"datasets": {EDGE: edge, CHOSEN: edge.head(0)}}


def _of_height(layers: Sequence[Spec], height: int, dark: bool) -> Spec:
    """A chart whose cells, without its axes, are so high; an outline, for what lies half way has no colour."""
    chart = finished(layers, height) | {"autosize": {"type": "fit-x", "contains": "padding"}}
    chart["config"] = {**chart["config"], "view": {"stroke": MISSING[dark]}}
    return painted(chart)


def _axis(field: str, title: str, values: Sequence[int]) -> Spec:
    labels = {"labelOverlap": "greedy", "labelSeparation": 8 if field != "layer" else 0}
    return {
        "field": field,
        "type": "ordinal",
        "title": title,
        "scale": {"domain": [int(value) for value in values], "paddingInner": 0.03, "paddingOuter": 0},
        "axis": {**labels, "labelAngle": 0, "format": ",", "ticks": False, "domain": False},
    }


def _strokes(x: Spec, y: Spec, shape: tuple[int, int], dark: bool, *, beside: bool = False) -> Spec:
    """A stroke through cells that are uncertain, or beside the number that they have."""
    across, down = shape
    cell = f"min(width / {across}, height / {down})"
    look = {"type": "point", "shape": "stroke", "angle": -45, "strokeWidth": 1, "stroke": WORDS[dark], "opacity": 1}
    places = {"x": x | {"bandPosition": 0.88}, "y": y | {"bandPosition": 0.7}} if beside else {"x": x, "y": y}
    return {
        "transform": [{"filter": "datum.uncertain"}],
        "mark": look | {"size": {"expr": f"pow(min({STROKE}, 0.7 * {cell}), 2)"}},
        "encoding": places,
    }


def _colour(
    field: str, value: Value, colours: Sequence[str], domain: Sequence[float], height: int, page: str, dark: bool
) -> dict[str, Any]:
    length = {"gradientLength": height - 24}
    if page == NARROW:
        length = {"orient": "bottom", "direction": "horizontal", "gradientLength": 200}
    return {
        "condition": {"test": f"!isValid(datum.{field})", "value": MISSING[dark]},
        "field": field,
        "type": "quantitative",
        "title": value.title,
        "scale": {"domain": list(domain), "range": list(colours), "clamp": True, "interpolate": "rgb"},
        "legend": {
            "orient": "right",
            **length,
            "gradientThickness": 12,
            "values": [mark for mark, _ in value.marks],
            "labelExpr": f"{level_names(value)}datum.label",
        },
    }


def _edge(x: Spec, dark: bool) -> list[Spec]:
    """The end of phase 1, between two columns of cells."""
    return phase_layers({"name": EDGE}, {**x, "bandPosition": 0}, INK[dark], dark)


def _after(steps: Sequence[int], boundary: int | None, field: str) -> pd.DataFrame:
    """The first step of phase 2; no row where there is one phase."""
    after = [] if boundary is None else [int(step) for step in steps if step > boundary][:1]
    return pd.DataFrame({field: [] if after == [int(steps[0])] else after}, dtype=int)
