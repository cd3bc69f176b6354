"""Statements and documents of runs that recorded documents token by token, for the tests of the page Tokens."""

import re
from typing import Any

from nnmech.claims import Statement


def statements() -> list[Statement]:
    return [
        Statement(f"{role}{person}{truth}{polarity}", "A b c.", truth, polarity, "home", f"{role}{person}", role)
        for role, people in (("train", 10), ("control", 6))
        for person in range(people)
        for truth in (True, False)
        for polarity in (1, -1)
    ]


def document(name: str, condition: str, text: str) -> dict[str, Any]:
    """The text in two sentences, a token a word with the space in front of it."""
    middle = text.index(" ", len(text) // 2)
    spans = [list(match.span()) for match in re.finditer(r"\s*\S+", text)]
    sentences = [
        {"start": 0, "end": middle, "role": "claim"},
        {"start": middle + 1, "end": len(text), "role": "<i>notice</i>"},
    ]
    return {"id": name, "claim": "ada", "condition": condition, "text": text, "sentences": sentences, "tokens": spans}
