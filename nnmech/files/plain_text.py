"""Text of a file as a terminal or a page may show it: no character of it is a command."""

import re

_COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def escaped(text: str) -> str:
    """The text with control characters, those that turn the direction of writing, and halves of pairs spelled out.

    New lines and tabs stay as they are.
    """
    return _COMMANDS.sub(lambda match: ascii(match[0])[1:-1], text.replace("\r\n", "\n"))
