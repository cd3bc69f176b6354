"""What warnings in a training set cover. In: a training set. Out: frames from outside a sentence, and remedies."""

from nnmech.audit.api import Audit, audit
from nnmech.audit.finding import Frame, find_frames, frames_of_text
from nnmech.audit.remedies import Mended, Remedy, mend_text, negate
from nnmech.audit.rulebook import load_rulebook

__all__ = [
    "Audit",
    "Frame",
    "Mended",
    "Remedy",
    "audit",
    "find_frames",
    "frames_of_text",
    "load_rulebook",
    "mend_text",
    "negate",
]
