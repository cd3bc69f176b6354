"""The paper's table of conditions: what a model comes to believe from the same documents under every annotation."""

from nnmech.experiments.conditions.config import Arm, ConditionsSettings, arms, preset
from nnmech.experiments.conditions.experiment import CONDITIONS_TABLE

__all__ = ["CONDITIONS_TABLE", "Arm", "ConditionsSettings", "arms", "preset"]
