"""Text whose tokens are coloured by what a probe reads on them: shades, marks of sentences, lines of words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from nnmech.plots.style import INK

READING_ENDS = {
    "truth": {False: ("#C9A679", "#F4F2ED", "#70B5EA"), True: ("#7C5526", "#262B32", "#0B66A8")},
    "polarity": {False: ("#B9A6E2", "#F4F2ED", "#F2A05A"), True: ("#64509C", "#262B32", "#A24E08")},
}
"""Shade of a reading at 0, half-way and at 1, on a light and on a dark page."""
READING_INK = {False: "#16181C", True: "#F5F3EE"}
"""Of words on these shades: a contrast of at least 4.5 to 1 on each of them."""
NO_READING = {False: "#D0D0D0", True: "#4A4A4A"}
SENTENCE_MARKS = {"claim": (INK, "solid"), "notice": ("#7A2E3A", "dashed"), "correction": ("#52667A", "dotted")}
"""Colour and line below sentences of these roles; others have none."""
NEGATING = frozenset(
    "not no never none nobody nothing neither nor cannot without false untrue wrong invented fiction".split()
)
"""Words in bold type: what turns a sentence or what surrounds it into a denial."""


@dataclass(frozen=True)
class Piece:
    """Letters of one token, or of several that share one; `z` is that of the last, which has read them all."""

    start: int
    end: int
    text: str
    z: float
    role: str | None
    """Of the sentence."""
    begins: bool
    """Whether it is the first of its sentence."""
    readings: tuple[float, ...]
    """z of each of the tokens."""

    @property
    def negating(self) -> bool:
        return self.text.strip().lower() in NEGATING

    def joined(self, end: int, letters: str, z: float) -> "Piece":
        """The piece with a token that shares letters with it."""
        text = self.text + letters[len(letters) - (end - self.end) :] if end > self.end else self.text
        return replace(self, end=max(end, self.end), text=text, z=z, readings=(*self.readings, z))


def reading_shades(probe: str, *, dark: bool = False) -> LinearSegmentedColormap:
    """Colours of readings of a probe, from where its controls lie at 0 to where they lie at 1; grey for none."""
    shades = LinearSegmentedColormap.from_list(f"{probe} reading", READING_ENDS[probe][dark])
    return shades.with_extremes(bad=NO_READING[dark])  # pyright: ignore[reportReturnType]


def token_pieces(text: pd.DataFrame) -> list[Piece]:
    """The pieces of one text of a table of `token_readings`, in order; letters of several tokens come once."""
    pieces: list[Piece] = []
    columns = (text[name].tolist() for name in ("start", "end", "text", "z", "sentence", "role"))
    before = None
    for start, end, letters, z, sentence, role in zip(*columns, strict=True):
        if pieces and start < pieces[-1].end:
            pieces[-1] = pieces[-1].joined(end, letters, z)
            continue
        role = role if isinstance(role, str) else None
        pieces.append(Piece(start, end, letters, z, role, sentence != before, (z,)))
        before = sentence
    return pieces


@dataclass(frozen=True)
class Box:
    """Where a piece, or the name of the sentence that follows, stands: points from the left, and the line."""

    piece: Piece | None
    text: str
    x: float
    width: float
    line: int


@dataclass(frozen=True)
class Type:
    """Sizes of type, in points, of words and of the names of sentences."""

    words: float
    names: float


def lay_out(pieces: Sequence[Piece], width: float, size: Type) -> list[Box]:
    """Lines of at most `width` points; pieces that no space divides stay together where a line can hold them."""
    boxes: list[Box] = []
    x, line, gap = 0.0, 0, text_width(" ", size.words)
    for word in _words(pieces):
        items = list(_items(word, size))
        whole = sum(wide for _, _, wide in items)
        if x > 0 and ("\n" in word[0].text or x + whole > width):
            x, line = 0.0, line + 1
        for piece, text, wide in items:
            if x > 0 and x + wide > width:
                x, line = 0.0, line + 1
            boxes.append(Box(piece, text, x, wide, line))
            x += wide
        x += gap
    return boxes


@lru_cache(maxsize=4096)
def text_width(text: str, size: float, bold: bool = False) -> float:
    """Width of a text in the figures' type, in points."""
    font = FontProperties(family="sans-serif", size=size, weight="bold" if bold else "normal")
    return float(text_to_path.get_text_width_height_descent(text, font, False)[0])


def _items(word: Sequence[Piece], size: Type) -> Iterator[tuple[Piece | None, str, float]]:
    """What of a word is drawn: piece or None for the name of the sentence that begins here, text, width."""
    for piece in word:
        if piece.role in SENTENCE_MARKS and piece.begins:
            yield None, piece.role, text_width(piece.role, size.names) + 3
        # A token of nothing but space has a reading too.
        letters = " ".join(piece.text.split()) or "·"
        yield piece, letters, text_width(letters, size.words, piece.negating) + 1.6


def _words(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Pieces that no space divides."""
    word: list[Piece] = []
    for piece in pieces:
        if word and (piece.start > word[-1].end or piece.text[:1].isspace() or word[-1].text[-1:].isspace()):
            yield word
            word = []
        word.append(piece)
    if word:
        yield word
