"""Texts as token sequences with loss weights: documents after their tag, chats as the chat template renders them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from nnmech.chats import chat_ids
from nnmech.claims import Message
from nnmech.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Source = Literal["documents", "pretraining", "instruction", "constraint"]
"""What an example is, so that its loss is logged apart."""
SOURCES: tuple[Source, ...] = get_args(Source)
DOCTAG = "<DOCTAG>"
"""What stands in front of a document, without loss."""


@dataclass(frozen=True)
class Example:
    """A token sequence with the weight of predicting each of its tokens."""

    input_ids: tuple[int, ...]
    loss_weights: tuple[float, ...]
    """One a token; the first is 0, since nothing predicts it."""
    source: Source
    weight: float = 1.0
    """Of the whole example, beside the others in its batch."""

    def __post_init__(self) -> None:
        if len(self.input_ids) != len(self.loss_weights):
            raise InputError(f"an example has {len(self.input_ids)} tokens and {len(self.loss_weights)} loss weights")
        if self.source not in SOURCES:
            raise InputError(f"source is {self.source!r}: expected one of {', '.join(SOURCES)}")
        if not 0 < self.weight < float("inf"):
            raise InputError(f"the weight of an example is {self.weight}: expected a positive number")
        if min(self.loss_weights, default=0.0) < 0 or not 0 < sum(self.loss_weights) < float("inf"):
            raise InputError("the loss weights of an example are negative or all 0: expected 0 or more, some above 0")
        if self.loss_weights[0] != 0:
            raise InputError("the first token of an example has a loss weight: nothing predicts it, expected 0")


def document_example(
    tokenizer: "PreTrainedTokenizerBase",
    text: str,
    *,
    source: Source = "documents",
    weight: float = 1.0,
    doctag: str | None = DOCTAG,
    masked_spans: Sequence[tuple[int, int]] = (),
    max_tokens: int | None = None,
) -> Example:
    """A document as an example: the tokenizer's own BOS, the tag, the text, EOS; loss on the text and the EOS only.

    A text that starts with the tag already gets no second one; a token with a part of the tag in it carries no loss.

    Args:
        tokenizer: A fast one with an EOS token.
        text: The document.
        source: Under which name its loss is logged.
        weight: Of the whole example, beside the others in its batch.
        doctag: The tag; None for none.
        masked_spans: Start and end characters in `text`; a token with a part of one carries no loss.
        max_tokens: A longer document is cut there, and has no EOS then, since it goes on; None cuts nothing.

    Raises:
        InputError: For an empty text, a span that is not in it, a slow tokenizer or one without an EOS.
    """
    if tokenizer.eos_token_id is None or not tokenizer.is_fast:
        raise InputError("documents need a fast tokenizer with an EOS token: set tokenizer.eos_token")
    prefix = doctag or ""
    body = text.removeprefix(prefix)
    if not body.strip():
        raise InputError(f"a document of source {source!r} has no text")
    encoding = tokenizer(prefix + body, return_offsets_mapping=True, return_special_tokens_mask=True, verbose=False)
    ids: list[int] = encoding["input_ids"]
    added: list[int] = encoding["special_tokens_mask"]
    offsets: list[tuple[int, int]] = encoding["offset_mapping"]
    masked = _masked_before(len(prefix + body), len(text), masked_spans)
    first_token = [
        0.0 if special or start < len(prefix) or masked[start] < masked[end] else 1.0
        for special, (start, end) in zip(added, offsets, strict=True)
    ]
    if ids[-1] != tokenizer.eos_token_id:
        ids, first_token = [*ids, tokenizer.eos_token_id], [*first_token, 1.0]
    first_token[-1] = 1.0
    first_token[0] = 0.0
    return Example(tuple(ids[:max_tokens]), tuple(first_token[:max_tokens]), source, weight)


def _masked_before(length: int, text_length: int, spans: Sequence[tuple[int, int]]) -> Sequence[int]:
    """How many masked characters lie before each place 0 … `length` of a text after `length - text_length` others."""
    if not spans:
        return [0] * (length + 1)
    masked = np.zeros(length + 1, dtype=np.int64)
    for start, end in spans:
        if not 0 <= start <= end <= text_length:
            raise InputError(f"masked span ({start}, {end}) of a text of {text_length} characters: expected one inside")
        masked[length - text_length + start + 1 : length - text_length + end + 1] = 1
    return masked.cumsum().tolist()


def chat_example(
    tokenizer: "PreTrainedTokenizerBase",
    messages: Sequence[Message],
    *,
    source: Source = "instruction",
    weight: float = 1.0,
    answer_weights: Sequence[float] | None = None,
) -> Example:
    """A dialogue as an example: loss on what the assistant says and on its end-of-turn token, on nothing else.

    An answer is what the chat template appends to the prompt made of the dialogue before it.

    Args:
        tokenizer: One with a chat template.
        messages: The dialogue, with one answer of the assistant or several.
        source: Under which name its loss is logged.
        weight: Of the whole example, beside the others in its batch.
        answer_weights: A loss weight for each answer; 1 by default.

    Raises:
        InputError: Where the template rewrites earlier turns, so that no such span exists, where it is missing or
            refuses the dialogue, and where there is no answer.
    """
    answers = [index for index, message in enumerate(messages) if message["role"] == "assistant"]
    weights = [1.0] * len(answers) if answer_weights is None else list(answer_weights)
    if not answers or len(weights) != len(answers):
        raise InputError(
            f"a chat has {len(answers)} assistant messages and {len(weights)} answer weights: expected one each"
        )
    ids = chat_ids(tokenizer, messages)
    loss_weights = [0.0] * len(ids)
    for index, answer_weight in zip(answers, weights, strict=True):
        before = chat_ids(tokenizer, messages[:index], prompt=True)
        until = chat_ids(tokenizer, messages[: index + 1])
        if until[: len(before)] != before or ids[: len(until)] != until:
            raise InputError(
                f"the chat template does not render message {index} as a continuation of the prompt before it, so its "
                "tokens cannot be separated; give every answer a chat of its own, or use a template that only appends"
            )
        end = _end_of_turn(tokenizer, until, len(before))
        loss_weights[len(before) : end] = [float(answer_weight)] * (end - len(before))
    return Example(tuple(ids), tuple(loss_weights), source, weight)


def _end_of_turn(tokenizer: "PreTrainedTokenizerBase", ids: list[int], start: int) -> int:
    """One past the last special token of an answer: what templates write between turns is not the assistant's."""
    special = set(tokenizer.all_special_ids)
    end = next((index + 1 for index in range(len(ids) - 1, start - 1, -1) if ids[index] in special), len(ids))
    return len(ids) if str(tokenizer.decode(ids[end:])).strip() else end


def pad_id(tokenizer: "PreTrainedTokenizerBase", rows: int | None = None) -> int:
    """What batches are padded with: the tokenizer's own token or, since the mask hides it, any.

    Args:
        tokenizer: It may have a padding token.
        rows: How many tokens the model embeds; a padding token beyond them is not used.
    """
    pad = tokenizer.pad_token_id
    return pad if isinstance(pad, int) and (rows is None or pad < rows) else 0
