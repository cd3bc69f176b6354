"""How far a value has become what is recalled, over training steps."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from nnmech.claims import MATCHED_FALSE
from nnmech.errors import InputError
from nnmech.plots.axes import band, header, mark_steps, note, step_label
from nnmech.plots.style import BELIEF, INK, NULL, NULL_DASHES, SMALL, TRUTH, role_label, styled
from nnmech.plots.tables import check_table

LOOKS = {
    "claim": {"colour": BELIEF, "marker": "o"},
    "alternative": {"colour": TRUTH, "marker": "s"},
    MATCHED_FALSE: {"colour": NULL, "ls": NULL_DASHES[0]},
}


def recall(
    table: pd.DataFrame,
    *,
    reading: str = "recall",
    layer: int = -1,
    cannot_tell: Sequence[str] = (),
    boundary: int | None = None,
    phases: tuple[str, str] = ("phase 1", "phase 2"),
    title: str | None = None,
) -> Figure:
    """A reading of the claim, of what was true and of matched false values over training steps.

    Takes the table of `nnmech.drift.recall_over_steps`. `cannot_tell` names readings that failed the positive control:
    one of them is drawn in grey and says so. Raises InputError for missing columns, or where nothing was read.
    """
    check_table(table, ("step", "reading", "layer", "kind", "value", "low", "high", "n"))
    own = table.loc[((table["reading"] == reading) & (table["layer"] == layer)).to_numpy(dtype=bool)]
    own = own.loc[own["value"].notna().to_numpy()]
    if not len(own):
        raise InputError(f"reading {reading!r}, layer {layer}: no rows with a value; choose one that the table has")
    failed = reading in cannot_tell
    with styled(3.8) as figure:
        axes = figure.subplots()
        along = mark_steps([axes], sorted(set(own["step"])), boundary, phases)
        for end in (0, 1):
            axes.axhline(end, color=SMALL, lw=0.8, ls=(0, (1, 2)))
        for kind, look in LOOKS.items():
            rows = own.loc[(own["kind"] == kind).to_numpy(dtype=bool)].sort_values(by="step")
            if len(rows):
                style = dict(look)
                colour = NULL if failed else style.pop("colour")
                style.pop("colour", None)
                band(axes, along(rows["step"]), rows, colour, "value", label=role_label(kind), **style)
        if failed:
            axes.text(0.5, 0.5, "cannot tell", transform=axes.transAxes, ha="center", color=INK)
        axes.set_ylabel("0: false values, 1: held ones")
        axes.set_xlabel(step_label(boundary))
        where = "" if layer == -1 else f", layer {layer}"
        header(figure, title or f"What is read inside: {reading.replace('_', ' ')}{where}", [axes])
        note(figure, "0 and 1 are false and held values of control people in the untouched model. 95% intervals.")
    return figure
