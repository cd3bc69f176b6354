"""Open the dashboard for the person at this machine.

Everything slow is imported before the first page is asked for. The settings beside what is served (this machine only,
no usage statistics, no traceback in the browser) come before those of the working directory and of the home directory.
"""

import argparse
import gc
import os
import socket
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from nnmech.errors import InputError

HOST = "127.0.0.1"
EVERYWHERE = ("0.0.0.0", "::", "")
SERVED = Path(__file__).resolve().parent / "entry" / "guarded.py"


def main(argv: Sequence[str] | None = None) -> None:
    """Serve the dashboard until it is interrupted.

    Args:
        argv: Folders of runs and options; by default those of the command line. Without a folder `runs` and the sample
            run are shown.

    Raises:
        InputError: Where what only the dashboard needs is not installed, and where it cannot listen.
        KeyboardInterrupt: When the server has stopped for one.
    """
    arguments = _parser().parse_intermixed_args(argv)
    folders: list[str] = arguments.folders
    if find_spec("streamlit") is None:
        raise InputError("dashboard: streamlit is not installed; expected it; run pip install 'nnmech[dashboard]'")
    if not _free(arguments.host, arguments.port or 0):
        where = arguments.host if arguments.port is None else f"{arguments.host}:{arguments.port}"
        raise InputError(
            f"dashboard: cannot listen on {where}: the port is taken, or the address is none of this machine's; "
            "expected a free one here; choose another with --port or --host"
        )
    # Tables are made two at a time, of many small products: shared out among threads each of those would take longer.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from streamlit.web import cli

    from nnmech_dashboard import shell

    # The first reader need not wait for the first look at every run.
    shell.find_runs([Path(folder) for folder in folders])

    # Streamlit collects garbage after every run of a page: what was imported, torch above all, would be searched each
    # time, for a quarter of a second in which nothing else runs.
    gc.freeze()
    headless = arguments.no_browser or not _has_screen()
    flags = [f"--server.address={arguments.host}", f"--server.headless={str(headless).lower()}"]
    flags += [] if arguments.port is None else [f"--server.port={arguments.port}"]
    if arguments.host != HOST:
        print(f"Whoever reaches {arguments.host} can read what these runs hold.", file=sys.stderr)
        flags += [f"--server.allowedHosts={name}" for name in _names(arguments.host)]
    try:
        cli.main(["run", str(SERVED), *flags, "--", *folders], standalone_mode=False)
    except RuntimeError as error:
        # What the command line of Streamlit makes of an interrupt, of whichever kind it was.
        if not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        raise error.__cause__ from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nnmech dashboard", description="Open the dashboard on this machine.", allow_abbrev=False
    )
    parser.add_argument("folders", nargs="*", metavar="FOLDER", help="runs in or below it; ./runs and the sample run")
    parser.add_argument("--port", type=_port, help="port that it listens on; 8501, or the next one that is free")
    parser.add_argument(
        "--host", default=HOST, help=f"name or address that it listens on; {HOST}, which no other machine reaches"
    )
    parser.add_argument("--no-browser", action="store_true", help="print the address, and open no browser")
    return parser


def _has_screen() -> bool:
    """Whether a browser that is opened here is seen by anybody."""
    return sys.platform != "linux" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number from 1 to 65535")
    return int(text)


def _free(host: str, port: int) -> bool:
    """Whether a server can listen there."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError:
        return False
    return True


def _names(host: str) -> list[str]:
    """What a browser may call this machine where the server listens on `host`."""
    own = [host] if host not in EVERYWHERE else [socket.gethostname(), socket.getfqdn(), *_addresses()]
    return list(dict.fromkeys([*own, "localhost", HOST]))


def _addresses() -> list[str]:
    try:
        return [str(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), None)]
    except OSError:
        return []
