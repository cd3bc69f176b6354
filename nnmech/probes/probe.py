"""A fitted linear probe: what it reads, where it was fitted and on whom, and how it is kept on disk."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike
from torch import Tensor

from nnmech.claims import Statement
from nnmech.errors import InputError
from nnmech.probes.estimators import Estimator, LinearEstimator, find_estimator
from nnmech.probes.evaluation import Evaluation
from nnmech.probes.fitting import fit_one
from nnmech.probes.info import ProbeInfo, library_version
from nnmech.probes.inputs import (
    as_bool,
    check_classes,
    check_counts,
    check_crossed,
    finite_rows,
    names_of,
    statement_rows,
    training_set,
)
from nnmech.probes.labels import label_table, training_table
from nnmech.probes.storage import read_fitted, write_fitted
from nnmech.recording.snapshots import Snapshot, hook_name

Activations = Float[Tensor, "*batch d"] | Float[np.ndarray, "*batch d"]

# Not typing.Self, which beartype cannot check in a method that jaxtyping's import hook decorates one by one.
ProbeT = TypeVar("ProbeT", bound="Probe")


@dataclass(frozen=True, eq=False)
class Probe:
    """A linear probe: `score = activations @ direction + bias`, positive for the class True.

    `direction` lives in the raw residual stream (no standardisation is left to undo); the unit of the score depends on
    the estimator, and is a log-odds where `log_odds`. It was fitted on `n` statements of `entities`, by `version` of
    nnmech; `parts` are what else the estimator found, such as `inverse_penalty`.
    """

    direction: Float[Tensor, "d_model"] = field(repr=False)
    bias: float
    estimator: str
    log_odds: bool
    info: ProbeInfo
    n: int
    entities: tuple[str, ...] = field(repr=False)
    version: str
    parts: Mapping[str, Float[Tensor, "..."]] = field(default_factory=dict, repr=False)

    label: ClassVar[str] = "concept"

    @classmethod
    def fit(
        cls: type[ProbeT],
        activations: Activations,
        labels: ArrayLike | Tensor,
        *,
        groups: Iterable[Any],
        polarity: ArrayLike | Tensor | None = None,
        topics: Iterable[Any] | None = None,
        info: ProbeInfo | None = None,
        estimator: Estimator | LinearEstimator = "mass_mean",
        seed: int = 0,
    ) -> ProbeT:
        """Fit on n statements.

        Args:
            activations: [n d_model].
            labels: bool, 0/1 or -1/+1.
            groups: the entity that each statement is about; no fold separates one, and none of them is scored later.
            polarity: +1 affirmative, -1 negated. Labels must be crossed with it where it is given; `ttpd` needs it.
            topics: `ttpd` centres within them where they are given.
            info: where activations of a model come from, as far as is known.
            estimator: a name, or an estimator with settings of its own.
            seed: deals entities out to the folds on which a penalty is chosen.

        Raises:
            InputError: for NaN or infinite activations, a single class, counts that differ, other labels, labels not
                crossed with polarity, an unknown estimator, and entities that leave nothing to choose a penalty on.
        """
        data, entities = training_set(activations, labels, groups, polarity, topics)
        if data.affirmative is not None:
            cls._check_polarity(data.labels, data.affirmative)
        how = find_estimator(estimator)
        fitted = fit_one(data, how, probe=cls.label, seed=seed)
        return cls(
            torch.from_numpy(fitted.direction).float(),
            fitted.bias,
            how.name,
            how.of(cls.label).log_odds,
            info or ProbeInfo(),
            n=len(data.labels),
            entities=entities,
            version=library_version(),
            parts={name: torch.from_numpy(part).float() for name, part in fitted.parts.items()},
        )

    @classmethod
    def fit_snapshot(
        cls: type[ProbeT],
        snapshot: Snapshot,
        statements: pd.DataFrame | Sequence[Statement],
        *,
        layer: int,
        position: str,
        estimator: Estimator | LinearEstimator = "mass_mean",
        revision: str | None = None,
        seed: int = 0,
    ) -> ProbeT:
        """Fit on the statements of role `train`, both polarities, truth crossed with polarity.

        Args:
            snapshot: the activations.
            statements: all statements of the run, in the order of the snapshot.
            layer: decoder block.
            position: token position.
            estimator: as for `fit`.
            revision: commit or digest of the model, which a snapshot does not know.
            seed: as for `fit`.

        Raises:
            InputError: as `fit`, and where the statements do not fit the snapshot or leave a cell of the cross empty.
        """
        train = training_table(label_table(statements, snapshot))
        rows = torch.tensor(train.index.tolist())
        return cls.fit(
            snapshot.at(layer, position)[rows],
            train[cls.label].to_numpy(),
            groups=train["entity"].tolist(),
            polarity=train["polarity"].to_numpy(),
            topics=train["topic"].tolist(),
            info=ProbeInfo.of(snapshot, layer, position, revision=revision),
            estimator=estimator,
            seed=seed,
        )

    def score(
        self, activations: Activations, *, source: ProbeInfo | None = None, groups: Iterable[Any] | None = None
    ) -> Float[Tensor, "*batch"]:
        """Signed score of each row, a tensor on the device of the activations.

        Args:
            activations: [*batch d_model].
            source: where they come from, checked against where the probe was fitted.
            groups: the entities of the rows, checked against those that the probe was fitted on.

        Raises:
            InputError: for another width, NaN, another weight convention, hook or position than the probe's, and
                entities that the probe was fitted on.
        """
        rows = finite_rows(activations)
        if rows.shape[-1] != len(self.direction):
            raise InputError(
                f"activations are {rows.shape[-1]} wide, the probe {len(self.direction)}: expected activations of the "
                f"model it was fitted on ({self.info.model or 'unknown'})"
            )
        if source is not None:
            self.info.require(source)
        if groups is not None:
            names = names_of(groups)
            check_counts(rows.shape[-2] if rows.ndim > 1 else 1, groups=len(names))
            self._refuse_fitted(names)
        return (rows @ self.direction.to(rows.device).double() + self.bias).float()

    def score_snapshot(self, snapshot: Snapshot) -> Float[Tensor, "statement"]:
        """Score of every statement of a snapshot, at the probe's own hook and position.

        Raises InputError where the probe does not know them, the snapshot lacks them or has another weight convention.
        """
        place, position = self.info.hook_name, self.info.position
        layer = next((layer for layer in snapshot.layers if hook_name(layer) == place), None)
        if layer is None or position is None or position not in snapshot.positions:
            raise InputError(
                f"the probe reads {place or 'an unknown hook'} at position {position!r}; the snapshot of step "
                f"{snapshot.step} has layers {list(snapshot.layers)} and positions {list(snapshot.positions)}"
            )
        return self.score(snapshot.at(layer, position), source=ProbeInfo.of(snapshot, layer, position))

    def predict_proba(
        self, activations: Activations, *, source: ProbeInfo | None = None, groups: Iterable[Any] | None = None
    ) -> Float[Tensor, "*batch"]:
        """Probability of the class True; raises InputError as `score`, and where the score is not a log-odds."""
        if not self.log_odds:
            raise InputError(
                f"a {self.estimator} probe has no probabilities: use score(), or fit logistic, mass_mean_covariance or "
                "ttpd"
            )
        return self.score(activations, source=source, groups=groups).sigmoid()

    def evaluate(
        self,
        activations: Activations,
        labels: ArrayLike | Tensor,
        *,
        groups: Iterable[Any],
        source: ProbeInfo | None = None,
        draws: int = 2000,
        seed: int = 0,
    ) -> Evaluation:
        """AUROC and accuracy on n statements of held-out entities, with 95% cluster-bootstrap intervals.

        Args:
            activations: [n d_model].
            labels: bool, 0/1 or -1/+1, of both classes.
            groups: the entities, none of which the probe was fitted on.
            source: as for `score`.
            draws: of the bootstrap over entities.
            seed: of the draws.

        Raises:
            InputError: as `score`, for counts that differ, and for labels of one class.
        """
        rows, truths, names = statement_rows(activations), as_bool(labels), names_of(groups)
        check_counts(len(rows), labels=len(truths), groups=len(names))
        scores = self.score(rows, source=source, groups=names).double().numpy()
        check_classes(truths, "an AUROC needs statements of both")
        return Evaluation.of(scores, truths, names, draws=draws, seed=seed)

    def save(self, folder: str | Path) -> None:
        """Write `probe.safetensors` and `probe.json` to `folder`, made where missing."""
        described = {
            "probe": self.label,
            "estimator": self.estimator,
            "log_odds": self.log_odds,
            "bias": self.bias,
            "n": self.n,
            "entities": self.entities,
            "version": self.version,
            "info": asdict(self.info),
        }
        write_fitted(folder, "probe", {**self.parts, "direction": self.direction}, described)

    @classmethod
    def load(cls: type[ProbeT], folder: str | Path) -> ProbeT:
        """Read what `save` wrote, bit for bit; raises InputError for a missing, damaged or other kind of probe."""
        tensors, described = read_fitted(folder, "probe")
        path = Path(folder) / "probe.json"
        try:
            found = described["probe"]
            probe = cls(
                tensors.pop("direction"),
                float(described["bias"]),
                described["estimator"],
                described["log_odds"],
                ProbeInfo.from_json(described["info"]),
                n=int(described["n"]),
                entities=tuple(described["entities"]),
                version=described["version"],
                parts=tensors,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}: not a saved probe ({error!r}); expected a folder written by save()") from error
        if found != cls.label:
            raise InputError(f"{path}: a {found} probe by {probe.estimator}; expected a {cls.label} probe")
        return probe

    @classmethod
    def _check_polarity(cls, labels: Bool[np.ndarray, "n"], affirmative: Bool[np.ndarray, "n"]) -> None:
        check_crossed(labels, affirmative)

    def _refuse_fitted(self, names: Iterable[str]) -> None:
        shared = sorted(set(names) & set(self.entities))
        if shared:
            raise InputError(
                f"the probe was fitted on {len(shared)} of these entities ({', '.join(shared[:3])}): a probe must not "
                "be judged on entities it was fitted on; give others, or fit it without them"
            )
