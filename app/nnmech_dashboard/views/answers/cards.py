"""The cards of the page Answers as HTML: a question, what was said beside, what is said now; all of it escaped."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from nnmech.belief.tables import last_turn
from nnmech.claims import MATCHED_FALSE, Message
from nnmech.plots.questions import question_label
from nnmech_dashboard.parts.words import plain_html
from nnmech_dashboard.views.answers.tables import Moment, verdict_names

LONG, FOLDED = 280, 200
"""Characters from which a text is folded, and those that a folded one shows."""
VERDICTS = {"yes": "✓", "no": "✕", "neutral": "–", "none": "?"}
"""The sign of each verdict: told apart without colour too."""
NOT_JUDGED = "not judged"

STYLE = """<style>
.aw { --yes: #007553; --yes-fill: rgba(0, 158, 115, .14); --line: color-mix(in srgb, currentColor 15%, transparent);
  --soft: color-mix(in srgb, currentColor 64%, transparent); font-size: .93rem; line-height: 1.42; }
.aw.aw-dark { --yes: #4FD1A5; --yes-fill: rgba(0, 158, 115, .22); }
.aw-two { display: grid; grid-template-columns: 1fr 1fr; gap: 0 1.6rem; }
.aw-one { grid-template-columns: 1fr; }
.aw-head { color: var(--soft); font-size: .8rem; padding: 0 0 .35rem; border-bottom: 1px solid var(--line); }
.aw-card { padding: .75rem 0 .8rem; border-bottom: 1px solid var(--line); }
.aw-top { display: flex; justify-content: space-between; gap: 1rem; align-items: baseline; font-size: .76rem;
  color: var(--soft); margin-bottom: .1rem; }
.aw-top b { font-weight: 600; }
.aw-asked { font-weight: 600; white-space: pre-wrap; overflow-wrap: anywhere; margin: 0 0 .4rem; max-width: 62rem; }
.aw-id { font-weight: 400; font-family: monospace; font-size: .85rem; color: var(--soft); }
.aw-turn { font-size: .83rem; color: var(--soft); white-space: pre-wrap; overflow-wrap: anywhere; }
.aw-turn i { font-style: normal; font-size: .72rem; text-transform: uppercase; letter-spacing: .04em; opacity: .8; }
.aw-said { display: grid; grid-template-columns: 4.6rem 1.3rem 1fr; gap: .55rem; align-items: baseline;
  padding: .12rem 0; }
.aw-text { white-space: pre-wrap; overflow-wrap: anywhere; }
.aw-side { display: none; color: var(--soft); font-size: .76rem; }
.aw-old .aw-text { color: var(--soft); }
.aw-n { color: var(--soft); font-size: .8rem; font-variant-numeric: tabular-nums; }
.aw-chip { justify-self: start; display: inline-block; font-size: .74rem; line-height: 1.25rem; padding: 0 .45rem;
  border-radius: .65rem; border: 1px solid currentColor; white-space: nowrap; }
.aw-chip.aw-yes { color: var(--yes); background: var(--yes-fill); font-weight: 600; }
.aw-chip.aw-no { border-color: color-mix(in srgb, currentColor 55%, transparent); }
.aw-chip.aw-neutral, .aw-chip.aw-none { color: var(--soft); border: 1px dashed; }
.aw-text mark, .aw-asked mark, .aw-turn mark { color: inherit; background: none;
  border-bottom: 2px solid color-mix(in srgb, currentColor 45%, transparent); }
.aw-missing { color: var(--soft); font-size: .83rem; font-style: italic; }
.aw details summary { cursor: pointer; list-style: none; }
.aw details summary::-webkit-details-marker { display: none; }
.aw details summary u { color: var(--soft); text-decoration: none; font-size: .8rem;
  border-bottom: 1px dotted; white-space: nowrap; }
.aw details[open] .aw-folded { display: none; }
.aw details:not([open]) .aw-fold { display: none; }
.aw-step { display: grid; grid-template-columns: 9.5rem 1fr; gap: 1rem; padding: .5rem 0; align-items: baseline;
  border-bottom: 1px solid var(--line); }
.aw-step.aw-chosen { background: color-mix(in srgb, currentColor 5%, transparent); }
.aw-when { color: var(--soft); font-size: .83rem; padding-left: .4rem; }
.aw-chosen .aw-when { color: inherit; font-weight: 600; }
@media (max-width: 640px) {
  .aw-two { grid-template-columns: 1fr; gap: .3rem; }
  .aw-head:not(.aw-one) { display: none; }
  .aw-card .aw-side { display: block; }
  .aw-step { grid-template-columns: 1fr; gap: .1rem; }
  .aw-when { padding-left: 0; }
}
</style>"""


@dataclass(frozen=True)
class Look:
    """How the texts of a page are shown."""

    value: str | None
    """Words that are marked wherever they stand."""
    dark: bool


@dataclass(frozen=True)
class Heads:
    """The names of the two moments; `beside` is None where there is but one."""

    now: str
    beside: str | None


def cards_html(
    page: pd.DataFrame,
    moment: Moment,
    dialogues: Mapping[tuple[str, str], Sequence[Message]],
    heads: Heads,
    look: Look,
) -> str:
    """The cards of the questions of a page, below the names of the two moments."""
    now, beside = (_by_question(rows, page.index) for rows in (moment.now, moment.beside))
    names = (heads.now,) if heads.beside is None else (heads.beside, heads.now)
    single = "" if len(names) == 2 else " aw-one"
    parts = [
        f"<div class='aw-two aw-head{single}'>{''.join(f'<span>{plain_html(name)}</span>' for name in names)}</div>"
    ]
    # Below each other, the two sides are named one by one.
    names = [f"<span class='aw-side'>{plain_html(name)}</span>" if not single else "" for name in names]
    for key, row in zip(page.index, page.to_dict("records"), strict=True):
        sides = [f"<div>{names[-1]}{_said(now.get(key, ()), look)}</div>"]
        if heads.beside is not None:
            sides.insert(0, f"<div class='aw-old'>{names[0]}{_said(beside.get(key, ()), look)}</div>")
        body = f"<div class='aw-two{single}'>{''.join(sides)}</div>"
        parts.append(f"<div class='aw-card'>{_top(key, row)}{_question(row, dialogues.get(key), look)}{body}</div>")
    return _sheet(parts, look)


def steps_html(groups: pd.DataFrame, over: str, names: Mapping[int, str], chosen: int, look: Look) -> str:
    """What was said to one question at every step, or after every number of documents: the column `over`."""
    parts = []
    for level, name in names.items():
        rows = groups.loc[(groups[over] == level).to_numpy(dtype=bool)]
        mark = " aw-chosen" if level == chosen else ""
        said = _said(_records(rows), look)
        parts.append(f"<div class='aw-step{mark}'><div class='aw-when'>{plain_html(name)}</div><div>{said}</div></div>")
    return _sheet(parts, look)


def chip_html(verdict: str) -> str:
    """A verdict as a sign and a word."""
    known = verdict if verdict in VERDICTS else "none"
    return f"<span class='aw-chip aw-{known}'>{VERDICTS[known]} {plain_html(verdict_word(verdict))}</span>"


def verdict_word(verdict: str) -> str:
    """What a verdict is called."""
    return NOT_JUDGED if verdict == "none" else verdict


def short_id(claim: str, question: str) -> str:
    """The id of a question without the name of its claim."""
    return question.removeprefix(f"{claim}/")


def _sheet(parts: Iterable[str], look: Look) -> str:
    return f"{STYLE}<div class='aw{' aw-dark' if look.dark else ''}'>{''.join(parts)}</div>"


def _by_question(rows: pd.DataFrame, keys: pd.Index) -> dict[Any, list[dict[str, Any]]]:
    """The rows of the questions `keys`, by question."""
    found: dict[Any, list[dict[str, Any]]] = {}
    shown = rows.loc[rows.index.isin(keys)]
    for key, record in zip(shown.index, _records(shown), strict=True):
        found.setdefault(key, []).append(record)
    return found


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return rows.assign(verdict=verdict_names(rows)).to_dict("records")


def _top(key: tuple[str, str], row: Mapping[str, Any]) -> str:
    """The small line above a question: what kind it is, and whether its verdict changed."""
    null = row["group"] == MATCHED_FALSE
    kinds = [MATCHED_FALSE] if null else [row["kind"], row["category"]]
    words = [question_label(kind) for kind in dict.fromkeys(kinds)]
    if row["asked"] != key[1]:
        words.append(short_id(*key))
    change = ""
    if row["changed"]:
        before, now = ("none" if pd.isna(row[name]) else str(row[name]) for name in ("verdict_beside", "verdict"))
        change = f"<span>{chip_html(before)} → {chip_html(now)}</span>"
    return f"<div class='aw-top'><span>{plain_html(' · '.join(words))}</span>{change}</div>"


def _question(row: Mapping[str, Any], messages: Sequence[Message] | None, look: Look) -> str:
    if messages is None:
        return f"<div class='aw-asked aw-id'>{plain_html(row['asked'])}</div>"
    own = last_turn(messages)
    turns = [
        f"<div class='aw-turn'><i>{plain_html(turn['role'])}</i> {_marked(turn['content'], look)}</div>"
        if place != own
        else f"<div class='aw-asked'>{_folded(turn['content'], look)}</div>"
        for place, turn in enumerate(messages)
    ]
    others = len(row["before"])
    if others <= LONG:
        return "".join(turns)
    earlier = f"{len(messages) - 1} other turn{'' if len(messages) == 2 else 's'}, {others:,} characters"
    asked = turns.pop(own)
    return f"<details><summary><u>{earlier}</u></summary>{''.join(turns)}</details>{asked}"


def _said(records: Sequence[Mapping[str, Any]], look: Look) -> str:
    """Every different text of one question at one moment, with its verdict and how often it was said."""
    if not records:
        return "<div class='aw-missing'>not asked</div>"
    return "".join(
        f"<div class='aw-said'>{chip_html(str(row['verdict']))}<span class='aw-n'>{_times(row)}</span>"
        f"<div class='aw-text'>{_folded(row['text'], look)}</div></div>"
        for row in records
    )


def _times(row: Mapping[str, Any]) -> str:
    return "" if row["samples"] == 1 else f"×{row['samples']}"


def _folded(text: object, look: Look) -> str:
    text = str(text)
    if not text.strip():
        return "<span class='aw-missing'>empty</span>"
    if len(text) <= LONG:
        return _marked(text, look)
    start = f"{text[:FOLDED].rstrip()} "
    return (
        f"<details><summary><span class='aw-folded'>{_marked(start, look)}<u>… {len(text):,} characters</u></span>"
        f"<span class='aw-fold'><u>fold</u></span></summary>{_marked(text, look)}</details>"
    )


def _marked(text: str, look: Look) -> str:
    """A text letter by letter, with the value of the claim marked where it stands as whole words."""
    if not look.value:
        return plain_html(text)
    value = r"\s+".join(map(re.escape, look.value.split()))
    pieces = re.split(rf"(?<!\w)({value})(?!\w)", text, flags=re.IGNORECASE)
    return "".join(
        f"<mark>{plain_html(piece)}</mark>" if place % 2 else plain_html(piece) for place, piece in enumerate(pieces)
    )
