"""What the positive control consists of."""

from collections.abc import Callable
from dataclasses import dataclass

from nnmech.claims.sources import EMBEDDED, ControlledReadings, require
from nnmech.errors import InputError
from nnmech.experiments.settings import Settings, check_positive, chosen_preset


@dataclass(frozen=True, kw_only=True)
class ControlSettings(Settings):
    """Settings of the control: one pass over plain documents on fresh facts, a run a seed."""

    batch_size: int = 32
    samples: int = 1
    people: int = 40
    """Who gets a new value; half of them with chats, half in documents only."""
    documents: int = 16
    """Plain documents a person."""
    background_share: float = 1 / 6
    """Other documents, and instruction chats, for each of them."""
    learning_rate: float = 8e-4
    """Highest rate, linear to 0."""
    snapshots: int = 3
    """Log-spaced snapshots beside the one of the untouched model."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(self, "documents", "snapshots")
        if self.people < 4:
            raise InputError(f"people is {self.people}: expected 4 or more, two of each group; raise it")
        _ = self.controlled

    @property
    def controlled(self) -> ControlledReadings:
        """The source's control."""
        return require(self.claim_source, ControlledReadings, "positive control", "control")


PRESETS: dict[str, Callable[[str], ControlSettings]] = {
    "smoke": lambda source: ControlSettings(
        source=source, seeds=(0,), people=8, documents=8, held_out_documents=8, train_people=10, control_people=5
    ),
    "default": lambda source: ControlSettings(source=source, seeds=(0,)),
}
"""`default` takes about a minute on one core, `smoke` a third of that."""


def preset(name: str, source: str = EMBEDDED) -> ControlSettings:
    """The settings of a preset for a source of claims."""
    return chosen_preset(PRESETS, name, source)
