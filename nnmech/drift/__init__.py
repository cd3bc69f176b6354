"""How a probe's reading moves along training: where claims lie, what the data did and what the direction did."""

from nnmech.drift.alignment import alignment
from nnmech.drift.coordinates import average_coordinates, claim_coordinate, polarity_coordinate
from nnmech.drift.cosine import direction_cosine, fitted_directions, principal_angles
from nnmech.drift.decomposition import decomposition
from nnmech.drift.onset import average_onset, onset
from nnmech.drift.portrait import best_place, phase_portrait
from nnmech.drift.transfer import transfer_matrix

__all__ = [
    "alignment",
    "average_coordinates",
    "average_onset",
    "best_place",
    "claim_coordinate",
    "decomposition",
    "direction_cosine",
    "fitted_directions",
    "onset",
    "phase_portrait",
    "polarity_coordinate",
    "principal_angles",
    "transfer_matrix",
]
