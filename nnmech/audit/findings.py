"""What was found in a document and in all of them together."""

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from nnmech.audit.finding import Frame
from nnmech.audit.finding.frames import characters, merged
from nnmech.audit.reading import BadLine, Record

KEPT_BAD = 1000
KEPT_UNRESOLVED = 1000
MAX_TEXT = 20_000
"""Characters of a document that reports show."""


@dataclass(frozen=True)
class Finding:
    """One document with its frames; spans are characters of its text (of its joined parts, where it has several)."""

    file: str
    line: int
    frames: tuple[Frame, ...]
    tokens: int
    framed_tokens: int
    negations: int
    """Negations inside sentences, the safe form."""
    settled: int = 0
    """Frames whose text is masked already."""
    parts: tuple[tuple[str, str | None, int, int], ...] = ()
    """Field, role, start and end of each part of a document that has several."""
    text: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The entry of `documents` in the JSON report."""
        entry: dict[str, Any] = {
            "file": self.file,
            "line": self.line,
            "tokens": self.tokens,
            "framed_tokens": self.framed_tokens,
            "negations": self.negations,
            "frames": [frame_json(frame) for frame in self.frames],
        }
        if self.settled:
            entry["masked_frames"] = self.settled
        if self.parts:
            keys = ("field", "role", "start", "end")
            entry["parts"] = [dict(zip(keys, part, strict=True)) for part in self.parts]
        if self.text is not None:
            entry["text"] = self.text[:MAX_TEXT]
        return entry


def frame_json(frame: Frame) -> dict[str, Any]:
    """A frame as the JSON report has it."""
    return {
        "kind": frame.kind,
        "rule": frame.rule,
        "scope": frame.scope,
        "span": list(frame.span),
        "covered": [list(span) for span in frame.covered],
        "distance": frame.distance,
        "reach": frame.reach,
    }


def finding_of(file: str, line: int, record: Record, frames: Iterable[Frame], tokens: Any, **more: Any) -> Finding:
    """Count a document: `tokens` says how many a text has."""
    frames = tuple(frames)
    text = record.text
    covered = merged(span for frame in frames for span in frame.covered)
    parts = ()
    if len(record.parts) > 1:
        places = zip(record.parts, record.starts, strict=True)
        parts = tuple((part.field, part.role, start, start + len(part.text)) for part, start in places)
    framed = sum(tokens(text[start:end]) for start, end in covered) if characters(covered) else 0
    kept = text if frames else None
    return Finding(file, line, frames, tokens(text), framed, more["negations"], more["settled"], parts, kept)


@dataclass
class Summary:
    """Counts of all documents, and the worst of them, in bounded memory."""

    keep: int = 200
    documents: int = 0
    framed: int = 0
    tokens: int = 0
    framed_tokens: int = 0
    negations: int = 0
    settled: int = 0
    frames: Counter[str] = field(default_factory=Counter)
    documents_by_kind: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    bad: int = 0
    bad_lines: list[BadLine] = field(default_factory=list)
    actions: Counter[str] = field(default_factory=Counter)
    unresolved: list[tuple[str, int, str]] = field(default_factory=list)
    _worst: list[tuple[int, int, Finding]] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        """Count a document."""
        self.documents += 1
        self.tokens += finding.tokens
        self.negations += finding.negations
        self.settled += finding.settled
        if not finding.frames:
            return
        self.framed += 1
        self.framed_tokens += finding.framed_tokens
        self.frames.update(frame.kind for frame in finding.frames)
        self.rules.update(frame.rule for frame in finding.frames)
        self.documents_by_kind.update({frame.kind for frame in finding.frames})
        item = (finding.framed_tokens, -self.documents, finding)
        if len(self._worst) < self.keep:
            heapq.heappush(self._worst, item)
        elif self.keep:
            heapq.heappushpop(self._worst, item)

    def add_bad(self, lines: Iterable[BadLine]) -> None:
        """Count what could not be read."""
        for line in lines:
            self.bad += 1
            if len(self.bad_lines) < KEPT_BAD:
                self.bad_lines.append(line)

    @property
    def share(self) -> float:
        """Share of the tokens that frames cover."""
        return self.framed_tokens / self.tokens if self.tokens else 0.0

    @property
    def worst(self) -> list[Finding]:
        """The documents with the most framed tokens, the worst first."""
        return [finding for _, _, finding in sorted(self._worst, reverse=True, key=lambda item: item[:2])]

    def as_json(self) -> dict[str, Any]:
        """The `summary` of the JSON report."""
        return {
            "documents": self.documents,
            "framed_documents": self.framed,
            "tokens": self.tokens,
            "framed_tokens": self.framed_tokens,
            "share": self.share,
            "negations_inside_sentences": self.negations,
            "masked_frames": self.settled,
            "frames_by_kind": dict(sorted(self.frames.items())),
            "documents_by_kind": dict(sorted(self.documents_by_kind.items())),
            "frames_by_rule": dict(sorted(self.rules.items())),
            "bad_lines": self.bad,
            "remedies": dict(sorted(self.actions.items())),
        }
