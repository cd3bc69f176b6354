"""Text whose tokens are coloured by what the probe reads on them, as HTML; whatever comes from a run is escaped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.colors import Normalize, to_hex

from nnmech.plots.style import INK, PROBE_ENDS
from nnmech.plots.token_text import READING_INK, SENTENCE_MARKS, Piece, reading_shades, token_pieces
from nnmech_dashboard.parts.theme import WORDS, shade
from nnmech_dashboard.parts.words import plain_html

STYLE = """<style>
.nn-text { white-space: pre-wrap; overflow-wrap: break-word; line-height: 2.15; max-width: 52rem; }
.nn-text-head { font-size: .87rem; margin-bottom: .2rem; }
.nn-token { position: relative; border-radius: 3px; padding: .12em .06em; }
.nn-token.nn-negating { font-weight: 700; }
.nn-token:hover { outline: 1.5px solid currentColor; }
.nn-token:hover::after { content: attr(data-z); position: absolute; left: 50%; bottom: 1.45em; z-index: 9;
  transform: translateX(-50%); padding: .1rem .5rem; border-radius: 4px; font: 600 .8rem/1.5 sans-serif;
  white-space: nowrap; pointer-events: none; background: var(--nn-tip); color: var(--nn-tip-ink); }
.nn-sentence { padding-bottom: .16em; -webkit-box-decoration-break: clone; box-decoration-break: clone; }
.nn-sentence::before { content: attr(data-role); font-size: .68em; font-style: italic; color: var(--nn-words);
  margin-right: .4em; }
.nn-key { display: flex; flex-wrap: wrap; align-items: center; gap: .3rem 1.5rem; font-size: .82rem; }
.nn-key .nn-bar { display: grid; grid-template-columns: repeat(3, 1fr); width: 17rem; }
.nn-key .nn-bar i { grid-column: 1 / -1; height: .75rem; border-radius: 3px; }
.nn-key .nn-bar span:nth-of-type(2) { text-align: center; }
.nn-key .nn-bar span:nth-of-type(3) { text-align: right; }
.nn-key .nn-sentence::before { content: none; }
.nn-levels { border-collapse: collapse; font-size: .82rem; font-variant-numeric: tabular-nums; }
.nn-levels caption { caption-side: top; text-align: left; padding-bottom: .2rem; }
.nn-levels th, .nn-levels td { padding: .1rem .9rem .1rem 0; text-align: right; font-weight: 400; border: none;
  white-space: nowrap; }
.nn-levels thead th { border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent); }
.nn-levels :is(th, td):first-child, .nn-levels .nn-left { text-align: left; }
.nn-levels td.nn-letters { white-space: pre-wrap; }
@media (max-width: 640px) {
  .nn-levels th, .nn-levels td { padding-right: .4rem; }
  .nn-levels :is(th, td):last-child { padding-right: 0; }
  .nn-levels :is(thead, tbody) th { white-space: normal; vertical-align: bottom; }
}
.nn-scroll { overflow-x: auto; max-width: 100%; }
.nn-rows { max-height: 34rem; overflow: auto; }
</style>"""


ROLES = {"mention": "a mention", "head": "the heading", "fact": "another fact", "filler": "filler (background)"}
"""What sentences of a role are called, where the role itself does not say it."""


@dataclass(frozen=True)
class Shading:
    """How a reading becomes a colour."""

    probe: str
    limits: tuple[float, float]
    """Readings at the ends of the colours."""
    dark: bool

    def colours(self, z: Sequence[float] | np.ndarray) -> list[str]:
        shades = reading_shades(self.probe, dark=self.dark)(Normalize(*self.limits, clip=True)(np.asarray(z)))
        return [to_hex(colour) for colour in shades]

    @property
    def on_controls(self) -> bool:
        """Whether the colours run from the controls at 0 to those at 1."""
        return self.limits == (0, 1)


def text_html(text: str, readings: pd.DataFrame, shading: Shading) -> str:
    """A document letter by letter, each token in the colour of its reading, which hovering shows in figures."""
    pieces = token_pieces(readings)
    colours = iter(shading.colours([piece.z for piece in pieces]))
    parts, end = [], 0
    for sentence in _sentences(pieces):
        parts.append(plain_html(text[end : _start(sentence[0])]))
        spans, end = [], _start(sentence[0])
        for piece in sentence:
            gap, letters = text[end : _start(piece)], text[_start(piece) : piece.end]
            spans.append(plain_html(gap) + _token(piece, letters, next(colours), shading.dark))
            end = piece.end
        role = sentence[0].role
        mark = f" class='nn-sentence' data-role='{plain_html(role)}' style='{_line(role, shading.dark)}'"
        parts.append(f"<span{mark if role in SENTENCE_MARKS else ''}>{''.join(spans)}</span>")
    parts.append(plain_html(text[end:]))
    return f"{STYLE}<div class='nn-text' style='{_colours(shading.dark)}'>{''.join(parts)}</div>"


def key_html(shading: Shading) -> str:
    """What the colours, the lines below sentences and bold words mean."""
    low, high = shading.limits
    stops = ", ".join(shading.colours(np.linspace(low, high, 9)))
    ends = PROBE_ENDS[shading.probe] if shading.on_controls else ("", "")
    figures = (f"{low:.3g} {ends[0]}", f"{(low + high) / 2:.3g}", f"{high:.3g} {ends[1]}")
    labels = "".join(f"<span>{plain_html(figure.strip())}</span>" for figure in figures)
    bar = f"<div class='nn-bar'><i style='background: linear-gradient(to right, {stops})'></i>{labels}</div>"
    lines = "".join(
        f"<span class='nn-sentence' style='{_line(role, shading.dark)}'>{plain_html(role)}</span>"
        for role in SENTENCE_MARKS
    )
    return f"{STYLE}<div class='nn-key'>{bar}{lines}<span><b>not</b> negating word</span></div>"


def head_html(name: str, facts: str) -> str:
    """What stands above a text."""
    line = f"<b>{plain_html(name)}</b> <span class='nn-muted'>{plain_html(facts)}</span>"
    return f"{STYLE}<div class='nn-text-head'>{line}</div>"


def levels_html(levels: pd.DataFrame) -> str:
    """Mean readings by role of the sentence, with their intervals and their spread, as a small table."""
    rows = [
        [
            ROLES.get(row["role"], row["role"]),
            _figure(row["z"]),
            "" if np.isnan(row["low"]) else f"{_figure(row['low'])} to {_figure(row['high'])}",
            _figure(row["sd"]),
            f"{row['n']:,}",
            f"{row['sentences']:,}",
        ]
        for row in levels.to_dict("records")
    ]
    names = ["kind", "mean", "95% interval", "spread", "tokens", "sentences"]
    return f"<div class='nn-scroll' tabindex='0'>{_table('Mean reading by kind of sentence', names, rows)}</div>"


def readings_html(readings: pd.DataFrame) -> str:
    """Every token with its sentence and its reading, as a plain table that can be read aloud and copied."""
    columns = (readings[name].tolist() for name in ("token", "text", "role", "z"))
    rows = [
        [f"{token + 1}", text, ROLES.get(role, role) if isinstance(role, str) else "", _figure(z)]
        for token, text, role, z in zip(*columns, strict=True)
    ]
    table = _table("Reading of each token", ["number", "token", "sentence", "reading"], rows, letters=1)
    return f"<div class='nn-rows' tabindex='0'>{table}</div>"


def _sentences(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """The pieces of one sentence after the other."""
    sentence: list[Piece] = []
    for piece in pieces:
        if sentence and piece.begins:
            yield sentence
            sentence = []
        sentence.append(piece)
    if sentence:
        yield sentence


def _start(piece: Piece) -> int:
    """Where the letters of a piece begin; the space in front of a word is that of the page, unless it is all."""
    return piece.end - len(piece.text.lstrip() or piece.text)


def _token(piece: Piece, letters: str, colour: str, dark: bool) -> str:
    values = ", ".join(_figure(z) for z in piece.readings)
    kind = "nn-token nn-negating" if piece.negating else "nn-token"
    look = f"background: {colour}; color: {READING_INK[dark]}"
    return f"<span class='{kind}' style='{look}' data-z='{values}'>{plain_html(letters)}</span>"


def _line(role: str | None, dark: bool) -> str:
    """The line below sentences of a role."""
    colour, style = SENTENCE_MARKS.get(str(role), (INK, "none"))
    return f"border-bottom: 2px {style} {shade(colour, dark)}"


def _colours(dark: bool) -> str:
    return f"--nn-words: {WORDS[dark]}; --nn-tip: {READING_INK[dark]}; --nn-tip-ink: {READING_INK[not dark]}"


def _table(caption: str, names: Sequence[str], rows: Sequence[Sequence[str]], letters: int | None = None) -> str:
    """A table of texts, its first column the heads of the rows."""
    kinds = [" class='nn-left'" if column == letters else "" for column in range(len(names))]
    head = "".join(f"<th scope='col'{kind}>{plain_html(name)}</th>" for name, kind in zip(names, kinds, strict=True))
    body = "".join(
        "<tr>"
        + "".join(
            f"<td class='nn-letters nn-left'>{plain_html(cell)}</td>"
            if column == letters
            else f"<th scope='row'>{plain_html(cell)}</th>"
            if column == 0
            else f"<td>{plain_html(cell)}</td>"
            for column, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f"{STYLE}<table class='nn-levels'><caption class='nn-muted'>{plain_html(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _figure(value: float) -> str:
    return "none" if np.isnan(value) else f"{value:.2f}"
