"""Start the dashboard for the person at this machine: `python app/serve.py [FOLDER ...]`.

Everything slow is imported before the first page is asked for, and the settings beside this file (this machine only, no
usage statistics, no traceback in the browser) hold wherever it is started.
"""

import gc
import os
import sys
from pathlib import Path

APP = Path(__file__).resolve().parent


def main() -> None:
    # Tables are made two at a time, of many small products: shared out among threads each of those would take longer.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.path.insert(0, str(APP))
    import pages
    from streamlit.web import cli

    # The first reader need not wait for the first look at every run.
    pages.find_runs([Path(argument) for argument in sys.argv[1:]])

    # Streamlit collects garbage after every run of a page: what was imported, torch above all, would be searched each
    # time, for a quarter of a second in which nothing else runs.
    gc.freeze()
    sys.argv = ["streamlit", "run", str(APP / "dashboard.py"), "--", *sys.argv[1:]]
    cli.main()


if __name__ == "__main__":
    main()
