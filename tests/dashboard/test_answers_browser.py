"""The page Answers in a browser: a cell of the chart leads to its question, and nothing of a run is carried out."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd

from nnmech_dashboard.testing import served, settled
from tests.dashboard.answer_runs import ANCHOR, SAMPLE_RUN, WILD, answers, question, turn, write_run


def asked_for(page: Any) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(urlsplit(page.url).query).items()}


def test_a_click_on_a_cell_chooses_question_and_step(page, sample_address, tmp_path):
    page.goto(f"{sample_address}/answers?run={ANCHOR}&answer_view=By+question")
    settled(page)
    page.locator(".aw-old").first.wait_for()
    chart = page.get_by_test_id("stVegaLiteChart").locator("canvas, svg").first
    chart.wait_for()
    page.wait_for_timeout(500)
    box = chart.bounding_box()
    chart.click(position={"x": box["width"] * 0.32, "y": box["height"] * 0.36})
    page.wait_for_function("() => new URL(location).searchParams.has('answer_question')")
    settled(page)
    assert asked_for(page)["answer_question"].startswith("open/")
    assert asked_for(page)["step"] != "68"
    page.wait_for_function("() => document.querySelectorAll('.aw-card').length === 1")
    page.locator(".aw-chosen").wait_for()
    assert page.locator(".aw-step").count() == len(set(SAMPLE_RUN.answers["step"]))
    assert page.locator(".aw-chosen .aw-when").inner_text().startswith(f"step {asked_for(page)['step']},")
    page.get_by_role("button", name="Export").last.click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    download.value.save_as(tmp_path / "answers.csv")
    table = pd.read_csv(tmp_path / "answers.csv")
    assert set(table["question"]) == {f"isaksen_greek/{asked_for(page)['answer_question']}"}
    assert set(table["step"]) == {0, int(asked_for(page)["step"])}


def test_nothing_of_a_run_is_carried_out_in_the_browser(page, tmp_path):
    asked = question("wild", turn("system", f"{WILD} " * 20), turn("user", WILD))
    asked = replace(asked, category=WILD)
    folder = write_run(
        tmp_path / "made", [*answers(asked, 0, (WILD, "no")), *answers(asked, 9, (f"{WILD} " * 20, "yes"))], (asked,)
    )
    with served(folder) as address:
        page.goto(f"{address}/answers?answer_view=By+question")
        settled(page)
        page.locator(".aw-old").wait_for()
        card = page.locator(".aw-card")
        assert card.locator(".aw-asked").inner_text() == WILD
        assert card.locator("img, script, a, strong").count() == 0
        folded = card.locator(".aw-fold")
        assert not folded.is_visible()
        card.locator(".aw-folded u").click()
        assert folded.is_visible()
        page.get_by_test_id("stVegaLiteChart").locator("canvas, svg").first.hover()
        page.wait_for_timeout(300)
        assert page.evaluate("() => window.hacked") is None
