"""The figures: each a function from tidy data frames to a matplotlib Figure, with n and 95% intervals in it."""

from nnmech.plots.answers import onset, phase_portrait
from nnmech.plots.belief import belief_by_phase, document_loss, rebound_by_plausibility
from nnmech.plots.conditions import belief_by_condition, belief_by_kind, coordinate_by_condition, learning_curves
from nnmech.plots.depth import drift_over_steps
from nnmech.plots.directions import alignment, decomposition, direction_cosine
from nnmech.plots.drift import coordinate_heatmap, coordinate_over_steps
from nnmech.plots.every_run import belief_of_every_run
from nnmech.plots.in_context import belief_in_context
from nnmech.plots.over_steps import belief_over_steps, coordinate_of_roles, loss_over_steps
from nnmech.plots.probes import probe_auroc, validation_report
from nnmech.plots.questions import belief_before_after, yes_by_question
from nnmech.plots.runs import belief_of_runs, coordinate_of_runs, difference_over_steps, portrait_of_runs
from nnmech.plots.statements import statement_trajectories
from nnmech.plots.style import save_figure
from nnmech.plots.tokens import token_readings
from nnmech.plots.transfer import transfer_matrix

__all__ = [
    "alignment",
    "belief_before_after",
    "belief_by_condition",
    "belief_by_kind",
    "belief_by_phase",
    "belief_in_context",
    "belief_of_every_run",
    "belief_of_runs",
    "belief_over_steps",
    "coordinate_by_condition",
    "coordinate_heatmap",
    "coordinate_of_roles",
    "coordinate_of_runs",
    "coordinate_over_steps",
    "decomposition",
    "difference_over_steps",
    "direction_cosine",
    "document_loss",
    "drift_over_steps",
    "learning_curves",
    "loss_over_steps",
    "onset",
    "phase_portrait",
    "portrait_of_runs",
    "probe_auroc",
    "rebound_by_plausibility",
    "save_figure",
    "statement_trajectories",
    "token_readings",
    "transfer_matrix",
    "validation_report",
    "yes_by_question",
]
