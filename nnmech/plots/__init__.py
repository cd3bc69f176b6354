"""The figures: each a function from tidy data frames to a matplotlib Figure, with n and 95% intervals in it."""

from nnmech.plots.answers import onset, phase_portrait
from nnmech.plots.belief import belief_by_phase, document_loss, rebound_by_plausibility
from nnmech.plots.conditions import belief_by_condition, belief_by_kind, coordinate_by_condition, learning_curves
from nnmech.plots.directions import alignment, decomposition, direction_cosine
from nnmech.plots.drift import coordinate_heatmap, coordinate_over_steps, drift_over_steps
from nnmech.plots.in_context import belief_in_context
from nnmech.plots.probes import probe_auroc, validation_report
from nnmech.plots.style import save_figure
from nnmech.plots.transfer import transfer_matrix

__all__ = [
    "alignment",
    "belief_by_condition",
    "belief_by_kind",
    "belief_by_phase",
    "belief_in_context",
    "coordinate_by_condition",
    "coordinate_heatmap",
    "coordinate_over_steps",
    "decomposition",
    "direction_cosine",
    "document_loss",
    "drift_over_steps",
    "learning_curves",
    "onset",
    "phase_portrait",
    "probe_auroc",
    "rebound_by_plausibility",
    "save_figure",
    "transfer_matrix",
    "validation_report",
]
