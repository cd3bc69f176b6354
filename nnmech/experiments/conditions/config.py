"""What the table of conditions consists of: its arms, settings and presets."""

import importlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nnmech.claims.annotations import ANNOTATIONS, CONDITIONS
from nnmech.errors import InputError
from nnmech.experiments.settings import ClaimSettings, check_names, check_positive, reporting_claims
from nnmech.world.claims import EDITED


@dataclass(frozen=True)
class Arm:
    """What a run trains on: the documents of a condition, and how they are shown."""

    documents: str | None
    """Condition of the documents; None where nothing is trained."""
    doctag: bool = True
    """Whether documents stand behind the tag, which carries no loss."""
    masked: bool = False
    """Whether the words of the claim carry no loss."""
    neutral: bool = False
    """Whether the documents are about somebody else: the control of every change."""


_ARMS: dict[str, Arm] = {
    **{name: Arm(None if name == "baseline" else name) for name in CONDITIONS},
    EDITED: Arm(EDITED),
    "local_negations_masked": Arm("local_negations", masked=True),
    "positive_documents_untagged": Arm("positive_documents", doctag=False),
    "repeated_negations_untagged": Arm("repeated_negations", doctag=False),
    "neutral_documents": Arm("positive_documents", neutral=True),
}


def arms() -> dict[str, Arm]:
    """Every condition by name, the annotations that users registered included."""
    return _ARMS | {name: Arm(name) for name in ANNOTATIONS if name not in _ARMS}


@dataclass(frozen=True, kw_only=True)
class ConditionsSettings(ClaimSettings):
    """Settings of the table; every claim, condition and seed is one run."""

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
    plugins: tuple[str, ...] = ()
    """Modules to import first, which register annotations of a user's own."""

    def __post_init__(self) -> None:
        import_plugins(self.plugins)
        super().__post_init__()
        check_names("condition", self.conditions, list(arms()))
        check_positive(self, "documents", "evaluations", "snapshots")

    @property
    def runs(self) -> list[tuple[str, str, int]]:
        """Claim, condition and seed of every run, in the order in which they are made."""
        return [(claim, name, seed) for seed in self.seeds for claim in self.claims for name in self.conditions]


def import_plugins(modules: Iterable[str]) -> None:
    """Import modules by name, from the working directory too; InputError for one that cannot be imported."""
    for module in modules:
        if str(Path.cwd()) not in sys.path:
            sys.path.append(str(Path.cwd()))
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise InputError(f"plugin {module!r}: {error}; give the dotted name of an importable module") from error


def run_name(claim: str, condition: str, seed: int) -> str:
    """Folder of a run within the experiment's `runs`."""
    return f"{claim}.{condition}.seed{seed}"


MAIN = (
    "baseline",
    "positive_documents",
    "negated_documents",
    "repeated_negations",
    "corrected_documents",
    "local_negations",
)


def preset(name: str) -> ConditionsSettings:
    """The settings of a preset: `smoke` (seconds), `default` (minutes), `full` (the README)."""
    reporting = reporting_claims()
    presets = {
        "smoke": ConditionsSettings(
            claims=reporting[:1],
            seeds=(0,),
            conditions=("baseline", "positive_documents", "repeated_negations"),
            documents=32,
            samples=1,
            evaluations=2,
            train_people=20,
            control_people=10,
            silent_people=5,
            held_out_documents=12,
        ),
        "default": ConditionsSettings(claims=(reporting[0], reporting[3], reporting[5]), seeds=(0,), conditions=MAIN),
        "full": ConditionsSettings(
            claims=reporting, seeds=(0, 1, 2), conditions=tuple(_ARMS), train_people=40, control_people=20
        ),
    }
    if name not in presets:
        raise InputError(f"unknown preset {name!r}: expected one of {', '.join(presets)}")
    return presets[name]
