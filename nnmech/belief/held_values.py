"""Which value does an entity hold? A probe at the token before it: one value against the others of its relation."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from torch import Tensor

from nnmech.claims.prompts import ValuePrompt

MIN_ENTITIES = 4
"""Entities that hold a value, below which the probe leaves it out."""


@dataclass(frozen=True)
class HeldValueProbe:
    """A linear discriminant for each layer and topic, with a shrunk covariance (Ledoit and Wolf 2004)."""

    fitted: Mapping[str, tuple[LinearDiscriminantAnalysis, ...]]
    """By topic, one a layer."""

    @classmethod
    def fit(cls, residual: Float[Tensor, "layer prompt d_model"], prompts: Sequence[ValuePrompt]) -> "HeldValueProbe":
        """Fit on the residual stream at the token before values that entities hold, one prompt each.

        A topic has no probe where fewer than two values are held by `MIN_ENTITIES` entities.
        """
        fitted = {}
        for topic in dict.fromkeys(prompt.topic for prompt in prompts):
            counts = Counter(prompt.value for prompt in prompts if prompt.topic == topic)
            rows = [i for i, p in enumerate(prompts) if p.topic == topic and counts[p.value] >= MIN_ENTITIES]
            values = [prompts[row].value for row in rows]
            if len(set(values)) < 2:
                continue
            fitted[topic] = tuple(
                LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(layer[rows].double().numpy(), values)
                for layer in residual
            )
        return cls(fitted)

    def probabilities(
        self, residual: Float[Tensor, "layer prompt d_model"], prompts: Sequence[ValuePrompt]
    ) -> Float[np.ndarray, "layer prompt"]:
        """The probability that each prompt's value is the one that is held; NaN where the probe does not know it."""
        found = np.full((residual.shape[0], len(prompts)), np.nan)
        for topic, layers in self.fitted.items():
            known = set(layers[0].classes_)
            rows = [i for i, prompt in enumerate(prompts) if prompt.topic == topic and prompt.value in known]
            if not rows:
                continue
            for layer, probe in enumerate(layers):
                places = {value: column for column, value in enumerate(probe.classes_)}
                each = probe.predict_proba(residual[layer, rows].double().numpy())
                found[layer, rows] = [line[places[prompts[row].value]] for line, row in zip(each, rows, strict=True)]
        return found
