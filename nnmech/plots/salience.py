"""Belief beside salience: what is chosen as right, as wrong, and called a lie."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from nnmech.plots.axes import note
from nnmech.plots.conditions import condition_label
from nnmech.plots.style import ARM_COLOURS, BELIEF, NULL, POLARITY, TRUTH, styled
from nnmech.plots.tables import check_table, count_text, rows_where


def salience(rates: pd.DataFrame, conditions: Sequence[str], readings: Mapping[str, str]) -> Figure:
    """Percent of answers by condition, a bar a reading, matched false facts among them.

    `rates` has columns condition, reading, mean, low, high, n, clusters; `readings` names what is drawn, in order.
    Raises InputError for missing columns or two rows for one bar.
    """
    check_table(
        rates, ("condition", "reading", "mean", "low", "high", "n", "clusters"), unique=("condition", "reading")
    )
    colours = dict(zip(readings, (BELIEF, NULL, TRUTH, POLARITY, ARM_COLOURS["local"]), strict=True))
    width = 0.8 / len(readings)
    with styled(4.4) as figure:
        axes = figure.subplots()
        for slot, (reading, label) in enumerate(readings.items()):
            rows = rows_where(rates, reading=reading).set_index("condition").reindex(conditions)
            x = np.arange(len(conditions)) + (slot - (len(readings) - 1) / 2) * width
            axes.bar(x, rows["mean"], 0.9 * width, color=colours[reading], label=label)
            axes.vlines(x, rows["low"], rows["high"], color="#222222", lw=1.1)
        axes.set_xticks(range(len(conditions)), [condition_label(name).replace(" ", "\n") for name in conditions])
        axes.tick_params(axis="x", length=0)
        axes.set_ylim(0, 103)
        axes.set_ylabel("answers (%)")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=3)
        note(
            figure,
            f"{count_text(rates)} a bar. Whiskers: 95% over claims. All but the grey bars count the claim.",
        )
    return figure
