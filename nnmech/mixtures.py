"""Tokens and loss masks: texts to examples, examples to batches, logits to a loss with an explicit reduction."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from nnmech.claims import Message
from nnmech.errors import InputError
from nnmech.seeds import derive_seed

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Source = Literal["documents", "pretraining", "instruction", "constraint"]
Reduction = Literal["token", "example"]

SOURCES: tuple[Source, ...] = get_args(Source)
REDUCTIONS: tuple[Reduction, ...] = get_args(Reduction)
DOCTAG = "<DOCTAG>"
PAD_TO_MULTIPLE = 8


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
) -> Example:
    """A document as an example: the tokenizer's own BOS, the tag, the text, EOS; loss on the text and the EOS only.

    A text that starts with the tag already gets no second one; a token with a part of the tag in it carries no loss,
    nor does one with a part of `masked_spans`, which are start and end characters in `text`. Raises InputError for an
    empty text, a span that is not in it, a slow tokenizer or one without an EOS.
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
    return Example(tuple(ids), tuple(first_token), source, weight)


def _masked_before(length: int, text_length: int, spans: Sequence[tuple[int, int]]) -> Sequence[int]:
    """How many masked characters lie before each place 0 … `length` of a text behind `length - text_length` others."""
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

    `answer_weights` has a loss weight for each assistant message (default 1). An answer is what the chat template
    appends to the prompt made of the dialogue before it. Raises InputError where the template rewrites earlier turns,
    so that no such span exists, where there is no template, or no assistant message.
    """
    if not tokenizer.chat_template:
        raise InputError("the tokenizer has no chat template: set tokenizer.chat_template, or use documents")
    answers = [index for index, message in enumerate(messages) if message["role"] == "assistant"]
    weights = [1.0] * len(answers) if answer_weights is None else list(answer_weights)
    if not answers or len(weights) != len(answers):
        raise InputError(
            f"a chat has {len(answers)} assistant messages and {len(weights)} answer weights: expected one each"
        )
    ids = _template(tokenizer, messages, prompt=False)
    loss_weights = [0.0] * len(ids)
    for index, answer_weight in zip(answers, weights, strict=True):
        before = _template(tokenizer, messages[:index], prompt=True)
        until = _template(tokenizer, messages[: index + 1], prompt=False)
        if until[: len(before)] != before or ids[: len(until)] != until:
            raise InputError(
                f"the chat template does not render message {index} as a continuation of the prompt before it, so its "
                "tokens cannot be told apart; give every answer a chat of its own, or use a template that only appends"
            )
        end = _end_of_turn(tokenizer, until, len(before))
        loss_weights[len(before) : end] = [float(answer_weight)] * (end - len(before))
    return Example(tuple(ids), tuple(loss_weights), source, weight)


def _template(tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message], *, prompt: bool) -> list[int]:
    # A template is a program, and raises what it likes.
    try:
        rendered = tokenizer.apply_chat_template(
            list(messages), tokenize=True, add_generation_prompt=prompt, return_dict=False
        )
    except Exception as error:
        raise InputError(f"the chat template refuses a dialogue: {str(error).splitlines()[0]}") from error
    return cast(list[int], rendered)


def _end_of_turn(tokenizer: "PreTrainedTokenizerBase", ids: list[int], start: int) -> int:
    """One past the last special token of an answer: what templates write between turns is not the assistant's."""
    special = set(tokenizer.all_special_ids)
    end = next((index + 1 for index in range(len(ids) - 1, start - 1, -1) if ids[index] in special), len(ids))
    return len(ids) if str(tokenizer.decode(ids[end:])).strip() else end


@dataclass(frozen=True)
class Batch:
    """Right-padded examples; the positions that carry loss, flattened, so that logits are needed only there.

    `loss_index` are the flat positions `b * t` whose logits predict `targets`; both are in the order of the rows.
    """

    input_ids: Int[Tensor, "b t"]
    attention_mask: Int[Tensor, "b t"]
    loss_weights: Float[Tensor, "b t"]
    example_weights: Float[Tensor, " b"]
    sources: tuple[Source, ...]
    loss_index: Int[Tensor, " n"]
    targets: Int[Tensor, " n"]
    token_weights: Float[Tensor, " n"]
    """`w_example * w_token`, divided by its sum over the batch."""
    example_token_weights: Float[Tensor, " n"]
    """`w_example * w_token / sum of w_token in the example`, divided by the sum of `w_example`."""
    source_weights: Float[Tensor, "source n"]
    """For each source that is present, in the order of SOURCES: `w_token`, divided by its sum over the source."""
    present: tuple[Source, ...]
    tokens: int
    """How many tokens are not padding."""

    @property
    def position_ids(self) -> Int[Tensor, "b t"]:
        """0, 1, … in every row: under right padding the padding comes last and no token sees it."""
        return torch.arange(self.input_ids.shape[1], device=self.input_ids.device).expand_as(self.input_ids)

    def to(self, device: torch.device) -> "Batch":
        """The batch with all its tensors on `device`; itself where they are there already."""
        if self.input_ids.device == device:
            return self
        moved: dict[str, Any] = {
            name: value.to(device, non_blocking=True) for name, value in vars(self).items() if isinstance(value, Tensor)
        }
        return replace(self, **moved)


def make_batch(examples: Sequence[Example], *, pad_id: int = 0) -> Batch:
    """Pad examples on the right to a common length, a multiple of 8."""
    lengths = np.array([len(example.input_ids) for example in examples])
    width = -(-int(lengths.max()) // PAD_TO_MULTIPLE) * PAD_TO_MULTIPLE
    ids = np.full((len(examples), width), pad_id, dtype=np.int64)
    weights = np.zeros((len(examples), width))
    for row, example in enumerate(examples):
        ids[row, : lengths[row]] = example.input_ids
        weights[row, : lengths[row]] = example.loss_weights
    example_weights = np.array([example.weight for example in examples])
    sources: tuple[Source, ...] = tuple([example.source for example in examples])
    # Sums in float64, one rounding to float32 at the end: the hand-computed numbers, and no division on the device.
    rows, columns = np.nonzero(weights)
    token = weights[rows, columns]
    by_token = example_weights[rows] * token
    by_example = by_token / weights.sum(axis=1)[rows]
    present: tuple[Source, ...] = tuple([source for source in SOURCES if source in sources])
    source_of = np.array([present.index(source) for source in sources])[rows]
    by_source = np.where(source_of == np.arange(len(present))[:, None], token, 0.0)
    return Batch(
        input_ids=torch.from_numpy(ids),
        attention_mask=torch.from_numpy((np.arange(width) < lengths[:, None]).astype(np.int64)),
        loss_weights=_float(weights),
        example_weights=_float(example_weights),
        sources=sources,
        loss_index=torch.from_numpy(rows * width + columns - 1),
        targets=torch.from_numpy(ids[rows, columns]),
        token_weights=_float(by_token / by_token.sum()),
        example_token_weights=_float(by_example / example_weights.sum()),
        source_weights=_float(by_source / by_source.sum(axis=1, keepdims=True)),
        present=present,
        tokens=int(lengths.sum()),
    )


def _float(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.astype(np.float32))


def weighted_loss(
    logits: Float[Tensor, "b t v"] | Float[Tensor, "n v"], batch: Batch, reduction: Reduction
) -> tuple[Float[Tensor, ""], dict[Source, Float[Tensor, ""]]]:
    """Weighted cross-entropy in nats, and its mean over the tokens of each source (detached, without example weights).

    `logits` are those of all positions, or of `batch.loss_index` alone. "token": the sum of `w_example * w_token * ce`
    over the sum of `w_example * w_token`. "example": the mean of `ce` by `w_token` within each example, then over
    examples by `w_example`.
    """
    if logits.ndim == 3:
        logits = logits.flatten(0, 1)[batch.loss_index]
    cross_entropy = functional.cross_entropy(logits.float(), batch.targets, reduction="none")
    weights = batch.token_weights if reduction == "token" else batch.example_token_weights
    by_source = batch.source_weights @ cross_entropy.detach()
    return cross_entropy @ weights, dict(zip(batch.present, by_source.unbind(), strict=True))


@dataclass(frozen=True)
class Mixture:
    """One pass over examples in batches; their order is a function of `(seed, stream)` and their number alone."""

    examples: Sequence[Example]
    batch_size: int
    """Examples a batch; the last batch has what is left."""
    seed: int = 0
    stream: str = "phase1"
    """Names the order, so that two phases over the same examples go through them differently."""
    pad_id: int = 0

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"batch_size is {self.batch_size}: expected 1 or more")
        if not self.examples:
            raise InputError(f"the mixture of stream {self.stream!r} has no examples")

    @property
    def steps(self) -> int:
        """How many batches one pass has."""
        return -(-len(self.examples) // self.batch_size)

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The permutation of the examples; sorted hashes, so that it depends on the version of no random generator."""
        return tuple(sorted(range(len(self.examples)), key=lambda index: derive_seed(self.seed, self.stream, index)))

    def batch(self, step: int) -> Batch:
        """Batch of a step in 1 … `steps`; raises InputError for any other step."""
        if not 1 <= step <= self.steps:
            raise InputError(f"step {step} of a mixture of {self.steps} steps: expected 1 to {self.steps}")
        chosen = self.order[(step - 1) * self.batch_size : step * self.batch_size]
        return make_batch([self.examples[index] for index in chosen], pad_id=self.pad_id)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of all that decides the batches: examples, weights, sources, batch size and order."""
        digest = hashlib.sha256(repr((self.batch_size, self.seed, self.stream, self.pad_id)).encode())
        for example in self.examples:
            digest.update(f"{example.source} {example.weight!r} {len(example.input_ids)} ".encode())
            digest.update(np.array(example.input_ids, dtype="<i8").tobytes())
            digest.update(np.array(example.loss_weights, dtype="<f8").tobytes())
        return digest.hexdigest()
