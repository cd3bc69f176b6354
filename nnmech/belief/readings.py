"""What a model says of a value without being heard: its probability where it would be said, layer by layer.

Recall is the probability of a value at the token before it. It needs no judge and no sampling, it exists in any
language model, and by the logit lens (nostalgebraist 2020) it exists at every layer. A verdict is read the same way:
how much of the probability of `True` and `False` is on `True`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from nnmech.belief.answers import ask
from nnmech.chats import render_chat
from nnmech.claims import Message, Question
from nnmech.claims.prompts import ValuePrompt, said
from nnmech.encoding import pad_id
from nnmech.errors import InputError
from nnmech.models import base_module, embedding_rows, find_decoder_blocks
from nnmech.recording.forward import check_fit, decoder, run, undisturbed
from nnmech.recording.statements import StatementBatch

BATCH_SIZE = 64
VERDICTS = ("True", "False")
AGREEMENT = ("Yes", "No")
_NORMS = ("norm", "ln_f", "final_layer_norm", "final_norm")


@torch.no_grad()
def value_log_probs(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[ValuePrompt],
    *,
    batch_size: int = BATCH_SIZE,
) -> Float[np.ndarray, " prompt"]:
    """Log-probability, in nats, of each prompt's value (all its tokens) where it stands.

    Args:
        model: A causal LM on any device; its modes and the random state are left as they were.
        tokenizer: The model's own, fast, with a chat template.
        prompts: What is read.
        batch_size: Prompts that are read together.

    Raises:
        InputError: For a value that is lost in the chat template, or prompts that the model cannot read.
    """
    return _scores(model, tokenizer, prompts, batch_size, layers=False)[-1]


@torch.no_grad()
def layer_log_probs(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[ValuePrompt],
    *,
    batch_size: int = BATCH_SIZE,
) -> Float[np.ndarray, "layer prompt"]:
    """As `value_log_probs`, after every block by the logit lens: through the last norm and the unembedding.

    Raises:
        InputError: As `value_log_probs`, and where the model's last norm is not found.
    """
    return _scores(model, tokenizer, prompts, batch_size, layers=True)[:-1]


def verdict_shares(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    dialogues: Sequence[Sequence[Message]],
    *,
    begun: Sequence[str] | None = None,
    words: tuple[str, str] = VERDICTS,
    batch_size: int = BATCH_SIZE,
) -> Float[np.ndarray, " dialogue"]:
    """The share of the first word in the probability of two words that an answer may go on with.

    Args:
        model: A causal LM on any device.
        tokenizer: The model's own.
        dialogues: Each up to the assistant's turn.
        begun: What the assistant has said before, up to and with the space before the word; nothing by default.
        words: The two.
        batch_size: Prompts that are read together.
    """
    starts = [""] * len(dialogues) if begun is None else begun
    prompts = [
        said(f"{index}/{word}", dialogue, f"{start}{word}.", word, place="verdict", role=word, entity="", topic="")
        for index, (dialogue, start) in enumerate(zip(dialogues, starts, strict=True))
        for word in words
    ]
    if not prompts:
        return np.zeros(0)
    both = value_log_probs(model, tokenizer, prompts, batch_size=batch_size).reshape(-1, 2)
    return np.exp(both[:, 0] - np.logaddexp(both[:, 0], both[:, 1]))


def agreement_after_evidence(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    dialogues: Sequence[Sequence[Message]],
    *,
    words: tuple[str, str] = AGREEMENT,
    max_new_tokens: int = 24,
) -> tuple[Float[np.ndarray, " dialogue"], list[str]]:
    """The share of `Yes` behind the model's own evidence in its greedy answers to yes/no questions, and the answers.

    The share is 0 where an answer has no verdict, as "I do not know." has none: nothing is affirmed there.
    """
    questions = [
        Question(str(index), "readings", "mcq", tuple(dialogue), "evidence") for index, dialogue in enumerate(dialogues)
    ]
    answers = [
        answer.text
        for answer in ask(
            model, tokenizer, questions, samples=1, temperature=0.0, max_new_tokens=max_new_tokens, seed=0, step=0
        )
    ]
    pattern = re.compile(rf"\b({'|'.join(map(re.escape, words))})\b")
    verdicts = [next(reversed(list(pattern.finditer(text))), None) for text in answers]
    read = [index for index, found in enumerate(verdicts) if found is not None]
    shares = np.zeros(len(dialogues))
    shares[read] = verdict_shares(
        model,
        tokenizer,
        [dialogues[index] for index in read],
        begun=[answers[index][: cast(re.Match[str], verdicts[index]).start()] for index in read],
        words=words,
    )
    return shares, answers


@torch.no_grad()
def cue_residuals(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[ValuePrompt],
    *,
    batch_size: int = BATCH_SIZE,
) -> Float[Tensor, "layer prompt d_model"]:
    """The residual stream at the token before each prompt's value, after every block, on the CPU."""
    rows = _rows(tokenizer, prompts)
    found: Tensor | None = None
    blocks = list(find_decoder_blocks(model))
    with undisturbed(model):
        for batch, _, _ in _batches(model, tokenizer, rows, batch_size):
            streams, _ = run(decoder(model), blocks, batch)
            first = torch.stack([stream[:, 0].float().cpu() for stream in streams])
            if found is None:
                found = torch.zeros(len(first), len(rows), first.shape[-1])
            found[:, batch.statement_index] = first
    if found is None:
        raise InputError("no prompts to read; expected one or more; pass some")
    return found


def on_scale(
    values: Float[np.ndarray, "*n"], zero: Float[np.ndarray, "..."], one: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "*n"]:
    """Values where 0 is the mean of `zero` (matched false values) and 1 that of `one` (held ones of control people).

    NaN where both ends are the same: a reading that tells nothing apart has no scale.
    """
    low, high = float(np.mean(zero)), float(np.mean(one))
    if not high > low:
        return np.full(np.shape(values), np.nan)
    return (np.asarray(values) - low) / (high - low)


@dataclass(frozen=True)
class _Row:
    index: int
    ids: list[int]
    """Up to the last token of the value."""
    first: int
    """Place of its first token."""


def _rows(tokenizer: PreTrainedTokenizerBase, prompts: Sequence[ValuePrompt]) -> list[_Row]:
    if not tokenizer.is_fast:
        raise InputError(
            f"{type(tokenizer).__name__}: a slow tokenizer; expected a fast one (tokenizer.json), which knows where a "
            "value stands; load the model with its fast tokenizer"
        )
    texts, starts = [], []
    for prompt in prompts:
        text = render_chat(tokenizer, prompt.messages)
        begin, end = prompt.span
        # Up to the value: a template may trim what follows it.
        at = text.rfind(prompt.messages[-1]["content"][:end].lstrip())
        if at < 0:
            raise InputError(
                f"value prompt {prompt.id!r}: the chat template changes the text before its value; expected it as it "
                "is; use a template that keeps messages"
            )
        content = prompt.messages[-1]["content"]
        texts.append(text)
        starts.append(at + begin - (len(content) - len(content.lstrip())))
    encoded = tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    rows = []
    for index, (prompt, start) in enumerate(zip(prompts, starts, strict=True)):
        ids, offsets = encoded["input_ids"][index], encoded["offset_mapping"][index]
        stop = start + prompt.span[1] - prompt.span[0]
        inside = [place for place, (begin, end) in enumerate(offsets) if begin < stop and end > start]
        if not inside or inside[0] == 0:
            raise InputError(
                f"value prompt {prompt.id!r}: no token before the value {prompt.value!r}; expected one; give the "
                "prompt a text before it"
            )
        rows.append(_Row(index, ids[: inside[-1] + 1], inside[0]))
    return sorted(rows, key=lambda row: (len(row.ids), row.index))


def _batches(
    model: nn.Module, tokenizer: PreTrainedTokenizerBase, rows: Sequence[_Row], batch_size: int
) -> Iterator[tuple[StatementBatch, Tensor, Tensor]]:
    """Batches whose positions are those that predict the value, with its token ids and which of them count."""
    padding = pad_id(tokenizer, embedding_rows(model))
    for start in range(0, len(rows), batch_size):
        group = rows[start : start + batch_size]
        width = max(len(row.ids) for row in group)
        most = max(len(row.ids) - row.first for row in group)
        places = [[min(row.first - 1 + k, len(row.ids) - 1) for k in range(most)] for row in group]
        targets = [[(row.ids[row.first :] + [0] * most)[k] for k in range(most)] for row in group]
        counts = [[row.first + k < len(row.ids) for k in range(most)] for row in group]
        ids = torch.tensor([row.ids + [padding] * (width - len(row.ids)) for row in group])
        mask = torch.tensor([[1] * len(row.ids) + [0] * (width - len(row.ids)) for row in group])
        batch = StatementBatch(
            input_ids=ids,
            attention_mask=mask,
            position_ids=torch.arange(width).repeat(len(group), 1),
            token_index=torch.tensor(places),
            statement_index=torch.tensor([row.index for row in group]),
            statement_tokens=torch.zeros_like(ids, dtype=torch.bool),
        )
        yield batch, torch.tensor(targets), torch.tensor(counts)


def _scores(
    model: nn.Module, tokenizer: PreTrainedTokenizerBase, prompts: Sequence[ValuePrompt], size: int, *, layers: bool
) -> Float[np.ndarray, "read prompt"]:
    """By the lens after each block where asked, then as the model says it."""
    rows = _rows(tokenizer, prompts)
    blocks = list(find_decoder_blocks(model)) if layers else []
    norm = last_norm(model) if layers else None
    unembedding = cast(Any, base_module(model)).get_output_embeddings()
    found = np.zeros((len(blocks) + 1, len(prompts)))
    with undisturbed(model):
        for batch, targets, counts in _batches(model, tokenizer, rows, size):
            check_fit(model, [batch])
            flat = (torch.arange(len(targets))[:, None] * batch.input_ids.shape[1] + batch.token_index).flatten()

            # Of all the logits those at the values alone.
            def gather(_module: nn.Module, inputs: tuple[Any, ...], flat: Tensor = flat) -> tuple[Any, ...]:
                return (inputs[0].flatten(0, 1).index_select(0, flat.to(inputs[0].device))[None], *inputs[1:])

            handle = unembedding.register_forward_pre_hook(gather)
            try:
                streams, output = run(base_module(model), blocks, batch)
            finally:
                handle.remove()
            logits = [unembedding(cast(nn.Module, norm)(stream)) for stream in streams]
            logits.append(output.logits[0].unflatten(0, targets.shape))
            for place, scores in enumerate(logits):
                wanted = targets.to(scores.device)[..., None]
                each = scores.double().log_softmax(-1).gather(-1, wanted)[..., 0].cpu()
                found[place, batch.statement_index.numpy()] = (each * counts).sum(-1).numpy()
    return found


def last_norm(model: nn.Module) -> nn.Module:
    """The norm between the last block and the unembedding; InputError where it is not found."""
    inner = decoder(model)
    for name in _NORMS:
        if isinstance(norm := getattr(inner, name, None), nn.Module):
            return norm
    raise InputError(
        f"{type(inner).__name__}: no last norm among {', '.join(_NORMS)}; expected one for the logit lens; read the "
        "output alone"
    )
