"""What notices cover: the sentence beside them, all that stands between a pair of them, or the whole text."""

import re

from nnmech.audit.finding.frames import Frame, Span, trimmed, without
from nnmech.audit.finding.notices import Notice, points_at_document
from nnmech.audit.sentences import Unit

MAX_DOCUMENT_FRAMES = 50
"""Frames around the whole of one text that are told: more say nothing new."""
MAX_BETWEEN = 2500
"""Characters that a pair of notices, one before and one after, can have between them as one covered passage."""

_MANY = re.compile(
    r"\b(?:\w+ments|claims|assertions|allegations|reports|stories|follows|following|everything|facts)(?: below)?\W*$",
    re.I,
)
"""Pointers at more than the next sentence, where they stand alone on top of a text."""


def covered_by_notices(
    text: str, units: list[Unit], notices: dict[int, Notice], *, keep_empty: bool = False
) -> list[Frame]:
    """A frame for every stretch of notices that points one way, with what it covers."""
    keep_something_between(notices)
    stretches = _stretches(units, notices)
    words = [(units[first].start, units[last].end) for first, last, _, _ in stretches]
    frames, about_all = [], 0
    everything: list[Span] = []
    for place, (first, last, direction, notice) in enumerate(stretches):
        if direction == "document":
            about_all += 1
            if about_all > MAX_DOCUMENT_FRAMES:
                continue
            covered = everything = everything or without([(0, len(text))], [*words, *_others(units, notices)])
        elif direction == "next":
            follower = stretches[place + 1] if place + 1 < len(stretches) else None
            covered = _next(units, last, follower)
        else:
            covered = _previous(units, first, stretches[place - 1] if place else None)
        spans = trimmed(text, covered)
        if spans or keep_empty:
            scope = "document" if direction == "document" else "sentence"
            frames.append(Frame(notice.rule.kind, notice.rule.id, words[place], spans, scope))
    return frames


Stretch = tuple[int, int, str, Notice]
"""First and last unit of neighbouring notices that point one way, the way, and the notice that gave it."""


def keep_something_between(notices: dict[int, Notice]) -> None:
    """Give back a sentence that was taken for going on with a notice, where a pair of notices would cover nothing."""
    for index in sorted(notices):
        after = notices.get(index + 1)
        if notices[index].direction != "carry" or after is None or after.direction != "previous":
            continue
        first = index
        while notices.get(first - 1) is not None and notices[first].direction == "carry":
            first -= 1
        if notices[first].direction == "next":
            del notices[index]


def _stretches(units: list[Unit], notices: dict[int, Notice]) -> list[Stretch]:
    stretches: list[Stretch] = []
    alone = _paragraphs_of_notices(units, notices)
    for index in sorted(notices):
        notice = notices[index]
        direction = _direction(units, index, notices, alone)
        before = stretches[-1] if stretches and stretches[-1][1] == index - 1 else None
        same_text = before is not None and not (units[index].bracketed and units[index - 1].bracketed)
        if before and same_text and direction in (before[2], "carry") and _together(units, index, before[2]):
            stretches[-1] = (before[0], index, before[2], before[3])
        elif direction != "carry":
            stretches.append((index, index, direction, notice))
    return stretches


def _paragraphs_of_notices(units: list[Unit], notices: dict[int, Notice]) -> set[int]:
    """Paragraphs that hold nothing but notices."""
    mixed = {unit.paragraph for index, unit in enumerate(units) if index not in notices}
    return {units[index].paragraph for index in notices} - mixed


def _together(units: list[Unit], index: int, direction: str) -> bool:
    return direction == "document" or units[index].paragraph == units[index - 1].paragraph


def _direction(units: list[Unit], index: int, notices: dict[int, Notice], alone: set[int]) -> str:
    """Which way a notice points, once it is known where in the text it stands."""
    notice, unit = notices[index], units[index]
    on_top = unit.paragraph == 0 < units[-1].paragraph and 0 in alone and not unit.bracketed
    if notice.direction == "next" and on_top and _MANY.search(notice.pointer):
        return "document"
    if notice.direction == "document" or not notice.about_document:
        return notice.direction
    several = units[-1].paragraph > 0
    edge = unit.paragraph in (0, units[-1].paragraph) if several else index in (0, len(units) - 1)
    if not edge or (unit.bracketed and not points_at_document(notice.pointer)):
        return notice.direction
    return "document" if unit.paragraph in alone or not several or index in (0, len(units) - 1) else notice.direction


def _others(units: list[Unit], notices: dict[int, Notice]) -> list[Span]:
    return [(units[index].start, units[index].end) for index in notices]


def _next(units: list[Unit], last: int, follower: Stretch | None) -> list[Span]:
    """From a notice to the one that answers it, or else the sentence behind it; a notice's own line covers a line."""
    stop = follower[0] if follower else len(units)
    if stop == last + 1:
        return []
    if follower and follower[2] == "previous" and units[stop - 1].end - units[last + 1].start <= MAX_BETWEEN:
        return [(units[last + 1].start, units[stop - 1].end)]
    end = last + 1
    if units[last].paragraph != units[last + 1].paragraph:
        while end + 1 < stop and units[end + 1].paragraph == units[last + 1].paragraph:
            end += 1
    elif units[last].line != units[last + 1].line:
        while end + 1 < stop and units[end + 1].line == units[last + 1].line:
            end += 1
    return [(units[last + 1].start, units[end].end)]


def _previous(units: list[Unit], first: int, leader: Stretch | None) -> list[Span]:
    start = leader[1] + 1 if leader else 0
    if start == first:
        return []
    if leader and leader[2] == "next" and units[first - 1].end - units[start].start <= MAX_BETWEEN:
        return [(units[start].start, units[first - 1].end)]
    begin = first - 1
    if units[first].paragraph != units[first - 1].paragraph:
        while begin > start and units[begin - 1].paragraph == units[first - 1].paragraph:
            begin -= 1
    elif units[first].line != units[first - 1].line:
        while begin > start and units[begin - 1].line == units[first - 1].line:
            begin -= 1
    return [(units[begin].start, units[first - 1].end)]
