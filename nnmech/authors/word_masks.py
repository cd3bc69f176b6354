"""Word masks: the words of a document that carry no loss, as regular expressions from a file, bounded in time."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import regex

from nnmech.authors.fields import read_yaml
from nnmech.encoding import DOCTAG, Example, Source, document_example
from nnmech.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MAX_PATTERN = 1_000
MAX_SECONDS = 2.0

Span = tuple[int, int]


@dataclass(frozen=True)
class WordMask:
    """A regular expression, read without regard to case, and where it was written down."""

    pattern: str
    path: Path | None = None
    line: int | None = None

    def __post_init__(self) -> None:
        if not self.pattern or len(self.pattern) > MAX_PATTERN:
            raise self.error(f"has {len(self.pattern)} characters", f"1 to {MAX_PATTERN}, shorten or split it")
        try:
            _ = self.compiled
        except (regex.error, RecursionError, MemoryError, OverflowError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise self.error(f"is no regular expression ({reason})", "one; mend or remove it") from error

    @cached_property
    def compiled(self) -> "regex.Pattern[str]":
        """The pattern, ready to search."""
        return regex.compile(self.pattern, flags=regex.IGNORECASE)

    def error(self, found: str, expected: str) -> InputError:
        """What to raise for a pattern that cannot be used: it names file, line and pattern."""
        where = "" if self.path is None else f"{self.path}, line {self.line}: "
        shown = self.pattern if len(self.pattern) <= 80 else self.pattern[:80] + "…"
        return InputError(f"{where}the word mask {shown!r} {found}, expected {expected}")


def read_word_masks(path: Path | str) -> tuple[WordMask, ...]:
    """The masks of a file `word_masks.yaml`: one field `patterns`, a list of regular expressions.

    Raises InputError that names file, line and pattern where one is not.
    """
    path = Path(path)
    entries = read_yaml(path).record(["patterns"], [])["patterns"].entries()
    return tuple([WordMask(entry.text(), path, entry.place.line) for entry in entries])


def mask_words(text: str, masks: Sequence[WordMask | str], *, seconds: float = MAX_SECONDS) -> list[Span]:
    """The character spans that any mask matches, in order, overlapping and touching ones joined.

    All masks together have `seconds` of processor time for a text. Raises InputError that names the mask that ran over.
    """
    # As regex itself does, in processor time: a busy machine does not make a pattern slow.
    deadline = time.process_time() + seconds
    found: list[Span] = []
    for mask in masks:
        mask = WordMask(mask) if isinstance(mask, str) else mask
        try:
            matches = mask.compiled.finditer(text, timeout=max(deadline - time.process_time(), 1e-3))
            found += [match.span() for match in matches if match.end() > match.start()]
        except (TimeoutError, MemoryError) as error:
            raise mask.error(
                f"is too slow on a text of {len(text)} characters",
                f"all masks to take {seconds:g} s of processor time; take repetitions inside repetitions out of it",
            ) from error
    joined: list[Span] = []
    for start, end in sorted(found):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def mask_example(
    tokenizer: "PreTrainedTokenizerBase",
    text: str,
    masks: Sequence[WordMask | str],
    *,
    source: Source = "documents",
    weight: float = 1.0,
    doctag: str | None = DOCTAG,
) -> Example:
    """A document as an example without loss on any token that overlaps a masked word; all else as `document_example`.

    Raises InputError as `document_example` and `mask_words`.
    """
    spans = mask_words(text, masks)
    return document_example(tokenizer, text, source=source, weight=weight, doctag=doctag, masked_spans=spans)
