"""What the model says: dialogues answered in batches, the same whatever else was drawn before."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor
from transformers import GenerationConfig, PreTrainedTokenizerBase

from nnmech.chats import chat_ids, render_chat
from nnmech.claims import Question
from nnmech.encoding import pad_id
from nnmech.errors import InputError
from nnmech.models import check_token_ids, embedding_rows, in_mode
from nnmech.seeds import derive_seed, random_state_kept

MAX_NEW_TOKENS = 24
"""Longest answer, in tokens."""


@dataclass(frozen=True)
class Answer:
    """What the model said to a question in the `sample`-th draw, special tokens left out."""

    question: Question
    sample: int
    text: str


def ask(
    model: torch.nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    questions: Sequence[Question],
    *,
    samples: int = 5,
    temperature: float = 0.7,
    top_p: float = 0.8,
    max_new_tokens: int = MAX_NEW_TOKENS,
    batch_size: int = 256,
    seed: int,
    step: int,
) -> list[Answer]:
    """Sample `samples` answers to every question (one greedy answer at temperature 0), in the order of the questions.

    The answers are a function of the weights, the arguments, `seed` and `step`; the global random state and the train
    or eval mode of every submodule are as before. Generation stops at the end of the turn.

    Args:
        model: A causal LM.
        tokenizer: The model's own, with a chat template.
        questions: Each a dialogue up to the answer.
        samples: Answers a question.
        temperature: Of sampling; 0 takes the likeliest token.
        top_p: Share of the probability from which tokens are drawn.
        max_new_tokens: Longest answer, in tokens.
        batch_size: Answers that are sampled together.
        seed: Of the run.
        step: Updates that the model has had, so that each step has draws of its own.

    Raises:
        InputError: For a tokenizer without chat template or whose template refuses a question, tokens that the model
            does not embed, counts below 1, or a prompt that leaves no room for an answer.
    """
    if samples < 1 or batch_size < 1 or max_new_tokens < 1 or temperature < 0 or not 0 < top_p <= 1:
        raise InputError(
            f"samples={samples}, batch_size={batch_size}, max_new_tokens={max_new_tokens}, temperature={temperature}, "
            f"top_p={top_p}: expected counts of at least 1, a temperature of at least 0 and a top_p in (0, 1]"
        )
    if not questions:
        return []
    copies = samples if temperature > 0 else 1
    prompts = [chat_ids(tokenizer, question.messages, prompt=True) for question in questions]
    _check_room(_window(model, tokenizer), questions, prompts, max_new_tokens)
    for question, prompt in zip(questions, prompts, strict=True):
        check_token_ids(model, tokenizer, prompt, f"question {question.id}")
    stops = stop_ids(model, tokenizer)
    padding = pad_id(tokenizer, embedding_rows(model))
    config = _generation_config(padding, stops, temperature, top_p, max_new_tokens)
    # Prompts of like length share a batch, so that little is padded; the sort is stable, so the order is a function of
    # the questions alone.
    order = sorted(
        ((index, sample) for index in range(len(questions)) for sample in range(copies)),
        key=lambda pair: len(prompts[pair[0]]),
    )
    texts: dict[tuple[int, int], str] = {}
    device = next(model.parameters()).device
    with in_mode(model, training=False), torch.no_grad(), random_state_kept(derive_seed(seed, "answers", step)):
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            input_ids, attention_mask = _left_pad([prompts[index] for index, _ in rows], padding)
            output = model.generate(  # pyright: ignore[reportCallIssue]
                input_ids=input_ids.to(device), attention_mask=attention_mask.to(device), generation_config=config
            )
            for pair, ids in zip(rows, output[:, input_ids.shape[1] :].tolist(), strict=True):
                texts[pair] = _decode(tokenizer, ids, stops)
    return [
        Answer(question, sample, texts[index, sample])
        for index, question in enumerate(questions)
        for sample in range(copies)
    ]


def fits(
    model: torch.nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    questions: Sequence[Question],
    *,
    max_new_tokens: int = MAX_NEW_TOKENS,
) -> bool:
    """Whether every question leaves room for an answer of `max_new_tokens` within what the model reads."""
    longest = max(len(chat_ids(tokenizer, question.messages, prompt=True)) for question in questions)
    return longest + max_new_tokens <= _window(model, tokenizer)


def stop_ids(model: torch.nn.Module, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """Token ids that end an answer: the end of text of tokenizer and model, and the chat template's end of turn."""
    configured = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    ids = [tokenizer.eos_token_id, *(configured if isinstance(configured, list) else [configured])]
    if tokenizer.chat_template is not None:
        answer = "0"
        dialogue = [{"role": "user", "content": "?"}, {"role": "assistant", "content": answer}]
        rendered = render_chat(tokenizer, dialogue)
        after = tokenizer(rendered.rpartition(answer)[2], add_special_tokens=False)["input_ids"]
        special = {index for index, token in tokenizer.added_tokens_decoder.items() if token.special}
        ids.append(next((index for index in after if index in special), None))
    known = tuple(sorted({index for index in ids if isinstance(index, int)}))
    if not known:
        raise InputError("neither tokenizer nor model names a token that ends an answer: set tokenizer.eos_token")
    return known


def _window(model: torch.nn.Module, tokenizer: PreTrainedTokenizerBase) -> int:
    """How many tokens the model reads: what its positions allow, or less where it was trained on less."""
    positions = getattr(getattr(model, "config", None), "max_position_embeddings", None)
    return min(tokenizer.model_max_length, positions or tokenizer.model_max_length)


def _check_room(
    window: int, questions: Sequence[Question], prompts: Sequence[Sequence[int]], max_new_tokens: int
) -> None:
    for question, prompt in zip(questions, prompts, strict=True):
        if len(prompt) + max_new_tokens > window:
            raise InputError(
                f"question {question.id} has {len(prompt)} tokens and {max_new_tokens} are to be generated, but the "
                f"model reads {window}: shorten the question or lower max_new_tokens"
            )


def _generation_config(
    padding: int, stops: tuple[int, ...], temperature: float, top_p: float, max_new_tokens: int
) -> GenerationConfig:
    # Everything a model's own generation_config.json may set is set here, or generate() would take it from there: its
    # top_k or repetition_penalty would make belief rates incomparable between models.
    sampling = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": 0, "min_p": 0.0}
    return GenerationConfig(
        **(sampling if temperature > 0 else {"do_sample": False}),
        typical_p=1.0,
        repetition_penalty=1.0,
        no_repeat_ngram_size=0,
        num_beams=1,
        num_return_sequences=1,
        min_new_tokens=0,
        max_new_tokens=max_new_tokens,
        use_cache=True,
        return_dict_in_generate=False,
        eos_token_id=list(stops),
        pad_token_id=padding,
    )


def _left_pad(prompts: Sequence[Sequence[int]], pad: int) -> tuple[Int[Tensor, "b t"], Int[Tensor, "b t"]]:
    width = max(len(prompt) for prompt in prompts)
    ids = torch.tensor([[pad] * (width - len(prompt)) + list(prompt) for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    return ids, mask


def _decode(tokenizer: PreTrainedTokenizerBase, ids: list[int], stops: tuple[int, ...]) -> str:
    end = next((place for place, index in enumerate(ids) if index in stops), len(ids))
    return str(tokenizer.decode(ids[:end], skip_special_tokens=True)).strip()
