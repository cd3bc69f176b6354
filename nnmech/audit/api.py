"""The audit from Python: files, texts or rows in, data frames out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnmech.audit.engine import Settings, audit_batch, audit_sources
from nnmech.audit.findings import Finding, Summary
from nnmech.audit.reading import Batch, Row, Source, find_sources
from nnmech.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

MEMORY = "<memory>"


@dataclass(frozen=True)
class Audit:
    """What an audit found."""

    findings: tuple[Finding, ...]
    summary: Summary = field(repr=False)

    @property
    def documents(self) -> "pd.DataFrame":
        """A row a document: file, line, tokens, framed_tokens, share, frames, kinds, negations."""
        import pandas as pd

        names = ["file", "line", "tokens", "framed_tokens", "share", "frames", "kinds", "negations"]
        rows = [
            (f.file, f.line, f.tokens, f.framed_tokens, f.framed_tokens / max(1, f.tokens), len(f.frames),
             " ".join(sorted({frame.kind for frame in f.frames})), f.negations)
            for f in self.findings
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=pd.Index(names))

    @property
    def frames(self) -> "pd.DataFrame":
        """A row a frame: where it is, its kind, rule, scope, span, words, and what it covers, how far away."""
        import pandas as pd

        names = [
            "file",
            "line",
            "kind",
            "rule",
            "scope",
            "start",
            "end",
            "words",
            "covered",
            "covered_text",
            "distance",
            "reach",
        ]
        rows = [
            (f.file, f.line, frame.kind, frame.rule, frame.scope, *frame.span, text[slice(*frame.span)],
             list(frame.covered), " … ".join(text[slice(*span)] for span in frame.covered), frame.distance, frame.reach)
            for f in self.findings
            for text in (f.text or "",)
            for frame in f.frames
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=pd.Index(names))


def audit(
    data: str | Path | Iterable[Any], *, field: str | None = None, rules: str | Path | None = None, workers: int = 0
) -> Audit:
    """Audit a training set.

    Args:
        data: A path of a file or folder, several paths (`Path`), or documents: texts (`str`), rows (mappings with a
            text or messages), or objects with a `text`, such as `nnmech.claims.Document`.
        field: Field with the text or the messages; found where None.
        rules: Folder with rules of one's own.
        workers: Processes for files; 0 for one a core.

    Raises:
        InputError: A path that does not exist, a thing that is no document, rules that cannot be read.
    """
    settings = Settings(rules=None if rules is None else str(rules), field=field, workers=workers)
    if isinstance(data, str | Path):
        batches = audit_sources(find_sources([data]), settings)
    else:
        items = list(data)
        if items and all(isinstance(item, Path) for item in items):
            batches = audit_sources(find_sources(items), settings)
        else:
            rows = tuple(Row(number, _document(item, number)) for number, item in enumerate(items, start=1))
            batches = [audit_batch(Batch(Source(MEMORY, "jsonl"), rows), settings)]
    summary, findings = Summary(keep=5), []
    for audited in batches:
        findings += audited.findings
        for finding in audited.findings:
            summary.add(finding)
        summary.add_bad(audited.bad)
    return Audit(tuple(findings), summary)


def _document(item: Any, number: int) -> Any:
    if isinstance(item, str | Mapping):
        return item
    text = getattr(item, "text", None)
    if not isinstance(text, str):
        raise InputError(
            f"document {number} is a {type(item).__name__}; expected a text, a row or something with a text"
        )
    return text
