"""What can be done about frames. In: a record with its frames. Out: the record masked, rewritten, or left out."""

from nnmech.audit.remedies.mend import Mended, Remedy, mend, mend_text
from nnmech.audit.remedies.negate import negate

__all__ = ["Mended", "Remedy", "mend", "mend_text", "negate"]
