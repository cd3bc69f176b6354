"""Which readings follow plain documents on fresh facts, and which cannot tell."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from nnmech.plots.axes import header, note
from nnmech.plots.style import BELIEF, NULL, SMALL, styled
from nnmech.plots.tables import check_table, levels_of

_OUTPUT = -1
_CANNOT_TELL = "cannot tell"


def control(outcome: pd.DataFrame, *, least: float = 0.2, title: str | None = None) -> Figure:
    """How far every reading moved under plain documents, a panel a group of people; those that did not, in grey.

    Takes the table of `nnmech.drift.control.control_outcome`; of the readings by layer every layer is a row.
    """
    check_table(outcome, ("reading", "layer", "group", "moved", "low", "high", "n", "passes"))
    groups = levels_of(outcome, "group")
    names = list(dict.fromkeys(_name(row) for _, row in outcome.iterrows()))
    with styled(1.6 + 0.24 * len(names)) as figure:
        panels = np.atleast_1d(figure.subplots(1, len(groups), sharey=True))
        for axes, group in zip(panels, groups, strict=True):
            axes.axvline(least, color=SMALL, lw=0.8, ls=(0, (1, 2)))
            axes.axvline(0, color=SMALL, lw=0.8)
            for _, row in outcome.loc[(outcome["group"] == group).to_numpy(dtype=bool)].iterrows():
                place = names.index(_name(row))
                if not row["passes"]:
                    axes.text(1.25, place, _CANNOT_TELL, va="center", ha="right", color=SMALL, fontsize=7)
                if pd.isna(row["moved"]):
                    continue
                colour = BELIEF if row["passes"] else NULL
                axes.plot([row["low"], row["high"]], [place, place], color=colour, lw=1.4)
                axes.plot(row["moved"], place, marker="o", ms=4, color=colour)
            axes.set_title(f"people with {group}" if group == "chats" else f"people in {group}", fontsize=9)
            axes.set_xlim(-0.3, 1.3)
            axes.set_xlabel("moved (0 to 1)")
        panels[0].set_yticks(range(len(names)), names)
        panels[0].invert_yaxis()
        header(figure, title or "Positive control: which readings follow plain documents?", list(panels))
        counts = f"{int(outcome['n'].to_numpy().min())} people a group"
        note(
            figure,
            f"Change of the new value minus that of matched false ones; 0 and 1 are false and held values of control "
            f"people. {counts}, 95% intervals over people; a reading moves where its interval lies above {least:g}.",
        )
    return figure


def _name(row: pd.Series) -> str:
    return str(row["reading"]) if str(row["layer"]) == str(_OUTPUT) else f"{row['reading']}, layer {row['layer']}"
