"""The charts of the page Answers: belief by kind of question at two moments, and every question over training."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nnmech.claims import MATCHED_FALSE
from nnmech.plots.questions import group_edges, question_label
from nnmech.plots.tables import levels_of
from nnmech_dashboard.charts.curves import CELL, Spec, finished, interval_text
from nnmech_dashboard.parts.theme import INK, WORDS, belief_colour, null_colour
from nnmech_dashboard.parts.width import MEDIUM, NARROW, WIDE

NOW, BESIDE = "now", "beside"
ROW, NARROW_ROW, AXIS = 28, 44, 60
"""Pixels of a group of questions, of one on a narrow page, and of what is above and below all of them."""
SURFACE = {False: "#F6F4EF", True: "#20252C"}
"""Of a cell without any yes."""
LETTERS = {WIDE: 110, MEDIUM: 70, NARROW: 34}
"""Above the columns of questions, by the width of the page."""
NUMBERS_AT = (84, 108)
"""Pixels to the right of the rows of belief, of its two columns of numbers."""


def belief_rows(belief: pd.DataFrame) -> pd.DataFrame:
    """What `belief_chart` draws of a table of `belief_by_group`."""
    whens = levels_of(belief, "when")
    is_now = (belief["when"] == whens[-1]).to_numpy(dtype=bool)
    intervals = interval_text(belief, 0)
    numbers = [
        f"{mean:.0f}%" + (f" ({bounds})" if now and bounds != "none" else "")
        for mean, bounds, now in zip(belief["mean"], intervals, is_now, strict=True)
    ]
    return belief.assign(
        moment=np.where(is_now, NOW, BESIDE),
        label=[question_label(str(group)) for group in belief["group"]],
        null=(belief["group"] == MATCHED_FALSE).to_numpy(dtype=bool),
        numbers=numbers,
        interval=intervals,
    )


def belief_chart(rows: pd.DataFrame, dark: bool, page: str) -> Spec:
    """Belief (percent) by group of questions with 95% intervals: filled at the chosen moment, hollow beside it.

    On a narrow `page` the numbers stand below the names of the groups, those of the chosen moment alone.
    """
    narrow = page == NARROW
    labels = list(dict.fromkeys(rows["label"]))
    numbers = {
        label: number
        for label, number, when in rows[["label", "numbers", "moment"]].itertuples(index=False)
        if when == NOW
    }
    lanes = [name for name in (BESIDE, NOW) if name in set(rows["moment"])]
    y = {"field": "label", "type": "nominal", "title": None, "sort": labels}
    y["axis"] = {"ticks": False, "domain": False, "labelLimit": 200, "labelFontSize": 12.5, "labelPadding": 10}
    if narrow:
        cases = "".join(f"datum.value === '{label}' ? ['{label}', '{numbers[label]}'] : " for label in labels)
        y["axis"] |= {"labelExpr": f"{cases}datum.value", "labelFontSize": 11, "labelPadding": 6}
    lane = {"yOffset": {"field": "moment", "type": "nominal", "scale": {"domain": lanes, "paddingOuter": 0.35}}}
    x = {
        "type": "quantitative",
        "title": "verdict yes (%)",
        "scale": {"domain": [0, 100], "nice": False},
        "axis": {"tickCount": 5, "domain": False, "ticks": False, "labelFlush": True},
    }
    colour = {"condition": {"test": "datum.null", "value": null_colour(dark)}, "value": belief_colour(dark)}
    is_now = f"datum.moment === '{NOW}'"
    width = {"condition": {"test": is_now, "value": 2.4}, "value": 1.2}
    full = {"test": is_now, "value": belief_colour(dark)}
    fill = {"condition": [{**full, "test": f"{is_now} && datum.null", "value": null_colour(dark)}, full]}
    tooltip = [
        {"field": "label", "title": "questions"},
        {"field": "when", "title": "at"},
        {"field": "mean", "type": "quantitative", "title": "yes (%)", "format": ".1f"},
        {"field": "interval", "title": "95% interval"},
        {"field": "n", "type": "quantitative", "title": "answers", "format": ","},
        {"field": "clusters", "type": "quantitative", "title": "questions", "format": ","},
    ]
    layers = [
        {
            "mark": {"type": "rule"},
            "encoding": {
                **{"y": y, **lane, "color": colour, "strokeWidth": width},
                **{"x": {**x, "field": "low"}, "x2": {"field": "high"}},
            },
        },
        {
            "mark": {"type": "point", "size": 60, "strokeWidth": 1.6, "opacity": 1},
            "encoding": {
                **{"y": y, **lane, "x": {**x, "field": "mean"}, "stroke": colour},
                **{"fill": {**fill, "value": SURFACE[dark]}, "tooltip": tooltip},
            },
        },
    ]
    heads = dict(zip(rows["moment"], rows["when"], strict=True))
    for name, across in zip(lanes, NUMBERS_AT[-len(lanes) :], strict=True):
        layers += [] if narrow else _numbers(name, heads[name], across, y, dark)
    return finished(layers, height=(NARROW_ROW if narrow else ROW) * len(labels) + AXIS)


def _numbers(moment: str, head: str, across: int, y: Spec, dark: bool) -> list[Spec]:
    """A column of numbers to the right of the chart, with its head."""
    ink = (INK if moment == NOW else WORDS)[dark]
    look = {"type": "text", "align": "right" if moment == BESIDE else "left", "dx": across, "x": {"expr": "width"}}
    return [
        {
            "transform": [{"filter": f"datum.moment === '{moment}'"}],
            "mark": {**look, "baseline": "middle", "fontSize": 12.5, "color": ink},
            "encoding": {"y": y, "text": {"field": "numbers", "type": "nominal"}},
        },
        {
            "data": {"values": [{}]},
            "mark": {**look, "text": head, "y": -6, "baseline": "bottom", "fontSize": 11, "color": WORDS[dark]},
        },
    ]


@dataclass(frozen=True)
class Cells:
    """The cells of every question at every step, or number of documents, and what is chosen among them."""

    rows: pd.DataFrame
    """Columns place, level, asked, label, yes, n: one row for each cell, without yes where nothing was asked."""
    groups: tuple[tuple[str, int, int], ...]
    """Label, first place and the one after the last of each group of questions."""
    questions: tuple[tuple[str, str], ...]
    """Claim and id of the question at each place."""
    levels: tuple[int, ...]


def question_cells(shares: pd.DataFrame, over: str) -> Cells:
    """The cells of a table of `yes_shares`."""
    questions = shares.drop_duplicates(["claim", "question"])
    keys = list(zip(questions["claim"], questions["question"], strict=True))
    levels = sorted({int(level) for level in shares[over]})
    grid = pd.MultiIndex.from_product([range(len(keys)), levels], names=["place", "level"])
    place = shares.groupby(["claim", "question"], sort=False, dropna=False).ngroup()
    known = shares.assign(place=place, level=shares[over].astype(int)).set_index(["place", "level"])[["yes", "n"]]
    rows = known.reindex(grid).reset_index()
    each = rows["place"].to_numpy()
    texts = np.array([_short(str(text)) for text in questions["asked"]], dtype=object)
    labels = np.array([question_label(str(group)) for group in questions["group"]], dtype=object)
    edges = [(question_label(str(name)), start, end) for name, start, end in group_edges(list(questions["group"]))]
    return Cells(rows.assign(asked=texts[each], label=labels[each]), tuple(edges), tuple(keys), tuple(levels))


def questions_chart(
    cells: Cells, *, over: str, chosen: tuple[int | None, int | None], boundary: int | None, dark: bool, page: str
) -> Spec:
    """Share of yes by question (across) and step (downward); a click selects a cell by `place` and `level`.

    The `chosen` place and level are framed; a rule marks the end of phase 1.
    """
    ink = INK[dark]
    count, levels = len(cells.questions), list(cells.levels)
    padding = 0.08 if count <= 120 else 0
    x = {
        "field": "place",
        "type": "ordinal",
        "title": f"{count:,} questions",
        "scale": {"domain": list(range(count)), "paddingInner": padding, "paddingOuter": 0},
        "axis": {"labels": False, "ticks": False, "domain": False, "titlePadding": 8},
    }
    y = {
        "field": "level",
        "type": "ordinal",
        "title": "training step" if over == "step" else "documents",
        "scale": {"domain": levels, "paddingInner": 0.08, "paddingOuter": 0},
        "axis": {"ticks": False, "domain": False, "format": ",", "labelOverlap": "greedy"},
    }
    colour = {
        "condition": {"test": "!isValid(datum.yes)", "value": null_colour(dark)},
        "field": "yes",
        "type": "quantitative",
        "scale": {"domain": [0, 100], "range": [SURFACE[dark], belief_colour(dark)], "interpolate": "rgb"},
        "legend": {
            **{"title": "yes (%)", "gradientLength": 70, "values": [0, 50, 100]},
            **({"orient": "bottom", "direction": "horizontal"} if page == NARROW else {"orient": "right"}),
        },
    }
    tooltip = [
        {"field": "asked", "title": "question"},
        {"field": "label", "title": "kind"},
        {"field": "level", "type": "quantitative", "title": over, "format": ","},
        {"field": "yes", "type": "quantitative", "title": "yes (%)", "format": ".0f"},
        {"field": "n", "type": "quantitative", "title": "answers"},
    ]
    select = {"type": "point", "fields": ["place", "level"], "toggle": False}
    layers = [
        {
            "params": [{"name": CELL, "select": select}],
            "mark": {"type": "rect", "cursor": "pointer"},
            "encoding": {"x": x, "y": y, "color": colour, "tooltip": tooltip},
        },
        *_edges(cells, x, y, boundary, ink),
        *_names(cells.groups, count, dark, LETTERS[page]),
    ]
    frame = {"type": "rect", "fill": None, "stroke": ink, "strokeWidth": 1.4}
    for name, value, along in (("place", chosen[0], {"x": x}), ("level", chosen[1], {"y": y})):
        if value is not None:
            is_chosen = [{"filter": f"datum.{name} === {value}"}, {"sample": 1}]
            layers.append({"transform": is_chosen, "mark": frame, "encoding": along})
    return finished(layers, height=max(160, min(22 * len(levels) + AXIS, 360)))


def _edges(cells: Cells, x: Spec, y: Spec, boundary: int | None, ink: str) -> list[Spec]:
    """Lines between groups of questions, and where phase 1 ends."""
    starts = [start for _, start, _ in cells.groups[1:]]
    between = {
        "transform": [
            {"filter": {"field": "place", "oneOf": starts}},
            {"filter": f"datum.level === {cells.levels[0]}"},
        ],
        "mark": {"type": "rule", "color": ink, "strokeWidth": 1},
        "encoding": {"x": {**x, "bandPosition": 0}},
    }
    later = min((level for level in cells.levels if boundary is not None and level > boundary), default=None)
    if later is None:
        return [between]
    phase = {
        "transform": [{"filter": f"datum.level === {later}"}, {"filter": "datum.place === 0"}],
        "mark": {"type": "rule", "color": ink, "strokeDash": [4, 3], "yOffset": -1},
        "encoding": {"y": {**y, "bandPosition": 0}},
    }
    return [between, phase]


def _names(groups: Sequence[tuple[str, int, int]], count: int, dark: bool, letters: int) -> list[Spec]:
    """The names of groups of questions above their columns; there is room for so many letters above all of them."""
    layers = []
    crowded = any(len(word) > letters * (end - start) / count for label, start, end in groups for word in label.split())
    for number, (label, start, end) in enumerate(groups):
        lines = label.split(" ") if len(label) > letters * (end - start) / count and not crowded else [label]
        look = {"type": "text", "baseline": "alphabetic", "lineHeight": 12, "fontSize": 11, "color": WORDS[dark]}
        place = {"x": {"expr": f"width * {(start + end) / 2 / count}"}, "y": -7 - 12 * (len(lines) - 1)}
        if crowded:
            # On three levels, the last one to the left of its end.
            last = number == len(groups) - 1
            place = {
                "x": {"expr": f"width * {(end if last else start) / count}"},
                "y": -7 - 13 * (1 if last else number % 3),
            }
            look["align"] = "right" if last else "left"
        layers.append({"data": {"values": [{}]}, "mark": {**look, "text": lines, **place}})
    return layers


def _short(text: str, most: int = 110) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
