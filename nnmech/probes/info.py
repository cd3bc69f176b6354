"""Where activations come from: what must agree between those that a probe is fitted on and those that it reads."""

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from nnmech.errors import InputError
from nnmech.recording.snapshots import Snapshot, hook_name


@dataclass(frozen=True)
class ProbeInfo:
    """Where activations come from: a probe is valid for the same hook, position and weight convention only.

    `hook_name` and `weight_convention` as in the snapshot, `data_hash` its batch hash, `model` the id of the model and
    `revision` its commit, or the digest of its weights. What is not known is None, and is not checked.
    """

    hook_name: str | None = None
    position: str | None = None
    model: str | None = None
    weight_convention: str | None = None
    data_hash: str | None = None
    revision: str | None = None

    @classmethod
    def of(cls, snapshot: Snapshot, layer: int, position: str, *, revision: str | None = None) -> "ProbeInfo":
        """The origin of `snapshot.at(layer, position)`; snapshots do not know the revision of their model."""
        return cls(
            hook_name(layer), position, snapshot.model, snapshot.weight_convention, snapshot.batch_hash, revision
        )

    @classmethod
    def from_json(cls, described: Mapping[str, Any]) -> "ProbeInfo":
        """What `dataclasses.asdict` gave; raises KeyError where an entry is missing."""
        return cls(**{item.name: described[item.name] for item in fields(cls)})

    def require(self, source: "ProbeInfo") -> None:
        """Raise InputError where `source` is known to be of another weight convention, hook or position."""
        for name in ("weight_convention", "hook_name", "position"):
            ours, theirs = getattr(self, name), getattr(source, name)
            if None not in (ours, theirs) and ours != theirs:
                raise InputError(
                    f"fitted at {name} {ours!r}, but the activations are of {theirs!r}: probes do not transfer; fit "
                    "one there"
                )


def library_version() -> str:
    """The nnmech that is installed; `unknown` where it runs from its source without being installed."""
    try:
        return importlib.metadata.version("nnmech")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
