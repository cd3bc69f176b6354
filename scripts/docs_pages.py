"""Hooks of mkdocs: pages that live outside docs/ are shown as they are, with their links led to where things are here.

A page of docs/ whose front matter has `source: FILE` shows that file of the checkout.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SHOWN = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security.md"}
"""Files outside docs/ that have a page, and its name."""
LINK = re.compile(r"(!?\[[^\]]*\])\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """The text of a page: that of its source where it names one, links adapted to the folder of the page."""
    source = page.meta.get("source")
    if source is not None:
        markdown = (ROOT / source).read_text(encoding="utf-8")
    folder = "" if source is not None else posixpath.join("docs", posixpath.dirname(page.file.src_uri))
    here = posixpath.dirname(page.file.src_uri)
    return LINK.sub(lambda match: _led(match, folder, here), markdown)


def _led(match: re.Match[str], folder: str, here: str) -> str:
    text, target, anchor = match[1], match[2], match[3] or ""
    path = posixpath.normpath(posixpath.join(folder, target))
    if path in SHOWN:
        page = SHOWN[path]
    elif path.startswith("docs/"):
        page = path.removeprefix("docs/")
    else:
        # Something of the checkout that has no page: its name is all that a reader can use.
        return text.strip("![]") if text.startswith("!") else f"`{path}`"
    return f"{text}({posixpath.relpath(page, here or '.')}{anchor})"
