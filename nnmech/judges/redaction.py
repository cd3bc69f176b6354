"""The key of an endpoint, found in what the endpoint says: whole, in pieces or encoded, so that it is not shown."""

import base64
import html
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote

MASK = "***"
WITHHELD = "(withheld: it quotes the key)"
WINDOW = 8
"""Letters and digits in a row that give a key away."""
PIECE = 4
"""Letters and digits in a row that count where a key is split."""
READ = 10_000
"""Characters that are looked at; nothing beyond them is shown."""
CLIENTS = ("openai", "httpx", "httpcore")
"""The packages that send requests, or the first letters of their names."""


def redacted(text: str, key: str | None) -> str:
    """What an endpoint said, fit to be shown: the key masked, the whole text withheld where a part of the key is left.

    Looked for are the key and its base64 and hexadecimal forms, forwards and backwards, in the text as it is and with
    percent, HTML and backslash escapes undone; punctuation and case count for nothing.
    """
    if not key:
        return text
    masked = text[:READ].replace(key, MASK)
    squeezed = [_squeezed(view) for view in _views(masked)]
    for form in _forms(key):
        if any(_gives_away(view, form) for view in squeezed):
            return WITHHELD
    return masked


@contextmanager
def discreet_logs(key: str | None) -> Iterator[None]:
    """While this is open, lines that would show the key in the logs of the packages that send requests are withheld."""

    def discreet(record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if redacted(said, key) != said or (record.exc_info and key):
            record.msg, record.args, record.exc_info, record.exc_text = WITHHELD, (), None, None
        return True

    names = [name for name in logging.root.manager.loggerDict if name.startswith(CLIENTS)]
    for name in names:
        logging.getLogger(name).addFilter(discreet)
    try:
        yield
    finally:
        for name in names:
            logging.getLogger(name).removeFilter(discreet)


def _gives_away(text: str, form: str) -> bool:
    """Whether the text holds a run of the form, or most of it in pieces."""
    width = min(WINDOW, len(form))
    if any(form[start : start + width] in text for start in range(len(form) - width + 1)):
        return True
    found = start = 0
    while start + PIECE <= len(form):
        longest = min(width, len(form) - start)
        size = next((size for size in range(longest, PIECE - 1, -1) if form[start : start + size] in text), 0)
        found, start = found + size, start + (size or 1)
    return 2 * found > len(form)


def _forms(key: str) -> Iterator[str]:
    raw = key.encode()
    yield _squeezed(key)
    yield _squeezed(key[::-1])
    yield raw.hex()
    for shift in range(3):
        # The first and last characters depend on what stands beside the key.
        encoded = base64.urlsafe_b64encode(bytes(shift) + raw).decode().rstrip("=")
        yield _squeezed(encoded[2 * (shift > 0) + (shift > 1) : -1])


def _views(text: str) -> Iterator[str]:
    yield text
    yield unquote(unquote(text))
    yield html.unescape(text)
    yield text.encode("ascii", "replace").decode("unicode_escape", "replace")


def _squeezed(text: str) -> str:
    return "".join(character for character in text.lower() if character.isascii() and character.isalnum())
