"""What every experiment that fine-tunes has to settle: model, data beside the documents, recording, evaluation."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from nnmech.errors import InputError
from nnmech.models import EMBEDDED
from nnmech.training.mixtures import REDUCTIONS, Reduction
from nnmech.world.claims import document_conditions, make_claims

DTYPES = ("float32", "bfloat16")
SettingsT = TypeVar("SettingsT", bound="Settings")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings that the experiments share."""

    seeds: tuple[int, ...]
    """Seeds of documents, data order and sampling."""
    model: str = EMBEDDED
    """`embedded`, a local folder or a hub id in the local cache."""
    background_share: float = 0.5
    """Pretraining documents, and instruction chats, for each document that is trained on."""
    batch_size: int = 16
    """Examples an update."""
    loss_reduction: Reduction = "token"
    """`token`: every token weighs alike; `example`: every example does."""
    samples: int = 5
    """Answers to each question before and after training (one in between)."""
    layers: tuple[int, ...] | None = None
    """Decoder blocks to record; all by default."""
    train_people: int = 60
    """People whose four statements fit the probes."""
    control_people: int = 30
    """People whose four statements are the controls of the claim coordinate."""
    silent_people: int = 15
    """People in documents only whose true and false statement are recorded beside the claim."""
    famous_people: int = 5
    """Famous people whose true and false statement are recorded beside the claim."""
    held_out_documents: int = 48
    """Documents that no phase trains on, for the document loss."""
    device: str = "cpu"
    dtype: str = "float32"
    lora_rank: int | None = None
    """Train LoRA adapters of this rank; all weights by default."""

    def __post_init__(self) -> None:
        check_names("loss reduction", (self.loss_reduction,), list(REDUCTIONS))
        check_names("dtype", (self.dtype,), list(DTYPES))
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise InputError(f"seeds {self.seeds}: expected at least one, each once")
        check_positive(self, "batch_size", "samples", "held_out_documents")


@dataclass(frozen=True, kw_only=True)
class ClaimSettings(Settings):
    """Settings of an experiment on claims of the embedded world."""

    claims: tuple[str, ...]
    """Names of claims."""
    token_conditions: tuple[str, ...] = ("positive_documents", "repeated_negations", "local_negations")
    """Conditions of which documents that nothing trains on are read token by token at every snapshot."""
    token_documents: int = 1
    """How many documents of each of them."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_names("claim", self.claims, list(make_claims()))
        check_names("condition", self.token_conditions, document_conditions())
        check_positive(self, "token_documents")


def check_positive(settings: Settings, *names: str) -> None:
    """InputError where one of these settings is below 1."""
    for name in names:
        if getattr(settings, name) < 1:
            raise InputError(f"{name} is {getattr(settings, name)}: expected 1 or more")


def check_names(what: str, given: tuple[str, ...], known: list[str]) -> None:
    """InputError unless at least one name is given, all are known and none comes twice."""
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


def settings_from_json(kind: type[SettingsT], values: dict[str, Any], path: Path) -> SettingsT:
    """The settings that an experiment was started with; InputError where they do not fit this version."""
    names = {field.name for field in fields(kind)}
    if unknown := set(values) - names:
        raise InputError(f"{path}: settings {', '.join(sorted(unknown))} are not known to this version of nnmech")
    given: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    return kind(**given)
