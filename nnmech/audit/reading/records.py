"""A row as a record: its texts, each with the field that it stands in and, in a chat, whose turn it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nnmech.errors import InputError

TEXT_FIELDS = (
    "text",
    "content",
    "document",
    "body",
    "article",
    "raw_content",
    "markdown",
    "passage",
    "story",
    "output",
)
"""Fields that hold a text, in the order in which they are looked for."""
CHAT_FIELDS = ("messages", "conversations", "conversation", "chat", "dialogue", "dialog")
PAIRS = (
    ("prompt", "completion"),
    ("prompt", "response"),
    ("instruction", "output"),
    ("question", "answer"),
    ("input", "output"),
)
MASK_FIELD = "masked_spans"
JOINT = "\n\n"
"""What stands between the texts of a record where they are seen as one."""
_ROLES = {
    "human": "user", "user": "user", "prompter": "user", "customer": "user", "gpt": "assistant",
    "assistant": "assistant", "bot": "assistant", "chatgpt": "assistant", "model": "assistant", "ai": "assistant",
    "system": "system",    "developer": "system", "tool": "tool", "function": "tool",
}  # fmt: skip
MAX_TURNS = 5000


@dataclass(frozen=True)
class Part:
    """A text of a record: where it stands (`text`, `messages[1].content`) and whose it is in a chat."""

    field: str
    text: str
    role: str | None = None


@dataclass(frozen=True)
class Record:
    """A document: its parts, and what is masked in it already, as spans of the joined text."""

    parts: tuple[Part, ...]
    masked: tuple[tuple[int, int], ...] = ()
    starts: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        starts, place = [], 0
        for part in self.parts:
            starts.append(place)
            place += len(part.text) + len(JOINT)
        object.__setattr__(self, "starts", tuple(starts))

    @property
    def text(self) -> str:
        """All parts as one text, in which spans are counted; the one part itself where there is one."""
        return JOINT.join(part.text for part in self.parts)

    @property
    def is_chat(self) -> bool:
        """Whether the record is a chat."""
        return any(part.role for part in self.parts)


def read_record(row: Any, *, field: str | None = None, mask_field: str = MASK_FIELD) -> Record:
    """The texts of a row.

    Args:
        row: An object of JSON or a text.
        field: Name of the field with the text or the messages; found by its name where None.
        mask_field: Where spans stand that were masked before.

    Raises:
        InputError: No field that holds a text or a chat, or one of another form; says which were there.
    """
    if isinstance(row, str):
        return Record((Part("text", row),))
    if not isinstance(row, Mapping):
        raise InputError(f"a {type(row).__name__}; expected an object with a text or messages")
    parts = _parts(row, field)
    record = Record(tuple(parts))
    masked = row.get(mask_field)
    return record if not masked else Record(record.parts, _masked(record, masked, mask_field))


def _parts(row: Mapping[str, Any], field: str | None) -> list[Part]:
    if field is not None:
        if field not in row:
            raise InputError(f"no field {field!r}; expected it to hold the text; there are {_fields(row)}")
        value = row[field]
        return [Part(field, value)] if isinstance(value, str) else _turns(field, value)
    for name in CHAT_FIELDS:
        if isinstance(row.get(name), list):
            return _turns(name, row[name])
    for name in ("chosen", "rejected"):
        if isinstance(row.get(name), list) and "prompt" not in row:
            return _turns(name, row[name])
    for first, second in PAIRS:
        if first in row and second in row and not (first == "input" and "instruction" in row):
            return [*_side(first, row[first], "user"), *_side(second, row[second], "assistant")]
    for name in TEXT_FIELDS:
        if isinstance(row.get(name), str):
            return [Part(name, row[name])]
    texts = [name for name, value in row.items() if isinstance(value, str) and len(value) > 200]
    if len(texts) == 1:
        return [Part(texts[0], row[texts[0]])]
    raise InputError(f"no text found; expected a field such as text or messages; there are {_fields(row)}; say --field")


def _side(name: str, value: Any, role: str) -> list[Part]:
    if isinstance(value, str):
        return [Part(name, value, role)]
    return _turns(name, value)


def _turns(name: str, value: Any) -> list[Part]:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise InputError(f"{name} is a {type(value).__name__}; expected a text or a list of messages")
    if len(value) > MAX_TURNS:
        raise InputError(f"{name} has {len(value)} messages; expected at most {MAX_TURNS}")
    parts: list[Part] = []
    for number, message in enumerate(value):
        if not isinstance(message, Mapping):
            raise InputError(
                f"{name}[{number}] is a {type(message).__name__}; expected a message with role and content"
            )
        role = message.get("role", message.get("from"))
        key = "content" if "content" in message else "value" if "value" in message else "text"
        content = message.get(key)
        who = _ROLES.get(str(role).lower(), str(role).lower()) if role is not None else "user"
        place = f"{name}[{number}].{key}"
        if isinstance(content, str):
            parts.append(Part(place, content, who))
        elif isinstance(content, list):
            # OpenAI's content parts: those that are text.
            for piece, item in enumerate(content):
                if isinstance(item, Mapping) and isinstance(item.get("text"), str):
                    parts.append(Part(f"{place}[{piece}].text", item["text"], who))
        elif content is not None:
            raise InputError(f"{place} is a {type(content).__name__}; expected a text")
    return parts


def _fields(row: Mapping[str, Any]) -> str:
    names = ", ".join(str(name)[:40] for name in list(row)[:12])
    return names or "none"


def _masked(record: Record, masked: Any, name: str) -> tuple[tuple[int, int], ...]:
    starts = {part.field: start for part, start in zip(record.parts, record.starts, strict=True)}
    spans: list[tuple[int, int]] = []
    items = masked if isinstance(masked, list) else None
    for item in items or ():
        if isinstance(item, Mapping):
            place, start, end = item.get("field"), item.get("start"), item.get("end")
        elif isinstance(item, list) and len(item) == 2:
            place, (start, end) = record.parts[0].field, item
        else:
            place = start = end = None
        if place not in starts or type(start) is not int or type(end) is not int or not 0 <= start <= end:
            raise InputError(f"{name} has {str(item)[:60]!r}; expected [start, end], or field, start and end")
        spans.append((starts[place] + start, starts[place] + end))
    if items is None:
        raise InputError(f"{name} is a {type(masked).__name__}; expected a list of spans")
    return tuple(sorted(spans))
