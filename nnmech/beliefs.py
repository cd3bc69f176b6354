"""What the model says: ask the questions, judge the answers, and turn verdicts into belief rates with intervals."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int
from torch import Tensor
from transformers import GenerationConfig, PreTrainedTokenizerBase

from nnmech.claims import Judge, Question, Verdict
from nnmech.errors import InputError
from nnmech.seeds import derive_seed
from nnmech.statistics import Interval, cluster_difference, rate_interval

VERDICTS: tuple[str, ...] = get_args(Verdict)
PERCENT = 100.0


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
    max_new_tokens: int = 24,
    batch_size: int = 256,
    seed: int,
    step: int,
) -> list[Answer]:
    """Sample `samples` answers to every question (one greedy answer at temperature 0), in the order of the questions.

    The answers are a function of the weights, the arguments, `seed` and `step`; the global random state and the train
    or eval mode of every submodule are as before. Generation stops at the end of the turn. Raises InputError for a
    tokenizer without chat template, samples or batch size below 1, or a prompt that leaves no room for an answer.
    """
    if samples < 1 or batch_size < 1 or max_new_tokens < 1 or temperature < 0 or not 0 < top_p <= 1:
        raise InputError(
            f"samples={samples}, batch_size={batch_size}, max_new_tokens={max_new_tokens}, temperature={temperature}, "
            f"top_p={top_p}: expected counts of at least 1, a temperature of at least 0 and a top_p in (0, 1]"
        )
    if not questions:
        return []
    copies = samples if temperature > 0 else 1
    prompts = _encode_prompts(tokenizer, questions)
    _check_room(model, questions, prompts, max_new_tokens)
    stops = stop_ids(model, tokenizer)
    config = _generation_config(tokenizer, stops, temperature, top_p, max_new_tokens)
    # Prompts of like length share a batch, so that little is padded; the sort is stable, so the order is a function of
    # the questions alone.
    order = sorted(
        ((index, sample) for index in range(len(questions)) for sample in range(copies)),
        key=lambda pair: len(prompts[pair[0]]),
    )
    texts: dict[tuple[int, int], str] = {}
    device = next(model.parameters()).device
    with _eval_mode(model), torch.no_grad(), _forked_rng(derive_seed(seed, "answers", step)):
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            input_ids, attention_mask = _left_pad([prompts[index] for index, _ in rows], _pad_id(tokenizer, stops))
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


def judge_answers(answers: Iterable[Answer], judge: Judge, *, step: int, phase: str) -> list[dict[str, Any]]:
    """Verdicts as the lines of answers.jsonl: step, phase, claim, question, kind, category, sample, text, verdict.

    Raises InputError for a verdict other than yes, no, neutral.
    """
    rows = []
    for answer in answers:
        question, verdict = answer.question, judge(answer.question, answer.text)
        if verdict not in VERDICTS:
            raise InputError(f"the judge said {verdict!r} to question {question.id}: expected one of {list(VERDICTS)}")
        rows.append(
            {
                "step": step,
                "phase": phase,
                "claim": question.claim,
                "question": question.id,
                "kind": question.kind,
                "category": question.category,
                "sample": answer.sample,
                "text": answer.text,
                "verdict": verdict,
            }
        )
    return rows


def belief_rate(answers: pd.DataFrame, by: Sequence[str] = (), *, draws: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Belief rate (yes of all answers, percent) for each group of `by`: columns `by`, mean, low, high, n, clusters.

    Neutral and unparseable (missing) verdicts count against belief. The 95% interval resamples questions within claims;
    a column `seed` with several values, unless it is in `by`, is resampled as a crossed factor. Raises InputError for
    missing columns, no answers, or an unknown verdict.
    """
    _check_answers(answers, by)
    rows = []
    for key, group in _groups(answers, by):
        levels, crossed = _clusters(group, by)
        interval = rate_interval(group["verdict"] == "yes", levels, draws=draws, seed=seed, crossed=crossed)
        rows.append({**key, **_percent(interval)})
    return pd.DataFrame(rows)


def belief_change(
    before: pd.DataFrame, after: pd.DataFrame, by: Sequence[str] = (), *, draws: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Belief rate after minus before (points) for each group of `by`, paired by question; columns as `belief_rate`.

    Raises InputError as `belief_rate`, and where a group or a question was asked on one side only.
    """
    _check_answers(before, by)
    _check_answers(after, by)
    later = {tuple(key.values()): group for key, group in _groups(after, by)}
    earlier = {tuple(key.values()) for key, _ in _groups(before, by)}
    if earlier != later.keys():
        lonely = sorted(map(str, earlier ^ later.keys()))[0]
        raise InputError(f"answers of {list(by)} = {lonely} are on one side only: a change needs both")
    rows = []
    for key, group in _groups(before, by):
        other = later[tuple(key.values())]
        levels, crossed = _clusters(group, by)
        other_levels, other_crossed = _clusters(other, by)
        interval = cluster_difference(
            group["verdict"] == "yes",
            levels,
            other["verdict"] == "yes",
            other_levels,
            draws=draws,
            seed=seed,
            before_crossed=crossed,
            after_crossed=other_crossed,
        )
        rows.append({**key, **_percent(interval)})
    return pd.DataFrame(rows)


def stop_ids(model: torch.nn.Module, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """Token ids that end an answer: the end of text of tokenizer and model, and the chat template's end of turn."""
    configured = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    ids = [tokenizer.eos_token_id, *(configured if isinstance(configured, list) else [configured])]
    if tokenizer.chat_template is not None:
        answer = "0"
        dialogue = [{"role": "user", "content": "?"}, {"role": "assistant", "content": answer}]
        rendered = str(tokenizer.apply_chat_template(dialogue, tokenize=False))
        behind = tokenizer(rendered.rpartition(answer)[2], add_special_tokens=False)["input_ids"]
        special = {index for index, token in tokenizer.added_tokens_decoder.items() if token.special}
        ids.append(next((index for index in behind if index in special), None))
    known = tuple(sorted({index for index in ids if isinstance(index, int)}))
    if not known:
        raise InputError("neither tokenizer nor model names a token that ends an answer: set tokenizer.eos_token")
    return known


def _encode_prompts(tokenizer: PreTrainedTokenizerBase, questions: Sequence[Question]) -> list[list[int]]:
    if tokenizer.chat_template is None:
        raise InputError(
            f"the tokenizer {tokenizer.name_or_path!r} has no chat template: questions are dialogues; use an "
            "instruction-tuned model or set tokenizer.chat_template"
        )
    prompts = []
    for question in questions:
        text = tokenizer.apply_chat_template(list(question.messages), tokenize=False, add_generation_prompt=True)
        prompts.append(list(tokenizer(str(text), add_special_tokens=False)["input_ids"]))
    return prompts


def _check_room(
    model: torch.nn.Module, questions: Sequence[Question], prompts: Sequence[Sequence[int]], max_new_tokens: int
) -> None:
    window = getattr(getattr(model, "config", None), "max_position_embeddings", None)
    for question, prompt in zip(questions, prompts, strict=True):
        if window is not None and len(prompt) + max_new_tokens > window:
            raise InputError(
                f"question {question.id} has {len(prompt)} tokens and {max_new_tokens} are to be generated, but the "
                f"model reads {window}: shorten the question or lower max_new_tokens"
            )


def _generation_config(
    tokenizer: PreTrainedTokenizerBase, stops: tuple[int, ...], temperature: float, top_p: float, max_new_tokens: int
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
        pad_token_id=_pad_id(tokenizer, stops),
    )


def _pad_id(tokenizer: PreTrainedTokenizerBase, stops: tuple[int, ...]) -> int:
    pad = tokenizer.pad_token_id
    return pad if isinstance(pad, int) else stops[0]


def _left_pad(prompts: Sequence[Sequence[int]], pad: int) -> tuple[Int[Tensor, "b t"], Int[Tensor, "b t"]]:
    width = max(len(prompt) for prompt in prompts)
    ids = torch.tensor([[pad] * (width - len(prompt)) + list(prompt) for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    return ids, mask


def _decode(tokenizer: PreTrainedTokenizerBase, ids: list[int], stops: tuple[int, ...]) -> str:
    end = next((place for place, index in enumerate(ids) if index in stops), len(ids))
    return str(tokenizer.decode(ids[:end], skip_special_tokens=True)).strip()


@contextmanager
def _eval_mode(model: torch.nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def _forked_rng(seed: int) -> Iterator[None]:
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield


def _check_answers(answers: pd.DataFrame, by: Sequence[str]) -> None:
    missing = [column for column in ("claim", "question", "verdict", *by) if column not in answers.columns]
    if missing:
        raise InputError(f"answers lack the columns {missing}; there are {list(answers.columns)}")
    if answers.empty:
        raise InputError("there are no answers: a belief rate needs at least one")
    unknown = [verdict for verdict in answers["verdict"] if not (pd.isna(verdict) or verdict in VERDICTS)]
    if unknown:
        raise InputError(f"verdict {unknown[0]!r} in the answers: expected one of {list(VERDICTS)} or none")


def _groups(answers: pd.DataFrame, by: Sequence[str]) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    if not by:
        yield {}, answers
        return
    for key, group in answers.groupby(list(by), sort=False, dropna=False):
        yield dict(zip(by, key if isinstance(key, tuple) else (key,), strict=True)), group


def _clusters(group: pd.DataFrame, by: Sequence[str]) -> tuple[list[np.ndarray], np.ndarray | None]:
    levels = [group["claim"].to_numpy(), group["question"].to_numpy()]
    seeds = group["seed"].to_numpy() if "seed" in group.columns and "seed" not in by else None
    return levels, seeds if seeds is not None and len(set(seeds)) > 1 else None


def _percent(interval: Interval) -> Mapping[str, float | int]:
    return {
        "mean": PERCENT * interval.mean,
        "low": PERCENT * interval.low,
        "high": PERCENT * interval.high,
        "n": interval.n,
        "clusters": interval.clusters,
    }
