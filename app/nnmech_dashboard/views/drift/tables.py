"""The tables of the page Drift that no other page reads, each by `background.table`."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from nnmech.drift import decomposition, direction_cosine, onset, transfer_matrix
from nnmech.drift.recording import ProbeName
from nnmech.runs import Run
from nnmech_dashboard.state.listing import Stamp

MATRIX_STEPS = 40
"""At most so many steps have a row and a column: a matrix of hundreds takes long, and nobody could read it."""


def directions(path: str, probe: ProbeName, layer: int, position: str, version: Stamp) -> pd.DataFrame:
    """How far the direction of the probe turned since the first step recorded."""
    run = Run(path)
    return direction_cosine(run, probes=[probe], layers=[layer], positions=[position], reference_step=run.steps[0])


def transfer(
    path: str, probe: ProbeName, layer: int, position: str, steps: tuple[int, ...], version: Stamp
) -> pd.DataFrame:
    """AUROC of the probe fitted at each of `steps` and scored at each."""
    return transfer_matrix(Run(path), probes=[probe], layers=[layer], positions=[position], steps=steps)


def changes(path: str, probe: ProbeName, layer: int, position: str, version: Stamp) -> pd.DataFrame:
    """What of the change since the first step recorded the activations did, and what the direction did."""
    run = Run(path)
    return decomposition(run, probes=[probe], layers=[layer], positions=[position], reference_step=run.steps[0])


def onsets(path: str, layer: int, position: str, version: Stamp) -> pd.DataFrame:
    """When the claim became true inside, and when the model began to say it."""
    run = Run(path)
    return onset([run], layers=[layer], positions=[position], reference_step=run.steps[0])


def matrix_steps(recorded: Sequence[int], boundary: int | None) -> tuple[int, ...]:
    """The steps of a matrix: all recorded ones, or as many as can be read, the ends of the phases among them."""
    if len(recorded) <= MATRIX_STEPS:
        return tuple(recorded)
    places = np.linspace(0, len(recorded) - 1, MATRIX_STEPS - 1).round().astype(int)
    return tuple(sorted({*(recorded[place] for place in places), *(step for step in recorded if step == boundary)}))
