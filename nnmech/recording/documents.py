"""Documents turned into tokens once, so that every snapshot reads the same text token by token."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from nnmech.claims import Document
from nnmech.encoding import DOCTAG
from nnmech.errors import InputError
from nnmech.recording.statements import StatementBatch

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TOKEN = "token"
"""Name of the one position of a token snapshot, whose statement axis holds the tokens of all documents in order."""


@dataclass(frozen=True, eq=False)
class FrozenDocuments:
    """Documents and their tokens; `rows` say where sentences and tokens lie in the text, `hash` identifies them all."""

    rows: tuple[dict[str, Any], ...]
    """For each document: id, claim, condition, text, `sentences` and `tokens`.

    A sentence has start, end (characters of `text`) and role; a token start and end.
    """
    batches: tuple[StatementBatch, ...]
    """One a document."""
    hash: str


def freeze_documents(
    tokenizer: "PreTrainedTokenizerBase",
    documents: Mapping[str, Sequence[Document]],
    *,
    doctag: str = DOCTAG,
    max_tokens: int | None = None,
) -> FrozenDocuments:
    """Fix the tokens of `documents`, which are those of each condition, after the tag as in training.

    The tag and the tokenizer's own special tokens are read and not recorded, nor is a token with a part of the tag in
    it; a text that starts with the tag gets no second one.

    Args:
        tokenizer: A fast one.
        documents: Those of each condition.
        doctag: What stands in front of a document in training.
        max_tokens: A longer document is read so far, as training reads it; None reads all of it.

    Raises:
        InputError: For a slow tokenizer, no documents, one without text, and ids that are used twice in a condition.
    """
    if not tokenizer.is_fast:
        raise InputError("documents need a fast tokenizer, which says where in the text each token lies.")
    rows, batches, seen = [], [], set()
    for condition, document in _each(documents):
        named = f"document {document.id!r} of condition {condition!r}"
        if (condition, document.id) in seen:
            raise InputError(f"{named} is there twice; give each document its own id.")
        seen.add((condition, document.id))
        tag = "" if document.text.startswith(doctag) else doctag
        encoding = tokenizer(
            tag + document.text, return_offsets_mapping=True, return_special_tokens_mask=True, verbose=False
        )
        special_mask, offsets = encoding["special_tokens_mask"][:max_tokens], encoding["offset_mapping"][:max_tokens]
        inside = [
            (index, start - len(tag), end - len(tag))
            for index, (special, (start, end)) in enumerate(zip(special_mask, offsets, strict=True))
            if not special and end > start >= len(doctag)
        ]
        if not inside:
            raise InputError(f"{named} has no text; leave it out.")
        rows.append(
            {
                "id": document.id,
                "claim": document.claim,
                "condition": condition,
                "text": document.text,
                "sentences": _sentences(document),
                "tokens": [[start, end] for _, start, end in inside],
            }
        )
        batches.append(_batch(encoding["input_ids"][:max_tokens], [index for index, _, _ in inside]))
    if not rows:
        raise InputError("there are no documents to record: give at least one.")
    digest = hashlib.sha256(json.dumps([rows, [batch.input_ids.tolist() for batch in batches]]).encode())
    return FrozenDocuments(tuple(rows), tuple(batches), digest.hexdigest())


def _each(documents: Mapping[str, Sequence[Document]]) -> Iterable[tuple[str, Document]]:
    return ((condition, document) for condition, texts in documents.items() for document in texts)


def _sentences(document: Document) -> list[dict[str, Any]]:
    found, start = [], 0
    for sentence in document.sentences:
        found.append({"start": start, "end": start + len(sentence.text), "role": sentence.role})
        start += len(sentence.text) + 1
    return found


def _batch(ids: Sequence[int], recorded: Sequence[int]) -> StatementBatch:
    """A batch of one row, each recorded token a position of it."""
    length = len(ids)
    everything = torch.ones(1, length, dtype=torch.long)
    return StatementBatch(
        input_ids=torch.tensor([ids]),
        attention_mask=everything,
        position_ids=torch.arange(length)[None],
        token_index=torch.tensor([recorded]),
        statement_index=torch.tensor([0]),
        statement_tokens=everything.bool(),
    )
