"""Variances of means over few clusters: units crossed with seeds as random effects, and their degrees of freedom."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from nnmech.statistics.resampling import check_lengths

Cells = Float[np.ndarray, "unit seed"]


@dataclass(frozen=True, eq=False)
class Moments:
    """A mean and what its error is made of.

    `units` are the clusters of the outermost level (claims), which alone are independent draws; what is nested in them
    (questions) is part of what tells them apart. Seeds cross them, where the same ones were used in several.
    """

    mean: float
    pull: Cells
    """How far the observations of each unit and seed pull the mean away from itself: they add up to 0."""
    shared: float = 0.0
    """Variance that all observations share, such as that of the people whom a probe was fitted on."""
    shared_df: float = np.inf
    """Degrees of freedom of `shared`."""

    @property
    def units(self) -> int:
        return self.pull.shape[0]

    @property
    def seeds(self) -> int:
        return self.pull.shape[1]

    @property
    def parts(self) -> tuple[float, float, float]:
        """Variance of the mean by units, by seeds, and what both have of their interaction, which is counted twice."""
        return _parts(self.pull)

    @property
    def variance(self) -> float:
        """Variance of the mean; of seeds and their interaction no less than nothing."""
        own, seeds, both = self.parts
        return max(own, seeds, own + seeds - both) + self.shared

    @property
    def df(self) -> float:
        """Degrees of freedom of the variance by Satterthwaite (1946), at least 1 and no more than units leave."""
        own, seeds, both = self.parts
        most = max(self.units - 1, 1)
        if max(own, seeds, own + seeds - both) == own and not self.shared:
            return float(most)
        terms = [(own, self.units - 1), (self.shared, self.shared_df)]
        if self.seeds > 1:
            terms += [(seeds, self.seeds - 1), (both, (self.units - 1) * (self.seeds - 1))]
        spread = sum(part**2 / free for part, free in terms if part > 0)
        if spread == 0:
            return float(most)
        return float(np.clip(self.variance**2 / spread, 1, most if not self.shared else max(most, self.shared_df)))

    @property
    def carried(self) -> float:
        """How many units carry the deviations: all where they are alike, little above 1 where a single one does."""
        own = self.pull.sum(axis=1)
        fourth = float((own**4).sum())
        return float((own**2).sum()) ** 2 / fourth if fourth > 0 else 1.0

    @property
    def trials(self) -> float:
        """Fewest trials that the observations are worth: the units, or rather the seeds as far as these vary."""
        own, seeds, both = self.parts
        beside = max(seeds - both, 0.0)
        weight = own / (own + beside) if own + beside > 0 else 1.0
        return 1 / (weight / self.units + (1 - weight) / self.seeds)


def moments(numbers: Float[np.ndarray, "n"], levels: Sequence[ArrayLike], crossed: ArrayLike | None = None) -> Moments:
    """Moments of the mean of n numbers.

    Args:
        numbers: n of them.
        levels: labels of clusters, outermost first. The outermost are the units.
        crossed: seeds. Those that occur in one unit only are nested in it, and are part of what tells units apart.

    Raises:
        InputError: for labels of another length.
    """
    columns = [np.asarray(level) for level in levels]
    factor = None if crossed is None else np.asarray(crossed)
    check_lengths(numbers, columns if factor is None else [*columns, factor])
    unit, seed = unit_and_seed(columns[0], factor)
    mean = float(numbers.mean())
    return Moments(mean, pulls(numbers - mean, unit, seed))


def unit_and_seed(unit: np.ndarray, crossed: np.ndarray | None) -> tuple[Int[np.ndarray, "n"], Int[np.ndarray, "n"]]:
    """Numbers of the unit and of the crossed seed of each observation; all seeds 0 where they cross nothing."""
    units = pd.factorize(unit, use_na_sentinel=False)[0]
    if crossed is None:
        return units, np.zeros_like(units)
    seeds, names = pd.factorize(crossed, use_na_sentinel=False)
    pairs = np.unique(np.stack([units, seeds]), axis=1)
    nested = np.bincount(pairs[1], minlength=len(names)).max() < 2
    return units, np.zeros_like(units) if nested else seeds


def pulls(
    deviations: Float[np.ndarray, "n"],
    unit: Int[np.ndarray, "n"],
    seed: Int[np.ndarray, "n"],
    shape: tuple[int, int] | None = None,
) -> Cells:
    """The share of each unit and seed in the mean of the deviations; `shape` where there are more of them."""
    shape = (int(unit.max()) + 1, int(seed.max()) + 1) if shape is None else shape
    return np.bincount(unit * shape[1] + seed, deviations, shape[0] * shape[1]).reshape(shape) / len(deviations)


def covariance(first: Moments, second: Moments) -> float:
    """Covariance of two means over the same units and seeds."""
    apart = Moments(0.0, first.pull - second.pull)
    return (_variance(first.pull) + _variance(second.pull) - _variance(apart.pull)) / 2


def _variance(pull: Cells) -> float:
    return Moments(0.0, pull).variance


def _parts(pull: Cells) -> tuple[float, float, float]:
    units, seeds = pull.shape
    if units < 2:
        return np.nan, np.nan, np.nan
    of_units, of_seeds = pull.sum(axis=1), pull.sum(axis=0)
    own = units / (units - 1) * float((of_units**2).sum())
    if seeds < 2:
        return own, 0.0, 0.0
    rest = pull - of_units[:, None] / seeds - of_seeds / units
    both = units * seeds / ((units - 1) * (seeds - 1)) * float((rest**2).sum())
    return own, seeds / (seeds - 1) * float((of_seeds**2).sum()), both
