"""The two-phase experiment: hold the belief down with a constraint, release it, see whether it comes back."""

from nnmech.two_phase.config import ARMS, TwoPhaseConfig, preset, reporting_claims
from nnmech.two_phase.experiment import carry_out, read_config, start
from nnmech.two_phase.plan import Plan, check_disk, plan

__all__ = [
    "ARMS",
    "Plan",
    "TwoPhaseConfig",
    "carry_out",
    "check_disk",
    "plan",
    "preset",
    "read_config",
    "reporting_claims",
    "start",
]
