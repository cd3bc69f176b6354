"""How well scores tell held-out statements apart."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from nnmech.statistics import Interval, cluster_bootstrap, rate_interval, weighted_auroc


@dataclass(frozen=True)
class Evaluation:
    """How well a probe reads n statements of entities that it was not fitted on, intervals over entities.

    `auroc`: share of pairs of a true and a false statement that the score orders rightly; `accuracy`: share of
    statements on the right side of zero.
    """

    auroc: Interval
    accuracy: Interval
    n: int
    entities: int

    @classmethod
    def of(
        cls,
        scores: Float[np.ndarray, "n"],
        labels: Bool[np.ndarray, "n"],
        entities: Sequence[str],
        *,
        draws: int,
        seed: int,
    ) -> "Evaluation":
        """From the scores and labels, of both classes, of n statements of `entities`."""
        clusters = np.asarray(entities)
        auroc = cluster_bootstrap(
            scores,
            clusters,
            draws=draws,
            seed=seed,
            statistic=lambda values, weights: weighted_auroc(values, labels, weights),
            share=True,
        )
        accuracy = rate_interval((scores > 0) == labels, clusters)
        return cls(auroc, accuracy, n=auroc.n, entities=auroc.clusters)
