"""What the experiment in the context window consists of: conditions, numbers of documents, presets."""

from dataclasses import dataclass

from nnmech.claims.annotations import ANNOTATIONS
from nnmech.errors import InputError
from nnmech.experiments.settings import ClaimSettings, check_names, reporting_claims

KNOWN = (*ANNOTATIONS, "local_negations")
FLAGGED = tuple(name for name in ANNOTATIONS if name != "positive_documents")
"""Conditions whose documents carry warnings."""


@dataclass(frozen=True, kw_only=True)
class InContextSettings(ClaimSettings):
    """Settings of the experiment; every claim, condition and seed is one run, and a seed one choice of documents."""

    conditions: tuple[str, ...]
    """Conditions of the documents."""
    counts: tuple[int, ...] = (0, 1, 2, 4)
    """How many documents stand before a question; a number that does not fit the context is left out and reported."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_names("condition", self.conditions, list(KNOWN))
        if not self.counts or min(self.counts) < 0 or len(set(self.counts)) < len(self.counts):
            raise InputError(f"counts {self.counts}: expected numbers of documents, 0 or more, each once")

    @property
    def runs(self) -> list[tuple[str, str, int]]:
        """Claim, condition and seed of every run, in the order in which they are made."""
        return [(claim, name, seed) for seed in self.seeds for claim in self.claims for name in self.conditions]


def run_name(claim: str, condition: str, seed: int) -> str:
    """Folder of a run within the experiment's `runs`."""
    return f"{claim}.{condition}.seed{seed}"


def preset(name: str) -> InContextSettings:
    """The settings of a preset: `smoke` (seconds), `default` (a minute), `full` (the README)."""
    reporting = reporting_claims()
    main = ("positive_documents", "negated_documents", "repeated_negations", "corrected_documents", "local_negations")
    presets = {
        "smoke": InContextSettings(claims=reporting[:1], seeds=(0,), conditions=main[:2], counts=(0, 1), samples=1),
        "default": InContextSettings(claims=(reporting[0], reporting[3], reporting[5]), seeds=(0,), conditions=main),
        "full": InContextSettings(claims=reporting, seeds=(0, 1, 2), conditions=KNOWN, samples=2),
    }
    if name not in presets:
        raise InputError(f"unknown preset {name!r}: expected one of {', '.join(presets)}")
    return presets[name]
