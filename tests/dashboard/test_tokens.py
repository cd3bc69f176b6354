"""The page Tokens: every token in the colour and with the figure that the library reads, every letter of a text."""

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.colors import Normalize, to_hex
from matplotlib.figure import Figure

from nnmech.drift import background_limits, reading_by_role, token_readings
from nnmech.plots.token_text import reading_shades
from nnmech.recording.documents import TOKEN, FrozenDocuments
from nnmech.recording.snapshots import Snapshot, hook_name
from nnmech.runs import RunWriter
from nnmech_dashboard.testing import served, settled
from tests.dashboard.answer_runs import ANCHOR, SAMPLE_RUN
from tests.dashboard.conftest import SAMPLE
from tests.dashboard.token_runs import document, statements
from tests.plots.execution import execute

FIRST, LAST = SAMPLE_RUN.steps[0], SAMPLE_RUN.steps[-1]
PLACE = {"layer": 4, "position": "assistant"}
WILD = (
    "<img src=x onerror='window.hacked=1'> **not** $x^2$ :red[true] &amp; <b>false</b>  <script>alert(1)</script>\nNo."
)
WIDTH, STEPS = 8, (0, 4, 9)
NAMES = {
    "mention": "a mention",
    "head": "the heading",
    "fact": "another fact",
    "filler": "filler (background)",
}
"""What the page calls sentences of these roles."""


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """`make(text, ...)`: a run whose every token reads step / 9; without `controls` told apart nothing can be read."""

    def made(
        *texts: str,
        name: str = "made",
        steps: tuple[int, ...] = STEPS,
        read: tuple[int, ...] = STEPS,
        controls: bool = True,
        documents: bool = True,
    ) -> Path:
        rows = tuple(document(f"d-{number}", "local_negations", text) for number, text in enumerate(texts))
        frozen = FrozenDocuments(rows, (), "words") if documents else None
        config = {"claim": "ada", "claim_text": WILD, "steps": 9}
        options = {"config": config, "model": {"id": "tiny"}, "batch_hash": "0", "documents": frozen}
        with RunWriter.create(tmp_path / name, statements=statements(), **options) as writer:
            for step in sorted({*steps, *read}):
                noise = np.random.default_rng(step).normal(0, 0.001, (len(statements()), WIDTH))
                for row, item in zip(noise, statements(), strict=True):
                    row[0] += float(item.truth or 0) * (1 if controls or step == 0 else -1)
                    row[1] += item.polarity
                words = np.zeros((sum(len(row["tokens"]) for row in rows), WIDTH))
                words[:, 0] = step / 9
                for kind, values, position, batch in (
                    ("snapshot", noise, "last", "0"),
                    ("tokens", words, TOKEN, "words"),
                ):
                    if step not in (steps if kind == "snapshot" else read) or (kind == "tokens" and not documents):
                        continue
                    residual = torch.tensor(values, dtype=torch.float32)[None, None]
                    taken = Snapshot(step, "t", residual, (1,), (position,), (hook_name(1),), batch, "hf", "tiny")
                    getattr(writer, kind)(step, {"residual": residual}, taken.metadata())
        return tmp_path / name

    return made


def html(app: Any) -> str:
    """All HTML of the page but the sheets."""
    return re.sub(r"<style>.*?</style>", "", "\n".join(one.proto.body for one in app.get("html")), flags=re.DOTALL)


def texts(app: Any) -> list[str]:
    return re.findall(r"<div class='nn-text' .*?</div>", html(app), flags=re.DOTALL)


def tokens(text: str) -> list[tuple[str, str, str]]:
    """Colour, figure and letters of each token."""
    found = re.findall(
        r"<span class='nn-token[^']*' style='background: (#\w+); color: #\w+' data-z='([^']*)'>(.*?)</span>",
        text,
        flags=re.DOTALL,
    )
    return [(colour, told, unescape(letters)) for colour, told, letters in found]


def letters(text: str) -> str:
    """What can be read in a text."""
    return unescape(re.sub(r"<[^>]*>", "", text))


def expected(readings: pd.DataFrame, limits: tuple[float, float] = (0.0, 1.0)) -> list[tuple[str, str, str]]:
    shades, scale = reading_shades("truth"), Normalize(*limits, clip=True)
    rows = zip(readings["z"], readings["text"], strict=True)
    return [(to_hex(shades(scale(z))), f"{z:.2f}", word) for z, word in rows]


def of(readings: pd.DataFrame, condition: str) -> pd.DataFrame:
    return readings.loc[(readings["condition"] == condition).to_numpy()]


def test_the_chosen_step_stands_beside_the_first_one(open_app):
    app = open_app(SAMPLE, page="tokens", run=ANCHOR)
    assert not app.exception
    for text, step in zip(texts(app), (FIRST, LAST), strict=True):
        own = of(token_readings(SAMPLE_RUN, step=step, **PLACE), "repeated_negations")
        assert tokens(text) == expected(own)
        assert letters(text) == SAMPLE_RUN.documents["text"][0]
    assert f"repeated negations, step {LAST}</b>" in html(app)


def test_a_step_further_back_changes_the_colours(open_app):
    first, last = texts(open_app(SAMPLE, page="tokens", run=ANCHOR, step=LAST, token_step=FIRST))
    middle = SAMPLE_RUN.steps[3]
    app = open_app(SAMPLE, page="tokens", run=ANCHOR, step=middle, token_step=LAST)
    between, end = texts(app)
    assert end == last
    assert len({first, between, last}) == 3
    own = of(token_readings(SAMPLE_RUN, step=middle, **PLACE), "repeated_negations")
    assert tokens(between) == expected(own)


def test_two_conditions_stand_side_by_side(open_app):
    app = open_app(SAMPLE, page="tokens", run=ANCHOR, token_beside="document")
    readings = token_readings(SAMPLE_RUN, step=LAST, **PLACE)
    own, other = texts(app)
    assert tokens(own) == expected(of(readings, "repeated_negations"))
    assert tokens(other) == expected(of(readings, "local_negations"))
    assert letters(other) == SAMPLE_RUN.documents["text"][1]


def test_alone_it_has_the_mean_readings_beside_it(open_app):
    app = open_app(SAMPLE, page="tokens", run=ANCHOR, token_beside="nothing", token_document="repeated negations")
    (text,) = texts(app)
    readings = of(token_readings(SAMPLE_RUN, step=LAST, **PLACE), "repeated_negations")
    assert tokens(text) == expected(readings)
    table = html(app).split("Mean reading by kind of sentence")[1]
    cells = re.findall(r"<(?:td|th scope='row')>(.*?)</(?:td|th)>", table)
    for role, z, n, row in zip(
        *(reading_by_role(readings)[name] for name in ("role", "z", "n")), range(0, len(cells), 6), strict=True
    ):
        assert cells[row] == NAMES.get(role, role)
        assert (cells[row + 1], cells[row + 4]) == (f"{z:.2f}", f"{n}")
    assert "filler (background)" in cells


def test_filler_can_be_neutral(open_app):
    place = {"layer": 5, "position": "last"}
    query = {"run": ANCHOR, "token_beside": "nothing", "token_document": "local negations", **place}
    app = open_app(SAMPLE, page="tokens", **query)
    assert "Most of these tokens lie beyond the controls" in html(app)
    app = open_app(SAMPLE, page="tokens", token_colour="filler", **query)
    assert "Most of these tokens lie beyond the controls" not in html(app)
    readings = of(token_readings(SAMPLE_RUN, step=LAST, **place), "local_negations")
    assert tokens(texts(app)[0]) == expected(readings, background_limits(readings))


def test_the_table_says_the_same_in_words_and_figures(open_app):
    app = open_app(SAMPLE, page="tokens", run=ANCHOR, token_beside="nothing", token_view="table")
    assert not texts(app)
    readings = of(token_readings(SAMPLE_RUN, step=LAST, **PLACE), "repeated_negations")
    rows = re.findall(
        r"<tr><th scope='row'>(\d+)</th><td class='nn-letters nn-left'>(.*?)</td><td>([^<]*)</td><td>([^<]*)</td></tr>",
        html(app),
    )
    assert [(int(number) - 1, unescape(word), role, z) for number, word, role, z in rows] == [
        (token, word, NAMES.get(role, role), f"{z:.2f}")
        for token, word, role, z in zip(*(readings[name] for name in ("token", "text", "role", "z")), strict=True)
    ]


@pytest.mark.parametrize("query", [{}, {"token_beside": "document", "token_colour": "filler"}, {"probe": "polarity"}])
def test_the_snippet_makes_table_and_figure(open_app, query):
    app = open_app(SAMPLE, page="tokens", run=ANCHOR, **query)
    (code,) = [one.value for one in app.code if "token_readings" in one.value]
    names = execute(code)
    assert isinstance(names["figure"], Figure)
    assert len(names["table"]) == sum(len(tokens(text)) for text in texts(app))
    told = [f"{z:.2f}" for z in names["table"]["z"]]
    assert told == [z for text in texts(app) for _, z, _ in tokens(text)]


@pytest.mark.parametrize("probe", ["truth", "polarity"])
def test_sentences_are_marked_and_negating_words_bold(open_app, probe):
    text = texts(open_app(SAMPLE, page="tokens", run=ANCHOR, probe=probe, token_beside="nothing"))[0]
    told = re.findall(r"class='nn-sentence' data-role='(\w+)'", text)
    marked = [one["role"] for one in SAMPLE_RUN.documents["sentences"][0] if one["role"] in ("claim", "notice")]
    assert told == marked
    bold = re.findall(r"nn-token nn-negating'[^>]*>(.*?)<", text)
    assert set(bold) == {"Nothing", "false", "invented", "never"}


def test_a_text_is_shown_letter_by_letter(open_app, make):
    app = open_app(make(WILD, WILD + " more"), page="tokens")
    assert not app.exception
    assert [letters(text) for text in texts(app)] == [WILD, WILD]
    assert "<img" not in html(app)
    assert "<script" not in html(app)
    assert "<i>notice" not in html(app)
    assert [one.options for one in app.selectbox if one.label == "Document"] == [
        ["local negations: d-0", "local negations: d-1"]
    ]
    assert {z for _, z, _ in tokens(texts(app)[1])} == {"1.00"}
    # The space between two sentences belongs to neither, and that in front of a word has no colour.
    assert re.search(r"</span></span> <span", texts(app)[0])
    assert all(word == word.strip() for _, _, word in tokens(texts(app)[0]))
    table = open_app(make(WILD, name="other"), page="tokens", token_view="table")
    assert "<script" not in html(table)


def test_a_run_without_documents_says_what_to_do(open_app, make):
    app = open_app(make("A b c d.", documents=False), page="tokens")
    assert not app.exception
    assert not texts(app)
    assert "recorded no documents token by token" in html(app)
    assert "make two-phase" in [one.value for one in app.code]


def test_a_run_that_has_just_begun_waits_for_its_first_tokens(open_app, make):
    app = open_app(make("A b c d.", read=()), page="tokens")
    assert not app.exception
    assert "none of their tokens is recorded as yet" in html(app)


def test_tokens_whose_statements_are_still_being_written_are_left_out(open_app, make):
    app = open_app(make("A b c d.", steps=(0, 4)), page="tokens", token_beside="nothing")
    assert not app.warning
    assert {z for _, z, _ in tokens(texts(app)[0])} == {"0.44"}


def test_tokens_are_grey_where_the_controls_are_not_told_apart(open_app, make):
    app = open_app(make("A b c d.", controls=False), page="tokens", token_beside="nothing", token_colour="filler")
    assert not app.warning
    assert "does not tell the controls of that step apart" in html(app)
    grey = to_hex(reading_shades("truth")(np.nan))
    assert {token[:2] for token in tokens(texts(app)[0])} == {(grey, "none")}


def test_what_an_address_asks_for_and_is_not_there_is_replaced(open_app):
    query = {"token_document": "gone", "token_step": 17, "token_beside": "moon", "token_colour": "x", "token_view": "y"}
    app = open_app(SAMPLE, page="tokens", run=ANCHOR, **query)
    assert not app.exception
    assert len(texts(app)) == 2


def test_another_run_brings_its_own_documents(open_app, make):
    app = open_app(SAMPLE, make("A b c d."), page="tokens", run=ANCHOR, token_document="local negations", token_step=4)
    assert letters(texts(app)[0]) == SAMPLE_RUN.documents["text"][1]
    next(one for one in app.selectbox if one.label == "Run").select("made").run()
    assert not app.exception
    assert [letters(text) for text in texts(app)] == ["A b c d.", "A b c d."]


def test_damaged_tokens_leave_a_warning_and_the_rest_of_the_page(open_app, make):
    folder = make("A b c d.")
    (folder / "tokens" / "step_000009.safetensors").write_bytes(b"half")
    app = open_app(folder, page="tokens")
    assert not app.exception
    (warning,) = app.warning
    assert "step" in warning.value
    assert "damaged" in warning.value
    assert app.title[0].value == "Tokens"


def test_in_the_browser_hovering_shows_z_and_the_step_changes_the_colour(page, make):
    with served(SAMPLE, make(WILD)) as address:
        page.goto(f"{address}/tokens?run={ANCHOR}&token_beside=nothing")
        settled(page)
        token = page.locator(".nn-token").nth(3)
        own = of(token_readings(SAMPLE_RUN, step=LAST, **PLACE), "repeated_negations")
        tip = "element => getComputedStyle(element, '::after').content"
        assert token.evaluate(tip) in ("none", "normal")
        token.hover()
        assert token.evaluate(tip) == f'"{own["z"].iloc[3]:.2f}"'
        colour = "element => getComputedStyle(element).backgroundColor"
        last = token.evaluate(colour)
        page.get_by_role("slider", name="Step").press("Home")
        page.wait_for_url(f"**step={FIRST}*")
        page.get_by_text(f"repeated negations, step {FIRST}").wait_for()
        assert page.locator(".nn-token").nth(3).evaluate(colour) != last

        page.goto(f"{address}/tokens?run=made")
        settled(page)
        for text in page.locator(".nn-text").all():
            assert text.inner_text() == WILD
        assert page.locator(".nn-text img, .nn-text script, .nn-text b").count() == 0
        assert page.evaluate("window.hacked") is None
