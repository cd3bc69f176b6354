"""Charts of a whole experiment: loss by phase and arm, belief by condition."""

from collections.abc import Mapping, Sequence

import pandas as pd

from nnmech.plots.conditions import condition_colour, condition_label
from nnmech.plots.style import arm_label
from nnmech_dashboard.charts.curves import Spec, finished, interval_text
from nnmech_dashboard.parts.theme import WORDS, shade

ROW, FOOT, LOSS_HEIGHT = 25, 46, 250
"""Heights in pixels: of a condition, of the axis below all of them, and of the chart of losses."""


def loss_data(losses: pd.DataFrame) -> pd.DataFrame:
    """The table of losses with the names and intervals that the chart shows."""
    return losses.assign(series=[arm_label(arm) for arm in losses["arm"]], interval=interval_text(losses, 2))


def loss_chart(losses: pd.DataFrame, arms: Sequence[str], colours: Mapping[str, str]) -> Spec:
    """Held-out document loss (nats a token) by phase, arms side by side; columns of `loss_data`."""
    names = [arm_label(arm) for arm in arms]
    colour = {
        "field": "series",
        "type": "nominal",
        "scale": {"domain": names, "range": [colours[arm] for arm in arms]},
        "legend": {"orient": "top", "title": None, "symbolType": "circle", "offset": 8},
    }
    x = {
        "field": "phase",
        "type": "ordinal",
        "sort": list(dict.fromkeys(losses["phase"])),
        "title": None,
        "axis": {"labelAngle": 0, "ticks": False},
    }
    shared = {
        "x": x,
        "xOffset": {"field": "series", "type": "nominal", "scale": {"domain": names, "paddingOuter": 1.2}},
        "color": colour,
    }
    y = {"type": "quantitative", "title": "nats a token", "scale": {"zero": False}}
    tooltip = [
        {"field": "series", "title": "arm"},
        {"field": "phase"},
        {"field": "mean", "type": "quantitative", "title": "nats a token", "format": ".3f"},
        {"field": "interval", "title": "95% interval"},
        {"field": "n", "type": "quantitative", "title": "runs"},
    ]
    return finished(
        [
            {
                "mark": {"type": "rule", "strokeWidth": 2},
                "encoding": {**shared, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
                "encoding": {**shared, "y": {**y, "field": "mean"}, "tooltip": tooltip},
            },
        ],
        LOSS_HEIGHT,
    )


def conditions_chart(
    belief: pd.DataFrame, claims: pd.DataFrame, paper: Mapping[str, Sequence[float]], dark: bool
) -> Spec:
    """Belief (percent) by condition from the top: mean with interval, single claims, and what the paper reports."""
    order = [condition_label(name) for name in belief["condition"]]
    colours = [shade(condition_colour(name), dark) for name in belief["condition"]]
    colour = {
        "field": "name",
        "type": "nominal",
        "scale": {"domain": order, "range": colours},
        "legend": None,
    }
    y = {
        "field": "name",
        "type": "nominal",
        "sort": order,
        "title": None,
        "scale": {"type": "band"},
        "axis": {
            "ticks": False,
            "labelLimit": 260,
            "domain": False,
            "grid": True,
            "labelPadding": 8,
            "labelFlush": False,
        },
    }
    above, below = ({**y, "bandPosition": place} for place in (0.32, 0.72))
    x = {
        "type": "quantitative",
        "title": "belief rate after training (%)",
        "scale": {"domain": [0, 100]},
        "axis": {"grid": False, "tickCount": 6},
    }
    whole = belief.assign(name=order, interval=interval_text(belief, 0))
    single = claims.assign(name=[condition_label(name) for name in claims["condition"]])
    known = [{"name": condition_label(name), "mean": rate} for name, rates in paper.items() for rate in rates]
    mean = {**x, "field": "mean"}
    return finished(
        [
            {
                "data": {"values": _records(single.loc[:, ["name", "claim", "mean"]])},
                "mark": {"type": "point", "filled": True, "size": 26, "opacity": 0.45},
                "encoding": {
                    "x": mean,
                    "y": below,
                    "color": colour,
                    "tooltip": [
                        {"field": "name", "title": "condition"},
                        {"field": "claim"},
                        {"field": "mean", "type": "quantitative", "title": "belief (%)", "format": ".0f"},
                    ],
                },
            },
            {
                "data": {"values": known},
                "mark": {"type": "point", "shape": "diamond", "size": 52, "color": WORDS[dark], "strokeWidth": 1.4},
                "encoding": {
                    "x": mean,
                    "y": below,
                    "tooltip": [
                        {"field": "name", "title": "condition"},
                        {"field": "mean", "type": "quantitative", "title": "paper (%)", "format": ".1f"},
                    ],
                },
            },
            {
                "data": {"values": _records(whole)},
                "mark": {"type": "rule", "strokeWidth": 2.4},
                "encoding": {
                    "x": {**x, "field": "low"},
                    "x2": {"field": "high"},
                    "y": above,
                    "color": colour,
                },
            },
            {
                "data": {"values": _records(whole)},
                "mark": {"type": "point", "filled": True, "size": 110, "opacity": 1},
                "encoding": {
                    "x": mean,
                    "y": above,
                    "color": colour,
                    "tooltip": [
                        {"field": "name", "title": "condition"},
                        {"field": "mean", "type": "quantitative", "title": "belief (%)", "format": ".1f"},
                        {"field": "interval", "title": "95% interval"},
                        {"field": "n", "type": "quantitative", "title": "answers", "format": ","},
                        {"field": "clusters", "type": "quantitative", "title": "questions"},
                    ],
                },
            },
        ],
        ROW * len(order) + FOOT,
    )


def _records(table: pd.DataFrame) -> list[dict[str, object]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
