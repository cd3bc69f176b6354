"""A dashboard served by a process of its own, and a headless Chromium to look at it: for tests and benchmarks."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import nnmech
import nnmech_dashboard

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--process-per-site"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
IDLE = (
    "() => !document.querySelector('[data-testid=stStatusWidget]') && !document.querySelector('[data-stale=true]')"
    " && !document.querySelector('.nn-waiting')"
)
"""Whether the script is idle and no table is being made, in the page's language."""
START_SECONDS = 120


@contextmanager
def served(*folders: Path, directory: Path | None = None, script: Path | None = None) -> Iterator[str]:
    """The address of a dashboard, see `started`."""
    with started(*folders, directory=directory, script=script) as (address, _):
        yield address


@contextmanager
def started(
    *folders: Path, directory: Path | None = None, script: Path | None = None
) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """The address of a dashboard on these folders, and its process.

    Args:
        folders: Of runs.
        directory: Where it is started, by default this process's working directory.
        script: What `streamlit run` starts, instead of `nnmech dashboard`.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    roots = dict.fromkeys(str(Path(package.__path__[0]).parent) for package in (nnmech, nnmech_dashboard))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*roots, *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PYTHONUNBUFFERED": "1",
        "STREAMLIT_SERVER_PORT": str(port),
    }
    start = ["nnmech_dashboard", "--no-browser"] if script is None else ["streamlit", "run", str(script), "--"]
    command = [sys.executable, "-m", *start, *map(str, folders)]
    process = subprocess.Popen(
        command, env=environment, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, process)
        yield address, process
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=30)


def launch_chromium(playwright: "Playwright") -> "Browser":
    """A headless Chromium: that of NNMECH_CHROMIUM, that of the machine, or the one that Playwright brought itself.

    Raises:
        playwright.sync_api.Error: Where there is none.
    """
    found = os.environ.get("NNMECH_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    return playwright.chromium.launch(executable_path=found, args=CHROMIUM)


def settled(page: "Page", *, polling: float | None = None) -> None:
    """Wait until the page has drawn what it was asked for.

    Args:
        page: An open page of the dashboard.
        polling: Milliseconds between two looks; by default at every frame.
    """
    page.wait_for_selector("h1")
    page.wait_for_function(IDLE, polling="raf" if polling is None else polling)


def _wait(address: str, process: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
                return
        except OSError as error:
            if process.poll() is not None:
                raise RuntimeError(f"the dashboard did not start: {process.communicate()[0]}") from error
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
