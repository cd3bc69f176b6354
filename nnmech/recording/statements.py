"""Statements turned into token batches once, so that every snapshot reads the same tokens in the same company."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from nnmech.chats import render_chat, user_frame
from nnmech.claims import Statement
from nnmech.encoding import pad_id
from nnmech.errors import InputError
from nnmech.recording.coverage import check_normalised, check_tokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

POSITIONS = ("object", "last", "assistant")
PROMPT = "Statement: {statement} True or false?"


@dataclass(frozen=True, eq=False)
class StatementBatch:
    """Right-padded prompts of similar length."""

    input_ids: Int[Tensor, "statement token"]
    attention_mask: Int[Tensor, "statement token"]
    position_ids: Int[Tensor, "statement token"]
    token_index: Int[Tensor, "statement position"]
    """Which token of its row each named position is."""
    statement_index: Int[Tensor, " statement"]
    """Which of the frozen statements each row holds."""
    statement_tokens: Bool[Tensor, "statement token"]
    """Where the statement itself stands in its prompt."""


@dataclass(frozen=True, eq=False)
class StatementBatches:
    """Frozen statements, their named positions and their token batches; `hash` identifies all of it."""

    statements: tuple[Statement, ...]
    positions: tuple[str, ...]
    batches: tuple[StatementBatch, ...]
    hash: str


@dataclass(frozen=True)
class _Row:
    index: int
    ids: list[int]
    positions: list[int]
    inside: list[bool]


def freeze_statements(
    tokenizer: "PreTrainedTokenizerBase",
    statements: Sequence[Statement],
    *,
    positions: Sequence[str] | None = None,
    prompt: str = PROMPT,
    chat: bool = True,
    batch_size: int = 64,
) -> StatementBatches:
    """Put each statement into `prompt`, as a user's chat turn or as plain text, and fix tokens, positions and batches.

    Where a tokenizer merges characters across the end of a position, its token reads on into what follows it.

    Args:
        tokenizer: The fast tokenizer of the model that will be recorded.
        statements: Each with an id of its own.
        positions: Which tokens to record: `object` is the one with the last character of the statement's object, `last`
            the one with the last character of the statement, `assistant` the last token of the prompt, after the
            template's generation prompt in a chat. By default all three, or the last two where a statement has no
            `object_end`.
        prompt: A text with the field `{statement}` in it.
        chat: Whether the prompt is a user's turn in the tokenizer's chat template, or plain text.
        batch_size: Statements a batch.

    Raises:
        InputError: For a slow tokenizer, a missing chat template or one that changes the user's turn, characters that
            the tokenizer does not know or drops, and a statement without `object_end` where `object` is asked for.
    """
    positions = _supported(statements) if positions is None else tuple(positions)
    before, after = _check_arguments(tokenizer, statements, positions, prompt, batch_size)
    contents = [before + statement.text + after for statement in statements]
    texts, starts = contents, [0] * len(contents)
    if chat:
        if not tokenizer.chat_template:
            raise InputError(
                f"tokenizer {tokenizer.name_or_path!r} has no chat template; pass chat=False for plain text."
            )
        frame = user_frame(tokenizer)
        texts = [render_chat(tokenizer, [{"role": "user", "content": content}], prompt=True) for content in contents]
        starts = [_content_start(*one, frame) for one in zip(statements, texts, contents, strict=True)]
    names = [f"statement {statement.id!r}" for statement in statements]
    check_normalised(tokenizer, dict(zip(names, contents, strict=True)))
    encoded = tokenizer(
        texts, add_special_tokens=not chat, return_offsets_mapping=True, padding=False, truncation=False
    )
    rows = []
    for index, statement in enumerate(statements):
        start = starts[index] + len(before)
        ids, offsets = encoded["input_ids"][index], encoded["offset_mapping"][index]
        content = (max(start - len(before), 0), start + len(statement.text) + len(after))
        # The tokens of the text, without those that the tokenizer adds around it.
        own = [token for token, sequence in enumerate(encoded.sequence_ids(index)) if sequence is not None]
        check_tokens(tokenizer, names[index], texts[index], ids, offsets, content)
        rows.append(
            _Row(
                index,
                ids,
                [own[-1] if name == "assistant" else _position(name, statement, start, offsets) for name in positions],
                [begin < start + len(statement.text) and end > start for begin, end in offsets],
            )
        )
    rows.sort(key=lambda row: (len(row.ids), row.index))
    padding = pad_id(tokenizer)
    batches = tuple(_batch(rows[at : at + batch_size], padding) for at in range(0, len(rows), batch_size))
    frozen = tuple(statements)
    return StatementBatches(frozen, positions, batches, _hash(frozen, positions, batches))


def _supported(statements: Sequence[Statement]) -> tuple[str, ...]:
    """The positions that all the statements have."""
    without_object = any(statement.object_end is None for statement in statements)
    return tuple(name for name in POSITIONS if not (without_object and name == "object"))


def _check_arguments(
    tokenizer: "PreTrainedTokenizerBase",
    statements: Sequence[Statement],
    positions: Sequence[str],
    prompt: str,
    batch_size: int,
) -> tuple[str, str]:
    if not getattr(tokenizer, "is_fast", False):
        raise InputError(f"{type(tokenizer).__name__} is a slow tokenizer; positions need a fast one (tokenizer.json).")
    if not statements:
        raise InputError("no statements to freeze; pass at least one.")
    names = [statement.id for statement in statements]
    if twice := {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set():
        raise InputError(f"statement ids {sorted(twice)} are used twice; give each statement its own.")
    if not positions or len(set(positions)) < len(positions) or not set(positions) <= set(POSITIONS):
        raise InputError(f"positions {list(positions)}: expected some of {list(POSITIONS)}, each once.")
    if prompt.count("{statement}") != 1:
        raise InputError(f"prompt {prompt!r}: expected the field {{statement}} exactly once.")
    if batch_size < 1:
        raise InputError(f"batch_size={batch_size}: expected at least 1.")
    for statement in statements:
        if not statement.text.strip():
            raise InputError(f"statement {statement.id!r} is empty; give it a text.")
        if "object" in positions and not 1 <= (statement.object_end or 0) <= len(statement.text):
            raise InputError(
                f"statement {statement.id!r}: object_end is {statement.object_end}, expected 1 to "
                f"{len(statement.text)}, the number of characters up to the object's end; set it, or leave out the "
                "position 'object'."
            )
    before, _, after = prompt.partition("{statement}")
    return before, after


def _content_start(statement: Statement, text: str, content: str, frame: tuple[str, str]) -> int:
    """Where the content begins in the rendered chat, or would if the template did not trim it."""
    before, after = frame
    inside = text[len(before) : len(text) - len(after)]
    framed = text == before + inside + after
    for kept, trimmed in ((content, 0), (content.rstrip(), 0), *_trimmed_left(content)):
        if framed and inside == kept:
            return len(before) - trimmed
    raise InputError(
        f"statement {statement.id!r}: the chat template changes the text of the user's turn; pass chat=False."
    )


def _trimmed_left(content: str) -> list[tuple[str, int]]:
    trimmed = len(content) - len(content.lstrip())
    return [(content.strip(), trimmed), (content.lstrip(), trimmed)]


def _position(name: str, statement: Statement, start: int, offsets: Sequence[tuple[int, int]]) -> int:
    length = statement.object_end if name == "object" else len(statement.text.rstrip())
    character = start + (length or 0) - 1
    tokens = [token for token, (begin, end) in enumerate(offsets) if begin <= character < end]
    if not tokens:
        raise InputError(f"statement {statement.id!r}: no token holds its {name!r} character; is it a space?")
    return tokens[-1]


def _batch(rows: Sequence[_Row], padding: int) -> StatementBatch:
    longest = max(len(row.ids) for row in rows)
    return StatementBatch(
        input_ids=torch.tensor([row.ids + [padding] * (longest - len(row.ids)) for row in rows]),
        attention_mask=torch.tensor([[1] * len(row.ids) + [0] * (longest - len(row.ids)) for row in rows]),
        position_ids=torch.arange(longest).repeat(len(rows), 1),
        token_index=torch.tensor([row.positions for row in rows]),
        statement_index=torch.tensor([row.index for row in rows]),
        statement_tokens=torch.tensor([row.inside + [False] * (longest - len(row.ids)) for row in rows]),
    )


def _hash(statements: Sequence[Statement], positions: Sequence[str], batches: Sequence[StatementBatch]) -> str:
    digest = hashlib.sha256()
    digest.update(json.dumps([[asdict(statement) for statement in statements], list(positions)]).encode())
    for batch in batches:
        for tensor in (batch.input_ids, batch.attention_mask, batch.token_index, batch.statement_index):
            digest.update(json.dumps(tensor.tolist()).encode())
    return digest.hexdigest()
