"""Dashboards to look at: in-process by Streamlit's AppTest, and served to a real headless Chromium."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "app"
SCRIPT = APP / "nnmech_dashboard" / "entry" / "dashboard.py"
SAMPLE = ROOT / "checkpoints" / "sample_run"
NO_BROWSER = "no Chromium: `scripts/browser` installs one"


@pytest.fixture
def open_app(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`open_app(*folders, page="drift", **query)` runs the dashboard on these folders in this process."""
    testing = pytest.importorskip("streamlit.testing.v1")
    from streamlit.util import calc_hash

    from nnmech_dashboard.parts import faults
    from nnmech_dashboard.state import background

    def raised(error: Exception) -> str:
        raise error

    # What a page says of a fault of nnmech's own is an exception here, so that no test passes over it.
    monkeypatch.setattr(faults, "own_fault", raised)
    # A table may take its time where nobody looks.
    monkeypatch.setattr(background, "PATIENCE", 60.0)

    def start(*folders: Path, page: str | None = None, **query: object) -> Any:
        monkeypatch.setattr(sys, "argv", ["dashboard.py", *map(str, folders)])
        app = testing.AppTest.from_file(str(SCRIPT), default_timeout=120)
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


@pytest.fixture(scope="session")
def sample_address() -> Iterator[str]:
    """A dashboard on the sample run, for all tests that only look."""
    from nnmech_dashboard.testing import served

    with served(SAMPLE) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium; without one the test is skipped, or fails where NNMECH_REQUIRE_BROWSER is set."""
    required = bool(os.environ.get("NNMECH_REQUIRE_BROWSER"))
    from nnmech_dashboard.testing import launch_chromium

    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        (pytest.fail if required else pytest.skip)("playwright is not installed: pip install 'nnmech[dev]'")
    with sync_playwright() as playwright:
        try:
            browser = launch_chromium(playwright)
        except Error as error:
            (pytest.fail if required else pytest.skip)(f"{NO_BROWSER} ({str(error).splitlines()[0]})")
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def context(browser: Any) -> Iterator[Any]:
    """What the pages of all tests share: the code of the dashboard is fetched and compiled once."""
    opened = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    yield opened
    opened.close()


@pytest.fixture
def page(context: Any) -> Iterator[Any]:
    """A fresh session of 1280 by 900 pixels; the test fails where the page shows an exception."""
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    yield opened
    try:
        assert opened.get_by_test_id("stException").count() == 0
    finally:
        # Nothing that a page kept is there for the next.
        if opened.url.startswith("http"):
            opened.evaluate("() => localStorage.clear()")
        opened.close()
        context.clear_cookies()
