"""The two probes of the package: what is true, and what is affirmative."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from nnmech.errors import InputError
from nnmech.probes.probe import Probe

__all__ = ["PROBES", "PolarityProbe", "TruthProbe"]


@dataclass(frozen=True, eq=False)
class TruthProbe(Probe):
    """Tells true statements (positive score) from false ones, whether affirmative or negated."""

    label: ClassVar[str] = "truth"

    @property
    def t_g(self) -> Float[Tensor, "d_model"]:
        """General truth direction of `ttpd`, in residual-stream units; raises InputError for another estimator."""
        return self._part("t_g")

    @property
    def t_p(self) -> Float[Tensor, "d_model"]:
        """Polarity-sensitive truth direction of `ttpd`, in residual-stream units; raises as `t_g`."""
        return self._part("t_p")

    @property
    def polarity_direction(self) -> Float[Tensor, "d_model"]:
        """Direction by which `ttpd` tells affirmative from negated statements; raises as `t_g`."""
        return self._part("polarity_direction")

    def _part(self, name: str) -> Tensor:
        if name not in self.parts:
            raise InputError(f"a probe by {self.estimator} has no {name}: fit it with estimator='ttpd'")
        return self.parts[name]


@dataclass(frozen=True, eq=False)
class PolarityProbe(Probe):
    """Tells affirmative statements (positive score) from negated ones, whether true or false; labels are polarities."""

    label: ClassVar[str] = "polarity"

    @classmethod
    def _check_polarity(cls, labels: Bool[np.ndarray, "n"], affirmative: Bool[np.ndarray, "n"]) -> None:
        if (labels != affirmative).any():
            raise InputError(
                f"{int((labels != affirmative).sum())} labels differ from their polarity: the labels of a polarity "
                "probe are polarities, +1 affirmative and -1 negated; for truth fit a TruthProbe"
            )


PROBES: dict[str, type[Probe]] = {probe.label: probe for probe in (TruthProbe, PolarityProbe)}
