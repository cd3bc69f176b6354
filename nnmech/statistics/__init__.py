"""Estimates with intervals that respect how observations hang together.

In come values (hits, scores, coordinates) with the labels of the clusters that they belong to: claims, questions,
entities, seeds. Out go estimates and 95% intervals that hold for few claims. `moments` takes the error of a mean apart,
`resampling` draws clusters, `intervals` makes bounds of both (and alone decides how), `differences` compares two
means, `auroc` orders scores.
"""

from nnmech.statistics.auroc import weighted_auroc
from nnmech.statistics.differences import mean_difference, rate_difference, rate_ratio
from nnmech.statistics.intervals import (
    FEWEST,
    LEVEL,
    Interval,
    Statistic,
    cluster_bootstrap,
    interval_bounds,
    mean_interval,
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
    "FEWEST",
    "LEVEL",
    "Interval",
    "Statistic",
    "bootstrap_weights",
    "cluster_bootstrap",
    "cluster_count",
    "drawn_means",
    "interval_bounds",
    "mean_difference",
    "mean_interval",
    "middle",
    "rate_difference",
    "rate_interval",
    "rate_ratio",
    "sample_and_draws",
    "shares",
    "weighted_auroc",
    "weighted_mean",
]
