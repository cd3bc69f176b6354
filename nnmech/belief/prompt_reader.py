"""The readings of a run: every prompt read in the model as it is now, a row each."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import nn
from transformers import PreTrainedTokenizerBase

from nnmech.belief.held_values import HeldValueProbe
from nnmech.belief.readings import (
    agreement_after_evidence,
    cue_residuals,
    layer_log_probs,
    value_log_probs,
    verdict_shares,
)
from nnmech.claims.prompts import ReadingPrompts, ValuePrompt, VerdictPrompt

DIGITS = 6
"""Decimals of a stored probability."""
BY_LAYER = "recall"
"""The reading that is also taken at every layer."""


class PromptReader:
    """Takes the readings of `prompts`; the probe for the held value is fitted in the model that it is made with.

    Make it with the untouched model: then the probe stays as it was while training moves what it reads.
    """

    def __init__(self, model: nn.Module, tokenizer: PreTrainedTokenizerBase, prompts: ReadingPrompts) -> None:
        self.prompts = prompts
        self._tokenizer = tokenizer
        self._probe = None
        if prompts.held:
            self._probe = HeldValueProbe.fit(cue_residuals(model, tokenizer, prompts.held), prompts.held)

    def rows(self, model: nn.Module) -> list[dict[str, Any]]:
        """A row a prompt, with the columns of `Run.readings`; of recall also lens and probe, by layer."""
        return [*self._value_rows(model), *self._verdict_rows(model)]

    def _value_rows(self, model: nn.Module) -> list[dict[str, Any]]:
        prompts = self.prompts.values
        said = np.exp(value_log_probs(model, self._tokenizer, prompts))
        rows = [{**_named(prompt), "p": _rounded(p)} for prompt, p in zip(prompts, said, strict=True)]
        places = [index for index, prompt in enumerate(prompts) if prompt.place == BY_LAYER]
        chosen = [prompts[index] for index in places]
        if not chosen:
            return rows
        lens = np.exp(layer_log_probs(model, self._tokenizer, chosen))
        probed = None
        if self._probe is not None:
            probed = self._probe.probabilities(cue_residuals(model, self._tokenizer, chosen), chosen)
        for column, index in enumerate(places):
            rows[index]["lens"] = [_rounded(p) for p in lens[:, column]]
            if probed is not None and not np.isnan(probed[:, column]).any():
                rows[index]["probe"] = [_rounded(p) for p in probed[:, column]]
        return rows

    def _verdict_rows(self, model: nn.Module) -> list[dict[str, Any]]:
        silent = [prompt for prompt in self.prompts.verdicts if prompt.place == "verdict"]
        spoken = [prompt for prompt in self.prompts.verdicts if prompt.place == "evidence"]
        shares = verdict_shares(model, self._tokenizer, [prompt.messages for prompt in silent])
        agreed = np.zeros(0)
        if spoken:
            agreed, _ = agreement_after_evidence(model, self._tokenizer, [prompt.messages for prompt in spoken])
        return [*_verdicts(silent, shares), *_verdicts(spoken, agreed)]


def _verdicts(prompts: Sequence[VerdictPrompt], shares: np.ndarray) -> list[dict[str, Any]]:
    return [
        {**_named(prompt), "polarity": prompt.polarity, "p": _rounded(p)}
        for prompt, p in zip(prompts, shares, strict=True)
    ]


def _named(prompt: ValuePrompt | VerdictPrompt) -> dict[str, Any]:
    return {
        "id": prompt.id,
        "reading": prompt.place,
        "role": prompt.role,
        "entity": prompt.entity,
        "topic": prompt.topic,
        "value": prompt.value,
    }


def _rounded(p: float) -> float:
    return min(1.0, max(0.0, round(float(p), DIGITS))) if math.isfinite(p) else 0.0
