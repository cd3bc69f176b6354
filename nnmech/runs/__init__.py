"""Run directories. In: what a training run records, step by step. Out: the same as data frames and snapshots."""

from nnmech.runs.damaged import DamagedRun
from nnmech.runs.format import SCHEMA_VERSION
from nnmech.runs.labels import RunLabels
from nnmech.runs.reader import Run, drop_checkpoints, find_runs
from nnmech.runs.settings_difference import settings_difference
from nnmech.runs.writer import RunWriter

__all__ = [
    "SCHEMA_VERSION",
    "DamagedRun",
    "Run",
    "RunLabels",
    "RunWriter",
    "drop_checkpoints",
    "find_runs",
    "settings_difference",
]
