"""Estimates with intervals that respect how observations hang together.

In come values (hits, scores, coordinates) with the labels of the clusters that they belong to: claims, questions,
entities, seeds. Out go estimates, bootstrap draws of them, and 95% intervals. `resampling` draws clusters, `intervals`
turns draws into bounds (`interval_bounds` alone decides how), `auroc` orders scores.
"""

from nnmech.statistics.auroc import weighted_auroc
from nnmech.statistics.differences import cluster_difference, cluster_ratio
from nnmech.statistics.intervals import (
    LEVEL,
    Interval,
    Statistic,
    binomial_bounds,
    cluster_bootstrap,
    interval_bounds,
    middle,
    rate_interval,
)
from nnmech.statistics.resampling import (
    bootstrap_weights,
    cluster_count,
    drawn_means,
    sample_and_draws,
    shares,
    weighted_mean,
)

__all__ = [
    "LEVEL",
    "Interval",
    "Statistic",
    "binomial_bounds",
    "bootstrap_weights",
    "cluster_bootstrap",
    "cluster_count",
    "cluster_difference",
    "cluster_ratio",
    "drawn_means",
    "interval_bounds",
    "middle",
    "rate_interval",
    "sample_and_draws",
    "shares",
    "weighted_auroc",
    "weighted_mean",
]
