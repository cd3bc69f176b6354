"""What probes say of the paper's question: does the claim become true inside, does a constraint change that, where does
release lead?"""

from nnmech.experiments.engine import Section

SECTION = Section(
    "drift",
    figures=("alignment", "onset", "phase_portrait", "decomposition", "transfer_matrix", "direction_cosine"),
    shown=("alignment", "onset", "phase_portrait"),
)

__all__ = ["SECTION"]
