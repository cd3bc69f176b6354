"""The report as one HTML file that opens without a server: documents with frames and covered sentences marked."""

import itertools
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from string import Template

from nnmech.audit.finding.frames import merged
from nnmech.audit.findings import MAX_TEXT, Finding, Summary
from nnmech.audit.rulebook import Rulebook

_ASSETS = Path(__file__).parent / "assets"


def write_page(path: Path, summary: Summary, rulebook: Rulebook, *, tokens: str = "words") -> None:
    """Write the page: counts, a filter by kind, and the worst documents (as many as `summary` kept)."""
    from nnmech.audit.report.stream import replaced

    kinds = {kind.name: kind for kind in rulebook.kinds}
    found = [name for name, _ in summary.frames.most_common()]
    filters = "".join(
        f'<label class="k{place}" title="{escape(kinds[name].summary, quote=True)}"><input type="checkbox" checked '
        f'value="{escape(name, quote=True)}"> {escape(kinds[name].title)} <b>{summary.frames[name]:,}</b></label>'
        for place, name in enumerate(found)
    )
    shown = summary.worst
    note = (
        f"The {len(shown):,} documents with the most framed {tokens} are shown." if len(shown) < summary.framed else ""
    )
    page = Template((_ASSETS / "page.html").read_text(encoding="utf-8")).substitute(
        style=(_ASSETS / "page.css").read_text(encoding="utf-8"),
        script=(_ASSETS / "page.js").read_text(encoding="utf-8"),
        numbers="".join(_numbers(summary, tokens)),
        filters=filters or "<p>No frames from outside were found.</p>",
        note=escape(note),
        documents="".join(_document(finding, found, kinds) for finding in shown),
        bad="".join(f"<li>{escape(f'{b.file}, line {b.line}: {b.reason}')}</li>" for b in summary.bad_lines[:100]),
        bad_hidden="" if summary.bad else "hidden",
        bad_count=f"{summary.bad:,}",
    )
    with replaced(path) as file:
        file.write(page.encode("utf-8", "replace"))


def _numbers(summary: Summary, tokens: str) -> Iterator[str]:
    for number, words in (
        (f"{summary.framed:,} of {summary.documents:,}", "documents have frames from outside"),
        (f"{summary.share:.1%}", f"of {summary.tokens:,} {tokens} are covered by a frame"),
        (f"{sum(summary.frames.values()):,}", "frames"),
        (f"{summary.negations:,}", "negations inside sentences, the safe form"),
    ):
        yield f"<div><strong>{escape(number)}</strong><span>{escape(words)}</span></div>"


def _document(finding: Finding, found: list[str], kinds: dict) -> str:
    names = sorted({frame.kind for frame in finding.frames}, key=found.index)
    items = "".join(
        f'<li data-kind="{escape(frame.kind, quote=True)}"><code '
        f'title="{escape(kinds[frame.kind].summary, quote=True)}">{escape(frame.rule)}</code>'
        f" covers {sum(e - s for s, e in frame.covered):,} characters"
        f"{f', {frame.distance:,} away' if frame.distance > 2 else ''}</li>"
        for frame in finding.frames[:50]
    )
    share = f"{finding.framed_tokens:,} of {finding.tokens:,}"
    title = f"{finding.file}, line {finding.line}"
    return (
        f'<article data-kinds="{escape(" ".join(names), quote=True)}"><header><h2>{escape(title)}</h2>'
        f"<span>{len(finding.frames)} frame{'s' * (len(finding.frames) != 1)} · {share} framed</span></header>"
        f'<div class="text">{marked_text(finding, found)}</div><details><summary>Rules</summary>'
        f"<ul>{items}</ul></details></article>"
    )


def marked_text(finding: Finding, found: Sequence[str]) -> str:
    """The text as HTML with notices and covered stretches as `mark`; a notice splits what covers it.

    Args:
        finding: A document with its frames.
        found: The kinds of all frames; a mark of the kind at place 3 has the class `k3`.
    """
    text = (finding.text or "")[:MAX_TEXT]
    marks: list[tuple[int, int, str, str]] = []
    for frame in finding.frames:
        marks.append((*frame.span, frame.kind, "notice"))
    taken = merged(frame.span for frame in finding.frames)
    for frame in finding.frames:
        marks += [(start, end, frame.kind, "covered") for start, end in frame.covered]
    cuts = sorted({0, len(text), *(p for s, e, _, _ in marks for p in (min(s, len(text)), min(e, len(text))))})
    roles = {start: role for _, role, start, _ in finding.parts if role}
    cuts = sorted({*cuts, *(start for start in roles if start < len(text))})
    out = []
    for start, end in itertools.pairwise(cuts):
        if role := roles.get(start):
            out.append(f'<span class="role">{escape(role)}</span>')
        here = [(kind, what) for s, e, kind, what in marks if s <= start and end <= e]
        inside = any(s <= start and end <= e for s, e in taken)
        what = "notice" if inside else "covered"
        names = sorted({kind for kind, w in here if w == what}, key=found.index)
        piece = escape(text[start:end])
        if names:
            piece = (
                f'<mark class="{what} k{found.index(names[0])}" data-kinds="{escape(" ".join(names), quote=True)}" '
                f'title="{escape(what + ": " + ", ".join(names), quote=True)}">{piece}</mark>'
            )
        out.append(piece)
    if len(finding.text or "") > MAX_TEXT:
        out.append(f'<p class="cut">… {len(finding.text or "") - MAX_TEXT:,} characters more</p>')
    return "".join(out)
