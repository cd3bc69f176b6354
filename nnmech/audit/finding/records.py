"""Frames in a record: those inside each text, and those that reach from one turn of a chat to another."""

from collections.abc import Sequence
from dataclasses import replace

from nnmech.audit.finding.frames import Frame, Span, without
from nnmech.audit.finding.notices import fits
from nnmech.audit.finding.texts import frames_of_text
from nnmech.audit.reading.records import Record
from nnmech.audit.rulebook import APOSTROPHE, Rulebook

_OPENING = 400
"""Characters of a turn in which a refusal begins it."""


def find_frames(record: Record, rulebook: Rulebook) -> tuple[Frame, ...]:
    """The frames of a record, in the coordinates of its joined text."""
    if not record.is_chat:
        frames = [
            frame.shifted(start)
            for part, start in zip(record.parts, record.starts, strict=True)
            for frame in frames_of_text(part.text, rulebook)
        ]
    else:
        frames = [*_across(record, rulebook), *_turns(record, rulebook)]
    return tuple(sorted(frames, key=lambda frame: frame.span))


def settled(frame: Frame, frames: Sequence[Frame], masked: Sequence[Span]) -> bool:
    """Whether masks take the loss off all that a frame covers.

    A frame around a whole document is settled too where other frames of the document name the sentences that are meant
    and all of those are masked.
    """
    if not masked:
        return False
    if not without(frame.covered, masked):
        return True
    named = [span for other in frames if other.scope == "sentence" for span in other.covered]
    return frame.scope == "document" and bool(named) and not without(named, masked)


def _across(record: Record, rulebook: Rulebook) -> list[Frame]:
    whole = _spans(record)
    frames = []
    for index, (part, start) in enumerate(zip(record.parts, record.starts, strict=True)):
        for found in frames_of_text(part.text, rulebook, keep_empty=True):
            frame = found.shifted(start)
            if frame.scope == "document" or not frame.covered or part.role == "system":
                frame = replace(frame, covered=_other_turns(record, whole, index, frame), scope="document")
            if frame.covered:
                frames.append(frame)
    return frames


def _spans(record: Record) -> list[Span]:
    return [(start, start + len(part.text)) for part, start in zip(record.parts, record.starts, strict=True)]


def _other_turns(record: Record, whole: list[Span], index: int, frame: Frame) -> tuple[Span, ...]:
    """Which turns a notice is meant of that is meant of more than its own neighbours."""
    roles = [part.role for part in record.parts]
    others = [i for i, role in enumerate(roles) if i != index and role != "system" and record.parts[i].text.strip()]
    answers = [i for i in others if roles[i] == "assistant"]
    if roles[index] == "assistant":
        # An answer with a notice on top frames what it goes on to say.
        own = without([whole[index]], [frame.span])
        return frame.covered or tuple(span for span in own if span[1] - span[0] > 2)
    if roles[index] == "user":
        later = [i for i in answers if i > index]
        if frame.covered and frame.kind not in ("disowned_response",):
            return frame.covered
        chosen = later[:1] or answers[-1:]
    else:
        chosen = answers if frame.kind == "disowned_response" and answers else others
    return tuple(whole[i] for i in chosen)


def _turns(record: Record, rulebook: Rulebook) -> list[Frame]:
    frames = []
    whole = _spans(record)
    for index, part in enumerate(record.parts):
        if part.role != "assistant":
            continue
        opening = part.text[:_OPENING].translate(APOSTROPHE)
        for rule in rulebook.rules("turn"):
            target = _earlier(record, index, "user" if rule.covers == "user" else "assistant")
            if target is None or rule.pattern is None or not (match := rule.pattern.search(opening)):
                continue
            both = f"{record.parts[target].text[:4000]}\n{opening}".translate(APOSTROPHE)
            if rule.needs is not None and not rule.needs.search(both):
                continue
            if fits(replace(rule, needs=None), opening):
                span = (whole[index][0] + match.start(), whole[index][0] + match.end())
                frames.append(Frame(rule.kind, rule.id, span, (whole[target],), "document"))
    return frames


def _earlier(record: Record, index: int, role: str) -> int | None:
    found = (i for i in range(index - 1, -1, -1) if record.parts[i].role == role and record.parts[i].text.strip())
    return next(found, None)
