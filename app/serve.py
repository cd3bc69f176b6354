"""Start the dashboard for the person at this machine: `python app/serve.py [FOLDER ...]`.

Everything slow is imported before the first page is asked for, and the settings beside this file (this machine only, no
usage statistics, no traceback in the browser) hold wherever it is started.
"""

import sys
from pathlib import Path

from streamlit.web import cli

APP = Path(__file__).resolve().parent


def main() -> None:
    sys.path.insert(0, str(APP))
    import pages  # noqa: F401

    sys.argv = ["streamlit", "run", str(APP / "dashboard.py"), "--", *sys.argv[1:]]
    cli.main()


if __name__ == "__main__":
    main()
