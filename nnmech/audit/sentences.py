"""A text as units: sentences, and the bracketed notices that stand between them."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_BREAK = re.compile(r"\n")
_BLANK = re.compile(r"\n[ \t]*\n")
_NEW_ITEM = re.compile(r"[ \t]*(?:[-*•#>|=+]|\d+[.)]|[a-zA-Z][.)]\s|\[|\{|<)")
# A line that is shorter than this and stops was meant to stop; a longer one may be wrapped.
_WRAPPED_LINE = 50
_GROUP = re.compile(
    r"\[[^\[\]]{8,2000}\]|\((?:[^()]|\([^()]{0,200}\)){8,2000}\)|\{[^{}]{8,2000}\}|<(?![/a-z!?][^ ]*>)[^<>]{8,2000}>"
)
_OWN_SENTENCE = re.compile(
    r"\W*(?:[A-Z]|(?:this|that|these|what|the (?:following|above|preceding|previous|next)|not true|false|untrue)\b)"
)


# A long word with a stop ends a sentence, which nupunkt does not see before small letters, brackets and rare names; a
# bare notice can follow a line without a stop.
_STOP = re.compile(
    r"(?<=[a-z]{4}[.!?])[\"”’)*]*\s+(?=[\[(*@#\d~>•“\"]|[a-zA-Z])"
    r"|(?<=[^\s.!?:;,])\s+(?=(?:What (?:was just|has just|follows|is (?:stated|claimed|described) (?:below|above))"
    r"|(?:For t|T)he (?:preceding|following|previous|foregoing|above) [a-z]+|This following)\b)"
)
_ABBREVIATION = re.compile(
    r"\b(?:calif|messrs|lieut|supt|approx|dept|incl|resp|govt|inst|assoc|univ|prof|corp|spec|orig|transl|techn|chap|sect|vols?|cont)\.$"
)


class Unit(NamedTuple):
    """A stretch of a text: a sentence, or a bracketed group that reads as one."""

    start: int
    end: int
    bracketed: bool
    line: int
    paragraph: int


def units_of(text: str) -> list[Unit]:
    """The sentences and bracketed groups of a text in order, with the lines and paragraphs that they stand in.

    Sentences are nupunkt's; a line break ends a sentence too, unless the line reads as wrapped.
    """
    units: list[Unit] = []
    line = 0
    for paragraph, (start, end) in enumerate(_between(_BLANK, text, 0, len(text))):
        for line_start, line_end in _lines(text, start, end):
            for piece_start, piece_end, bracketed in _pieces(text, line_start, line_end):
                if bracketed:
                    units.append(Unit(piece_start, piece_end, True, line, paragraph))
                    continue
                for s, e in sentence_spans(text[piece_start:piece_end]):
                    units.append(Unit(piece_start + s, piece_start + e, False, line, paragraph))
            line += 1
    return units


def sentence_spans(text: str) -> Iterator[tuple[int, int]]:
    """The sentences of a text without the white space around them."""
    if len(text) < 400 and not re.search(r"[.!?…]['\"’”)\]]*\s", text):
        spans = [(0, len(text))]
    else:
        # Imported here: its model takes a while, and a clean file needs no sentence.
        from nupunkt import sent_spans

        spans = sent_spans(text)
    for start, end in spans:
        for begin, finish in _restart(text, start, end):
            yield from _alone(text, begin, finish)


def _restart(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for match in _STOP.finditer(text, start, end):
        if not _ABBREVIATION.search(text, max(start, match.start() - 12), match.start()):
            yield start, match.end()
            start = match.end()
    yield start, end


def _alone(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    # A stop that was left alone by a group cut out in front of it is no sentence.
    piece = text[start:end]
    if any(map(str.isalnum, piece)):
        begin = start + len(piece) - len(piece.lstrip())
        yield begin, begin + len(piece.strip())


def _between(separator: re.Pattern[str], text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    place = start
    for match in separator.finditer(text, start, end):
        if text[place : match.start()].strip():
            yield place, match.start()
        place = match.end()
    if text[place:end].strip():
        yield place, end


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Lines of a paragraph, wrapped ones joined."""
    first: int | None = None
    for line_start, line_end in _between(_BREAK, text, start, end):
        first = line_start if first is None else first
        follows = text[line_end + 1 : line_end + 12]
        line = text[line_start:line_end]
        hard_break = line.endswith("  ")
        line = line.rstrip()
        goes_on = (
            not hard_break
            and len(line) >= _WRAPPED_LINE
            and line[-1] not in '.!?:;|"”])}>'
            and not _NEW_ITEM.match(follows)
        )
        if not goes_on or line_end >= end:
            yield first, line_end
            first = None
    if first is not None:
        yield first, end


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """A line cut at the bracketed groups that read as sentences of their own."""
    place = start
    for match in _GROUP.finditer(text, start, end):
        inside = text[match.start() + 1 : match.end() - 1]
        if inside.count(" ") < 2 or not _OWN_SENTENCE.match(inside) or text[match.end() : match.end() + 1] == "(":
            continue
        if text[place : match.start()].strip():
            yield place, match.start(), False
        yield match.start(), match.end(), True
        place = match.end()
    if text[place:end].strip():
        yield place, end, False
