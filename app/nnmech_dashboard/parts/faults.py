"""What a page says where a part of it fails: whose fault it is, and what to do."""

import logging
import traceback
from pathlib import Path

import nnmech
import nnmech_dashboard
from nnmech.errors import NnmechError, first_line

_OURS = (*nnmech.__path__, *nnmech_dashboard.__path__)
_log = logging.getLogger("nnmech_dashboard")


def fault_text(error: Exception) -> str:
    """One line about an exception that ended a part of a page.

    What nnmech says about a file, and what the system says, is passed on. Anything else is a fault of nnmech's own,
    since loaders refuse whatever else a file may hold: the line says so and what to report, and the log has the whole.
    """
    if isinstance(error, NnmechError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        place = "" if error.filename is None else f"{error.filename}: "
        return f"{place}cannot be read: {error.strerror}; check that it is there and may be read"
    return own_fault(error)


def own_fault(error: Exception) -> str:
    """The line about a fault of nnmech's own."""
    _log.error("a part of a page failed", exc_info=error)
    what = type(error).__name__ + (f": {first_line(error)}" if str(error).strip() else "")
    return (
        f"a fault of nnmech, not of the run: {what[:300]} ({_place(error)}); the run is as it was; report this line, "
        f"with nnmech {nnmech.__version__}"
    )


def _place(error: Exception) -> str:
    """The last line of ours that the exception came through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if frame.filename.startswith(_OURS)] or frames
    return f"{'/'.join(Path(ours[-1].filename).parts[-3:])}, line {ours[-1].lineno}" if ours else "nowhere"
