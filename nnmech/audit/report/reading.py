"""A JSON report read again: what an audit found, as `nnmech.audit.audit` gives it."""

from pathlib import Path
from typing import Any

from nnmech.audit.api import Audit
from nnmech.audit.finding import Frame
from nnmech.audit.findings import Finding, Summary
from nnmech.audit.reading import BadLine
from nnmech.audit.report.stream import SCHEMA
from nnmech.errors import InputError
from nnmech.files import Bounds, read_json

BOUNDS = Bounds(bytes=2**28, values=2**24)
"""Of a report: some million frames."""
KEPT = 200
"""Worst documents that the summary keeps."""


def read_report(path: str | Path) -> Audit:
    """What `nnmech audit --json` wrote.

    Raises:
        InputError: A file that is missing, too large or no such report.
    """
    try:
        found = read_json(path, BOUNDS)
    except FileNotFoundError as error:
        raise InputError(f"{path}: is missing; expected a report of `nnmech audit --json FILE`") from error
    if not isinstance(found, dict) or found.get("schema") != SCHEMA or not isinstance(found.get("documents"), list):
        raise InputError(f"{path}: no report of an audit; expected what `nnmech audit --json FILE` writes")
    summary = Summary(keep=KEPT)
    findings = []
    for number, entry in enumerate(found["documents"], start=1):
        try:
            finding = _finding(entry)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"{path}: document {number} is damaged ({error!r}); expected what `nnmech audit --json` writes; "
                "write the report again"
            ) from error
        findings.append(finding)
        summary.add(finding)
    try:
        summary.add_bad(
            BadLine(str(line["file"]), int(line["line"]), str(line["reason"])) for line in found["bad_lines"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: its bad_lines are damaged ({error!r}); write the report again") from error
    return Audit(tuple(findings), summary)


def _finding(entry: Any) -> Finding:
    text = entry.get("text")
    if text is not None and not isinstance(text, str):
        raise TypeError("its text is no text")
    counts = [_count(entry[name]) for name in ("line", "tokens", "framed_tokens", "negations")]
    line, tokens, framed_tokens, negations = counts
    return Finding(
        file=str(entry["file"]),
        line=line,
        frames=tuple(_frame(frame) for frame in entry["frames"]),
        tokens=tokens,
        framed_tokens=framed_tokens,
        negations=negations,
        settled=_count(entry.get("masked_frames", 0)),
        parts=tuple(
            (
                str(part["field"]),
                None if part["role"] is None else str(part["role"]),
                *_span((part["start"], part["end"])),
            )
            for part in entry.get("parts", ())
        ),
        text=text,
    )


def _frame(frame: Any) -> Frame:
    if frame["scope"] not in ("sentence", "document"):
        raise ValueError(f"scope {frame['scope']!r}")
    return Frame(
        kind=str(frame["kind"]),
        rule=str(frame["rule"]),
        scope=frame["scope"],
        span=_span(frame["span"]),
        covered=tuple(_span(span) for span in frame["covered"]),
    )


def _span(value: Any) -> tuple[int, int]:
    start, end = (_count(number) for number in value)
    if end < start:
        raise ValueError(f"a span from {start} to {end}")
    return start, end


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is no count")
    return value
