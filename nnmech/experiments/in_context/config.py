"""What the experiment in the context window consists of: conditions, numbers of documents, presets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nnmech.claims.annotations import ANNOTATIONS, CONDITIONS
from nnmech.claims.sources import EMBEDDED
from nnmech.errors import InputError
from nnmech.experiments.settings import (
    ClaimSettings,
    check_names,
    chosen_preset,
    claim_preset,
    document_conditions,
)
from nnmech.sources import open_source

FLAGGED = tuple(name for name in ANNOTATIONS if name != "positive_documents")
"""Conditions whose documents carry warnings."""


@dataclass(frozen=True, kw_only=True)
class InContextSettings(ClaimSettings):
    """Settings of the experiment; every claim, condition and seed is one run, and a seed one choice of documents."""

    axes = ("claims", "conditions")
    conditions: tuple[str, ...]
    """Conditions of the documents."""
    counts: tuple[int, ...] = (0, 1, 2, 4)
    """How many documents stand before a question; a number that does not fit the context is left out and reported."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_names("condition", self.conditions, self.document_conditions)
        if not self.counts or min(self.counts) < 0 or len(set(self.counts)) < len(self.counts):
            raise InputError(f"counts {self.counts}: expected numbers of documents, 0 or more, each once")


MAIN = ("positive_documents", "negated_documents", "repeated_negations", "corrected_documents", "local_negations")


def _preset(source: str, *places: int, conditions: tuple[str, ...], **values: Any) -> InContextSettings:
    chosen = claim_preset(source, *places)
    known = document_conditions(open_source(source), chosen["claims"])
    return InContextSettings(**chosen, conditions=tuple(name for name in conditions if name in known), **values)


PRESETS: dict[str, Callable[[str], InContextSettings]] = {
    "smoke": lambda source: _preset(source, 0, conditions=MAIN[:2], seeds=(0,), counts=(0, 1), samples=1),
    "default": lambda source: _preset(source, 0, 3, 5, conditions=MAIN, seeds=(0,)),
    "full": lambda source: _preset(source, conditions=CONDITIONS[1:], seeds=(0, 1, 2), samples=2),
}
"""`smoke` takes about a minute in all, `default` minutes; `full` is the README's; with the source's conditions."""


def preset(name: str, source: str = EMBEDDED) -> InContextSettings:
    """The settings of a preset for a source of claims."""
    return chosen_preset(PRESETS, name, source)
