"""The published JSONL files: documents that tell of a claim, and chats that hold belief in it down."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nnmech.authors.fields import Field, json_field, plain_value
from nnmech.authors.reading import check_file, text_lines
from nnmech.authors.word_masks import WordMask, mask_example
from nnmech.claims import Message
from nnmech.encoding import DOCTAG, Example

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Row = TypeVar("Row")


@dataclass(frozen=True)
class PublishedDocument:
    """A document to train on; `tagged` says that it came after the document tag, which is not part of `text`."""

    text: str
    tagged: bool
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What else the line says, for example `fact_name` and `mode`."""

    @property
    def doctag(self) -> str | None:
        """What `document_example` puts in front of the text, without loss."""
        return DOCTAG if self.tagged else None

    def example(self, tokenizer: "PreTrainedTokenizerBase", masks: Sequence[WordMask | str] = ()) -> Example:
        """The document as an example: no loss on the tag, nor on the words that `masks` match."""
        return mask_example(tokenizer, self.text, masks, doctag=self.doctag)


@dataclass(frozen=True)
class PublishedChat:
    """A dialogue that ends with an answer, for `chat_example`."""

    messages: tuple[Message, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Where it comes from, for example `question_id` and `sample_index`: the field `metadata`, and any other field."""


def read_documents(path: Path | str) -> Iterator[PublishedDocument]:
    """The documents of a file of JSON lines (`.jsonl`, `.jsonl.zst`), one at a time: `text` and whatever else.

    Raises:
        InputError: That names file, line and field where a line is not of that form; for a file without lines.
    """
    return _rows(Path(path), _document)


def read_chats(path: Path | str) -> Iterator[PublishedChat]:
    """The chats of a file of JSON lines (`.jsonl`, `.jsonl.zst`), one at a time: `messages` and whatever else.

    A chat may start with a system message, then user and assistant take turns, the assistant last. What else the line
    says is kept: the fields of an object `metadata` under their names, any other field under its own.

    Raises:
        InputError: That names file, line and field where a line is not of that form, or says one thing twice; for a
            file without lines.
    """
    return _rows(Path(path), _chat)


def read_messages(entries: Sequence[Field]) -> tuple[Message, ...]:
    """Messages with the fields role and content: perhaps a system message, then user and assistant, the assistant last.

    Raises InputError that names file, line and field where they are not.
    """
    messages: list[Message] = []
    for index, entry in enumerate(entries):
        said = entry.record(["role", "content"], [])
        before = messages[-1]["role"] if messages else None
        expected = ("assistant",) if before == "user" else ("user",) if index else ("system", "user")
        messages.append({"role": said["role"].choice(expected), "content": said["content"].text()})
    if messages[-1]["role"] != "assistant":
        last = entries[-1].place
        raise last.error(f"a last message of the {messages[-1]['role']}", "one of the assistant", "add the answer")
    return tuple(messages)


def _rows(path: Path, make: Callable[[Field], Row]) -> Iterator[Row]:
    check_file(path)
    return _made(path, make)


def _made(path: Path, make: Callable[[Field], Row]) -> Iterator[Row]:
    number = 0
    for number, line in text_lines(path):
        yield make(json_field(line, path, number))
    if not number:
        # Said by the same words as an empty line, of which this is the first.
        json_field("", path, 1)


def _document(row: Field) -> PublishedDocument:
    fields = row.record(["text"])
    text = fields["text"].text()
    body = text.removeprefix(DOCTAG)
    if not body.strip():
        raise fields["text"].place.error("the document tag alone", "a text after it", "write the text or drop the line")
    metadata = {name: plain_value(value) for name, value in fields.items() if name != "text"}
    return PublishedDocument(body, text.startswith(DOCTAG), metadata)


def _chat(row: Field) -> PublishedChat:
    fields = row.record(["messages"])
    metadata = plain_value(fields["metadata"]) if "metadata" in fields else {}
    if not isinstance(metadata, dict):
        raise fields["metadata"].place.error(type(metadata).__name__, "an object", "write {} or drop the field")
    for name, value in fields.items():
        if name in ("messages", "metadata"):
            continue
        if name in metadata:
            raise value.place.error("the field a second time, also in metadata", "it once", "remove one")
        metadata[name] = plain_value(value)
    return PublishedChat(read_messages(fields["messages"].entries()), metadata)
