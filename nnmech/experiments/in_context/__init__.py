"""The same documents in the context window instead of in the weights: read, and heeded where they carry warnings."""

from nnmech.experiments.in_context.config import InContextSettings, preset
from nnmech.experiments.in_context.experiment import IN_CONTEXT

__all__ = ["IN_CONTEXT", "InContextSettings", "preset"]
