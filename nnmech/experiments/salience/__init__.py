"""Belief told from salience: pairs of statements, lies on request, and yes/no answers beside matched false facts."""

from nnmech.experiments.salience.single import SALIENCE, preset

__all__ = ["SALIENCE", "preset"]
