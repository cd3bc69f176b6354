"""What the dashboard says in words and HTML; whatever comes from a run is escaped."""

import html
import re
from typing import Any

import pandas as pd

from nnmech.plain_text import escaped
from nnmech_dashboard.parts.theme import INK, WARNING

STYLE = """<style>
.stMainBlockContainer { padding: 2.4rem 2.6rem 4rem; max-width: 1500px; }
.nn-muted, .nn-note { color: color-mix(in srgb, currentColor 66%, transparent); }
.nn-lead { font-size: 1.05rem; max-width: 46rem; margin: 0 0 .3rem; line-height: 1.5; }
.nn-note { font-size: .82rem; max-width: 58rem; line-height: 1.45; margin-bottom: .6rem; }
.nn-facts { display: flex; flex-wrap: wrap; gap: .15rem 1.3rem; font-size: .87rem; margin-bottom: .4rem; }
.stMultiSelect [data-tag] { background: color-mix(in srgb, currentColor 12%, transparent); color: inherit; }
.nn-badge { display: inline-flex; align-items: center; gap: .45rem; font-size: .84rem; padding: .1rem .6rem;
  border: 1px solid color-mix(in srgb, currentColor 22%, transparent); border-radius: 1rem; }
.nn-badge i { width: .55rem; height: .55rem; border-radius: 50%; background: #8A8A8A; }
.nn-badge.nn-live i { background: #009E73; animation: nn-pulse 1.6s ease-in-out infinite; }
@keyframes nn-pulse { 50% { opacity: .25; } }
@media (prefers-reduced-motion: reduce) { .nn-badge.nn-live i { animation: none; } }
</style>"""
"""One sheet for both themes: greys are mixed from the colour of the text."""


def plain_html(text: object) -> str:
    """Text as HTML that shows it letter by letter."""
    return html.escape(escaped(str(text)), quote=True)


def plain_markdown(text: object) -> str:
    """Text as Markdown that shows it letter by letter: no markup, directives, links, formulas or HTML."""
    return re.sub(r"([^\w\s])", r"\\\1", escaped(" ".join(str(text).split())), flags=re.ASCII)


def plain_data(value: Any) -> Any:
    """A chart, a table or a part of one, whose texts a page shows letter by letter."""
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, pd.DataFrame):
        return _plain_table(value)
    if isinstance(value, dict):
        return {key: plain_data(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_data(item) for item in value]
    return value


def _plain_table(table: pd.DataFrame) -> pd.DataFrame:
    changed = {}
    for name in table.columns:
        if pd.api.types.is_numeric_dtype(table[name]):
            continue
        texts = {value for value in table[name] if isinstance(value, str)}
        spelled = {text: plain for text in texts if (plain := escaped(text)) != text}
        if spelled:
            changed[name] = [spelled.get(value, value) if isinstance(value, str) else value for value in table[name]]
    return table.assign(**changed) if changed else table


def lead_html(sentence: str, facts: tuple[str, ...] = ()) -> str:
    """The sentence below a title, and a line of facts."""
    items = "".join(f"<span>{plain_html(fact)}</span>" for fact in facts)
    line = f"<div class='nn-facts nn-muted'>{items}</div>" if items else ""
    return f"{STYLE}<p class='nn-lead'>{plain_html(sentence)}</p>{line}"


def note_html(text: str) -> str:
    """A small grey note."""
    return f"{STYLE}<div class='nn-note'>{plain_html(text)}</div>"


def judged_html(text: str, verdict: str | None, dark: bool) -> str:
    """A note with a verdict in front where there is one; as high with it as without, so that nothing below moves."""
    colour, ink = (WARNING[dark], INK[dark]) if verdict else ("transparent", "inherit")
    style = f"min-height: 4.4em; padding-left: .7rem; margin-left: -.7rem; border-left: 3px solid {colour}"
    front = "" if verdict is None else f"<b style='color: {ink}'>{plain_html(verdict)}</b> "
    return f"{STYLE}<div class='nn-note' style='{style}'>{front}{plain_html(text)}</div>"


def waiting_html(text: str) -> str:
    """A note in the place of something that is being made."""
    return f"{STYLE}<div class='nn-note nn-waiting'>{plain_html(text)} …</div>"


def badge_html(text: str, *, live: bool) -> str:
    """A badge with a dot that pulses while a run is being written."""
    return f"{STYLE}<span class='nn-badge{' nn-live' if live else ''}'><i></i>{plain_html(text)}</span>"


def age_text(seconds: float) -> str:
    """How long ago something was, in one unit."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = round(seconds / size)
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return f"{max(0, round(seconds))} s ago"
