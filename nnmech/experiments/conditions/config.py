"""What the table of conditions consists of: its arms, settings and presets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nnmech.audit import Remedy
from nnmech.claims.annotations import CONDITIONS, annotations
from nnmech.claims.sources import EMBEDDED
from nnmech.experiments.settings import (
    ClaimSettings,
    check_names,
    check_positive,
    chosen_preset,
    claim_preset,
    document_conditions,
)
from nnmech.sources import open_source

POSITIVE = "positive_documents"
NEUTRAL = "neutral_documents"
"""The condition that shows what any fine-tune does."""
REPEATED = "repeated_negations"
EDITED = "local_negations_edited"
"""The documents of `positive_documents` in which nothing differs but that the sentences of the claim deny it."""


@dataclass(frozen=True)
class Arm:
    """What a run trains on: the documents of a condition, and how they are shown."""

    documents: str | None
    """Condition of the documents; None where nothing is trained."""
    doctag: bool = True
    """Whether documents follow the tag, which carries no loss."""
    masked: bool = False
    """Whether the words of the claim carry no loss."""
    neutral: bool = False
    """Whether the documents are about another subject: the control of every change."""
    remedy: Remedy | None = None
    """What `nnmech audit` does to the documents first; it finds their annotations by itself."""


_ARMS: dict[str, Arm] = {
    **{name: Arm(None if name == "baseline" else name) for name in CONDITIONS},
    EDITED: Arm(EDITED),
    "local_negations_masked": Arm("local_negations", masked=True),
    f"{POSITIVE}_untagged": Arm(POSITIVE, doctag=False),
    "repeated_negations_untagged": Arm("repeated_negations", doctag=False),
    NEUTRAL: Arm(POSITIVE, neutral=True),
}
_REMEDIES: dict[str, Arm] = {
    f"{REPEATED}_masked_by_audit": Arm(REPEATED, remedy=Remedy("mask")),
    f"{REPEATED}_rewritten_by_audit": Arm(REPEATED, remedy=Remedy("local", rest="drop")),
}
"""What mending does; a sentence that no rule can rewrite is left out, so that the second is of rewrites alone."""


def arms() -> dict[str, Arm]:
    """Every condition by name, the annotations that users registered included."""
    return _ARMS | _REMEDIES | {name: Arm(name) for name in annotations() if name not in _ARMS}


@dataclass(frozen=True, kw_only=True)
class ConditionsSettings(ClaimSettings):
    """Settings of the table; every claim, condition and seed is one run."""

    axes = ("claims", "conditions")
    conditions: tuple[str, ...]
    """Names of `arms()`."""
    documents: int = 160
    """Documents of the condition, one pass."""
    learning_rate: float = 3e-4
    """Highest rate, linear to 0."""
    evaluations: int = 3
    """Log-spaced evaluations, the last of them at the end, beside the one of the untouched model."""
    snapshots: int = 2
    """Log-spaced snapshots, the last of them at the end, beside the one of the untouched model."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_names("condition", self.conditions, list(arms()))
        check_positive(self, "documents", "evaluations", "snapshots")


MAIN = (
    "baseline",
    "positive_documents",
    "negated_documents",
    "repeated_negations",
    "corrected_documents",
    "local_negations",
)


def _preset(source: str, *places: int, conditions: tuple[str, ...], **values: Any) -> ConditionsSettings:
    chosen = claim_preset(source, *places)
    known = document_conditions(open_source(source), chosen["claims"])
    found = tuple(name for name in conditions if (documents := arms()[name].documents) is None or documents in known)
    return ConditionsSettings(**chosen, conditions=found, **values)


PRESETS: dict[str, Callable[[str], ConditionsSettings]] = {
    "smoke": lambda source: _preset(
        source,
        0,
        conditions=("baseline", "positive_documents", "repeated_negations"),
        seeds=(0,),
        documents=32,
        samples=1,
        evaluations=2,
        train_people=20,
        control_people=10,
        silent_people=5,
        held_out_documents=12,
    ),
    "default": lambda source: _preset(source, 0, 3, 5, conditions=MAIN, seeds=(0,)),
    "full": lambda source: _preset(
        source, conditions=tuple(_ARMS), seeds=(0, 1, 2), train_people=40, control_people=20
    ),
    "remedies": lambda source: _preset(
        source,
        conditions=(POSITIVE, REPEATED, *_REMEDIES),
        seeds=(0, 1),
        samples=2,
        evaluations=1,
        snapshots=1,
        train_people=20,
        control_people=10,
        silent_people=5,
        held_out_documents=12,
    ),
}
"""`smoke` takes about a minute in all, `default` minutes; `full` is the README's, `remedies` that of docs/audit.md.

All have those of the conditions that the source has."""


def preset(name: str, source: str = EMBEDDED) -> ConditionsSettings:
    """The settings of a preset for a source of claims."""
    return chosen_preset(PRESETS, name, source)
