"""The dashboard in a real browser: pages open, links restore the view, a run that goes on moves, many look at once."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from nnmech.runs import RunWriter
from nnmech_dashboard.testing import served, settled
from tests.dashboard.conftest import SAMPLE

RUN = "sample_run/isaksen_greek.anchor.seed0"
PAGES = ("", "runs", "drift", "statements", "tokens", "answers", "compare")
SESSIONS = 20


def asked(page):
    return {key: values[0] for key, values in parse_qs(urlsplit(page.url).query).items()}


def answer(step, verdict):
    question = {"claim": "c", "question": "q0", "kind": "open_ended", "category": "direct", "sample": 0}
    return {"step": step, "phase": "train", "text": "So it is.", "verdict": verdict, **question}


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_on_the_sample_run(page, sample_address, name):
    page.goto(f"{sample_address}/{name}")
    settled(page)
    assert page.locator("h1").first.inner_text().lower() == (name or "runs")
    assert page.get_by_text("Page not found").count() == 0


def test_a_link_restores_the_view_and_the_pages_share_it(page, sample_address):
    wanted = {"run": RUN, "probe": "polarity", "layer": "4", "position": "last", "step": "18"}
    page.goto(f"{sample_address}/drift?" + "&".join(f"{key}={value}" for key, value in wanted.items()))
    settled(page)
    assert asked(page) == asked(page) | wanted
    page.get_by_role("link", name="Statements").click()
    page.wait_for_url("**/statements*")
    settled(page)
    assert asked(page) == asked(page) | wanted


def test_back_and_forward_lead_from_page_to_page_and_each_is_as_it_was_left(page, sample_address):
    left = {}
    for number, name in enumerate(("drift", "statements", "tokens")):
        if number == 0:
            page.goto(f"{sample_address}/{name}?run={RUN}&step=68")
        else:
            page.get_by_role("link", name=name.title()).click()
        page.wait_for_url(f"**/{name}*step=*")
        settled(page)
        entries = page.evaluate("history.length")
        before = asked(page)["step"]
        page.get_by_role("slider", name="Step").press("ArrowLeft")
        page.wait_for_function(f"() => new URL(location).searchParams.get('step') !== '{before}'")
        settled(page)
        assert page.evaluate("history.length") == entries
        left[name] = asked(page)
    assert entries == page.evaluate("history.length")
    assert len({found["step"] for found in left.values()}) == 3
    for go, name in ((page.go_back, "statements"), (page.go_back, "drift"), (page.go_forward, "statements")):
        go()
        page.get_by_role("heading", name=name.title(), level=1).wait_for()
        page.get_by_role("slider", name="Step").and_(
            page.locator(f"[aria-valuetext='{left[name]['step']}']")
        ).wait_for()
        settled(page)
        assert asked(page) == left[name]


def test_an_address_that_asks_for_what_is_not_there_says_so_in_the_page(page, sample_address):
    page.goto(f"{sample_address}/drift?run={RUN}&layer=99&step=abc&position=nowhere")
    settled(page)
    missing = page.get_by_test_id("stMain").get_by_test_id("stAlert").filter(has_text="There is no")
    missing.nth(2).wait_for()
    said = "\n".join(missing.all_inner_texts())
    assert all(f"There is no {what} in this run" in said for what in ("layer 99", "step abc", "position nowhere"))
    page.get_by_role("slider", name="Step").press("ArrowLeft")
    page.get_by_text("There is no step abc").wait_for(state="hidden")
    page.goto(f"{sample_address}/drift?run=nowhere")
    page.get_by_text("There is no run nowhere in these folders").wait_for()


def test_the_first_page_has_its_name_in_links_too(page, sample_address):
    page.goto(f"{sample_address}/runs?run={RUN}")
    settled(page)
    page.wait_for_function("() => location.pathname === '/'")
    assert asked(page)["run"] == RUN
    assert page.get_by_role("link", name="Runs").count() == 1


def test_choosing_a_row_chooses_the_run(page, sample_address):
    page.goto(f"{sample_address}/?run={RUN}")
    settled(page)
    # The table is a canvas: its first data row lies one row below the head.
    page.get_by_test_id("stDataFrame").click(position={"x": 18, "y": 36 + 33 + 16})
    page.wait_for_function("() => new URL(location).searchParams.get('run').includes('.none.')")
    settled(page)
    assert asked(page)["run"] == RUN.replace(".anchor.", ".none.")


def test_a_run_that_goes_on_moves_by_itself(page, tmp_path):
    with RunWriter.create(tmp_path / "live", config={"claim": "c", "steps": 9}, model={"id": "tiny"}) as writer:
        writer.event("start", step=0, steps=9)
        writer.answers([answer(0, "no")])
        with served(tmp_path) as address:
            page.goto(f"{address}/answers")
            settled(page)
            page.get_by_text(re.compile("live, last write")).wait_for()
            page.get_by_text("step 0 of 9").wait_for()
            writer.answers([answer(3, "yes")])
            page.get_by_text("step 3 of 9").wait_for()
            writer.event("end", step=9)
            page.get_by_text(re.compile("finished, last write")).wait_for()


def test_many_look_at_once(browser, sample_address):
    # Tabs of one context: a session each to the dashboard, and its code is compiled once.
    context = browser.new_context(viewport={"width": 640, "height": 480}, reduced_motion="reduce")
    try:
        opened = {context.new_page(): PAGES[number % len(PAGES)] for number in range(SESSIONS)}
        for one, name in opened.items():
            one.set_default_timeout(120_000)
            one.goto(f"{sample_address}/{name}", wait_until="commit")
        for one, name in opened.items():
            settled(one)
            assert one.get_by_test_id("stException").count() == 0
            assert one.locator("h1").first.inner_text().lower() == (name or "runs")
    finally:
        context.close()


def test_nothing_is_written_to_the_sample_run(page, sample_address):
    before = {file: file.stat().st_mtime_ns for file in SAMPLE.rglob("*")}
    for name in PAGES:
        page.goto(f"{sample_address}/{name}?run={RUN}")
        settled(page)
    assert {file: file.stat().st_mtime_ns for file in SAMPLE.rglob("*")} == before
