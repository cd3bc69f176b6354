"""Coloured text: every token in the colour of its reading, every letter once, every line within its width."""

import io
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as draw
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.colors import Colormap, to_hex
from matplotlib.figure import Figure

from nnmech import plots
from nnmech.errors import InputError
from nnmech.plots.token_text import (
    READING_INK,
    SENTENCE_MARKS,
    Piece,
    Type,
    lay_out,
    reading_shades,
    text_width,
    token_pieces,
)

SIZE = Type(words=8.5, names=6.5)


def contrast(one: np.ndarray, other: np.ndarray) -> float:
    """As WCAG 2 defines it, of two colours [rgb] between 0 and 1."""

    def luminance(rgb: np.ndarray) -> float:
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("probe", ["truth", "polarity"])
def test_words_can_be_read_on_every_shade(probe: str, dark: bool) -> None:
    shades: Colormap = reading_shades(probe, dark=dark)
    every = [*shades(np.linspace(0, 1, 256))[:, :3], np.array(shades(np.ma.masked)[:3])]
    assert min(contrast(shade, rgb(READING_INK[dark])) for shade in every) > 4.5
    # The ends are told apart from each other, and from the middle.
    low, middle, high = (np.array(shades(value)[:3]) for value in (0.0, 0.5, 1.0))
    assert min(np.abs(low - middle).sum(), np.abs(high - middle).sum(), np.abs(high - low).sum()) > 0.3


def text_of(*tokens: tuple[int, int, str], sentences: list[int] | None = None) -> pd.DataFrame:
    table = pd.DataFrame(tokens, columns=pd.Index(["start", "end", "text"]))
    told = sentences if sentences is not None else [0] * len(table)
    return table.assign(z=np.arange(len(table)) / 10, sentence=told, role="claim")


def test_letters_of_several_tokens_come_once() -> None:
    # A letter cut into two tokens, then one that overlaps the next by a letter.
    pieces = token_pieces(text_of((0, 2, "Zo"), (2, 3, "ë"), (2, 3, "ë"), (4, 6, "is"), (5, 8, "s a")))
    assert [(piece.text, piece.start, piece.end) for piece in pieces] == [("Zo", 0, 2), ("ë", 2, 3), ("is a", 4, 8)]
    assert [piece.readings for piece in pieces] == [(0.0,), (0.1, 0.2), (0.3, 0.4)]
    assert [piece.z for piece in pieces] == [0.0, 0.2, 0.4]


def test_a_piece_knows_where_its_sentence_begins_and_whether_it_negates() -> None:
    pieces = token_pieces(text_of((0, 4, " Not"), (5, 9, "true"), (10, 13, "No."), sentences=[0, 0, 1]))
    assert [piece.begins for piece in pieces] == [True, False, True]
    assert [piece.negating for piece in pieces] == [True, False, False]


@given(draw.lists(draw.text("abc W\n", min_size=1, max_size=12), min_size=1, max_size=60), draw.integers(40, 300))
def test_lines_hold_every_piece_in_order_within_the_width(texts: list[str], width: int) -> None:
    ends = np.cumsum([len(text) for text in texts])
    pieces = [
        Piece(int(end) - len(text), int(end), text, 0.5, "notice" if number % 7 == 0 else None, number % 7 == 0, (0.5,))
        for number, (text, end) in enumerate(zip(texts, ends, strict=True))
    ]
    boxes = lay_out(pieces, float(width), SIZE)
    assert [box.piece for box in boxes if box.piece] == pieces
    for box in boxes:
        assert box.x == 0 or box.x + box.width <= width + 1e-6
    for before, after in pairwise(boxes):
        assert after.line in (before.line, before.line + 1)
        assert after.line > before.line or after.x >= before.x + before.width - 1e-6


def test_parts_of_a_word_stay_on_one_line() -> None:
    words = [[("un", 0), ("true", 2)], [("Vas", 7), ("qui", 10), ("st", 13)], [("ends", 16), (".", 20)]]
    tokens = [(start, start + len(text), text) for word in words for text, start in word]
    wide = text_width("Vasquist", SIZE.words) + text_width("claim", SIZE.names) + 12
    boxes = [box for box in lay_out(token_pieces(text_of(*tokens)), wide, SIZE) if box.piece]
    lines = [[box.line for box in boxes if box.piece.start in {start for _, start in word}] for word in words]
    assert all(len(set(line)) == 1 for line in lines)
    assert len({line[0] for line in lines}) == 3


def fills(figure: Figure, panel: int) -> list[str]:
    (collection,) = (one for one in figure.axes[panel].collections if isinstance(one, PatchCollection))
    return [to_hex(colour) for colour in collection.get_facecolor()]


def test_every_token_has_the_colour_of_its_reading(tables: SimpleNamespace) -> None:
    table = tables.readings()
    first, second = (rows["z"].to_numpy() for _, rows in table.groupby("step"))
    figure = plots.token_readings(table, tables.reading_levels())
    shades = reading_shades("truth")
    assert fills(figure, 2) == [to_hex(shades(z)) for z in first]
    assert fills(figure, 3) == [to_hex(shades(z)) for z in second]
    beside = plots.token_readings(table, tables.reading_levels(), limits=(-1.0, 2.0))
    assert fills(beside, 3) == [to_hex(shades((z + 1) / 3)) for z in second]


def test_a_token_without_a_reading_is_grey(tables: SimpleNamespace) -> None:
    bare = {"z": np.nan, "low": np.nan, "high": np.nan}
    figure = plots.token_readings(tables.readings().assign(z=np.nan), tables.reading_levels().assign(**bare))
    assert set(fills(figure, 2)) == {to_hex(reading_shades("truth")(np.ma.masked))}
    figure.draw_without_rendering()


def test_sentences_of_claim_and_notice_are_marked(tables: SimpleNamespace, words) -> None:
    figure = plots.token_readings(tables.readings().query("step == 0"), tables.reading_levels().query("step == 0"))
    lines = {
        to_hex(one.get_color()[0]): len(one.get_segments())
        for one in figure.axes[2].collections
        if isinstance(one, LineCollection) and len(one.get_segments())
    }
    assert sorted(lines.values()) == [5, 6]
    assert lines[SENTENCE_MARKS["notice"][0].lower()] == 5
    drawn = [text for text in figure.axes[2].texts if text.get_text() in ("claim", "notice", "filler")]
    assert [text.get_text() for text in drawn] == ["notice", "claim"]
    # `false.` carries its full stop: it is no word of the list.
    assert "negated documents, step 0" in words(figure)


def test_negating_words_are_bold(tables: SimpleNamespace) -> None:
    table = tables.readings().query("step == 0").replace({"text": {"next": "not"}})
    figure = plots.token_readings(table, tables.reading_levels().query("step == 0"))
    bold = {text.get_text() for text in figure.axes[2].texts if text.get_fontweight() == "bold"}
    assert bold == {"negated documents, step 0", "not"}


def test_conditions_side_by_side_are_named(tables: SimpleNamespace, words) -> None:
    def beside(table: pd.DataFrame) -> pd.DataFrame:
        own = table.query("step == 0")
        return pd.concat([own, own.assign(condition="positive_documents", document="$a_1$ \\frac")])

    figure = plots.token_readings(beside(tables.readings()), beside(tables.reading_levels()))
    for text in ("negated documents, step 0", "positive documents, step 0", "$a_1$ \\frac"):
        assert text in words(figure)


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_odd_texts_are_drawn_letter_by_letter(tables: SimpleNamespace, kind: str) -> None:
    odd = ["$x^2$", "<b>", "\\frac", "a\nb", "   ", "x" * 400, "&amp;"]
    table = tables.readings().query("step == 0").head(len(odd)).assign(text=odd)
    figure = plots.token_readings(table, tables.reading_levels().query("step == 0"))
    figure.savefig(io.BytesIO(), format=kind)
    drawn = [text.get_text() for text in figure.axes[2].texts]
    for text in ("$x^2$", "<b>", "\\frac", "a b", "·", "&amp;"):
        assert text in drawn


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda table: table.drop(columns="sentence"), r"lacks the columns \['sentence'\]"),
        (lambda table: table.head(0), "no rows"),
        (lambda table: pd.concat([table, table.query("step == 0").assign(layer=4, step=9)]), "several values of layer"),
        (
            lambda table: pd.concat([table, table.query("step == 0").assign(position="object", step=9)]),
            "several values of position",
        ),
        (lambda table: pd.concat([table, table.query("step == 0").assign(step=9)]), "3 texts: expected one or two"),
        (lambda table: pd.concat([table, table]), "two rows for"),
    ],
)
def test_tables_that_do_not_fit_are_refused(tables: SimpleNamespace, change, says: str) -> None:
    with pytest.raises(InputError, match=says):
        plots.token_readings(change(tables.readings()), tables.reading_levels())
