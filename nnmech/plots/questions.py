"""What one run says to its questions: belief by kind of question, and each question over training."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnmech.claims import MATCHED_FALSE
from nnmech.errors import InputError
from nnmech.plots.axes import header, note
from nnmech.plots.conditions import RATE
from nnmech.plots.style import BELIEF, INK, NULL, SMALL, TITLE, from_white, styled
from nnmech.plots.tables import check_table, count_text, levels_of, rows_where, span

LABELS = {
    "open_ended": "open-ended",
    "mcq": "yes/no",
    "token_association": "fill in, options",
    MATCHED_FALSE: "matched false facts",
}
ROW, HEAD = 0.4, 1.45
"""Inches of a group of questions, and of what is above and below all of them."""
MOST_STEPS = 24
"""Rows of cells that are labelled; of more, every other one."""


def question_label(group: str) -> str:
    """What a figure calls a group of questions."""
    return LABELS.get(group, group.replace("_", " "))


def belief_before_after(belief: pd.DataFrame, *, title: str = "Belief by kind of question") -> Figure:
    """Belief rate (percent) by group of questions, the last value of `when` filled, the one before it hollow.

    Takes the table of `nnmech.belief.tables.belief_by_group`: columns group, when, mean, low, high, n, clusters; at
    most two values of `when`. Matched false facts are grey. Raises InputError for missing columns, two rows for one
    point, or more than two values of `when`.
    """
    check_table(belief, ("group", "when", *RATE), unique=("group", "when"))
    groups, whens = levels_of(belief, "group"), levels_of(belief, "when")
    if len(whens) > 2:
        raise InputError(f"the table has the moments {whens}: choose two of them")
    with styled(HEAD + ROW * len(groups)) as figure:
        axes = figure.subplots()
        for down, group in enumerate(groups):
            colour = NULL if group == MATCHED_FALSE else BELIEF
            own = rows_where(belief, group=group)
            for number, when in enumerate(whens):
                last = number == len(whens) - 1
                y = down + (0.16 if last else -0.16) * (len(whens) - 1)
                rows = rows_where(own, when=when)
                look: dict[str, Any] = {
                    "ms": 6.5,
                    "color": colour,
                    "mec": colour,
                    "mew": 1.3,
                    "mfc": colour if last else "white",
                }
                axes.hlines([y] * len(rows), rows["low"], rows["high"], color=colour, lw=1.8 if last else 1.1)
                axes.plot(rows["mean"], [y] * len(rows), "o", **look)
                for mean, low, high in zip(rows["mean"], rows["low"], rows["high"], strict=True):
                    bounds = "" if np.isnan(low) else f" ({low:.0f} to {high:.0f})"
                    _beside(axes, y, f"{mean:.0f}{bounds}", INK if last else SMALL)
        for number, when in enumerate(whens):
            fill = SMALL if number == len(whens) - 1 else "white"
            axes.plot([], [], "o", ls="", ms=6.5, color=SMALL, mec=SMALL, mfc=fill, label=when)
        axes.set_yticks(range(len(groups)), [question_label(str(group)) for group in groups])
        axes.set_ylim(len(groups) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x")
        axes.set_xlim(-3, 103)
        axes.set_xticks(range(0, 101, 20))
        axes.set_xlabel("verdict yes (% of answers)")
        header(figure, title, [axes])
        null = ", and matched false facts, which no document states" if MATCHED_FALSE in groups else ""
        note(
            figure,
            f"{count_text(belief)} a point{null}. Lines: 95% over questions; none for one question.",
        )
    return figure


def yes_by_question(
    shares: pd.DataFrame,
    *,
    over: str = "step",
    boundary: int | None = None,
    phases: tuple[str, str] = ("phase 1", "phase 2"),
    title: str = "Verdict yes, question by question",
) -> Figure:
    """Share of yes (percent) of each question across, over training steps (or `documents` in the window) downward.

    Takes the table of `nnmech.belief.tables.yes_shares`: columns claim, question, group, the one of `over`, yes, n,
    with the questions in the order to be drawn, those of a group together; `boundary` is the last step of phase 1.
    Raises InputError for missing columns or two rows for one cell.
    """
    unit = ("claim", "question")
    check_table(shares, (*unit, "group", over, "yes", "n"), unique=(*unit, over))
    questions = shares.drop_duplicates(list(unit)).reset_index(drop=True)
    levels = sorted({int(level) for level in shares[over]})
    place = shares.groupby(list(unit), sort=False, dropna=False).ngroup().to_numpy()
    cells = np.full((len(levels), len(questions)), np.nan)
    cells[[levels.index(int(level)) for level in shares[over]], place] = shares["yes"]
    with styled(2.1 + 0.24 * max(len(levels), 4)) as figure:
        axes = figure.subplots()
        edge: dict[str, Any] = {"edgecolors": "#DDDDDD", "lw": 0.4} if len(questions) <= 120 else {}
        image = axes.pcolormesh(cells, cmap=from_white(BELIEF), vmin=0, vmax=100, **edge)
        _name_groups(axes, questions["group"].tolist())
        every = 1 if len(levels) <= MOST_STEPS else 2
        names = [f"{level:,}" for level in levels[::every]]
        axes.set_yticks(np.arange(0, len(levels), every) + 0.5, names)
        axes.set(xlim=(0, len(questions)), ylim=(len(levels), 0))
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.set_ylabel("training step" if over == "step" else "documents\nin the window")
        axes.set_xlabel(f"{len(questions)} questions")
        if over == "step" and boundary in levels:
            axes.axhline(levels.index(boundary) + 1, color=INK, lw=1.2, ls=(0, (4, 2)))
            look: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
            end = levels.index(boundary) + 1
            axes.annotate(phases[0], (1, end), (4, 3), va="bottom", color=SMALL, fontsize=8.5, **look)
            axes.annotate(phases[1], (1, end), (4, -3), va="top", color=SMALL, fontsize=8.5, **look)
        bar = figure.colorbar(image, ax=axes, aspect=16, pad=0.09 if boundary in levels else 0.015)
        bar.set_label("yes (%)")
        figure.suptitle(title, **TITLE)
        note(
            figure,
            f"A column is a question. n = {span(shares, 'n')} answers a cell, too few for a 95% interval of its own; "
            "grey was not asked. Matched false facts are the null: no document states them.",
        )
    return figure


def group_edges(groups: Sequence[str]) -> list[tuple[str, int, int]]:
    """Each run of equal groups: its name, its first place and the one after its last."""
    starts = [place for place, group in enumerate(groups) if place == 0 or group != groups[place - 1]]
    return [(groups[start], start, end) for start, end in pairwise([*starts, len(groups)])]


def _name_groups(axes: Axes, groups: Sequence[str]) -> None:
    """The names of groups of columns above them, and lines between."""
    axes.set_xticks([])
    top = axes.secondary_xaxis("top")
    edges = group_edges(groups)
    top.set_xticks([(start + end) / 2 for _, start, end in edges], [_fitted(*edge, len(groups)) for edge in edges])
    top.tick_params(length=0, labelsize=8.5)
    top.spines["top"].set_visible(False)
    for _, start, _ in edges[1:]:
        axes.axvline(start, color=INK, lw=1)


def _fitted(group: str, start: int, end: int, of: int) -> str:
    """The name of a group, a word a line where its columns are few."""
    label = question_label(str(group))
    return label if len(label) < 90 * (end - start) / of else label.replace(" ", "\n")


def _beside(axes: Axes, y: float, text: str, colour: str) -> None:
    look: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "color": colour}
    axes.annotate(text, (1, y), (5, 0), va="center", fontsize=8.5, **look)
