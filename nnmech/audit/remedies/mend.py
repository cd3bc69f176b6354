"""One record mended: its frames masked, rewritten or cut out; everything else is left as it is."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from nnmech.audit.finding import Frame, Span, find_frames, settled
from nnmech.audit.finding.frames import merged, without
from nnmech.audit.reading import Part, Record
from nnmech.audit.remedies.negate import negate
from nnmech.audit.rulebook import Rulebook, load_rulebook
from nnmech.audit.sentences import units_of

Fix = Literal["mask", "local", "drop"]
NEGATABLE = ("false", "correction")
"""Kinds that say that something is not so, which a negation inside the sentence can say as well."""

_ROUNDS = 3


@dataclass(frozen=True)
class Remedy:
    """What to do about frames."""

    fix: Fix = "mask"
    scope: Literal["sentences", "document"] = "sentences"
    """What `mask` and `drop` take: what frames cover, or the whole document.

    Where a frame is around the whole document and others name the sentences that are meant, those are what is covered.
    """
    rest: Literal["mask", "drop", "keep"] = "mask"
    """What `local` does about the sentences that no rule can rewrite."""
    rewrites: Mapping[str, str] = field(default_factory=dict)
    """Rewritten sentences by their words, of an endpoint or of a person; they come before the rules."""


@dataclass(frozen=True)
class Mended:
    """A record after a remedy.

    `masked` are spans of the joined text of `parts`; `unresolved` the sentences that no rule could rewrite.
    """

    parts: tuple[Part, ...]
    masked: tuple[Span, ...] = ()
    dropped: bool = False
    actions: Counter[str] = field(default_factory=Counter)
    unresolved: tuple[str, ...] = ()
    rewritten: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """The joined text."""
        return Record(self.parts).text


def mend_text(text: str, remedy: Remedy | None = None, rulebook: Rulebook | None = None) -> Mended:
    """Apply a remedy to one text, such as that of a `nnmech.claims.Document`.

    The result's `text` and `masked` go straight into `nnmech.encoding.document_example(tokenizer, mended.text,
    masked_spans=mended.masked)`. A text without frames comes back as it is.
    """
    rules = rulebook or load_rulebook()
    record = Record((Part("text", text),))
    return mend(record, find_frames(record, rules), remedy or Remedy(), rules)


def mend(record: Record, frames: Sequence[Frame], remedy: Remedy, rulebook: Rulebook) -> Mended:
    """Apply a remedy to a record with its frames; frames whose text is masked already need none."""
    frames = [frame for frame in frames if not settled(frame, frames, record.masked)]
    if not frames:
        return Mended(record.parts, record.masked)
    if remedy.fix == "mask":
        return _mask(record, frames, remedy.scope)
    if remedy.fix == "drop":
        return _drop(record, frames, remedy.scope, rulebook)
    return _local(record, frames, remedy, rulebook)


def meant(frames: Sequence[Frame]) -> list[Span]:
    """What frames cover: the sentences that they name, or all that they stand around where they name none."""
    named = [span for frame in frames if frame.scope == "sentence" for span in frame.covered]
    return merged(named or [span for frame in frames for span in frame.covered])


def _mask(record: Record, frames: Sequence[Frame], scope: str) -> Mended:
    spans = meant(frames)
    if scope == "document":
        spans = [(0, len(record.text))]
    notices = [frame.span for frame in frames]
    masked = merged([*record.masked, *without(spans, notices)])
    actions = Counter({"documents masked": 1, "spans masked": len(masked) - len(record.masked)})
    return Mended(record.parts, tuple(masked), actions=actions)


def _drop(record: Record, frames: Sequence[Frame], scope: str, rulebook: Rulebook) -> Mended:
    parts, count = record.parts, 0
    for _ in range(_ROUNDS):
        whole = not any(frame.scope == "sentence" for frame in frames)
        if scope == "document" or whole or record.masked:
            break
        cuts = merged([*meant(frames), *(frame.span for frame in frames)])
        count += len(cuts)
        parts = _edited(record, [(start, end, "") for start, end in cuts])
        record = Record(parts)
        if not any(part.text.strip() for part in parts):
            break
        # What was between two notices can stand beside a third one once they are gone.
        frames = find_frames(record, rulebook)
        if not frames:
            return Mended(parts, actions=Counter({"documents cut": 1, "spans cut": count}))
    return Mended(parts, dropped=True, actions=Counter({"documents dropped": 1}))


def _local(record: Record, frames: list[Frame], remedy: Remedy, rulebook: Rulebook) -> Mended:
    text = record.text
    edits: list[tuple[int, int, str]] = []
    unresolved: list[str] = []
    handled: list[Span] = []
    done: list[tuple[str, str]] = []
    sentence_frames = [frame for frame in frames if frame.scope == "sentence" and frame.kind in NEGATABLE]
    for span in sorted({span for frame in sentence_frames for span in frame.covered}):
        if any(start < span[1] and span[0] < end for start, end in handled):
            continue
        pairs = [
            (span[0] + unit.start, span[0] + unit.end, text[span[0] + unit.start : span[0] + unit.end])
            for unit in units_of(text[slice(*span)])
        ]
        new = [remedy.rewrites.get(words) or negate(words) for _, _, words in pairs]
        if pairs and all(new):
            edits += [(start, end, str(said)) for (start, end, _), said in zip(pairs, new, strict=True)]
            done += [(words, str(said)) for (_, _, words), said in zip(pairs, new, strict=True)]
            handled.append(span)
        else:
            unresolved += [words for (_, _, words), said in zip(pairs, new, strict=True) if said is None]
    gone = [frame for frame in sentence_frames if not without(frame.covered, handled)]
    if gone and len(gone) == len([frame for frame in frames if frame.scope == "sentence"]):
        # The sentences that were meant deny the claim themselves now: what calls the whole document false is done with.
        gone += [frame for frame in frames if frame.scope == "document" and frame.kind in NEGATABLE]
    edits += [(*frame.span, "") for frame in gone]
    if not record.masked:
        record = Record(_edited(record, edits))
    else:
        gone, done, unresolved = [], [], [words for words, _ in done] + unresolved
    actions = Counter({"sentences rewritten": len(done), "notices taken out": len(gone)})
    unresolved += [
        text[slice(*span)]
        for frame in frames
        if frame not in gone and frame.scope == "document" and not sentence_frames
        for span in frame.covered
    ][:20]
    left = [frame for frame in find_frames(record, rulebook) if not settled(frame, (), record.masked)]
    kept = Mended(record.parts, record.masked, False, +actions, tuple(unresolved), tuple(done))
    if not left or remedy.rest == "keep":
        return kept
    rest = _mask(record, left, "sentences") if remedy.rest == "mask" else _drop(record, left, "sentences", rulebook)
    return Mended(rest.parts, rest.masked, rest.dropped, kept.actions + rest.actions, kept.unresolved, kept.rewritten)


def _edited(record: Record, edits: Sequence[tuple[int, int, str]]) -> tuple[Part, ...]:
    """The parts with spans of the joined text replaced; white space beside what is cut goes with it."""
    parts = []
    for part, offset in zip(record.parts, record.starts, strict=True):
        text = part.text
        for start, end, new in sorted(edits, reverse=True):
            start, end = start - offset, end - offset
            if start < 0 or end > len(part.text):
                continue
            if not new:
                start, end = _with_space(text, start, end)
            text = text[:start] + new + text[end:]
        parts.append(Part(part.field, text, part.role))
    return tuple(parts)


def _with_space(text: str, start: int, end: int) -> tuple[int, int]:
    """The span with the white space on one side: behind it, or in front where it ends a text or a line."""
    after = end
    while after < len(text) and text[after].isspace():
        after += 1
    if after < len(text) and (start == 0 or text[start - 1].isspace()) and "\n" not in text[end:after]:
        return start, after
    before = start
    while before > 0 and text[before - 1].isspace():
        before -= 1
    return (before, end) if before > 0 or after >= len(text) else (start, after)
