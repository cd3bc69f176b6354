"""Altair charts of the dashboard, in the colours and on the axis of the figures, for a light and a dark page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from matplotlib.colors import to_hex, to_rgb
from run_tables import CLAIM, NO_ARM, NULL_FACTS

from nnmech.plots.axes import step_scale, step_ticks
from nnmech.plots.style import BELIEF, NULL, POLARITY, TRUTH, arm_colour, arm_label

PROBE_COLOURS = {"truth": TRUTH, "polarity": POLARITY}
PROBE_ENDS = {"truth": ("false", "true"), "polarity": ("negated", "affirmative")}
"""What the controls are that lie at 0 and at 1."""
ROLE_LABELS = {
    "claim": "the claim",
    "claim_negation": "its negation",
    "alternative": "the true alternative",
    "matched_false": NULL_FACTS,
}
DASHES = {"claim": [1, 0], "claim_negation": [2, 3], "alternative": [8, 3, 2, 3], "matched_false": [5, 3]}
OTHER_DASH = [10, 4]
MIN_LUMINANCE = 0.16
"""Of a line on the dark page: a contrast of at least 3 to 1, as WCAG asks of graphics."""
NEARLY_BLACK = 0.2
PAPER = "#E7E5E0"
"""What black lines become on the dark page; the grey between is that of the null."""
WORDS = {False: "#666666", True: "#A8A8A8"}
"""Small words within a chart, on the light and on the dark page: a contrast of at least 4.5 to 1."""
HEIGHT = 320


@dataclass(frozen=True)
class StepAxis:
    """The axis of training steps: each phase one unit long, logarithmic within, as in the figures.

    Arms may differ in the length of their phases; then the ticks name the ends of the phases in place of steps.
    """

    spans: tuple[tuple[int | None, int], ...]
    """Last step of phase 1 (None for a single phase) and last step of all, for each arm."""

    @property
    def phases(self) -> int:
        return 2 if any(boundary is not None for boundary, _ in self.spans) else 1

    def place(self, steps: Any, boundary: int | None, last: int) -> np.ndarray:
        """Where steps of a run with these ends lie."""
        return step_scale(max(last, 1), boundary)(steps)

    def encoding(self) -> alt.X:
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
        axis = alt.Axis(values=ticks, labelExpr=f"{cases}''", grid=False, labelFlush=True, labelBound=False)
        title = f"training step, logarithmic{' within each phase' if self.phases == 2 else ''}" if shared else None
        return alt.X("x:Q", scale=alt.Scale(domain=[0, self.phases], nice=False), axis=axis, title=title)


def shade(colour: str, dark: bool) -> str:
    """A colour of the figures as the page shows it: on the dark page lightened until it can be seen."""
    rgb = np.array(to_rgb(colour))
    if dark and rgb.max() < NEARLY_BLACK:
        return PAPER
    while dark and _luminance(rgb) < MIN_LUMINANCE:
        rgb = rgb + (1 - rgb) * 0.1
    red, green, blue = rgb.tolist()
    return to_hex((red, green, blue))


def arm_shades(arms: Sequence[str], dark: bool) -> dict[str, str]:
    """The colour of each arm; a run without arms has that of belief."""
    return {arm: shade(BELIEF if arm == NO_ARM else arm_colour(arm, arms), dark) for arm in arms}


def role_label(role: str) -> str:
    """What a legend calls the statements of a role."""
    return ROLE_LABELS.get(role, role.replace("_", " "))


def belief_chart(rates: pd.DataFrame, axis: StepAxis, arms: Sequence[str], dark: bool) -> alt.LayerChart:
    """Belief rate over steps by arm with bands, matched false facts dashed; columns of `belief_by_step` and x."""
    shades = arm_shades(arms, dark)
    data = rates.assign(arm_name=[arm_label(arm) for arm in rates["arm"]], interval=_interval_text(rates, 0))
    named = arms != [NO_ARM]
    colour = alt.Color(
        "arm_name:N",
        scale=alt.Scale(domain=[arm_label(arm) for arm in arms], range=[shades[arm] for arm in arms]),
        legend=_legend("square") if named else None,
    )
    dash = alt.StrokeDash(
        "about:N", scale=alt.Scale(domain=[CLAIM, NULL_FACTS], range=[[1, 0], [4, 3]]), legend=_legend("stroke")
    )
    y = alt.Y("mean:Q", scale=alt.Scale(domain=[0, 100]), title="belief rate (%)")
    base = alt.Chart(_records(data)).encode(x=axis.encoding(), color=colour, detail="about:N")
    is_claim = alt.datum.about == CLAIM
    tooltip = [
        alt.Tooltip("arm_name:N", title="arm"),
        alt.Tooltip("about:N", title="asked about"),
        alt.Tooltip("step:Q", title="step", format=","),
        alt.Tooltip("mean:Q", title="belief (%)", format=".1f"),
        alt.Tooltip("interval:N", title="95% interval"),
        alt.Tooltip("n:Q", title="answers", format=","),
        alt.Tooltip("clusters:Q", title="questions", format=","),
    ]
    band = base.transform_filter(is_claim).mark_area(opacity=0.14).encode(y=alt.Y("low:Q"), y2="high:Q")
    line = base.mark_line(strokeWidth=2).encode(y=y, strokeDash=dash, opacity=_null_fades())
    dots = base.transform_filter(is_claim).mark_point(filled=True, size=42, opacity=1).encode(y=y)
    return _finished([*_boundary(axis, dark), band, line, dots, _hover(base, y, tooltip)], HEIGHT)


def loss_chart(losses: pd.DataFrame, axis: StepAxis, arms: Sequence[str], dark: bool) -> alt.LayerChart:
    """Loss (nats a token) over steps, a line a run, coloured by arm; columns x, step, loss, run, arm."""
    shades = arm_shades(arms, dark)
    data = losses.assign(arm_name=[arm_label(arm) for arm in losses["arm"]])
    colour = alt.Color(
        "arm_name:N",
        scale=alt.Scale(domain=[arm_label(arm) for arm in arms], range=[shades[arm] for arm in arms]),
        legend=_legend("square") if arms != [NO_ARM] else None,
    )
    y = alt.Y("loss:Q", title="nats a token", scale=alt.Scale(zero=False))
    base = alt.Chart(_records(data)).encode(x=axis.encoding(), color=colour, detail="run:N")
    tooltip = [
        alt.Tooltip("run:N", title="run"),
        alt.Tooltip("step:Q", format=","),
        alt.Tooltip("loss:Q", title="loss", format=".3f"),
    ]
    line = base.mark_line(strokeWidth=1.4, opacity=0.75).encode(y=y)
    dots = base.mark_point(filled=True, size=20, opacity=0.9).encode(y=y)
    return _finished([*_boundary(axis, dark), line, dots, _hover(base, y, tooltip)], 230)


def source_loss_chart(losses: pd.DataFrame, axis: StepAxis, dark: bool) -> alt.LayerChart:
    """Logged losses over the steps of one run, a line a source; columns x, step, nats, source."""
    y = alt.Y("nats:Q", title="nats a token", scale=alt.Scale(zero=False))
    base = alt.Chart(_records(losses)).encode(x=axis.encoding(), color=alt.Color("source:N", legend=_legend("stroke")))
    tooltip = ["source:N", alt.Tooltip("step:Q", format=","), alt.Tooltip("nats:Q", format=".3f")]
    line = base.mark_line(strokeWidth=1.5).encode(y=y)
    return _finished([*_boundary(axis, dark), line, _hover(base, y, tooltip)], 230)


def coordinate_chart(table: pd.DataFrame, axis: StepAxis, probe: str, dark: bool) -> alt.LayerChart:
    """Coordinate of groups of statements over steps, 0 and 1 marked; columns of `claim_coordinate` and x."""
    roles = list(dict.fromkeys(table["role"]))
    labels = {role: role_label(role) for role in roles}
    data = table.assign(
        group=[labels[role] for role in table["role"]],
        line=table["role"] + table["claim"].astype(str) + table["polarity"].astype(str),
        interval=_interval_text(table, 2),
    )
    main, grey = shade(PROBE_COLOURS[probe], dark), shade(NULL, dark)
    domain = [labels[role] for role in roles]
    colour = alt.Color(
        "group:N",
        scale=alt.Scale(domain=domain, range=[grey if role == "matched_false" else main for role in roles]),
        legend=_legend("stroke"),
    )
    dashes = alt.Scale(domain=domain, range=[DASHES.get(role, OTHER_DASH) for role in roles])
    low = float(np.nanmin([*table["low"], *table["z"], -0.15]))
    high = float(np.nanmax([*table["high"], *table["z"], 1.15]))
    zero, one = PROBE_ENDS[probe]
    named = f"datum.value == 0 ? '{zero} 0' : datum.value == 1 ? '{one} 1' : format(datum.value, '.1f')"
    ticks = alt.Axis(values=np.arange(np.ceil(low * 2) / 2, high, 0.5).tolist(), labelExpr=named)
    scale = alt.Scale(domain=[low, high], nice=False)
    y = alt.Y("z:Q", title=f"{probe} coordinate", scale=scale, axis=ticks)
    base = alt.Chart(_records(data)).encode(x=axis.encoding(), color=colour, detail="line:N")
    tooltip = [
        alt.Tooltip("group:N", title="statements"),
        alt.Tooltip("step:Q", title="step", format=","),
        alt.Tooltip("z:Q", title="coordinate", format=".2f"),
        alt.Tooltip("interval:N", title="95% interval"),
        alt.Tooltip("n:Q", title="statements"),
    ]
    rule = alt.Chart(pd.DataFrame({"y": [0.0, 1.0]})).mark_rule(strokeDash=[1, 3], color=WORDS[dark]).encode(y="y:Q")
    band = base.mark_area(opacity=0.12).encode(y=alt.Y("low:Q"), y2="high:Q")
    dash = alt.StrokeDash("group:N", scale=dashes, legend=_legend("stroke"))
    line = base.mark_line(strokeWidth=2).encode(y=y, strokeDash=dash)
    dots = base.transform_filter(alt.datum.role == "claim").mark_point(filled=True, size=42, opacity=1).encode(y=y)
    return _finished([rule, *_boundary(axis, dark), band, line, dots, _hover(base, y, tooltip)], HEIGHT)


def _records(table: pd.DataFrame) -> pd.DataFrame:
    return table.replace([np.inf, -np.inf], np.nan)


def _interval_text(table: pd.DataFrame, digits: int) -> list[str]:
    pairs = zip(table["low"], table["high"], strict=True)
    return ["none" if np.isnan(low) else f"{low:.{digits}f} to {high:.{digits}f}" for low, high in pairs]


def _legend(symbol: Any) -> alt.Legend:
    return alt.Legend(
        orient="top", title=None, symbolType=symbol, symbolOpacity=1, symbolStrokeWidth=2, labelLimit=400, offset=14
    )


def _null_fades() -> Any:
    return alt.condition(alt.datum.about == CLAIM, alt.value(1.0), alt.value(0.65))


def _hover(base: alt.Chart, y: alt.Y, tooltip: list[Any]) -> alt.Chart:
    return base.mark_point(filled=True, size=260, opacity=0).encode(y=y, tooltip=tooltip)


def _boundary(axis: StepAxis, dark: bool) -> list[alt.Chart]:
    """A rule where phase 1 ends, with the name of the phase on either side."""
    if axis.phases == 1:
        return []
    edge = alt.Chart(pd.DataFrame({"x": [1.0]}))
    rule = edge.mark_rule(color=NULL, strokeDash=[4, 3]).encode(x="x:Q")
    sides: list[dict[str, Any]] = [
        {"text": "◂ phase 1", "align": "right", "dx": -6},
        {"text": "phase 2 ▸", "align": "left", "dx": 6},
    ]
    look: dict[str, Any] = {"fontSize": 11, "color": WORDS[dark], "baseline": "bottom", "dy": -4}
    return [rule, *(edge.mark_text(**look, **side).encode(x="x:Q", y=alt.value(0)) for side in sides)]


def _finished(layers: Sequence[alt.Chart], height: int) -> alt.LayerChart:
    chart = alt.LayerChart(layer=list(layers), height=height)
    return chart.configure_view(strokeWidth=0).configure_axis(labelOverlap="greedy")


def _luminance(rgb: np.ndarray) -> float:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ np.array([0.2126, 0.7152, 0.0722]))
