"""Colours and words of the charts, for a light and a dark page: those of the figures, as each page can show them."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from matplotlib.colors import to_hex, to_rgb

from nnmech.plots.style import BELIEF, LOW_COLOURS, NULL, PROBE_COLOURS, arm_colour

MIN_LUMINANCE = 0.16
"""Of a line on the dark page: a contrast of at least 3 to 1, as WCAG asks of graphics."""
NEARLY_BLACK = 0.2
PAPER = "#E7E5E0"
"""What black lines become on the dark page; the grey between is that of the null."""
WORDS = {False: "#666666", True: "#A8A8A8"}
"""Small words within a chart, on the light and on the dark page: a contrast of at least 4.5 to 1."""
INK = {False: "#16181C", True: "#F5F3EE"}
PAPERS = {False: "#FDFCFA", True: "#14171B"}
"""What a chart is drawn on: the background of the page."""
BETWEEN = {False: "#FFFFFF", True: "#23272E"}
"""Half way between the two ends of a coordinate, on the light and on the dark page."""
WARNING = {False: "#C98A00", True: "#E0B040"}
"""Beside what the reader should not believe."""
MISSING = {False: "#C4C4C4", True: "#5A5F66"}
"""Of a cell without a value."""


def is_dark() -> bool:
    """Whether the reader's page is dark."""
    return st.context.theme.type == "dark"


def shade(colour: str, dark: bool) -> str:
    """A colour of the figures as the page shows it: on the dark page lightened until it can be seen."""
    rgb = np.array(to_rgb(colour))
    if dark and rgb.max() < NEARLY_BLACK:
        return PAPER
    while dark and _luminance(rgb) < MIN_LUMINANCE:
        rgb = rgb + (1 - rgb) * 0.1
    red, green, blue = rgb.tolist()
    return to_hex((red, green, blue))


def belief_colour(dark: bool) -> str:
    return shade(BELIEF, dark)


def null_colour(dark: bool) -> str:
    return shade(NULL, dark)


def probe_colour(probe: str, dark: bool) -> str:
    return shade(PROBE_COLOURS[probe], dark)


def coordinate_colours(probe: str, dark: bool) -> list[str]:
    """The two ends of a probe's coordinate as shades, and what is between them: no colour."""
    return [shade(LOW_COLOURS[probe], dark), BETWEEN[dark], shade(PROBE_COLOURS[probe], dark)]


def amount_colours(probe: str, dark: bool) -> list[str]:
    """From nothing to much of what a probe reads."""
    return [BETWEEN[dark], shade(PROBE_COLOURS[probe], dark)]


def arm_shades(arms: Sequence[str], dark: bool) -> dict[str, str]:
    """The colour of each arm or condition."""
    return {arm: shade(arm_colour(arm, arms), dark) for arm in arms}


def _luminance(rgb: np.ndarray) -> float:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ np.array([0.2126, 0.7152, 0.0722]))
