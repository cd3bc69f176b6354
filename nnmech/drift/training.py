"""The statements of a run that probes are fitted on, and the fits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from torch import Tensor

from nnmech.errors import InputError
from nnmech.probes.estimators import Estimator, LinearEstimator, grouped_folds
from nnmech.probes.fitting import Labelled, fit_all
from nnmech.probes.labels import training_table
from nnmech.seeds import derive_seed

ProbeName = Literal["truth", "polarity"]
PROBE_NAMES: tuple[ProbeName, ...] = get_args(ProbeName)


@dataclass(frozen=True, eq=False)
class Training:
    """The statements that probes are fitted on: row numbers in the run, labels, a number for each entity and topic."""

    rows: Int[np.ndarray, "n"]
    truth: Bool[np.ndarray, "n"]
    affirmative: Bool[np.ndarray, "n"]
    entities: Int[np.ndarray, "n"]
    topics: Int[np.ndarray, "n"]

    @classmethod
    def of(cls, statements: pd.DataFrame) -> "Training":
        """Those of role `train` in a run's table; InputError unless truth and polarity are crossed in them."""
        train = training_table(statements)
        # A missing topic is one of its own, as for `Probe.fit_snapshot`.
        topics = pd.factorize(train["topic"], use_na_sentinel=False)[0]
        return cls(
            train.index.to_numpy(copy=True),
            train["truth"].to_numpy(dtype=bool),
            train["polarity"].to_numpy() > 0,
            pd.factorize(train["entity"])[0].astype(np.int64),
            topics.astype(np.int64),
        )

    def labels(self, probe: ProbeName) -> Bool[np.ndarray, "n"]:
        return self.truth if probe == "truth" else self.affirmative

    def directions(
        self,
        activations: Float[Tensor, "*cell n d_model"],
        probe: ProbeName,
        estimator: Estimator | LinearEstimator,
        labels: Bool[np.ndarray, "problem n"] | None = None,
        train: Bool[np.ndarray, "problem n"] | None = None,
        *,
        resampled: bool = False,
    ) -> Float[Tensor, "*cell problem d_model"]:
        """The direction of each problem in every cell, as `Probe.fit` gives it on the same statements.

        Args:
            activations: of the training statements.
            probe: what is told apart.
            estimator: a name, or an estimator with settings of its own.
            labels: of each problem; the statements' own, in a single problem, if None.
            train: the statements that each problem is fitted on; all of them if None.
            resampled: as for `fit_all`.
        """
        labels = self.labels(probe)[None] if labels is None else labels
        train = np.ones_like(labels) if train is None else train
        other = self.labels("polarity" if probe == "truth" else "truth")
        known = Labelled(self.labels(probe), self.entities, other, self.affirmative, self.topics, probe)
        return fit_all(activations, known, labels, train, estimator, resampled=resampled).directions.float()

    def shuffled(
        self, probe: ProbeName, strata: Int[np.ndarray, "shuffle n"], seed: int
    ) -> Bool[np.ndarray, "shuffle n"]:
        """Labels permuted among statements of one stratum and one value of the other label, again in every row.

        The cross of truth and polarity stays balanced: a shuffled truth probe must not read polarity by chance.
        """
        other = self.labels("polarity" if probe == "truth" else "truth")
        rng = np.random.default_rng(derive_seed(seed, "shuffled labels", 0))
        permuted = np.tile(self.labels(probe), (len(strata), 1))
        for row, cells in zip(permuted, 2 * strata + other, strict=True):
            for cell in np.unique(cells):
                row[cells == cell] = rng.permutation(row[cells == cell])
        return permuted

    def parts(
        self, probe: ProbeName, number: int, count: int, seed: int, of: Bool[np.ndarray, "n"] | None = None
    ) -> Bool[np.ndarray, "part n"]:
        """`count` random divisions of the entities, or of those `of` a mask, into `number` parts each, as masks.

        Parts of one division are neighbours. Entities of like labels are dealt out, so that each has both classes.
        """
        rows = np.arange(len(self.rows)) if of is None else np.flatnonzero(of)
        masks = np.zeros((count, number, len(self.rows)), dtype=bool)
        for draw, division in enumerate(masks):
            chosen = derive_seed(seed, "entities", draw)
            folds = grouped_folds(self.labels(probe)[rows], self.entities[rows], number, chosen)
            for part, (_, inside) in zip(division, folds, strict=False):
                part[rows[inside]] = True
        return masks.reshape(count * number, -1)


def check_probes(probes: Sequence[str]) -> None:
    """Raise InputError for probes that are not known, or none."""
    unknown = [name for name in probes if name not in PROBE_NAMES]
    if unknown or not probes:
        raise InputError(f"probes {list(probes)}: expected some of {list(PROBE_NAMES)}")
