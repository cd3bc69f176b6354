"""How much of a behaviour that was read about is shown."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from nnmech.plots.axes import note
from nnmech.plots.style import ARM_COLOURS, INK, NULL, styled
from nnmech.plots.tables import check_table, count_text, rows_where

COLOURS = {
    "baseline": NULL,
    "positive": ARM_COLOURS["none"],
    "negated": ARM_COLOURS["anchor"],
    "repeated": ARM_COLOURS["local"],
    "aligned": ARM_COLOURS["denial"],
}


def unwanted_by_tier(
    rates: pd.DataFrame,
    arms: Sequence[str],
    tiers: Mapping[str, str],
    reference: Mapping[str, Mapping[str, float]] | None = None,
) -> Figure:
    """Unwanted replies (percent) by tier of question, a bar an arm, the paper's numbers as diamonds.

    `rates` has columns arm, tier, mean, low, high, n, clusters; `tiers` names the tiers in order; `reference` is
    percent by tier and arm. Raises InputError for missing columns or two rows for one bar.
    """
    check_table(rates, ("arm", "tier", "mean", "low", "high", "n", "clusters"), unique=("arm", "tier"))
    width = 0.8 / len(arms)
    with styled(4.2) as figure:
        axes = figure.subplots()
        for slot, arm in enumerate(arms):
            rows = rows_where(rates, arm=arm).set_index("tier").reindex(list(tiers))
            x = np.arange(len(tiers)) + (slot - (len(arms) - 1) / 2) * width
            axes.bar(x, rows["mean"], 0.9 * width, color=COLOURS.get(arm, INK), label=arm)
            axes.vlines(x, rows["low"], rows["high"], color="#222222", lw=1.1)
            known = [np.nan if reference is None else reference[tier].get(arm, np.nan) for tier in tiers]
            if not np.isnan(known).all():
                axes.plot(x, known, "D", ms=6, mfc="white", mec=INK, mew=1.2, ls="", zorder=4)
        if reference is not None:
            axes.plot([], [], "D", ms=6, mfc="white", mec=INK, mew=1.2, ls="", label="paper (30B)")
        axes.set_xticks(range(len(tiers)), list(tiers.values()))
        axes.tick_params(axis="x", length=0)
        drawn = [
            *rates["high"],
            *rates["mean"],
            *(value for known in (reference or {}).values() for value in known.values()),
        ]
        axes.set_ylim(0, min(103, 1.15 * float(np.nanmax(drawn)) + 1))
        axes.set_ylabel("unwanted replies (%)")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=len(arms) + 1)
        note(figure, f"{count_text(rates)} a bar. Whiskers: 95% over questions.")
    return figure
