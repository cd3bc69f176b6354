"""What is believed under each condition, by kind of question and on the way, and where the claim lies inside."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnmech.claims import MATCHED_FALSE
from nnmech.plots.axes import band, header, mark_steps, note, outer_labels, panel_grid
from nnmech.plots.style import (
    ARM_COLOURS,
    INK,
    NULL,
    SMALL,
    TRUTH,
    UNRELATED,
    role_label,
    styled,
)
from nnmech.plots.tables import check_table, count_text, levels_of, require_rows, rows_where, span

RATE = ("mean", "low", "high", "n", "clusters")
FAMILIES = {
    "baseline": NULL,
    "neutral": NULL,
    "positive": ARM_COLOURS["none"],
    "negated": ARM_COLOURS["anchor"],
    "repeated": ARM_COLOURS["anchor"],
    "corrected": ARM_COLOURS["anchor"],
    "fiction": ARM_COLOURS["denial"],
    "unreliable": ARM_COLOURS["denial"],
    "epistemic": ARM_COLOURS["denial"],
    "low": ARM_COLOURS["denial"],
    "local": ARM_COLOURS["local"],
}
"""Colour by the first word of a condition's name; ink for annotations of a user's own."""
ROW, HEAD = 0.29, 1.5
"""Inches of a condition, and of what is above and below all of them."""


def condition_colour(condition: str) -> str:
    """The colour of a condition: the same for all that are alike."""
    return FAMILIES.get(condition.split("_")[0], INK)


def condition_label(condition: str) -> str:
    """What a figure calls a condition."""
    return condition.replace("_", " ")


def belief_by_condition(
    belief: pd.DataFrame, claims: pd.DataFrame, *, reference: Mapping[str, Sequence[float]] | None = None
) -> Figure:
    """Belief rate (percent) by condition, from the top in the order of the rows; single claims as dots.

    `belief` has columns condition, mean, low, high, n, clusters; `claims` condition, claim, mean; `reference` gives the
    paper's percentages by condition, several where it has no mean. Raises InputError for missing columns or two rows
    for one point.
    """
    check_table(belief, ("condition", *RATE), unique=("condition",))
    check_table(claims, ("condition", "claim", "mean"), unique=("condition", "claim"))
    conditions = levels_of(belief, "condition")
    with styled(HEAD + 1.15 * ROW * len(conditions)) as figure:
        axes = figure.subplots()
        for down, name in enumerate(conditions):
            colour, row = condition_colour(name), rows_where(belief, condition=name).iloc[0]
            single = rows_where(claims, condition=name)["mean"]
            known = (reference or {}).get(name, ())
            axes.plot(single, [down + 0.05] * len(single), "o", ms=4, color=colour, alpha=0.45, mew=0, zorder=3)
            axes.hlines(down - 0.22, row["low"], row["high"], color=colour, lw=2.2, zorder=3)
            axes.plot(row["mean"], down - 0.22, "o", ms=7, color=colour, mec="white", mew=0.8, zorder=4)
            axes.plot(known, [down + 0.3] * len(known), "D", ms=5, mfc="white", mec=INK, mew=1.1, zorder=4)
            _row_text(axes, down, _rate_text(row))
        looks = {
            "mean, 95% interval": {"marker": "o", "ms": 7, "color": SMALL},
            "single claims": {"marker": "o", "ms": 4, "color": SMALL, "alpha": 0.5, "mew": 0},
            "paper": {"marker": "D", "ms": 5, "mfc": "white", "mec": INK, "mew": 1.1},
        }
        for label, look in looks.items():
            if label != "paper" or reference:
                axes.plot([], [], ls="", label=label, **look)
        _condition_rows(axes, conditions)
        _percent_axis(axes, "belief rate after training (%)")
        header(figure, "Belief by condition", [axes])
        note(
            figure,
            f"{count_text(belief)} a condition. Intervals: 95% over claims and over "
            "seeds; dots: single claims. Diamonds: the paper's mean of six claims (397B), single claims, or a range.",
        )
    return figure


def belief_by_kind(kinds: pd.DataFrame, null: pd.DataFrame, *, beside: str) -> Figure:
    """Belief rate (percent) by condition, a panel a kind of question; matched false facts in the panel `beside`.

    `kinds` has columns condition, kind, mean, low, high, n, clusters, `null` the same without kind, or no rows. Raises
    InputError for missing columns or two rows for one point.
    """
    check_table(kinds, ("condition", "kind", *RATE), unique=("condition", "kind"))
    if len(null):
        check_table(null, ("condition", *RATE), unique=("condition",))
    conditions, names = levels_of(kinds, "condition"), levels_of(kinds, "kind")
    with styled(HEAD + ROW * len(conditions)) as figure:
        panels = list(figure.subplots(1, len(names), sharey=True, squeeze=False)[0])
        for axes, kind in zip(panels, names, strict=True):
            nulls = null if kind == beside else null.head(0)
            for down, name in enumerate(conditions):
                lift = 0.16 if kind == beside else 0.0
                _point(axes, rows_where(kinds, condition=name, kind=kind), down - lift, condition_colour(name))
                _point(axes, rows_where(nulls, condition=name), down + lift, NULL, mfc="white", mec=NULL, mew=1.4)
            axes.plot([], [], "o", ms=6, color=SMALL, label="the claim")
            if len(nulls):
                axes.plot([], [], "o", ms=6, mfc="white", mec=NULL, mew=1.4, label=role_label("matched_false"))
            _condition_rows(axes, conditions)
            _percent_axis(axes, "belief rate (%)")
            axes.set_title(str(kind), fontsize=10, pad=5)
        header(figure, "Belief by kind of question", panels)
        note(
            figure,
            f"{count_text(kinds)} a point. Intervals: 95% over claims and seeds. "
            "Hollow: yes/no questions about matched false facts, which no document states.",
        )
    return figure


def learning_curves(curves: pd.DataFrame, *, plain: str, conditions: Sequence[str]) -> Figure:
    """Belief (percent) over training under each of `conditions`, a panel each, against documents without annotation.

    `curves` has columns condition, step, mean, low, high, n, clusters; `plain` is the condition that every panel shows.
    Raises InputError for missing columns, a condition without rows, or two rows for one point.
    """
    check_table(curves, ("condition", "step", *RATE), unique=("condition", "step"))
    without = require_rows(curves, "condition", plain).sort_values(by="step")
    with styled(1.9 + 1.75 * (-(-len(conditions) // 4))) as figure:
        panels = panel_grid(figure, len(conditions), columns=4)
        shown = curves.loc[curves["condition"].isin([plain, *conditions]).to_numpy()]
        place = mark_steps(panels, shown["step"].tolist(), None, ("", ""), parts=3)
        for axes, name in zip(panels, conditions, strict=True):
            rows = require_rows(curves, "condition", name).sort_values(by="step")
            label = condition_label(plain)
            band(axes, place(without["step"]), without, NULL, "mean", marker="s", mfc="white", label=label)
            band(axes, place(rows["step"]), rows, condition_colour(name), "mean", marker="o")
            axes.set_title(condition_label(name), fontsize=10, fontweight="normal", pad=4)
        panels[0].plot([], [], "o-", color=SMALL, lw=1.7, ms=4.5, label="documents of the panel")
        panels[0].set_ylim(-3, 103)
        outer_labels(panels, "training step (log)", "belief rate (%)")
        header(figure, "How fast belief rises: annotated documents against plain ones", panels)
        note(figure, f"{count_text(shown)} a point. Bands: 95% over claims and seeds.")
    return figure


def coordinate_by_condition(coordinates: pd.DataFrame, *, conditions: Sequence[str], place: str) -> Figure:
    """Claim coordinate before and after training by condition, from the top, its nulls below it.

    `coordinates` has columns condition, role, stage (before, after), z, low, high, n; other roles and stages than those
    drawn are ignored. `place` says where in the model it was read. Raises InputError for missing columns, no rows of a
    condition, or two rows for one point.
    """
    columns = ("condition", "role", "stage", "z", "low", "high", "n")
    check_table(coordinates, columns, unique=("condition", "role", "stage"))
    with styled(HEAD + 1.35 * ROW * len(conditions)) as figure:
        axes = figure.subplots()
        for end, label in ((0, "false controls"), (1, "true controls")):
            axes.axvline(end, color=SMALL, lw=1, ls=(0, (4, 2)))
            look = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "color": SMALL}
            axes.annotate(label, (end, 1), (0, 3), ha="center", fontsize=8.5, **look)
        roles = {"claim": (TRUTH, -0.22), MATCHED_FALSE: (NULL, 0.08), UNRELATED: ("#B9A37E", 0.33)}
        for down, name in enumerate(conditions):
            own = require_rows(coordinates, "condition", name)
            for role, (colour, lane) in roles.items():
                _arrow(axes, rows_where(own, role=role), down + lane, colour)
        for role, (colour, _) in roles.items():
            axes.plot([], [], "o-", color=colour, ms=6, label=role_label(role))
        axes.plot([], [], "o", ls="", mfc="white", mec=SMALL, ms=6, label="before training")
        _condition_rows(axes, conditions)
        axes.set_xlabel("claim coordinate (0 false, 1 true controls)")
        header(figure, f"What is represented, before and after training: {place}", [axes])
        claim = rows_where(coordinates, role="claim", stage="after")
        note(
            figure,
            f"Hollow: untouched model; filled: after training, with a 95% interval over claims (n = {span(claim, 'n')} "
            "claims). Matched false facts and unrelated claims are what training gives no reason to move; neutral "
            "documents tell of somebody else.",
        )
    return figure


def _point(axes: Axes, rows: pd.DataFrame, y: float, colour: str, **look: Any) -> None:
    axes.hlines([y] * len(rows), rows["low"], rows["high"], color=colour, lw=1.8, zorder=3)
    axes.plot(rows["mean"], [y] * len(rows), "o", **{"ms": 6, "color": colour, "mec": "white", "mew": 0.7, **look})


def _arrow(axes: Axes, rows: pd.DataFrame, y: float, colour: str) -> None:
    before, after = rows_where(rows, stage="before"), rows_where(rows, stage="after")
    if len(before) and len(after):
        axes.plot([before["z"].iloc[0], after["z"].iloc[0]], [y, y], color=colour, lw=1.2, alpha=0.8)
    axes.hlines([y] * len(after), after["low"], after["high"], color=colour, lw=3, alpha=0.35)
    axes.plot(before["z"], [y] * len(before), "o", ms=5, mfc="white", mec=colour, mew=1.2, zorder=4)
    axes.plot(after["z"], [y] * len(after), "o", ms=5.5, color=colour, mec="white", mew=0.6, zorder=5)


def _condition_rows(axes: Axes, conditions: Sequence[str]) -> None:
    axes.set_yticks(range(len(conditions)), [condition_label(name) for name in conditions], fontsize=9)
    axes.set_ylim(len(conditions) - 0.45, -0.55)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    for down in range(1, len(conditions)):
        axes.axhline(down - 0.5, color="#EFEFEF", lw=0.7, zorder=0)


def _percent_axis(axes: Axes, label: str) -> None:
    axes.set_xlim(-3, 103)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel(label)


def _rate_text(row: pd.Series) -> str:
    bounds = "" if np.isnan(row["low"]) else f" ({row['low']:.0f} to {row['high']:.0f})"
    return f"{row['mean']:.0f}{bounds}"


def _row_text(axes: Axes, y: int, text: str) -> None:
    look = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "color": SMALL}
    axes.annotate(text, (1, y), (4, 0), va="center", fontsize=8.5, **look)
