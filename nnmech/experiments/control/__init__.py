"""The positive control: which readings follow plain documents on fresh facts, and which cannot tell."""

from nnmech.experiments.control.config import ControlSettings, preset
from nnmech.experiments.control.experiment import CONTROL
from nnmech.experiments.control.single import control_gate

__all__ = ["CONTROL", "ControlSettings", "control_gate", "preset"]
