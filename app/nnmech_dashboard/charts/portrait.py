"""The chart of what runs represent against what they say: a path for each, with arrows along training."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from nnmech_dashboard.charts.curves import Line, Spec, finished, interval_text
from nnmech_dashboard.parts.theme import PAPERS, WORDS, null_colour

HEIGHT = 400
APART, UP = 0.05, 98
"""Share of the chart between two step labels at least, and the belief (percent) from which on they stand above."""
SHAPES = {"untouched": "square", "phase 1": "square", "phase 2": "circle", "training": "circle"}
BOTH = "both"
BELIEF_DOMAIN = (-6.0, 108.0)


def portrait_data(portrait: pd.DataFrame, ends: dict[str, tuple[int | None, int]]) -> pd.DataFrame:
    """A row a point, with the point that follows it; columns of `portrait_of_runs` in, those of the chart out."""
    ordered = portrait.sort_values(["run", "role", "step"], kind="stable", ignore_index=True)
    own = (ordered["role"] == "claim").to_numpy(dtype=bool)
    following = ordered.groupby(["run", "role"], sort=False)[["inside", "says"]].shift(-1)
    boundary = [ends[run][0] for run in ordered["run"]]
    last = ordered.groupby(["run", "role"])["step"].transform("max")
    data = pd.DataFrame(
        {
            "series": ordered["run"],
            "step": ordered["step"],
            "own": own,
            "x": ordered["inside"],
            "y": ordered["says"],
            "x_next": following["inside"],
            "y_next": following["says"],
            "phase": [_phase(step, edge) for step, edge in zip(ordered["step"], boundary, strict=True)],
            "end": [step in (edge, end) for step, edge, end in zip(ordered["step"], boundary, last, strict=True)],
            "recorded": _recorded(ordered),
            "inside_low": ordered["inside_low"],
            "inside_high": ordered["inside_high"],
            "says_low": ordered["says_low"],
            "says_high": ordered["says_high"],
            "inside_interval": interval_text(ordered.rename(columns={"inside_low": "low", "inside_high": "high"}), 2),
            "says_interval": interval_text(ordered.rename(columns={"says_low": "low", "says_high": "high"}), 0),
        }
    )
    return data.assign(label=_labels(data))


def portrait_chart(data: pd.DataFrame, lines: Sequence[Line], dark: bool) -> Spec:
    """The paths of the runs through representation (x) and belief (y, percent); `data` is of `portrait_data`.

    Grey: matched false facts. Squares are steps of phase 1, dots of phase 2, hollow the untouched model; larger marks
    are the ends of phases, small ones steps at which one of the two is interpolated; labels are steps.
    """
    low, high = _domain(data)
    names, colours = [line.name for line in lines], [line.colour for line in lines]
    colour = {"field": "series", "type": "nominal", "scale": {"domain": names, "range": colours}, "legend": None}
    dash = {**colour, "scale": {"domain": names, "range": [list(line.dash) for line in lines]}}
    x = {
        "field": "x",
        "type": "quantitative",
        "title": "claim coordinate inside (0 false, 1 true controls)",
        "scale": {"domain": [low, high], "nice": False},
        "axis": {"grid": False, "tickCount": 6},
    }
    y = {
        "field": "y",
        "type": "quantitative",
        "title": "belief in answers (%)",
        "scale": {"domain": list(BELIEF_DOMAIN), "nice": False},
        "axis": {"values": [0, 20, 40, 60, 80, 100], "labelFlush": False},
    }
    path = {"x": x, "y": y, "order": {"field": "step", "type": "quantitative"}, "detail": {"field": "series"}}
    own, beside = {"filter": "datum.own"}, {"filter": "!datum.own"}
    grey = null_colour(dark)
    tooltip = [
        {"field": "series", "title": "run"},
        {"field": "step", "type": "quantitative", "format": ","},
        {"field": "phase"},
        {"field": "x", "type": "quantitative", "title": "coordinate", "format": ".2f"},
        {"field": "inside_interval", "title": "95% interval"},
        {"field": "y", "type": "quantitative", "title": "belief (%)", "format": ".0f"},
        {"field": "says_interval", "title": "95% interval"},
        {"field": "recorded"},
    ]
    hollow = {"test": "datum.step === 0", "value": PAPERS[dark]}
    shape = {"field": "phase", "scale": {"domain": list(SHAPES), "range": list(SHAPES.values())}, "legend": None}
    layers: list[Spec] = [
        {
            "data": {"values": [{"x": 0, "y": 0, "x_next": 1, "y_next": 100}]},
            "mark": {"type": "rule", "strokeDash": [1, 3], "color": WORDS[dark]},
            "encoding": {"x": x, "y": y, "x2": {"field": "x_next"}, "y2": {"field": "y_next"}},
        },
        {"transform": [beside], "mark": {"type": "line", "color": grey, "strokeWidth": 1.1}, "encoding": path},
        {
            "transform": [beside],
            "mark": {"type": "point", "filled": True, "size": 14, "color": grey, "opacity": 1},
            "encoding": {"x": x, "y": y},
        },
        {
            "transform": [own],
            "mark": {"type": "rule", "opacity": 0.3},
            "encoding": {"x": {**x, "field": "inside_low"}, "x2": {"field": "inside_high"}, "y": y, "color": colour},
        },
        {
            "transform": [own],
            "mark": {"type": "rule", "opacity": 0.3},
            "encoding": {"x": x, "y": {**y, "field": "says_low"}, "y2": {"field": "says_high"}, "color": colour},
        },
        {
            "transform": [own],
            "mark": {"type": "line", "strokeWidth": 2},
            "encoding": {**path, "color": colour, "strokeDash": dash},
        },
        _arrows(x, y, colour, (low, high)),
        {
            "transform": [own],
            "mark": {"type": "point", "opacity": 1, "strokeWidth": 1.8},
            "encoding": {
                "x": x,
                "y": y,
                "shape": shape,
                "stroke": colour,
                "fill": {**colour, "condition": hollow},
                "size": {
                    "condition": [
                        {"test": "datum.end", "value": 95},
                        {"test": f"datum.recorded !== '{BOTH}'", "value": 14},
                    ],
                    "value": 42,
                },
            },
        },
        *(
            {
                "transform": [{"filter": f"datum.label !== '' && {where}"}],
                "mark": {"type": "text", "dx": 9, "dy": dy, "align": "left", "fontSize": 11, "color": WORDS[dark]},
                "encoding": {"x": x, "y": y, "text": {"field": "label"}},
            }
            for where, dy in ((f"datum.y > {UP}", -9), (f"datum.y <= {UP}", 10))
        ),
        {
            "mark": {"type": "point", "filled": True, "size": 260, "opacity": 0},
            "encoding": {"x": x, "y": y, "tooltip": tooltip},
        },
    ]
    return finished(layers, HEIGHT)


def _arrows(x: Spec, y: Spec, colour: Spec, domain: tuple[float, float]) -> Spec:
    """Heads half way to the next step; their angle is that on the screen, whatever its width is."""
    low, high = domain
    across = f"(datum.x_next - datum.x) * width / {high - low:.6f}"
    up = f"(datum.y_next - datum.y) * height / {BELIEF_DOMAIN[1] - BELIEF_DOMAIN[0]:.6f}"
    return {
        "transform": [
            {"filter": "datum.own && isValid(datum.x_next) && isValid(datum.y_next)"},
            {"calculate": across, "as": "across"},
            {"calculate": up, "as": "up"},
            {"filter": "datum.across * datum.across + datum.up * datum.up > 500"},
            {"calculate": "atan2(datum.across, datum.up) * 180 / PI", "as": "angle"},
            {"calculate": "(datum.x + datum.x_next) / 2", "as": "x_middle"},
            {"calculate": "(datum.y + datum.y_next) / 2", "as": "y_middle"},
        ],
        "mark": {"type": "point", "shape": "triangle", "filled": True, "size": 62, "opacity": 1},
        "encoding": {
            "x": {**x, "field": "x_middle"},
            "y": {**y, "field": "y_middle"},
            "angle": {"field": "angle", "type": "quantitative", "scale": {"domain": [-180, 180], "range": [-180, 180]}},
            "color": colour,
        },
    }


def _recorded(portrait: pd.DataFrame) -> np.ndarray:
    """What was recorded at the step of each row; the rest is interpolated."""
    inside, says = (portrait[name].notna().to_numpy() for name in ("n_inside", "n_says"))
    return np.select([inside & says, says], [BOTH, "belief alone"], "coordinate alone")


def _phase(step: int, boundary: int | None) -> str:
    if step == 0:
        return "untouched"
    return "training" if boundary is None else "phase 1" if step <= boundary else "phase 2"


def _domain(data: pd.DataFrame) -> tuple[float, float]:
    values = data[["x", "inside_low", "inside_high"]].to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    low, high = min([-0.2, *values]), max([1.2, *values])
    # An interval much wider than the paths would press them together: it is cut.
    x = data["x"].to_numpy(dtype=float)
    x = x[np.isfinite(x)]
    return max(low, min([-0.2, *x]) - 0.5), min(high, max([1.2, *x]) + 0.5)


def _labels(data: pd.DataFrame) -> list[str]:
    """Steps to write beside the points: the ends of phases first, then those that do not run into others."""
    low, high = _domain(data)
    x, y = (data[name].to_numpy(dtype=float) for name in ("x", "y"))
    place = np.column_stack([x / (high - low), y / np.ptp(BELIEF_DOMAIN)])
    labels, taken = [""] * len(data), []
    for row in np.argsort(~data["end"].to_numpy(dtype=bool), kind="stable"):
        beside = [other for other in taken if (y[other] > UP) == (y[row] > UP)]
        free = all(np.hypot(*(place[row] - place[other])) >= APART for other in beside)
        if data["own"].iloc[row] and np.isfinite(place[row]).all() and free:
            taken.append(row)
            labels[row] = f"{data['step'].iloc[row]:,}"
    return labels
