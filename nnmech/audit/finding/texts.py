"""Frames in one text: notices among its sentences, labels, headers and tags, each with what it covers."""

import re
from bisect import bisect_left
from functools import cache

from nnmech.audit.finding.coverage import covered_by_notices
from nnmech.audit.finding.frames import Frame, Span, trimmed, without
from nnmech.audit.finding.notices import Notice, Reader, fits
from nnmech.audit.negation import NEGATION
from nnmech.audit.rulebook import Rule, Rulebook
from nnmech.audit.sentences import Unit, units_of

_LOOSE_FROM = 2
"""Notices from which on a text is known to be annotated, and weaker wordings count."""
_MAX_HEAD = 200
_MANY_NEGATIONS = 2
_WORDS_A_NEGATION = 80
_CONTEXT = 3
"""Units in front of a verdict in which words that only report a claim make it the safe form."""
_HEADER_LINES = 14
_FOOTER_LINES = 4
_FRONT_MATTER = re.compile(r"---[ \t]*\n.{0,4000}?\n---[ \t]*\n", re.DOTALL)
_BLANK = re.compile(r"\n[ \t]*\n")
_LINE = re.compile(r"[^\n]*")


@cache
def reader_of(rulebook: Rulebook) -> Reader:
    """The reader of a rulebook, made once."""
    return Reader(rulebook)


def frames_of_text(text: str, rulebook: Rulebook, *, keep_empty: bool = False) -> tuple[Frame, ...]:
    """The frames in a text, in the order of their words; with `keep_empty` also notices with nothing beside them."""
    # Curly apostrophes have the same length, so places stay what they are.
    plain = text.replace("'", "’")
    lower = plain.lower()
    if len(lower) != len(plain):
        lower = plain
    triggers = [match.start() for match in rulebook.trigger.finditer(lower)]
    if not triggers:
        return ()
    reader = reader_of(rulebook)
    frames = [*_tag_frames(plain, rulebook), *_line_frames(plain, lower, triggers, reader, keep_empty=keep_empty)]
    if not _worth_reading(lower, triggers, rulebook):
        return tuple(sorted(frames, key=lambda frame: frame.span))
    units = units_of(plain)
    notices = _notices(plain, units, triggers, reader)
    if notices:
        taken = [frame.span for frame in frames]
        for frame in covered_by_notices(plain, units, notices, keep_empty=keep_empty):
            if not any(start <= frame.span[0] and frame.span[1] <= end for start, end in taken):
                frames.append(frame)
    return tuple(sorted(frames, key=lambda frame: frame.span))


def _worth_reading(lower: str, triggers: list[int], rulebook: Rulebook) -> bool:
    """Whether a paragraph has both a trigger and a hint of a reference, so that sentences are worth finding."""
    start = 0
    ends = [match.start() for match in _BLANK.finditer(lower)] + [len(lower)]
    for end in ends:
        first = bisect_left(triggers, start)
        triggered = first < len(triggers) and triggers[first] < end
        if triggered and (rulebook.hint.search(lower, start, end) or rulebook.own.search(lower, start, end)):
            return True
        start = end
    return False


def _notices(text: str, units: list[Unit], triggers: list[int], reader: Reader) -> dict[int, Notice]:
    notices: dict[int, Notice] = {}
    units[:] = _cut_at_colons(text, units, reader)
    last = units[-1].paragraph if units else 0
    candidates = [
        index
        for index, unit in enumerate(units)
        if (first := bisect_left(triggers, unit.start)) < len(triggers) and triggers[first] < unit.end
    ]
    for index in candidates:
        unit = units[index]
        before = text[units[max(0, index - _CONTEXT)].start : unit.start]
        edge = unit.paragraph in (0, last) and not unit.bracketed
        words = text[unit.start : unit.end]
        if notice := reader.strict(words, before, bracketed=unit.bracketed, edge=edge):
            if notice.rule.unless_previous is not None:
                if not _follows_a_sentence(units, index):
                    continue
                notice = notice._replace(direction="previous" if index else "next")
            notices[index] = notice
    if not any(notice.placed for notice in notices.values()) and _denies(text, units, notices, reader.rulebook):
        return {}
    if notices:
        _carry_on(text, units, notices, candidates, reader)
        _absorb_edges(text, units, notices, reader)
    return notices


def _cut_at_colons(text: str, units: list[Unit], reader: Reader) -> list[Unit]:
    """Cut a notice from the claim that follows its colon: The following is false: the king is bald."""
    cut: list[Unit] = []
    for unit in units:
        colon = text.find(": ", unit.start, min(unit.end, unit.start + _MAX_HEAD))
        head, rest = text[unit.start : colon], text[colon + 1 : unit.end]
        if (
            colon < 0
            or unit.bracketed
            or rest.count(" ") < 3
            or not reader.rulebook.trigger.search(head.lower())
            or reader.sounds(rest.strip())
            or not (notice := reader.strict(head, "", bracketed=False, edge=False))
            or notice.direction != "next"
        ):
            cut.append(unit)
            continue
        start = colon + 1 + len(rest) - len(rest.lstrip())
        cut += [unit._replace(end=colon + 1), unit._replace(start=start)]
    return cut


def _denies(text: str, units: list[Unit], notices: dict[int, Notice], rulebook: Rulebook) -> bool:
    """Whether the text outside its notices denies something in its own sentences."""
    others = [text[unit.start : unit.end] for index, unit in enumerate(units) if index not in notices]
    if any(rulebook.denies.search(words) for words in others):
        return True
    negations = sum(len(NEGATION.findall(words)) for words in others)
    return negations >= _MANY_NEGATIONS and negations * _WORDS_A_NEGATION >= sum(len(words.split()) for words in others)


def _follows_a_sentence(units: list[Unit], index: int) -> bool:
    """Whether a verdict can be meant of the unit in front: on the same line, or with a line to itself."""
    if index == 0:
        return len(units) > 1 and units[1].line != units[0].line
    line = units[index].line
    return units[index - 1].line == line or all(other.line != line for other in units[index + 1 : index + 2])


def _carry_on(text: str, units: list[Unit], notices: dict[int, Notice], candidates: list[int], reader: Reader) -> None:
    """Add what only counts in a text with notices: weaker wordings, and sentences that go on with a notice."""
    loose = len(notices) >= _LOOSE_FROM
    for index in candidates:
        if index in notices:
            continue
        unit, beside = units[index], notices.get(index - 1)
        if beside and (units[index - 1].bracketed or units[index - 1].paragraph != unit.paragraph):
            beside = None
        if not loose and beside is None:
            continue
        words = text[unit.start : unit.end]
        notice = reader.loose(words, bracketed=unit.bracketed, beside=beside)
        if notice and (loose or notice.direction == "carry"):
            notices[index] = notice


def _absorb_edges(text: str, units: list[Unit], notices: dict[int, Notice], reader: Reader) -> None:
    """Take a first or last paragraph for a notice as a whole, where most of its sentences sound like one."""
    for paragraph in {0, units[-1].paragraph}:
        inside = [index for index, unit in enumerate(units) if unit.paragraph == paragraph]
        marks = [notices[index] for index in inside if index in notices]
        about = [notice for notice in marks if notice.about_document or notice.direction == "document"]
        if not about or len(inside) == len(units):
            continue
        sounding = [i for i in inside if i in notices or reader.sounds(text[units[i].start : units[i].end])]
        if len(sounding) < 0.6 * len(inside) or any(units[index].bracketed for index in inside):
            continue
        for index in inside:
            notices[index] = Notice(about[0].rule, "document", True, notices.get(index, about[0]).pointer, True)


def _tag_frames(text: str, rulebook: Rulebook) -> list[Frame]:
    frames = []
    for rule in (rule for rule in rulebook.all_rules if rule.tags):
        opened: dict[str, list[re.Match[str]]] = {}
        for match in _tag_pattern(rule.tags).finditer(text):
            name = match["name"].lower()
            if not match["close"]:
                opened.setdefault(name, []).append(match)
            elif opened.get(name):
                begin = opened[name].pop()
                if covered := trimmed(text, [(begin.end(), match.start())]):
                    frames.append(Frame(rule.kind, rule.id, begin.span(), covered, "sentence"))
    return frames


@cache
def _tag_pattern(tags: tuple[str, ...]) -> re.Pattern[str]:
    names = "|".join(re.escape(tag).replace("_", "[_ -]?") for tag in tags)
    return re.compile(rf"[<\[](?P<close>/?)(?P<name>{names})(?: [^<>\[\]]{{0,80}})?[>\]]", re.IGNORECASE)


def _line_frames(text: str, lower: str, triggers: list[int], reader: Reader, *, keep_empty: bool) -> list[Frame]:
    """Frames of labelled lines anywhere, and of headers in the first and last lines of a text."""
    frames: list[Frame] = []
    rulebook = reader.rulebook
    heads, anywhere = reader.fitting("header", lower), reader.fitting("line", lower)
    if not heads and not anywhere:
        return frames
    lines = _lines_at(text, triggers)
    at_edge: list[Span] = []
    if heads:
        full = [match.span() for match in _LINE.finditer(text) if match.group().strip()]
        edge = {*full[:_HEADER_LINES], *full[-_FOOTER_LINES:]}
        at_edge = [line for line in lines if line in edge]
    rules = [*((rule, lines) for rule in anywhere), *((rule, at_edge) for rule in heads)]
    for rule, places in rules:
        for start, end in places:
            if end - start > 600 or not fits(rule, text[start:end]):
                continue
            rest = text[:start] + text[end:]
            if rule.soft and rulebook.denies.search(rest):
                continue
            frame = _line_frame(text, rule, (start, end))
            if frame.covered or keep_empty:
                frames.append(frame)
    return frames


def _lines_at(text: str, places: list[int]) -> list[Span]:
    """The lines in which places are, each once."""
    lines: list[Span] = []
    for place in places:
        if not lines or place >= lines[-1][1]:
            end = text.find("\n", place)
            lines.append((text.rfind("\n", 0, place) + 1, len(text) if end < 0 else end))
    return lines


def _line_frame(text: str, rule: Rule, line: Span) -> Frame:
    front = _FRONT_MATTER.match(text)
    everything = without([(0, len(text))], [line, *([front.span()] if front else [])])
    if rule.covers == "after":
        everything = [span for span in everything if span[0] >= line[1]]
    elif rule.covers == "before":
        everything = [span for span in everything if span[1] <= line[0]]
    return Frame(rule.kind, rule.id, line, trimmed(text, everything), "document")
