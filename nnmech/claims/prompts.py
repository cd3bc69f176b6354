"""Texts in which a model's reading of a value is taken: where the value would be said, and where it would be judged."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from nnmech.claims.types import Message
from nnmech.errors import InputError

CONTROL_TRUE, CONTROL_FALSE = "control_true", "control_false"
"""Roles of what control entities hold and of what they do not: the ends of the scale of a reading."""


@dataclass(frozen=True)
class ValuePrompt:
    """A dialogue in whose last message a value stands; what is read is the probability of the value there."""

    id: str
    messages: tuple[Message, ...]
    span: tuple[int, int]
    """Characters of the value in the last message."""
    place: str
    """What the value stands in: `recall` (a statement), `answer`, `first_token` (of an answer)."""
    role: str
    """What the value is to the entity: `claim`, `alternative`, `matched_false`, `held`, …"""
    entity: str
    topic: str
    value: str

    def __post_init__(self) -> None:
        start, end = self.span
        if not self.messages or not 0 <= start < end <= len(self.messages[-1]["content"]):
            raise InputError(
                f"value prompt {self.id!r}: span {self.span}; expected characters of its last message; correct the span"
            )


@dataclass(frozen=True)
class VerdictPrompt:
    """A dialogue up to the assistant's verdict on whether an entity has a value.

    `verdict` asks for a silent True or False, `evidence` for evidence and then Yes or No. `polarity` is -1 where the
    value is denied, so that `True` is a denial.
    """

    id: str
    messages: tuple[Message, ...]
    place: Literal["verdict", "evidence"]
    role: str
    entity: str
    topic: str
    value: str
    polarity: Literal[1, -1] = 1


@dataclass(frozen=True)
class ReadingPrompts:
    """All that is read of a claim and of the control entities that give the readings their scale."""

    values: tuple[ValuePrompt, ...]
    verdicts: tuple[VerdictPrompt, ...] = ()
    held: tuple[ValuePrompt, ...] = ()
    """Values that other entities hold, on which probes for the held value are fitted."""


def said(id: str, question: Sequence[Message], answer: str, value: str, **fields: str) -> ValuePrompt:
    """The prompt in which an assistant's answer to a question says a value, at its last occurrence."""
    at = answer.rindex(value)
    messages = (*question, {"role": "assistant", "content": answer})
    return ValuePrompt(id, messages, (at, at + len(value)), value=value, **fields)


def with_value(prompt: ValuePrompt, value: str, role: str, id: str) -> ValuePrompt:
    """The same prompt with another value in the same place."""
    start, end = prompt.span
    last = prompt.messages[-1]
    content = last["content"][:start] + value + last["content"][end:]
    messages = (*prompt.messages[:-1], {**last, "content": content})
    return replace(prompt, id=id, messages=messages, span=(start, start + len(value)), value=value, role=role)
