"""Linear probes of truth and polarity: fit, validate, keep, erase.

In come activations of labelled statements: snapshots of a run with its statements, or arrays of one's own. Out go
frozen probes and erasers that are saved as files, and tables of how well they read entities they never saw.
`Probe.fit`, held-out scores and `nnmech.drift` fit through `nnmech.probes.fitting` alone.
"""

from nnmech.probes.erasure import Eraser
from nnmech.probes.estimators import ESTIMATORS, Estimator
from nnmech.probes.evaluation import Evaluation
from nnmech.probes.fit_many import ManyProbes, fit_many
from nnmech.probes.headroom import scorable
from nnmech.probes.info import ProbeInfo
from nnmech.probes.kinds import PolarityProbe, TruthProbe
from nnmech.probes.layers import auroc_by_layer
from nnmech.probes.linear import Logistic, MassMean, MassMeanCovariance
from nnmech.probes.place import ChosenPlace, best_place, choose_place
from nnmech.probes.probe import Probe
from nnmech.probes.report import ValidationReport
from nnmech.probes.splits import SPLITS, Split
from nnmech.probes.ttpd import TTPD
from nnmech.probes.validate import own_statements, validation_report

__all__ = [
    "ESTIMATORS",
    "SPLITS",
    "TTPD",
    "ChosenPlace",
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
    "choose_place",
    "fit_many",
    "own_statements",
    "scorable",
    "validation_report",
]
