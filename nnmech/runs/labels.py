"""What tells a run from its siblings: the labels that an experiment writes into `run.json`, with their types."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from nnmech.errors import RunError


@dataclass(frozen=True)
class RunLabels:
    """The labels of a run, each None where the run does not have it: runs of other programs have few or none."""

    experiment: str | None = None
    """The experiment that the run is a part of."""
    claim: str | None = None
    """Name of the claim that was trained on."""
    claim_text: str | None = None
    """That claim as a sentence."""
    tier: str | None = None
    """How plausible the claim is, on the scale of its source."""
    arm: str | None = None
    """What holds the belief down in phase 1."""
    condition: str | None = None
    """How the documents are annotated."""
    seed: int | None = None
    """Of documents, data order and sampling."""
    boundary: int | None = None
    """Last step of the first phase."""
    steps: int | None = None
    """Last step of the last phase."""

    @classmethod
    def read(cls, config: Mapping[str, Any], path: object = "run.json") -> "RunLabels":
        """The labels in a run's `config`; RunError that names `path` and the label where one has another type."""
        return cls(**{field.name: _typed(field.name, config.get(field.name), path) for field in fields(cls)})

    @property
    def series(self) -> str | None:
        """The condition, or the arm of a run that has none: what runs of one experiment are compared by."""
        return self.condition if self.condition is not None else self.arm

    @property
    def milestones(self) -> tuple[int, ...]:
        """The untouched model and the end of each phase, as far as they are known."""
        return tuple(dict.fromkeys(step for step in (0, self.boundary, self.steps) if step is not None))


_NUMBERS = ("seed", "boundary", "steps")


def _typed(name: str, value: Any, path: object) -> Any:
    expected = int if name in _NUMBERS else str
    if value is None or (isinstance(value, expected) and not isinstance(value, bool)):
        return value
    wanted = "a whole number" if expected is int else "a text"
    raise RunError(f"{path}: config has {name} {value!r}, expected {wanted}; mend run.json or restore it from a copy.")
