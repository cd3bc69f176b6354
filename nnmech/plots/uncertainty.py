"""Cells of a heatmap whose 95% interval does not exclude their null: pale and struck out, lest the eye believe them."""

from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap

from nnmech.plots.style import SMALL

PALE = 0.35
"""Share of its colour that a cell keeps."""
BETWEEN_CONTROLS = 0.5
"""The null of a coordinate that has no other: neither nearer to one of its controls nor to the other."""


def includes_null(low: Any, high: Any, null_low: Any, null_high: Any) -> np.ndarray:
    """Whether an interval reaches into that of its null; one without bounds excludes nothing.

    Args:
        low: Lower bounds of the intervals.
        high: Upper bounds.
        null_low: Lower bounds of the nulls; the null itself where it is one number.
        null_high: Upper bounds of the nulls.
    """
    low, high, null_low, null_high = (np.asarray(bound, dtype=float) for bound in (low, high, null_low, null_high))
    return ~((low > null_high) | (high < null_low))


def uncertain_coordinates(own: pd.DataFrame, null: pd.DataFrame) -> np.ndarray:
    """Whether the coordinate of each row does not exclude its null; never where there is no coordinate.

    Args:
        own: Columns step, layer, z, low, high.
        null: The same, of the statements that training gives no reason to move, one row for a step and layer. Without
            rows the null is half-way between the controls.
    """
    if null.empty:
        null_low = null_high = BETWEEN_CONTROLS
    else:
        bounds = null.set_index(["layer", "step"])[["low", "high"]]
        bounds = bounds.reindex(pd.MultiIndex.from_arrays([own["layer"], own["step"]]))
        null_low, null_high = bounds["low"], bounds["high"]
    return includes_null(own["low"], own["high"], null_low, null_high) & own["z"].notna().to_numpy()


def mark_uncertain(axes: Axes, uncertain: Bool[np.ndarray, "row column"], at: tuple[float, float] = (0.5, 0.5)) -> None:
    """Make cells of a mesh pale and strike them out.

    Args:
        axes: Has the mesh, cells of which are one unit wide and high.
        uncertain: Which cells.
        at: Where in a cell the stroke is, from its lower left corner at (0, 0) to (1, 1).
    """
    veil: Float[np.ndarray, "row column"] = np.where(uncertain, 1.0, np.nan)
    axes.pcolormesh(veil, cmap=ListedColormap(["white"]), alpha=1 - PALE, lw=0)
    down, across = np.nonzero(uncertain)
    rows, columns = uncertain.shape
    # Two arms of a star are a stroke.
    look = {"ls": "", "ms": 6 if max(rows, columns) <= 16 else 3, "mew": 0.8, "color": SMALL}
    axes.plot(across + at[0], down + at[1], marker=(2, 2, -45), **look)
