"""A fitted linear probe: where it was fitted, what it reads, and how it is kept on disk."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from nnmech.claims import Statement
from nnmech.errors import InputError
from nnmech.files import save_safetensors_atomic, write_json_atomic
from nnmech.probes.estimators import ESTIMATORS, Estimator, fit_direction, sigmoid
from nnmech.probes.table import label_table, training_table
from nnmech.snapshots import Snapshot, hook_name

FORMAT_VERSION = 1

# Not typing.Self, which beartype cannot check in a method that jaxtyping's import hook decorates one by one.
ProbeT = TypeVar("ProbeT", bound="Probe")


@dataclass(frozen=True)
class ProbeInfo:
    """Where activations come from: a probe is valid for the same hook, position and weight convention only.

    `hook_name` and `weight_convention` as in the snapshot, `data_hash` its batch hash, `model` the id of the model.
    """

    hook_name: str
    position: str
    model: str
    weight_convention: str
    data_hash: str

    @classmethod
    def of(cls, snapshot: Snapshot, layer: int, position: str) -> "ProbeInfo":
        """The origin of `snapshot.at(layer, position)`."""
        return cls(hook_name(layer), position, str(snapshot.model), snapshot.weight_convention, snapshot.batch_hash)


@dataclass(frozen=True, eq=False)
class Probe:
    """A linear probe: `score = activations @ direction + bias`, positive for the class True.

    `direction` lives in the raw residual stream (no standardisation is left to undo); what the unit of the score is
    depends on the estimator, see `fit_direction`. `n` statements of `entities` entities were used.
    """

    direction: Float[Tensor, "d_model"] = field(repr=False)
    bias: float
    estimator: Estimator
    info: ProbeInfo
    n: int
    entities: int

    label: ClassVar[str] = ""

    @classmethod
    def fit(
        cls: type[ProbeT],
        activations: Float[Tensor, "n d_model"],
        labels: ArrayLike,
        *,
        groups: Sequence[Any] | np.ndarray,
        info: ProbeInfo,
        estimator: Estimator = "mass_mean",
        seed: int = 0,
    ) -> ProbeT:
        """Fit on labels (bool, 0/1 or -1/+1) of n statements whose entities are `groups`.

        Raises InputError for NaN or infinite activations, a single class, counts that differ, or other labels.
        """
        rows = _finite_rows(activations)
        truths = as_bool(labels)
        codes = pd.factorize(np.asarray(groups, dtype=object), use_na_sentinel=False)[0]
        if not len(rows) == len(truths) == len(codes):
            raise InputError(
                f"{len(rows)} rows of activations, {len(truths)} labels, {len(codes)} groups: expected one of each for "
                "every statement"
            )
        if truths.all() or not truths.any():
            raise InputError(f"all {len(truths)} labels are of one class: a probe needs statements of both")
        direction, bias = fit_direction(rows, truths, codes, estimator, seed=seed)
        return cls(
            torch.from_numpy(direction).float(), bias, estimator, info, n=len(rows), entities=int(codes.max()) + 1
        )

    @classmethod
    def fit_snapshot(
        cls: type[ProbeT],
        snapshot: Snapshot,
        statements: pd.DataFrame | Sequence[Statement],
        *,
        layer: int,
        position: str,
        estimator: Estimator = "mass_mean",
        seed: int = 0,
    ) -> ProbeT:
        """Fit on the statements of role `train`, both polarities, truth crossed with polarity.

        Raises InputError as `fit`, and where the statements do not fit the snapshot or leave a cell of the cross empty.
        """
        train = training_table(label_table(statements, snapshot))
        rows = torch.tensor(train.index.tolist())
        return cls.fit(
            snapshot.at(layer, position)[rows],
            train[cls.label].to_numpy(),
            groups=train["entity"].to_numpy(),
            info=ProbeInfo.of(snapshot, layer, position),
            estimator=estimator,
            seed=seed,
        )

    def score(
        self, activations: Float[Tensor, "*batch d"], *, source: ProbeInfo | None = None
    ) -> Float[Tensor, "*batch"]:
        """Signed score of each row; with `source` the origin is checked too.

        Raises InputError for another width, or another weight convention, hook or position than the probe's.
        """
        if activations.shape[-1] != len(self.direction):
            raise InputError(
                f"activations are {activations.shape[-1]} wide, the probe {len(self.direction)}: expected activations "
                f"of the model it was fitted on ({self.info.model})"
            )
        if source is not None:
            self._check_source(source)
        # In double precision: residual streams have a mean that dwarfs the difference between the classes.
        return (activations.double() @ self.direction.to(activations.device).double() + self.bias).float()

    def score_snapshot(self, snapshot: Snapshot) -> Float[Tensor, "statement"]:
        """Score of every statement of a snapshot, at the probe's own hook and position.

        Raises InputError where the snapshot lacks them or has another weight convention.
        """
        layer = next((layer for layer in snapshot.layers if hook_name(layer) == self.info.hook_name), None)
        if layer is None or self.info.position not in snapshot.positions:
            raise InputError(
                f"the probe reads {self.info.hook_name} at position {self.info.position!r}; the snapshot of step "
                f"{snapshot.step} has layers {list(snapshot.layers)} and positions {list(snapshot.positions)}"
            )
        source = ProbeInfo.of(snapshot, layer, self.info.position)
        return self.score(snapshot.at(layer, self.info.position), source=source)

    def predict_proba(self, activations: Float[Tensor, "n d"]) -> Float[Tensor, "n"]:
        """Probability of the class True; raises InputError for `mass_mean`, whose score is not a log-odds."""
        if self.estimator == "mass_mean":
            raise InputError(
                "a mass_mean probe has no probabilities: use score(), or fit logistic or mass_mean_covariance"
            )
        return torch.from_numpy(sigmoid(self.score(activations).double().cpu().numpy())).float()

    def save(self, folder: str | Path) -> None:
        """Write `probe.safetensors` and `probe.json` to `folder`, made where missing."""
        folder = Path(folder)
        save_safetensors_atomic(folder / "probe.safetensors", {"direction": self.direction})
        description = {
            "format_version": FORMAT_VERSION,
            "probe": self.label,
            "estimator": self.estimator,
            "bias": self.bias,
            "n": self.n,
            "entities": self.entities,
            "info": asdict(self.info),
        }
        write_json_atomic(folder / "probe.json", description)

    @classmethod
    def load(cls: type[ProbeT], folder: str | Path) -> ProbeT:
        """Read what `save` wrote, bit for bit; raises InputError for a missing, damaged or other kind of probe."""
        path = Path(folder) / "probe.json"
        try:
            described = json.loads(path.read_text(encoding="utf-8"))
            direction = load_file(path.with_suffix(".safetensors"))["direction"]
            found = (described["format_version"], described["probe"], described["estimator"])
            info = ProbeInfo(**{item.name: described["info"][item.name] for item in fields(ProbeInfo)})
            bias, counts = float(described["bias"]), (int(described["n"]), int(described["entities"]))
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise InputError(f"{path}: not a saved probe ({error!r}); expected a folder written by save()") from error
        if found[0] != FORMAT_VERSION or found[1] != cls.label or found[2] not in ESTIMATORS:
            raise InputError(
                f"{path}: a {found[1]} probe by {found[2]} in format {found[0]}; expected a {cls.label} probe by one "
                f"of {list(ESTIMATORS)} in format {FORMAT_VERSION}"
            )
        return cls(direction, bias, found[2], info, *counts)

    def _check_source(self, source: ProbeInfo) -> None:
        for name in ("weight_convention", "hook_name", "position"):
            ours, theirs = getattr(self.info, name), getattr(source, name)
            if ours != theirs:
                raise InputError(
                    f"the probe was fitted at {name} {ours!r}, the activations are of {theirs!r}: probes do not "
                    "transfer; fit one there"
                )


@dataclass(frozen=True, eq=False)
class TruthProbe(Probe):
    """Tells true statements (positive score) from false ones, whether affirmative or negated."""

    label: ClassVar[str] = "truth"


@dataclass(frozen=True, eq=False)
class PolarityProbe(Probe):
    """Tells affirmative statements (positive score) from negated ones, whether true or false."""

    label: ClassVar[str] = "polarity"


PROBES: dict[str, type[Probe]] = {probe.label: probe for probe in (TruthProbe, PolarityProbe)}


def as_bool(labels: ArrayLike) -> np.ndarray:
    """Labels given as bool, 0/1 or -1/+1 as an array of bool; raises InputError for anything else."""
    values = np.asarray(labels.cpu() if isinstance(labels, Tensor) else labels)
    found = set(values.ravel().tolist())
    if values.ndim != 1 or not (found <= {0, 1} or found <= {-1, 1}):
        raise InputError(
            f"labels of shape {values.shape} with values {sorted(map(str, found))[:5]}: expected a bool, 0/1 or -1/+1 "
            "for each statement"
        )
    return values.astype(np.int64) > 0


def _finite_rows(activations: Tensor) -> np.ndarray:
    rows = activations.detach().double().cpu().numpy()
    bad = ~np.isfinite(rows).all(axis=1)
    if bad.any():
        raise InputError(
            f"activations of {int(bad.sum())} statements, the first in row {int(bad.argmax())}, are NaN or infinite: "
            "training may have diverged, or fp16 overflowed; record in float32 or bfloat16"
        )
    return rows
