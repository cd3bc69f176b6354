"""What of a text is framed from outside. In: text or turns, and a rulebook. Out: frames with what they cover."""

from nnmech.audit.finding.frames import Frame, Span
from nnmech.audit.finding.records import find_frames, settled
from nnmech.audit.finding.texts import frames_of_text

__all__ = ["Frame", "Span", "find_frames", "frames_of_text", "settled"]
