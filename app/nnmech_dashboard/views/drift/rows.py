"""What of a run the page Drift shows: its statements by role at a place, and the Python that gives the same."""

from collections.abc import Sequence

import pandas as pd

from nnmech_dashboard.charts.curves import StepAxis
from nnmech_dashboard.state.background import table
from nnmech_dashboard.state.listing import stamp
from nnmech_dashboard.state.selection import Selection
from nnmech_dashboard.state.tables import RECORDED_FILES, coordinates

NEGATION, UNRELATED = "claim_negation", "unrelated_claim"
FUNCTIONS = {"truth": "claim_coordinate", "polarity": "polarity_coordinate"}
WAITING = "Placing the statements between their controls at every layer and step"


def axis_of(selection: Selection) -> StepAxis:
    return StepAxis(((selection.boundary, selection.last),))


def of_claim(found: pd.DataFrame, claim: str | None, roles: Sequence[str]) -> pd.DataFrame:
    """The rows of a table of coordinates that are of `roles` and about the claim, or unrelated ones about any.

    Negations are negated statements, all others affirmative ones.
    """
    about = found["claim"].isna() if claim is None else (found["claim"] == claim) | (found["role"] == UNRELATED)
    rows = found.loc[(about & found["role"].isin(roles)).to_numpy(dtype=bool)]
    return rows.loc[((rows["polarity"] == 1) == (rows["role"] != NEGATION)).to_numpy(dtype=bool)]


def table_lines(selection: Selection, probe: str, roles: Sequence[str], *, layer: int | None = None) -> list[str]:
    """Python that makes what `of_claim` gives, of one layer where it is named."""
    layers = "" if layer is None else f"layers=[{layer}], "
    about = 'table["claim"].isna()' if selection.claim is None else f'(table["claim"] == {selection.claim!r})'
    if UNRELATED in roles and selection.claim is not None:
        about = f'({about} | (table["role"] == {UNRELATED!r}))'
    return [
        f"table = {FUNCTIONS[probe]}(run, {layers}positions=[{selection.position!r}], reference_step=run.steps[0])",
        f'table = table[{about} & table["role"].isin({list(roles)!r})]',
        f'table = table[(table["polarity"] == 1) == (table["role"] != {NEGATION!r})]',
    ]


def placed(selection: Selection, probe: str) -> pd.DataFrame | None:
    """The coordinates of all statements at the chosen position; None while they are being made."""
    return table(coordinates, selection.path, probe, selection.position, stamp([selection.path], RECORDED_FILES))
