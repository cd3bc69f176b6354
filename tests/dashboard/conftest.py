"""Dashboards to look at: in-process by Streamlit's AppTest, and served to a real headless Chromium."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "app"
SAMPLE = ROOT / "checkpoints" / "sample_run"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NO_BROWSER = "no Chromium: `scripts/browser` installs one"
CHROMIUM = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
START_SECONDS = 120


@pytest.fixture
def open_app(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`open_app(*folders, page="drift", **query)` runs the dashboard on these folders in this process."""
    testing = pytest.importorskip("streamlit.testing.v1")
    from streamlit.util import calc_hash

    from nnmech_dashboard.state import background

    # A table may take its time where nobody looks.
    monkeypatch.setattr(background, "PATIENCE", 60.0)

    def start(*folders: Path, page: str | None = None, **query: object) -> Any:
        monkeypatch.setattr(sys, "argv", ["dashboard.py", *map(str, folders)])
        app = testing.AppTest.from_file(str(APP / "dashboard.py"), default_timeout=120)
        for key, value in query.items():
            app.query_params[key] = str(value)
        if page is not None:
            # switch_page knows pages that are files alone.
            app._page_hash = calc_hash(page if page != "runs" else "")
        return app.run()

    return start


@pytest.fixture
def panels(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The panels that pages draw, by key."""
    from nnmech_dashboard.parts import panel

    drawn: dict[str, Any] = {}
    export = panel.export

    def noted(shown: Any) -> None:
        drawn[shown.key] = shown
        export(shown)

    monkeypatch.setattr(panel, "export", noted)
    return drawn


@pytest.fixture
def compare(open_app: Callable[..., Any], panels: dict[str, Any]) -> Callable[..., Any]:
    """`compare(folder, **address)` opens the page; its figures are then in `.panels` by key."""

    def opened(*folders: Path, **address: object) -> Any:
        panels.clear()
        app = open_app(*folders, page="compare", **address)
        assert not app.exception
        app.panels = panels
        return app

    return opened


@contextmanager
def served(*folders: Path) -> Iterator[str]:
    """The address of a dashboard on these folders, served by a process of its own as a user would."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "STREAMLIT_SERVER_PORT": str(port), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "nnmech_dashboard", *map(str, folders)]
    process = subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, process)
        yield address
    finally:
        process.terminate()
        process.communicate(timeout=30)


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


@pytest.fixture(scope="session")
def sample_address() -> Iterator[str]:
    """A dashboard on the sample run, for all tests that only look."""
    with served(SAMPLE) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium; without one the test is skipped, or fails where NNMECH_REQUIRE_BROWSER is set."""
    found = os.environ.get("NNMECH_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    required = bool(os.environ.get("NNMECH_REQUIRE_BROWSER"))
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        (pytest.fail if required else pytest.skip)("playwright is not installed: pip install 'nnmech[dev]'")
    with sync_playwright() as playwright:
        try:
            # None is the browser that Playwright brought itself.
            browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM)
        except Error as error:
            (pytest.fail if required else pytest.skip)(f"{NO_BROWSER} ({str(error).splitlines()[0]})")
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A fresh session of 1280 by 900 pixels; the test fails where the page shows an exception."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    yield opened
    try:
        assert opened.get_by_test_id("stException").count() == 0
    finally:
        context.close()


def settled(page: Any) -> None:
    """Wait until the page has drawn what it was asked for: the script is idle and no table is being made."""
    page.wait_for_selector("h1")
    page.wait_for_function(
        "() => !document.querySelector('[data-testid=stStatusWidget]') && !document.querySelector('[data-stale=true]')"
        " && !document.querySelector('.nn-waiting')"
    )
