"""What the panels of the page Drift share: their axis, and the statements of a run placed between their controls."""

import pandas as pd

from nnmech.plots.recipes import Call
from nnmech_dashboard.charts.curves import StepAxis
from nnmech_dashboard.parts.width import width
from nnmech_dashboard.state.background import made
from nnmech_dashboard.state.calls import RECORDED_FILES
from nnmech_dashboard.state.selection import Selection

WAITING = "Placing the statements between their controls at every layer and step"


def axis_of(selection: Selection) -> StepAxis:
    return StepAxis(((selection.boundary, selection.last),), width())


def placed(coordinates: Call) -> pd.DataFrame | None:
    """The coordinates of all statements at the chosen position; None while they are being made."""
    return made(coordinates, RECORDED_FILES)
