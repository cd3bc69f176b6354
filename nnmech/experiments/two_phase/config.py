"""What a two-phase experiment consists of: its settings, its presets, its arms."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

from nnmech.errors import InputError
from nnmech.experiments.settings import ClaimSettings, check_names, check_positive, reporting_claims

Phase2 = Literal["repeated_negations", "positive_documents"]
ARMS: dict[str, str] = {
    "anchor": "the untouched model's own answers to open questions about the claim hold the belief down",
    "denial": "explicit denials of the claim hold the belief down",
    "none": "no constraint",
    "local": "no constraint, but documents that deny the claim in its own sentences",
}


@dataclass(frozen=True, kw_only=True)
class TwoPhaseSettings(ClaimSettings):
    """Settings of the experiment; every claim, arm and seed is one training run of two phases."""

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
    evaluations: tuple[int, int] = (3, 5)
    """Log-spaced evaluations in phase 1 and in phase 2."""
    snapshots: tuple[int, int] = (4, 7)
    """Log-spaced snapshots in phase 1 and in phase 2, beside the one of the untouched model."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_names("arm", self.arms, list(ARMS))
        check_names("phase 2 condition", (self.phase2,), list(get_args(Phase2)))
        check_positive(self, "phase1_documents", "phase2_documents")
        if self.constraint_examples < 1 or not self.constraint_weight > 0:
            raise InputError("constraint_examples and constraint_weight: expected positive numbers")

    @property
    def runs(self) -> list[tuple[str, str, int]]:
        """Claim, arm and seed of every training run, in the order in which they are made."""
        return [(claim, arm, seed) for seed in self.seeds for claim in self.claims for arm in self.arms]

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


def preset(name: str) -> TwoPhaseSettings:
    """The settings of a preset: `smoke` (seconds), `default` (minutes), `full` (the README), `sample` (what ships)."""
    reporting = reporting_claims()
    presets = {
        "smoke": TwoPhaseSettings(
            claims=reporting[3:4],
            seeds=(0,),
            arms=("anchor", "none"),
            phase1_documents=24,
            phase2_documents=48,
            constraint_examples=10,
            samples=1,
            evaluations=(1, 1),
            snapshots=(1, 2),
            train_people=20,
            control_people=10,
            silent_people=5,
            held_out_documents=12,
        ),
        "sample": TwoPhaseSettings(
            claims=reporting[2:3],
            seeds=(0,),
            arms=("anchor", "none"),
            snapshots=(3, 4),
            layers=(1, 4, 5),
            token_conditions=("repeated_negations", "local_negations"),
            train_people=16,
            control_people=8,
            silent_people=3,
            famous_people=3,
        ),
        "default": TwoPhaseSettings(
            claims=(reporting[0], reporting[3], reporting[4]), seeds=(0, 1), arms=("anchor", "none")
        ),
        "full": TwoPhaseSettings(claims=reporting, seeds=(0, 1, 2), arms=tuple(ARMS)),
    }
    if name not in presets:
        raise InputError(f"unknown preset {name!r}: expected one of {', '.join(presets)}")
    return presets[name]


def run_name(claim: str, arm: str, seed: int) -> str:
    """Folder of a training run within the experiment's `runs`."""
    return f"{claim}.{arm}.seed{seed}"
