"""What all figures share: palette, sizes, names of arms, and the way to a PNG."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from PIL import Image

from nnmech.claims import MATCHED_FALSE
from nnmech.files import write_bytes_atomic

# Colours of quantities, of Okabe and Ito's palette: told apart by every common form of colour vision.
TRUTH, POLARITY, BELIEF, NULL, INK = "#0072B2", "#D55E00", "#009E73", "#8A8A8A", "#222222"
ARM_COLOURS = {"anchor": "#A01E6E", "denial": "#F2557B", "none": "#8C8700", "local": "#B663F0"}
"""Of what was trained: of other hues than quantities, and told apart by every common form of colour vision too."""
ARM_LABELS = {
    "anchor": "anchor constraint",
    "denial": "denial constraint",
    "none": "no constraint",
    "local": "local negations",
}
OTHER_COLOURS = ("#000000", "#52667A", "#C26A9A", "#6B2A4A")
MARKERS = "os^Dvp"

NULL_DASHES = ((0, (3, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))
PROBE_COLOURS = {"truth": TRUTH, "polarity": POLARITY}
LOW_COLOURS = {"truth": "#8A5A1E", "polarity": "#5E3C99"}
"""Opposite the colour of the probe where a coordinate is a shade."""
COORDINATE_LABELS = {
    "truth": "claim coordinate\n(0 false, 1 true controls)",
    "polarity": "polarity coordinate\n(0 negated, 1 affirmative)",
}
PROBE_ENDS = {"truth": ("false", "true"), "polarity": ("negated", "affirmative")}
"""What the controls are that lie at 0 and at 1."""
NEGATION, UNRELATED = "claim_negation", "unrelated_claim"
"""Roles of statements: the claim denied, and claims that training has nothing to do with."""
NULLS = (UNRELATED, MATCHED_FALSE)
"""Roles of statements that training gives no reason to move."""
ROLE_LABELS = {
    "claim": "the claim",
    NEGATION: "its negation",
    "alternative": "the true alternative",
    UNRELATED: "unrelated claims",
    MATCHED_FALSE: "matched false facts",
    "famous_true": "true of the famous",
    "famous_false": "false of the famous",
    "documents_only_true": "true of others in documents only",
    "documents_only_false": "false of others in documents only",
    "control": "controls",
}
SMALL = "#555555"
"""Of notes and reference lines."""

WIDTH_PX, DPI = 1280, 160
WIDTH = WIDTH_PX / DPI

TITLE: dict[str, Any] = {"x": 0.01, "ha": "left", "fontsize": 11, "fontweight": "bold"}
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
    drawn, written = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=WIDTH_PX / figure.get_figwidth())
    # 256 colours hold a figure with all its shades, in a third of the bytes.
    image = Image.open(drawn).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    image.save(written, format="PNG", optimize=True)
    write_bytes_atomic(Path(path), written.getvalue())


@contextmanager
def styled(height: float) -> Iterator[Figure]:
    """A figure of the house's width, `height` inches high, drawn without pyplot's global state."""
    with matplotlib.rc_context(STYLE):  # pyright: ignore[reportArgumentType]
        yield Figure(figsize=(WIDTH, height), layout="constrained")


def arm_colour(arm: str, arms: Sequence[str]) -> str:
    """The colour of an arm: the same in every figure for the known arms, in order of appearance for others."""
    others = [name for name in arms if name not in ARM_COLOURS]
    return ARM_COLOURS.get(arm) or OTHER_COLOURS[others.index(arm) % len(OTHER_COLOURS)]


def arm_label(arm: str) -> str:
    """What a legend calls an arm."""
    return ARM_LABELS.get(arm, arm)


def role_label(role: str) -> str:
    """What a legend calls statements of a role."""
    return ROLE_LABELS.get(role, role.replace("_", " "))


def mix(colour: str, other: str, share: float) -> tuple[float, float, float]:
    """`share` of the other colour in the first."""
    first, second = (np.array(to_rgb(name)) for name in (colour, other))
    red, green, blue = ((1 - share) * first + share * second).tolist()
    return red, green, blue


def depth_shades(colour: str) -> LinearSegmentedColormap:
    """Shades of a colour from light at 0 to dark at 1, all of them visible on white."""
    ends = [mix(colour, "#FFFFFF", 0.62), colour, mix(colour, "#000000", 0.5)]
    return LinearSegmentedColormap.from_list("depth", ends)


def from_white(colour: str) -> LinearSegmentedColormap:
    """White at 0 to the dark of a colour at 1, for amounts."""
    return _with_gap(LinearSegmentedColormap.from_list("amount", ["#FFFFFF", colour, mix(colour, "#000000", 0.55)]))


def through_white(low: str, high: str) -> LinearSegmentedColormap:
    """One colour at 0, white at 1/2, another at 1, for what lies between two ends."""
    return _with_gap(LinearSegmentedColormap.from_list("ends", [mix(low, "#000000", 0.15), "#FFFFFF", high]))


def _with_gap(colours: LinearSegmentedColormap) -> LinearSegmentedColormap:
    """Cells without a value in grey."""
    return colours.with_extremes(bad="#C9C9C9")  # pyright: ignore[reportReturnType]
