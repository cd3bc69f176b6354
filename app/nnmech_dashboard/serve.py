"""Open the dashboard for the person at this machine.

Everything slow is imported before the first page is asked for. The settings beside what is served (this machine only,
no usage statistics, no traceback in the browser) come before those of the working directory and of the home directory.
"""

import argparse
import gc
import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from nnmech.errors import InputError

SERVED = Path(__file__).resolve().parent / "entry" / "guarded.py"


def main(argv: Sequence[str] | None = None) -> None:
    """Serve the dashboard until it is interrupted.

    Args:
        argv: Folders of runs; by default those of the command line, and where that has none `runs` and the sample run.

    Raises:
        InputError: Where what only the dashboard needs is not installed.
        KeyboardInterrupt: When the server has stopped for one.
    """
    parser = argparse.ArgumentParser(prog="nnmech dashboard", description="Open the dashboard on this machine.")
    parser.add_argument("folders", nargs="*", metavar="FOLDER", help="runs in or below it; ./runs and the sample run")
    folders: list[str] = parser.parse_args(argv).folders
    if find_spec("streamlit") is None:
        raise InputError("dashboard: streamlit is not installed; expected it; run pip install 'nnmech[dashboard]'")
    # Tables are made two at a time, of many small products: shared out among threads each of those would take longer.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from streamlit.web import cli

    from nnmech_dashboard import shell

    # The first reader need not wait for the first look at every run.
    shell.find_runs([Path(folder) for folder in folders])

    # Streamlit collects garbage after every run of a page: what was imported, torch above all, would be searched each
    # time, for a quarter of a second in which nothing else runs.
    gc.freeze()
    try:
        cli.main(["run", str(SERVED), "--", *folders], standalone_mode=False)
    except RuntimeError as error:
        # What the command line of Streamlit makes of an interrupt, of whichever kind it was.
        if not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        raise error.__cause__ from None
