"""Linear probes of truth and polarity: fit, validate, keep, erase."""

from nnmech.probes.erasure import Eraser
from nnmech.probes.estimators import ESTIMATORS, Estimator
from nnmech.probes.fit_many import ManyProbes, fit_many
from nnmech.probes.headroom import scorable
from nnmech.probes.linear import Logistic, MassMean, MassMeanCovariance
from nnmech.probes.place import best_place
from nnmech.probes.probe import Evaluation, PolarityProbe, Probe, ProbeInfo, TruthProbe
from nnmech.probes.report import ValidationReport
from nnmech.probes.splits import SPLITS, Split
from nnmech.probes.ttpd import TTPD
from nnmech.probes.validate import auroc_by_layer, own_statements, validation_report

__all__ = [
    "ESTIMATORS",
    "SPLITS",
    "TTPD",
    "Eraser",
    "Estimator",
    "Evaluation",
    "Logistic",
    "ManyProbes",
    "MassMean",
    "MassMeanCovariance",
    "PolarityProbe",
    "Probe",
    "ProbeInfo",
    "Split",
    "TruthProbe",
    "ValidationReport",
    "auroc_by_layer",
    "best_place",
    "fit_many",
    "own_statements",
    "scorable",
    "validation_report",
]
