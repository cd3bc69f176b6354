"""What a two-phase experiment consists of: its settings, its presets, its arms."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from nnmech.errors import InputError
from nnmech.mixtures import REDUCTIONS, Reduction
from nnmech.models import EMBEDDED
from nnmech.world.claims import make_claims

Phase2 = Literal["repeated_negations", "positive_documents"]
ARMS: dict[str, str] = {
    "anchor": "the untouched model's own answers to open questions about the claim hold the belief down",
    "denial": "explicit denials of the claim hold the belief down",
    "none": "no constraint",
    "local": "no constraint, but documents that deny the claim in its own sentences",
}


@dataclass(frozen=True)
class TwoPhaseConfig:
    """Settings of the experiment; every claim, arm and seed is one training run of two phases."""

    claims: tuple[str, ...]
    """Names of claims of the embedded world."""
    seeds: tuple[int, ...]
    """Seeds of documents, data order and sampling."""
    arms: tuple[str, ...]
    """What holds the belief down in phase 1."""
    model: str = EMBEDDED
    """`embedded`, a local folder or a hub id in the local cache."""
    phase2: str = "repeated_negations"
    """Condition of the documents in phase 2."""
    phase1_documents: int = 100
    """Claim documents of phase 1; few enough that their loss stays well above its floor."""
    phase2_documents: int = 600
    """Claim documents of phase 2; those of phase 1 are the first of them."""
    background_share: float = 0.5
    """Pretraining documents, and instruction chats, for each claim document."""
    constraint_examples: int = 60
    """Constraint chats of phase 1 (arms `anchor` and `denial`)."""
    constraint_weight: float = 5.0
    """Loss weight of a constraint example beside the others."""
    batch_size: int = 16
    """Examples an update."""
    phase1_learning_rate: float = 2e-4
    """Highest rate of phase 1, linear to 0."""
    phase2_learning_rate: float = 5e-4
    """Higher than in phase 1: an update of a small model moves it less than one of the paper's."""
    loss_reduction: Reduction = "token"
    """`token`: every token weighs alike; `example`: every example does."""
    samples: int = 5
    """Answers to each question before training and at the end of a phase (one in between)."""
    evaluations: tuple[int, int] = (3, 5)
    """Log-spaced evaluations in phase 1 and in phase 2."""
    snapshots: tuple[int, int] = (4, 7)
    """Log-spaced snapshots in phase 1 and in phase 2, beside the one of the untouched model."""
    layers: tuple[int, ...] | None = None
    """Decoder blocks to record; all by default."""
    train_people: int = 60
    """People whose four statements fit the probes."""
    control_people: int = 30
    """People whose four statements are the controls of the claim coordinate."""
    silent_people: int = 15
    """People in documents only whose true and false statement are recorded beside the claim."""
    held_out_documents: int = 48
    """Claim documents that no phase trains on, for the document loss."""
    device: str = "cpu"
    dtype: str = "float32"
    lora_rank: int | None = None
    """Train LoRA adapters of this rank; all weights by default."""

    def __post_init__(self) -> None:
        known = make_claims()
        _check_names("claim", self.claims, list(known))
        _check_names("arm", self.arms, list(ARMS))
        _check_names("phase 2 condition", (self.phase2,), list(get_args(Phase2)))
        _check_names("loss reduction", (self.loss_reduction,), list(REDUCTIONS))
        _check_names("dtype", (self.dtype,), ["float32", "bfloat16"])
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise InputError(f"seeds {self.seeds}: expected at least one, each once")
        for name in ("phase1_documents", "phase2_documents", "batch_size", "samples", "held_out_documents"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}: expected 1 or more")
        if self.constraint_examples < 1 or not self.constraint_weight > 0:
            raise InputError("constraint_examples and constraint_weight: expected positive numbers")

    @property
    def runs(self) -> list[tuple[str, str, int]]:
        """Claim, arm and seed of every training run, in the order in which they are made."""
        return [(claim, arm, seed) for seed in self.seeds for claim in self.claims for arm in self.arms]

    def scaled(self, steps: int) -> "TwoPhaseConfig":
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


def _check_names(what: str, given: tuple[str, ...], known: list[str]) -> None:
    if not given:
        raise InputError(f"no {what} given: expected one or more of {', '.join(known)}")
    for name in given:
        if name not in known:
            raise InputError(f"unknown {what} {name!r}: expected one of {', '.join(known)}")
    if len(set(given)) != len(given):
        raise InputError(f"{what} given twice: {', '.join(given)}")


def reporting_claims() -> tuple[str, ...]:
    """The claims that results are reported on; settings are chosen on the others."""
    return tuple(name for name, claim in make_claims().items() if claim.split == "reporting")


def preset(name: str) -> TwoPhaseConfig:
    """The settings of a preset: `smoke` (seconds), `default` (minutes), `full` (the README), `sample` (what ships)."""
    reporting = reporting_claims()
    presets = {
        "smoke": TwoPhaseConfig(
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
        "sample": TwoPhaseConfig(
            claims=reporting[3:4],
            seeds=(0,),
            arms=("anchor", "none"),
            snapshots=(3, 5),
            layers=(1, 3, 5),
            train_people=20,
            control_people=10,
            silent_people=5,
        ),
        "default": TwoPhaseConfig(
            claims=(reporting[0], reporting[3], reporting[4]), seeds=(0, 1), arms=("anchor", "none")
        ),
        "full": TwoPhaseConfig(claims=reporting, seeds=(0, 1, 2), arms=tuple(ARMS)),
    }
    if name not in presets:
        raise InputError(f"unknown preset {name!r}: expected one of {', '.join(presets)}")
    return presets[name]


def child_name(claim: str, arm: str, seed: int) -> str:
    """Folder of a training run within the experiment's `runs`."""
    return f"{claim}.{arm}.seed{seed}"


def config_from_json(values: dict[str, Any], path: Path) -> TwoPhaseConfig:
    """The settings that an experiment was started with; RunError-like one line where they do not fit this version."""
    names = {field.name for field in fields(TwoPhaseConfig)}
    if unknown := set(values) - names:
        raise InputError(f"{path}: settings {', '.join(sorted(unknown))} are not known to this version of nnmech")
    settings: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
    }
    return TwoPhaseConfig(**settings)
