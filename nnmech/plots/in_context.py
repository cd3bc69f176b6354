"""What is believed of documents that stand in the context window."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from nnmech.plots.axes import note
from nnmech.plots.conditions import condition_colour, condition_label
from nnmech.plots.style import MARKERS, styled
from nnmech.plots.tables import check_table, count_text, levels_of, rows_where


def belief_in_context(belief: pd.DataFrame) -> Figure:
    """Belief rate (percent) by number of documents in the context, a line a condition.

    Columns condition, documents, mean, low, high, n, clusters. No documents are the null: what the untouched model
    says. Raises InputError for missing columns or two rows for one point.
    """
    check_table(
        belief, ("condition", "documents", "mean", "low", "high", "n", "clusters"), unique=("condition", "documents")
    )
    conditions = levels_of(belief, "condition")
    counts = sorted(int(count) for count in belief["documents"].unique())
    with styled(1.9 + 0.27 * len(conditions)) as figure:
        axes = figure.subplots()
        for number, name in enumerate(conditions):
            rows = rows_where(belief, condition=name).sort_values(by="documents")
            x = np.array([counts.index(count) for count in rows["documents"]])
            x = x + 0.5 * ((number + 0.5) / len(conditions) - 0.5)
            colour, marker = condition_colour(name), MARKERS[number % len(MARKERS)]
            axes.plot(x, rows["mean"], marker=marker, ms=5.5, lw=1, color=colour, label=condition_label(name))
            axes.vlines(x, rows["low"], rows["high"], color=colour, lw=1.4, alpha=0.7)
        axes.set_xticks(range(len(counts)), [str(count) for count in counts])
        axes.set_ylim(-3, 103)
        axes.set_xlabel("documents before the question (0: the untouched model)")
        axes.set_ylabel("belief rate (%)")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside right center")
        note(figure, f"{count_text(belief)} a point. Lines: 95% over claims.")
    return figure
