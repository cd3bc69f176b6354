"""Charts of the page Drift that have another axis than training steps alone: layers, and onsets."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from nnmech_dashboard.charts.curves import Line, Spec, StepAxis, boundary_layers, finished, legend_above
from nnmech_dashboard.parts.theme import WORDS

LANE = 56
"""Height of the lane of an onset in pixels."""


def layer_curves(
    data: pd.DataFrame,
    lines: Sequence[Line],
    layers: Sequence[int],
    layer: int | None,
    *,
    title: str,
    dark: bool,
    page: str,
) -> Spec:
    """AUROC over layers with 95% bands, chance and the chosen layer marked; data: layer, series, y, low, high, n."""
    x = {
        "field": "layer",
        "type": "quantitative",
        "title": "layer",
        "scale": {"domain": [min(layers) - 0.3, max(layers) + 0.3], "nice": False},
        "axis": {"values": list(layers), "grid": False, "format": "d"},
    }
    bottom = float(np.nanmin([0.3, *data["low"], *data["y"]]))
    y = {"field": "y", "type": "quantitative", "title": title, "scale": {"domain": [bottom, 1], "nice": False}}
    names = [line.name for line in lines]
    legend = legend_above(names, page)
    colour = {
        "field": "series",
        "type": "nominal",
        "scale": {"domain": names, "range": [line.colour for line in lines]},
        "legend": legend,
    }
    dash = {**colour, "scale": {"domain": names, "range": [list(line.dash) for line in lines]}}
    tooltip = [
        {"field": "series", "title": "of"},
        {"field": "layer", "type": "quantitative"},
        {"field": "y", "type": "quantitative", "title": "AUROC", "format": ".2f"},
        {"field": "interval", "title": "95% interval"},
        {"field": "n", "type": "quantitative", "format": ","},
    ]
    chosen = [] if layer is None else [{"values": [{"layer": layer}]}]
    return finished(
        [
            {
                "data": {"values": [{"y": 0.5}]},
                "mark": {"type": "rule", "strokeDash": [1, 3], "color": WORDS[dark]},
                "encoding": {"y": y},
            },
            *(
                {
                    "data": own,
                    "mark": {"type": "rule", "color": WORDS[dark], "opacity": 0.55},
                    "encoding": {"x": x},
                }
                for own in chosen
            ),
            {
                "mark": {"type": "area", "opacity": 0.13},
                "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": colour},
            },
            {
                "mark": {"type": "line", "strokeWidth": 2},
                "encoding": {"x": x, "y": y, "color": colour, "strokeDash": dash},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 44, "opacity": 1},
                "encoding": {"x": x, "y": y, "color": colour, "tooltip": tooltip},
            },
        ]
    )


def onset_lanes(data: pd.DataFrame, axis: StepAxis, colours: Sequence[str], step: int, dark: bool) -> Spec:
    """A lane for each row of columns what, x, x_low, x_high, step, interval, n, outcome: where it crosses one half.

    Where it does not, so that it has no x, the outcome stands in words.
    """
    names = list(data["what"])
    x = axis.encoding()
    y = {
        "field": "what",
        "type": "nominal",
        "title": None,
        "scale": {"domain": names},
        "axis": {"ticks": False, "domain": False, "labelLimit": 220},
    }
    colour = {"field": "what", "type": "nominal", "scale": {"domain": names, "range": list(colours)}, "legend": None}
    tooltip = [
        {"field": "what", "title": "onset"},
        {"field": "step", "type": "quantitative", "format": ",.1f"},
        {"field": "interval", "title": "95% interval"},
        {"field": "n", "type": "quantitative", "format": ","},
    ]
    chosen = float(axis.place([step])[0])
    return finished(
        [
            *boundary_layers(axis, dark),
            {
                "data": {"values": [{"x": chosen}]},
                "mark": {"type": "rule", "color": WORDS[dark], "opacity": 0.55},
                "encoding": {"x": x},
            },
            {
                "mark": {"type": "rule", "strokeWidth": 2.5, "opacity": 0.5},
                "encoding": {"x": {**x, "field": "x_low"}, "x2": {"field": "x_high"}, "y": y, "color": colour},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 130, "opacity": 1},
                "encoding": {"x": x, "y": y, "color": colour, "tooltip": tooltip},
            },
            {
                "transform": [{"filter": "!isValid(datum.x)"}],
                "mark": {"type": "text", "color": WORDS[dark], "align": "left", "baseline": "middle", "x": 8},
                "encoding": {"y": y, "text": {"field": "outcome"}},
            },
        ],
        height=LANE * len(names) + 40,
    )
