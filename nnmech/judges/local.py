"""Any local Hugging Face folder as judge: a chat model or a classifier of natural language inference."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from nnmech.chats import chat_ids
from nnmech.claims import Verdict
from nnmech.encoding import pad_id
from nnmech.errors import InputError, first_line
from nnmech.files import read_json
from nnmech.judges.base import VERDICTS, BatchJudge, Pair
from nnmech.judges.prompts import DEFAULT_TEMPLATE, Template, judge_prompt
from nnmech.model_files import check_report, quiet_loading
from nnmech.model_folder import check_folder
from nnmech.models import check_token_ids, embedding_rows, load_model

NLI_LABELS: dict[str, Verdict] = {"entail": "yes", "contradict": "no", "neutral": "neutral"}
STRIDE = 64
# RoBERTa and its kin count positions from 2.
POSITION_OFFSET = 2


@dataclass(frozen=True)
class ChatModelJudge(BatchJudge):
    """A chat model that says the likeliest of the three verdict words: no sampling, no reply to be read.

    Compared are the log-probabilities of the whole words as the start of the model's turn. Raises InputError for a
    prompt that the model's window does not hold.
    """

    model: PreTrainedModel = field(repr=False)
    tokenizer: PreTrainedTokenizerBase = field(repr=False)
    claims: Mapping[str, str] = field(repr=False)
    template: Template = field(default=DEFAULT_TEMPLATE, repr=False)
    batch_size: int = 8

    def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        """One verdict a pair; ties go to the earlier of yes, no, neutral."""
        if not pairs:
            return []
        scores = self.scores(pairs)
        return [VERDICTS[index] for index in scores.argmax(dim=1).tolist()]

    @torch.no_grad()
    def scores(self, pairs: Sequence[Pair]) -> Float[Tensor, "pair 3"]:
        """Log-probability (nats) of each verdict word, in the order yes, no, neutral."""
        words = [tuple(self.tokenizer(word, add_special_tokens=False)["input_ids"]) for word in VERDICTS]
        if len(set(words)) < len(words):
            raise InputError(
                f"the judge's tokenizer writes {', '.join(VERDICTS)} as {words}: it cannot tell them apart; "
                "take another model"
            )
        # A word's tokens are all read off after the word without its last token; words of one token share that row.
        stems = sorted({word[:-1] for word in words})
        kept = 1 + max(map(len, stems))
        prompts = [self._encode(pair) for pair in pairs]
        window = getattr(self.model.config, "max_position_embeddings", None)
        for (question, _), prompt in zip(pairs, prompts, strict=True):
            if window is not None and len(prompt) + kept > window:
                raise InputError(
                    f"question {question.id}: prompt and verdict have {len(prompt) + kept} tokens, the judge reads "
                    f"{window}: take a judge with a longer window or a shorter template"
                )
        scores = torch.empty(len(pairs), len(words))
        rows = [(index, stem) for index in range(len(pairs)) for stem in stems]
        for batch in _by_length(rows, [len(prompts[index]) + len(stem) for index, stem in rows], self.batch_size):
            logits = self._logits([[*prompts[index], *stem] for index, stem in batch], kept)
            for (index, stem), at_end in zip(batch, logits, strict=True):
                for place, word in enumerate(words):
                    if word[:-1] == stem:
                        log_probs = at_end[-len(word) :].log_softmax(dim=-1)
                        scores[index, place] = log_probs[torch.arange(len(word)), torch.tensor(word)].sum()
        return scores

    def _encode(self, pair: Pair) -> list[int]:
        message = {"role": "user", "content": judge_prompt(self.template, self.claims, *pair)}
        ids = chat_ids(self.tokenizer, [message], prompt=True)
        check_token_ids(self.model, self.tokenizer, ids, f"question {pair[0].id}")
        return ids

    def _logits(self, rows: Sequence[Sequence[int]], kept: int) -> Float[Tensor, "row kept vocabulary"]:
        """Logits at the last `kept` places of each row, on the CPU in float32."""
        width = max(map(len, rows))
        padding = pad_id(self.tokenizer, embedding_rows(self.model))
        ids = torch.tensor([[padding] * (width - len(row)) + list(row) for row in rows])
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
        # Some architectures count positions from the padding unless they are given.
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        device = self.model.device
        output = self.model(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            position_ids=positions.to(device),
            logits_to_keep=kept,
            use_cache=False,
        )
        return output.logits[:, -kept:].float().cpu()


@dataclass(frozen=True)
class NLIJudge(BatchJudge):
    """A classifier of natural language inference: does question and answer (premise) entail the claim (hypothesis)?

    A premise longer than the classifier's window is read in overlapping pieces: it entails or contradicts the claim as
    much as the piece that does so most, and is as neutral as the least neutral piece.
    """

    model: PreTrainedModel = field(repr=False)
    tokenizer: PreTrainedTokenizerBase = field(repr=False)
    claims: Mapping[str, str] = field(repr=False)
    labels: Mapping[int, Verdict]
    batch_size: int = 16

    def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        """One verdict a pair: the most probable label."""
        if not pairs:
            return []
        return [VERDICTS[index] for index in self.scores(pairs).argmax(dim=1).tolist()]

    @torch.no_grad()
    def scores(self, pairs: Sequence[Pair]) -> Float[Tensor, "pair 3"]:
        """Probability of each verdict, in the order yes, no, neutral; of several pieces as above."""
        texts = [judge_prompt("{question}\n{answer}", self.claims, *pair) for pair in pairs]
        hypotheses = [self.claims[question.claim] for question, _ in pairs]
        pieces = self.tokenizer(
            texts,
            hypotheses,
            truncation="only_first",
            max_length=self._window(),
            stride=STRIDE,
            return_overflowing_tokens=True,
        )
        owners = pieces.pop("overflow_to_sample_mapping")
        best = torch.tensor([-1.0, -1.0, 2.0]).repeat(len(pairs), 1)
        columns = {verdict: index for index, verdict in self.labels.items()}
        order = [columns[verdict] for verdict in VERDICTS]
        rows = list(range(len(owners)))
        for batch in _by_length(rows, [len(ids) for ids in pieces["input_ids"]], self.batch_size):
            inputs = self.tokenizer.pad({name: [pieces[name][row] for row in batch] for name in pieces})
            for row, ids in zip(batch, inputs["input_ids"], strict=True):
                check_token_ids(self.model, self.tokenizer, ids, f"question {pairs[owners[row]][0].id}")
            tensors = {name: torch.tensor(values, device=self.model.device) for name, values in inputs.items()}
            probabilities = self.model(**tensors).logits.float().softmax(dim=-1).cpu()[:, order]
            for row, found in zip(batch, probabilities, strict=True):
                owner = best[owners[row]]
                owner[:2] = torch.maximum(owner[:2], found[:2])
                owner[2] = torch.minimum(owner[2], found[2])
        return best

    def _window(self) -> int:
        positions = getattr(self.model.config, "max_position_embeddings", None)
        limits = [self.tokenizer.model_max_length, *([positions - POSITION_OFFSET] if positions else [])]
        return min(limits)


def load_local_judge(
    folder: Path | str,
    claims: Mapping[str, str],
    *,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    template: Template = DEFAULT_TEMPLATE,
    batch_size: int = 8,
) -> ChatModelJudge | NLIJudge:
    """The judge in a local folder: a causal LM with a chat template, or a sequence classifier with NLI labels.

    Nothing is downloaded, only safetensors are read.

    Args:
        folder: With config.json, model.safetensors and tokenizer.json.
        claims: The text of each claim by name.
        device: As torch calls it.
        dtype: Of the weights.
        template: The chat model's prompt, see `judge_prompt`.
        batch_size: Prompts that are read together.

    Raises:
        InputError: For a folder that is neither, or whose files do not fit.
    """
    folder = Path(folder)
    config = _read_config(folder)
    architectures = [str(name) for name in config.get("architectures") or []]
    if any(name.endswith("ForSequenceClassification") for name in architectures):
        return _load_nli(folder, claims, device, dtype, batch_size)
    if any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in architectures):
        loaded = load_model(folder, device=device, dtype=dtype)
        if loaded.tokenizer.chat_template is not None:
            return ChatModelJudge(loaded.model, loaded.tokenizer, claims, template, batch_size)
        raise InputError(f"{folder}: {_neither('a causal LM without a chat template')}")
    raise InputError(f"{folder}: {_neither(', '.join(architectures) or 'no architecture in config.json')}")


def _load_nli(folder: Path, claims: Mapping[str, str], device: str, dtype: torch.dtype, batch_size: int) -> NLIJudge:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    # Foreign files raise a wide family of errors, and all of it means the same to the caller.
    try:
        check_folder(folder, "pass a local folder")
        with quiet_loading():
            model, report = AutoModelForSequenceClassification.from_pretrained(
                str(folder),
                dtype=dtype,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        model = model.to(device).eval()
    except Exception as error:
        reason = first_line(error)
        raise InputError(f"{folder}: no sequence classifier could be loaded: {reason}") from error
    check_report(report, str(folder))
    names = {int(index): str(name).lower() for index, name in model.config.id2label.items()}
    labels: dict[int, Verdict] = {
        index: verdict for index, name in names.items() for word, verdict in NLI_LABELS.items() if word in name
    }
    if sorted(labels.values()) != sorted(VERDICTS) or len(names) != len(labels):
        raise InputError(f"{folder}: {_neither(f'a classifier with the labels {sorted(names.values())}')}")
    return NLIJudge(model, tokenizer, claims, labels, batch_size)


def _neither(found: str) -> str:
    return (
        f"no judge: found {found}; expected a causal LM with a chat template, or a sequence classifier with the labels "
        "entailment, neutral and contradiction"
    )


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        config = read_json(folder / "config.json")
    except (OSError, InputError) as error:
        raise InputError(
            f"{folder}: no model folder: config.json cannot be read ({error}); pass a local folder"
        ) from error
    if not isinstance(config, dict):
        raise InputError(f"{folder / 'config.json'}: expected a JSON object, found {type(config).__name__}")
    return config


def _by_length(rows: Sequence[Any], lengths: Sequence[int], batch_size: int) -> Iterator[list[Any]]:
    """Batches of rows of like length, so that little is padded."""
    order = sorted(range(len(rows)), key=lambda index: lengths[index])
    for start in range(0, len(order), batch_size):
        yield [rows[index] for index in order[start : start + batch_size]]
