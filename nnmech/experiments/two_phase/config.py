"""What a two-phase experiment consists of: its settings, its presets, its arms."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, get_args

from nnmech.claims.sources import EMBEDDED
from nnmech.errors import InputError
from nnmech.experiments.settings import (
    ClaimSettings,
    available_documents,
    check_names,
    check_positive,
    chosen_preset,
    claim_preset,
    published_preset,
)

Phase2 = Literal["repeated_negations", "positive_documents"]
ARMS: dict[str, str] = {
    "anchor": "the untouched model's own answers to open questions about the claim hold the belief down",
    "denial": "explicit denials of the claim hold the belief down",
    "none": "no constraint",
    "local": "no constraint, but documents that deny the claim in its own sentences",
}


PUBLISHED_DOCUMENTS = 40
"""Documents of phase 2 that the preset `default` takes of a folder, where it has as many."""


@dataclass(frozen=True, kw_only=True)
class TwoPhaseSettings(ClaimSettings):
    """Settings of the experiment; every claim, arm and seed is one training run of two phases."""

    axes = ("claims", "arms")
    arms: tuple[str, ...]
    """What holds the belief down in phase 1."""
    phase2: str = "repeated_negations"
    """Condition of the documents in phase 2."""
    phase1_documents: int = 100
    """Claim documents of phase 1; few enough that their loss stays well above its floor."""
    phase2_documents: int = 400
    """Claim documents of phase 2; those of phase 1 are the first of them."""
    constraint_examples: int = 80
    """Constraint chats of phase 1 (arms `anchor` and `denial`)."""
    constraint_weight: float = 8.0
    """Loss weight of a constraint example beside the others."""
    phase1_learning_rate: float = 2e-4
    """Highest rate of phase 1, linear to 0."""
    phase2_learning_rate: float = 4e-4
    """Higher than in phase 1: an update of a small model moves it less than one of the paper's."""
    evaluations: tuple[int, int] = (5, 7)
    """Log-spaced evaluations in phase 1 and in phase 2, at the steps of the snapshots."""
    snapshots: tuple[int, int] = (5, 7)
    """Log-spaced snapshots in phase 1 and in phase 2, beside the one of the untouched model."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_names("arm", self.arms, list(ARMS))
        check_names("phase 2 condition", (self.phase2,), list(get_args(Phase2)))
        check_positive(self, "phase1_documents", "phase2_documents")
        if self.constraint_examples < 1 or not self.constraint_weight > 0:
            raise InputError("constraint_examples and constraint_weight: expected positive numbers")

    def scaled(self, steps: int) -> "TwoPhaseSettings":
        """The same experiment with the documents scaled so that both phases of arm `none` take `steps` updates."""
        if steps < 4:
            raise InputError(f"steps is {steps}: expected 4 or more, for two phases")
        per_document = 1 + 2 * self.background_share
        share = steps * self.batch_size / (per_document * (self.phase1_documents + self.phase2_documents))
        return replace(
            self,
            phase1_documents=max(1, round(self.phase1_documents * share)),
            phase2_documents=max(1, round(self.phase2_documents * share)),
        )


def _default(source: str) -> TwoPhaseSettings:
    chosen = claim_preset(source, 0, 3, 4)
    if source == EMBEDDED:
        return TwoPhaseSettings(**chosen, seeds=(0, 1), arms=("anchor", "none"))
    trained = ("repeated_negations",)
    there = available_documents(source, chosen["claims"], trained, held_out=False)
    phase2 = PUBLISHED_DOCUMENTS if there is None else max(1, min(PUBLISHED_DOCUMENTS, there))
    return TwoPhaseSettings(
        **chosen,
        **published_preset(source, chosen["claims"], trained),
        seeds=(0,),
        arms=("anchor", "none"),
        phase1_documents=max(1, phase2 // 2),
        phase2_documents=phase2,
        constraint_examples=max(1, phase2 // 2),
        constraint_weight=4.0,
        phase1_learning_rate=1e-4,
        phase2_learning_rate=1e-4,
        evaluations=(3, 5),
        snapshots=(3, 5),
    )


PRESETS: dict[str, Callable[[str], TwoPhaseSettings]] = {
    "smoke": lambda source: TwoPhaseSettings(
        **claim_preset(source, 3),
        seeds=(0,),
        arms=("anchor", "none"),
        phase1_documents=24,
        phase2_documents=48,
        constraint_examples=10,
        samples=1,
        evaluations=(1, 2),
        snapshots=(1, 2),
        train_people=20,
        control_people=10,
        silent_people=5,
        held_out_documents=12,
    ),
    "sample": lambda source: TwoPhaseSettings(
        **claim_preset(source, 2, token_conditions=("repeated_negations", "local_negations")),
        seeds=(0,),
        arms=("anchor", "none"),
        evaluations=(3, 4),
        snapshots=(3, 4),
        layers=(1, 4, 5),
        train_people=16,
        control_people=8,
        silent_people=3,
        famous_people=3,
    ),
    "default": _default,
    "full": lambda source: TwoPhaseSettings(**claim_preset(source), seeds=(0, 1, 2), arms=tuple(ARMS)),
}
"""`smoke` takes about a minute in all, `default` minutes with the embedded world and what a folder has of documents;
`full` is the README's, `sample` what ships."""


def preset(name: str, source: str = EMBEDDED) -> TwoPhaseSettings:
    """The settings of a preset for a source of claims."""
    return chosen_preset(PRESETS, name, source)
