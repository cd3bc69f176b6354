"""Documents token by token: each word in the colour of what the probe reads on it."""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from nnmech.errors import InputError
from nnmech.plots.axes import note
from nnmech.plots.conditions import condition_label
from nnmech.plots.style import PROBE_COLOURS, PROBE_ENDS, SMALL, TITLE, WIDTH, mix, styled
from nnmech.plots.tables import check_table, rows_where, single, span
from nnmech.plots.token_text import (
    READING_INK,
    SENTENCE_MARKS,
    Box,
    Type,
    lay_out,
    reading_shades,
    text_width,
    token_pieces,
)

READING_COLUMNS = ("start", "end", "text", "sentence", "role", "layer", "position", "z")
TEXT = ["document", "condition", "step"]
TYPE = Type(words=8.5, names=6.5)
LINE, HEAD, MARGIN, BETWEEN = 19.0, 26.0, 7.0, 22.0
"""Height of a line and of the name above the lines, space around the figure and between two texts, in points."""
BACKGROUND = "filler"
"""Role of the sentences that are the null."""
MOST = 2
"""Texts side by side."""


def token_readings(
    readings: pd.DataFrame,
    levels: pd.DataFrame,
    *,
    probe: str = "truth",
    limits: tuple[float, float] = (0.0, 1.0),
    title: str | None = None,
) -> Figure:
    """One text, or two side by side, in the colours of what a probe reads on each token; mean readings below.

    `readings` is a table of `nnmech.drift.token_readings`, `levels` that of `reading_by_role` for the same texts, of
    one layer and position. `limits` are the readings at the ends of the colours, by default those of the controls.
    Sentences that state the claim, and notices, have a line below them and their name in front; negating words are in
    bold type. Raises InputError for missing columns, more than two texts, several layers or positions, two rows for a
    token.
    """
    check_table(readings, (*TEXT, "token", *READING_COLUMNS), unique=(*TEXT, "token"))
    check_table(levels, (*TEXT, "role", "z", "low", "high", "n"), unique=(*TEXT, "role"))
    layer, position = single(readings, "layer"), single(readings, "position")
    texts = [(tuple(key), rows) for key, rows in readings.groupby(TEXT, sort=False)]  # pyright: ignore[reportArgumentType]
    if len(texts) > MOST:
        raise InputError(f"{len(texts)} texts: expected one or two of them side by side; choose documents and steps")
    width = (72 * WIDTH - 2 * MARGIN - (len(texts) - 1) * BETWEEN) / len(texts)
    laid = [lay_out(token_pieces(rows), width, TYPE) for _, rows in texts]
    lines = 1 + max(box.line for boxes in laid for box in boxes)
    roles = list(dict.fromkeys(levels["role"]))
    # From the top: title and colours, names and lines of the texts, mean readings, note.
    heights = np.array([66.0, HEAD + LINE * lines, 52.0 + 17.0 * len(roles), 30.0])
    with styled(float(heights.sum()) / 72) as figure:
        figure.set_layout_engine("none")
        text_end, levels_end = heights[:2].sum(), heights[:3].sum() - 34
        figure.suptitle(title or f"What the {probe} probe reads on each token: layer {layer}", y=0.99, **TITLE)
        shades = ScalarMappable(Normalize(*limits, clip=True), reading_shades(probe))
        _colour_bar(_axes(figure, MARGIN + 14, 44.0, 200.0, 9.0), shades, limits, probe)
        _key(_axes(figure, MARGIN + 270, 54.0, 290.0, 20.0))
        for number, ((key, _), boxes) in enumerate(zip(texts, laid, strict=True)):
            axes = _axes(figure, MARGIN + number * (width + BETWEEN), text_end, width, HEAD + LINE * lines)
            axes.text(0, 9, _name(key), fontsize=9.5, fontweight="bold", va="baseline", parse_math=False)
            axes.text(0, 19, str(key[0]), fontsize=7.5, color=SMALL, va="baseline", parse_math=False)
            _draw_text(axes, boxes, shades)
        if roles:
            tables = [rows_where(levels, **dict(zip(TEXT, key, strict=True))) for key, _ in texts]
            axes = _axes(figure, 112.0, levels_end, 72 * WIDTH - 112 - 160, 17.0 * len(roles))
            _draw_levels(axes, tables, roles, _short([key for key, _ in texts]), probe)
        note(
            figure,
            f"The probe is fitted at the token {position} of short statements: on other tokens its reading is an "
            "extrapolation, to be held against filler sentences, the null. n = tokens; bars: 95% intervals over "
            "sentences.",
        )
    return figure


def _axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes whose lower edge lies `bottom` points below the top of the figure; data are points from the upper left."""
    wide, high = 72 * figure.get_figwidth(), 72 * figure.get_figheight()
    axes = figure.add_axes((left / wide, 1 - bottom / high, width / wide, height / high))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    return axes


def _name(key: tuple[Any, ...]) -> str:
    _, condition, step = key
    return f"{condition_label(condition)}, step {step:,}"


def _short(keys: Sequence[tuple[Any, ...]]) -> list[str]:
    """What tells the texts apart, in lines that a legend can hold."""
    _, conditions, steps = (list(values) for values in zip(*keys, strict=True))
    if len(set(conditions)) == 1:
        return [f"step {step:,}" for step in steps]
    return [f"{textwrap.fill(condition_label(condition), 24)}\nstep {step:,}" for _, condition, step in keys]


def _colour_bar(axes: Axes, shades: ScalarMappable, limits: tuple[float, float], probe: str) -> None:
    axes.set_axis_on()
    bar = axes.figure.colorbar(shades, cax=axes, orientation="horizontal", extend="both")
    names = PROBE_ENDS[probe] if limits == (0, 1) else ("", "")
    ticks = [limits[0], sum(limits) / 2, limits[1]]
    labels = [f"{tick:.3g} {name}".strip() for tick, name in zip(ticks, (names[0], "", names[1]), strict=True)]
    bar.set_ticks(ticks, labels=labels)
    bar.ax.tick_params(labelsize=7.5, length=2, pad=1)
    bar.ax.set_ylabel("reads", rotation=0, ha="right", va="center", fontsize=7.5, labelpad=2)


def _key(axes: Axes) -> None:
    """What the lines below sentences are."""
    x = 0.0
    for role, (colour, style) in SENTENCE_MARKS.items():
        wide = text_width(role, 8.0)
        axes.text(x, 9, role, fontsize=8, va="baseline")
        axes.plot([x, x + wide], [14, 14], color=colour, ls=style, lw=1.5)
        x += wide + 18
    axes.text(x, 9, "not", fontsize=8, va="baseline", fontweight="bold")
    axes.text(x + 18, 9, "negating word", fontsize=8, va="baseline")


def _draw_text(axes: Axes, boxes: Sequence[Box], shades: ScalarMappable) -> None:
    rectangles: list[Rectangle] = []
    read = np.array([box.piece.z for box in boxes if box.piece is not None])
    lines: dict[str, list[list[tuple[float, float]]]] = {role: [] for role in SENTENCE_MARKS}
    for box, after in zip(boxes, [*boxes[1:], None], strict=True):
        base = HEAD + 11 + LINE * box.line
        if box.piece is None:
            axes.text(box.x, base, box.text, fontsize=TYPE.names, color=SMALL, va="baseline", fontstyle="italic")
            continue
        rectangles.append(Rectangle((box.x, base - 9), box.width, 12))
        axes.text(
            box.x + 0.8,
            base,
            box.text,
            fontsize=TYPE.words,
            color=READING_INK[False],
            va="baseline",
            fontweight="bold" if box.piece.negating else "normal",
            parse_math=False,
        )
        if box.piece.role in lines:
            # Up to the next word of the sentence on this line.
            end = box.x + box.width
            if after is not None and after.line == box.line and after.piece and not after.piece.begins:
                end = after.x
            lines[box.piece.role].append([(box.x, base + 4.6), (end, base + 4.6)])
    axes.add_collection(PatchCollection(rectangles, facecolors=shades.to_rgba(read), edgecolors="none", zorder=0))
    for role, segments in lines.items():
        colour, style = SENTENCE_MARKS[role]
        axes.add_collection(LineCollection(segments, colors=colour, linestyles=style, linewidths=1.4))


def _draw_levels(
    axes: Axes, tables: Sequence[pd.DataFrame], roles: Sequence[str], names: Sequence[str], probe: str
) -> None:
    """Mean reading by role of the sentence, a row a role, a mark a text."""
    axes.set_axis_on()
    axes.set_ylim(len(roles) - 0.4, -0.6)
    looks = ((mix(PROBE_COLOURS[probe], "#FFFFFF", 0.45), "s"), (PROBE_COLOURS[probe], "o"))[-len(tables) :]
    values = np.concatenate([rows[["z", "low", "high"]].to_numpy(dtype=float).ravel() for rows in tables])
    known = values[np.isfinite(values)]
    if len(known):
        room = 0.06 * max(float(np.ptp(known)), 1e-6)
        axes.set_xlim(float(known.min()) - room, float(known.max()) + room)
    for number, (rows, name, (colour, marker)) in enumerate(zip(tables, names, looks, strict=True)):
        rows = rows.set_index("role").reindex(roles)
        y = np.arange(len(roles)) + (number - (len(tables) - 1) / 2) * 0.3
        axes.hlines(y, rows["low"], rows["high"], color=colour, lw=1.6)
        axes.plot(rows["z"], y, marker, ls="", ms=4.5, color=colour, label=name)
        if BACKGROUND in roles:
            axes.axvline(rows["z"].loc[BACKGROUND], color=colour, lw=0.8, ls=(0, (1, 2)), zorder=0)
    counts = [pd.concat([rows_where(rows, role=role) for rows in tables]) for role in roles]
    named = [
        f"{role}{' (null)' if role == BACKGROUND else ''}, n = {span(rows, 'n')}"
        for role, rows in zip(roles, counts, strict=True)
    ]
    axes.set_yticks(range(len(roles)), named, fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    low, high = PROBE_ENDS[probe]
    axes.set_xlabel(f"mean reading (0 {low}, 1 {high} controls)", fontsize=8.5)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8)
