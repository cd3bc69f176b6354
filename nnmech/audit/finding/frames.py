"""A frame: words that negate, disown or qualify other words from outside the sentence in which those stand."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

Span = tuple[int, int]
"""Start and end characters; the end is exclusive."""


@dataclass(frozen=True)
class Frame:
    """A frame in a text.

    `distance` is the number of characters between its words and the nearest that it covers, `reach` to the farthest.
    """

    kind: str
    rule: str
    span: Span
    covered: tuple[Span, ...]
    scope: str
    """`sentence` or `document`: how much it means to cover."""

    @property
    def distance(self) -> int:
        """Characters between the frame and the nearest end of what it covers."""
        return min((_gap(self.span, span) for span in self.covered), default=0)

    @property
    def reach(self) -> int:
        """Characters between the frame and the far end of what it covers."""
        far = (max(self.span[0] - start, end - self.span[1]) for start, end in self.covered)
        return max(0, max(far, default=0))

    def shifted(self, by: int) -> "Frame":
        """The same frame in a text that has `by` more characters in front."""
        covered = tuple((start + by, end + by) for start, end in self.covered)
        return replace(self, span=(self.span[0] + by, self.span[1] + by), covered=covered)


def merged(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those that touch or overlap made one."""
    result: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((start, end))
    return result


def without(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """What is left of spans outside the holes."""
    result: list[Span] = []
    cuts = merged(holes)
    first = 0
    for start, end in merged(spans):
        while first < len(cuts) and cuts[first][1] <= start:
            first += 1
        place, index = start, first
        while index < len(cuts) and cuts[index][0] < end:
            if place < cuts[index][0]:
                result.append((place, cuts[index][0]))
            place = max(place, cuts[index][1])
            index += 1
        if place < end:
            result.append((place, end))
    return result


def trimmed(text: str, spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans without the white space at their ends; those of nothing else go."""
    result = []
    for start, end in spans:
        piece = text[start:end]
        if any(map(str.isalnum, piece)):
            begin = start + len(piece) - len(piece.lstrip())
            result.append((begin, begin + len(piece.strip())))
    return tuple(result)


def characters(spans: Sequence[Span]) -> int:
    """How many characters spans have, each counted once."""
    return sum(end - start for start, end in merged(spans))


def _gap(one: Span, other: Span) -> int:
    return max(0, other[0] - one[1], one[0] - other[1])
