"""Linear probes of truth and polarity: fit, validate, keep."""

from nnmech.probes.estimators import ESTIMATORS, Estimator
from nnmech.probes.probe import PolarityProbe, Probe, ProbeInfo, TruthProbe
from nnmech.probes.validate import SPLITS, Split, auroc_by_layer

__all__ = [
    "ESTIMATORS",
    "SPLITS",
    "Estimator",
    "PolarityProbe",
    "Probe",
    "ProbeInfo",
    "Split",
    "TruthProbe",
    "auroc_by_layer",
]
