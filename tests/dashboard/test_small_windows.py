"""The dashboard on a telephone and on a tablet: nothing is wider than the window, cut, collapsed or overlapping."""

from itertools import combinations
from typing import Any

import pytest

from nnmech_dashboard.testing import settled

RUN = "run=sample_run/isaksen_greek.anchor.seed0"
PAGES = {
    f"?{RUN}": 0,
    f"drift?{RUN}&look=Onset": 6,
    f"statements?{RUN}": 1,
    f"tokens?{RUN}": 0,
    f"answers?{RUN}": 1,
    f"answers?{RUN}&answer_view=By question": 1,
    f"compare?{RUN}": 3,
    f"compare?{RUN}&compare=The whole experiment": 3,
    "audit": 0,
}
"""Addresses, and how many charts are there."""
DRAWN = "count => document.querySelectorAll('[data-testid=stVegaLiteChart] .marks').length === count"
LEAST = 200
"""Pixels of a chart, and half of these of what it plots."""
MEASURED = """() => {
  const main = document.querySelector('[data-testid=stMain]');
  const box = element => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return [x, y, width, height];
  };
  // A table scrolls within itself.
  const wide = [...main.querySelectorAll('*')].filter(one => !one.closest('[data-testid=stDataFrame], svg'))
    .filter(one => one.getBoundingClientRect().right > innerWidth + 1).map(one => one.outerHTML.slice(0, 120));
  const charts = [...main.querySelectorAll('[data-testid=stVegaLiteChart]')].map(chart => {
    const svg = chart.querySelector('svg.marks');
    const plot = svg && svg.querySelector('.root path.background');
    const texts = [...(svg ? svg.querySelectorAll('text') : [])]
      .filter(one => one.textContent.trim() && one.getAttribute('opacity') !== '0');
    return { chart: box(chart), plot: plot && box(plot), texts: texts.map(one => [one.textContent, ...box(one)]) };
  });
  const page = document.documentElement;
  return { wide, charts, scrolls: [main.scrollWidth - main.clientWidth, page.scrollWidth - innerWidth] };
}"""


@pytest.fixture(params=[390, 768])
def window(request: pytest.FixtureRequest, browser: Any) -> Any:
    context = browser.new_context(viewport={"width": request.param, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    yield page
    context.close()


def test_every_page_fits(window: Any, sample_address: str) -> None:
    width = "narrow" if window.viewport_size["width"] < 500 else "medium"
    for name, charts in PAGES.items():
        window.goto(f"{sample_address}/{name}")
        window.wait_for_selector(f"[data-width={width}]", state="attached")
        settled(window)
        window.wait_for_function(DRAWN, arg=charts)
        found = window.evaluate(MEASURED)
        assert found["wide"] == [], name
        assert max(found["scrolls"]) <= 0, name
        for chart in found["charts"]:
            check_chart(name, chart)


def check_chart(name: str, chart: dict[str, Any]) -> None:
    left, _, width, _ = chart["chart"]
    assert width >= LEAST, name
    assert chart["plot"] is None or chart["plot"][2] >= LEAST / 2, name
    for text, x, _, across, _ in chart["texts"]:
        assert left - 1 <= x <= x + across <= left + width + 1, (name, text)
    for one, other in combinations(chart["texts"], 2):
        assert not overlap(one[1:], other[1:]), (name, one, other)


def overlap(one: list[float], other: list[float]) -> bool:
    """Whether two boxes (x, y, width, height) have more than a pixel in common; letters are lower than their box."""
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return across > 1 and down > 0.35 * min(one[3], other[3])
