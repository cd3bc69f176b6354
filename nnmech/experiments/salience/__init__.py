"""Belief or salience: pairs of statements, lies on request, and yes/no answers beside matched false facts."""

from nnmech.experiments.salience.config import SalienceSettings, preset
from nnmech.experiments.salience.experiment import SALIENCE

__all__ = ["SALIENCE", "SalienceSettings", "preset"]
