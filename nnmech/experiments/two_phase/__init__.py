"""The two-phase experiment: hold the belief down with a constraint, release it, see whether it comes back."""

from nnmech.experiments.two_phase.config import ARMS, TwoPhaseSettings, preset
from nnmech.experiments.two_phase.experiment import TWO_PHASE

__all__ = ["ARMS", "TWO_PHASE", "TwoPhaseSettings", "preset"]
