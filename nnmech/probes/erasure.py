"""LEACE: activations from which no linear probe reads a concept, changed as little as that allows."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike
from torch import Tensor

from nnmech.errors import InputError
from nnmech.probes.info import ProbeInfo, library_version
from nnmech.probes.inputs import as_bool, check_classes, check_counts, finite_rows, statement_rows
from nnmech.probes.storage import read_fitted, write_fitted

# The library's own, 0.01, would leave effects that a few thousand statements show.
TOLERANCE = 1e-6
"""Standard deviations of the labels that activations must explain to count as more than rounding."""


@dataclass(frozen=True, eq=False)
class Eraser:
    """Erases a concept: x - left right' (x - mean), LEACE of Belrose et al. (2023, "LEACE", theorem 4.3).

    Afterwards the classes have the same mean over the n statements of the fit, so that no affine classifier has a
    smaller convex loss there than the constant one; and activations move as little as that allows, in mean squared
    distance, as far as the shrunk covariance of the fit is the true one.
    """

    left: Float[Tensor, "d_model"] = field(repr=False)
    right: Float[Tensor, "d_model"] = field(repr=False)
    mean: Float[Tensor, "d_model"] = field(repr=False)
    info: ProbeInfo
    n: int
    version: str

    @classmethod
    def fit(
        cls,
        activations: Float[Tensor, "*batch d"] | Float[np.ndarray, "*batch d"],
        labels: ArrayLike | Tensor,
        *,
        info: ProbeInfo | None = None,
    ) -> "Eraser":
        """Fit on n statements.

        Args:
            activations: [n d_model].
            labels: bool, 0/1 or -1/+1.
            info: where activations of a model come from, as far as is known.

        Raises:
            InputError: for NaN or infinite activations, a single class, counts that differ, other labels, and classes
                whose means are the same already.
        """
        from concept_erasure import LeaceFitter

        rows, truths = torch.from_numpy(statement_rows(activations)), as_bool(labels)
        check_counts(len(rows), labels=len(truths))
        check_classes(truths, "there is no concept to erase")
        fitter = LeaceFitter.fit(rows, torch.from_numpy(truths), svd_tol=TOLERANCE)
        eraser = fitter.eraser
        if not eraser.proj_right.any():
            raise InputError(f"the classes of {len(rows)} statements have the same mean: there is no concept to erase")
        left, right = eraser.proj_left[:, 0], eraser.proj_right[0]
        return cls(left, right, fitter.mean_x, info or ProbeInfo(), len(rows), library_version())

    def __call__(
        self,
        activations: Float[Tensor, "*batch d"] | Float[np.ndarray, "*batch d"],
        *,
        source: ProbeInfo | None = None,
    ) -> Float[Tensor, "*batch d"]:
        """Activations without the concept, in the precision of those given, on their device.

        Args:
            activations: [*batch d_model].
            source: where they come from, checked against where the eraser was fitted.

        Raises:
            InputError: for NaN, another width, and another weight convention, hook or position than the fit's.
        """
        rows = finite_rows(activations)
        if rows.shape[-1] != len(self.mean):
            raise InputError(f"activations are {rows.shape[-1]} wide, the eraser {len(self.mean)}: expected the same")
        if source is not None:
            self.info.require(source)
        left, right, mean = (part.to(rows.device) for part in (self.left, self.right, self.mean))
        erased = rows - ((rows - mean) @ right)[..., None] * left
        # numpy and torch name their floats alike.
        return erased.to(getattr(torch, str(activations.dtype).removeprefix("torch.")))

    def save(self, folder: str | Path) -> None:
        """Write `eraser.safetensors` and `eraser.json` to `folder`, made where missing."""
        tensors = {"left": self.left, "right": self.right, "mean": self.mean}
        write_fitted(folder, "eraser", tensors, {"n": self.n, "version": self.version, "info": asdict(self.info)})

    @classmethod
    def load(cls, folder: str | Path) -> "Eraser":
        """Read what `save` wrote, bit for bit; raises InputError for a missing or damaged file."""
        tensors, described = read_fitted(folder, "eraser")
        try:
            info = ProbeInfo.from_json(described["info"])
            return cls(
                tensors["left"], tensors["right"], tensors["mean"], info, int(described["n"]), described["version"]
            )
        except (KeyError, TypeError, ValueError) as error:
            path = Path(folder) / "eraser.json"
            raise InputError(f"{path}: not a saved eraser ({error!r}); expected a folder written by save()") from error
