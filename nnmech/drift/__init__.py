"""How a probe's reading moves along training: where claims lie, what the data did and what the direction did.

In come run directories (`nnmech.runs.Run`) with their snapshots, statements and answers; out go tidy data frames, one
row a step, layer, position and group, with 95% intervals and counts, that `nnmech.plots` and the dashboard draw. Probes
are fitted as `nnmech.probes` fits them, by any of its estimators.
"""

from nnmech.drift.alignment import alignment
from nnmech.drift.averages import average_coordinates, beyond_nulls
from nnmech.drift.belief import belief_over_steps
from nnmech.drift.control import can_tell, control_gates, control_outcome, read_outcome
from nnmech.drift.coordinates import claim_coordinate, polarity_coordinate
from nnmech.drift.cosine import direction_cosine
from nnmech.drift.decomposition import decomposition
from nnmech.drift.difference import belief_difference, coordinate_difference, paired_steps, phase_ends
from nnmech.drift.onset import OUTCOMES, average_onset, onset
from nnmech.drift.overview import overview
from nnmech.drift.portrait import best_place, phase_portrait, portrait_of
from nnmech.drift.recall import recall_over_steps, verdict_cells
from nnmech.drift.statements import average_statements, statement_coordinates
from nnmech.drift.tokens import background_limits, reading_by_role, token_readings
from nnmech.drift.transfer import transfer_matrix

__all__ = [
    "OUTCOMES",
    "alignment",
    "average_coordinates",
    "average_onset",
    "average_statements",
    "background_limits",
    "belief_difference",
    "belief_over_steps",
    "best_place",
    "beyond_nulls",
    "can_tell",
    "claim_coordinate",
    "control_gates",
    "control_outcome",
    "coordinate_difference",
    "decomposition",
    "direction_cosine",
    "onset",
    "overview",
    "paired_steps",
    "phase_ends",
    "phase_portrait",
    "polarity_coordinate",
    "portrait_of",
    "read_outcome",
    "reading_by_role",
    "recall_over_steps",
    "statement_coordinates",
    "token_readings",
    "transfer_matrix",
    "verdict_cells",
]
