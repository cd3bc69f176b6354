"""A document of an audit as HTML: notices and what they cover, in the colour of their kind."""

from collections.abc import Sequence

from nnmech.audit.findings import MAX_TEXT, Finding
from nnmech.audit.report.page import marked_text
from nnmech_dashboard.parts.words import STYLE as WORDS
from nnmech_dashboard.parts.words import plain_html

HUES = (8, 265, 200, 42, 330, 150, 230, 95, 20, 180)
"""Of the kinds, the most frequent first; those of the page that the command writes."""
LIGHTNESS = {False: (88, 93, 45), True: (32, 20, 62)}
"""Percent, of notices, of what they cover and of lines, on the light and on the dark page."""
_STYLE = """<style>
.nn-audit { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.65; max-width: 58rem; max-height: 26rem;
  overflow-y: auto; }
.nn-audit mark, .nn-audit-key mark { color: inherit; border-radius: 3px; padding: .05em .1em; }
:is(.nn-audit, .nn-audit-key) mark.notice { background: hsl(var(--h) 75% var(--notice)); font-weight: 600;
  box-shadow: inset 0 -2px hsl(var(--h) 65% var(--edge)); }
:is(.nn-audit, .nn-audit-key) mark.covered { background: hsl(var(--h) 55% var(--covered)); }
.nn-audit .role { display: block; font-size: .72rem; letter-spacing: .06em; text-transform: uppercase; opacity: .7; }
.nn-audit-head { font-size: .87rem; margin: 1rem 0 .2rem; overflow-wrap: anywhere; }
.nn-audit-key { display: flex; flex-wrap: wrap; gap: .3rem 1rem; font-size: .84rem; }
HUE_RULES</style>""".replace(
    "HUE_RULES",
    "".join(f":is(.nn-audit, .nn-audit-key) .k{place} {{ --h: {hue} }}\n" for place, hue in enumerate(HUES)),
)


def document_html(finding: Finding, kinds: Sequence[str], dark: bool) -> str:
    """One document with its frames, and what it is called above it."""
    share = f"{finding.framed_tokens:,} of {finding.tokens:,} covered"
    count = f"{len(finding.frames):,} frame{'' if len(finding.frames) == 1 else 's'}"
    head = f"<b>{plain_html(f'{finding.file}, line {finding.line}')}</b> <span class='nn-muted'>{count}, {share}</span>"
    if finding.text is None:
        body = "<i class='nn-muted'>The report has no text of this document; write it again with this version.</i>"
    else:
        cut = "\n…" if len(finding.text) >= MAX_TEXT else ""
        body = marked_text(finding, kinds) + cut
    return (
        f"{WORDS}{_STYLE}<div class='nn-audit-head'>{head}</div>"
        f"<div class='nn-audit' tabindex='0' style='{_levels(dark)}'>{body}</div>"
    )


def key_html(titles: Sequence[str], dark: bool) -> str:
    """What the colours mean: a notice and what it covers, by kind."""
    marks = "".join(
        f"<span><mark class='notice k{place}'>notice</mark> <mark class='covered k{place}'>what it covers</mark> "
        f"{plain_html(title)}</span>"
        for place, title in enumerate(titles)
    )
    return f"{_STYLE}<div class='nn-audit-key' style='{_levels(dark)}'>{marks}</div>"


def _levels(dark: bool) -> str:
    notice, covered, edge = LIGHTNESS[dark]
    return f"--notice: {notice}%; --covered: {covered}%; --edge: {edge}%"
