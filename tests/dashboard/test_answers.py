"""The page Answers: every answer stands with its question, filters keep what they say, and text is only ever text."""

import json
import re
import time
from collections.abc import Callable
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib.figure import Figure

from nnmech.claims import MATCHED_FALSE
from tests.dashboard.answer_runs import ANCHOR, CLAIM, SAMPLE_RUN, WILD, answers, question, turn, write_run
from tests.dashboard.conftest import SAMPLE
from tests.plots.execution import execute


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """`make(rows, questions=(), snapshot=None, **config)`: the folder of a run with these answers."""
    return partial(write_run, tmp_path / "made")


def html(app: Any) -> str:
    """All HTML of the page but the sheets."""
    return re.sub(r"<style>.*?</style>", "", "\n".join(one.proto.body for one in app.get("html")), flags=re.DOTALL)


def cards(app: Any) -> list[str]:
    """The cards in order, each as HTML."""
    return html(app).split("<div class='aw-card'>")[1:]


def said(card: str) -> list[tuple[str, str, str]]:
    """Verdict, count and text of every answer on a card."""
    found = re.findall(
        r"aw-chip aw-(\w+)'>[^<]*</span><span class='aw-n'>([^<]*)</span><div class='aw-text'>(.*?)</div></div>", card
    )
    return [(verdict, count, unescape(re.sub("<[^>]+>", "", text))) for verdict, count, text in found]


def test_every_answer_stands_with_its_question_and_what_was_said_before(open_app):
    app = open_app(SAMPLE, page="answers", run=ANCHOR, step=68, answer_search="open/00")
    (card,) = cards(app)
    asked = SAMPLE_RUN.questions.set_index("id")["messages"]["isaksen_greek/open/00"]
    assert asked[-1]["content"] in unescape(re.sub("<[^>]+>", "", card))
    rows = SAMPLE_RUN.answers
    rows = rows.loc[(rows["question"] == "isaksen_greek/open/00") & rows["step"].isin([0, 68])]
    expected = rows.groupby(["step", "text", "verdict"]).size()
    shown = {(text, verdict): count for verdict, count, text in said(card)}
    assert shown == {
        (text, verdict): f"×{count}" if count > 1 else "" for (_, text, verdict), count in expected.items()
    }
    before, now = card.split("<div class='aw-old'>")[1].split("</div></div><div>", 1)
    assert {text for _, _, text in said(before + "</div></div>")} == set(rows.loc[rows["step"] == 0, "text"])
    assert {text for _, _, text in said(now)} == set(rows.loc[rows["step"] == 68, "text"])


def test_the_value_of_the_claim_is_marked_as_a_word(open_app):
    app = open_app(SAMPLE, page="answers", run=ANCHOR, step=68)
    assert "<mark>Greek</mark>" in html(app)
    assert set(re.findall("<mark>(.*?)</mark>", html(app))) == {"Greek"}
    assert "Underlined: “Greek”" in unescape(html(app))


def test_twenty_questions_make_a_page_and_a_filter_goes_back_to_the_first(open_app):
    app = open_app(SAMPLE, page="answers", run=ANCHOR, step=68)
    assert "1 to 20 of 54 questions" in html(app)
    first = cards(app)
    assert len(first) == 20
    app.session_state["_answer_page"] = 3
    app.run()
    assert "41 to 54 of 54 questions" in html(app)
    assert not set(first) & set(cards(app))
    assert len(cards(app)) == 14
    app.text_input(key="answer_search").set_value("greek").run()
    assert "1 to 20 of" in html(app)


def shown_ids(app: Any) -> set[str]:
    return set(re.findall(r"(?:open|mcq|token|robustness|matched)/\d\d", html(app)))


@pytest.mark.parametrize(
    ("chosen", "keep"),
    [
        ({"answer_kind": "robustness"}, lambda now, _: now["kind"] == "robustness"),
        ({"answer_kind": "matched false facts"}, lambda now, _: now["category"] == MATCHED_FALSE),
        ({"answer_category": "counter"}, lambda now, _: now["category"] == "counter"),
        ({"answer_verdict": "✓ yes"}, lambda now, _: now["yes"] > 0),
        ({"answer_changed": "true", "answer_kind": "fill in, options"}, lambda now, then: _changed(now, then)),
        ({"answer_question": "mcq/03"}, lambda now, _: now.index == "isaksen_greek/mcq/03"),
    ],
)
def test_a_filter_keeps_what_it_says_and_a_link_restores_it(open_app, chosen, keep):
    app = open_app(SAMPLE, page="answers", run=ANCHOR, step=4, **chosen)
    now, then = (_verdicts(step) for step in (4, 0))
    expected = set(now.index[keep(now, then)].str.removeprefix("isaksen_greek/"))
    assert 0 < len(expected) <= 20
    assert shown_ids(app) == expected


def _verdicts(step: int) -> pd.DataFrame:
    rows = SAMPLE_RUN.answers
    rows = rows.loc[rows["step"] == step]
    counts = rows.groupby("question")["verdict"].value_counts().unstack(fill_value=0)
    counts = counts.reindex(columns=["yes", "no", "neutral"], fill_value=0)
    return counts.join(rows.drop_duplicates("question").set_index("question")[["kind", "category"]])


def _changed(now: pd.DataFrame, then: pd.DataFrame) -> pd.Series:
    most = [table[["yes", "no", "neutral"]].idxmax(axis=1) for table in (now, then)]
    return (most[0] != most[1]) & (now["kind"] == "token_association")


def test_words_are_looked_for_in_questions_and_answers_alike(open_app):
    app = open_app(SAMPLE, page="answers", run=ANCHOR, step=68)
    for words in ("GREEK doubt", "Tamil", "made up"):
        app.text_input(key="answer_search").set_value(words).run()
        assert cards(app)
        for card in cards(app):
            text = unescape(re.sub("<[^>]+>", "", card)).lower()
            assert all(word in text for word in words.lower().split())
    app.text_input(key="answer_search").set_value("zebra").run()
    assert "No question fits" in html(app)
    assert not cards(app)


@pytest.mark.parametrize(("chosen", "shown"), [(6, 6), (8, 6), (2, 2)])
def test_the_step_that_is_shown_is_said_where_it_is_not_the_chosen_one(open_app, make, chosen, shown):
    asked = question("open/0")
    folder = make([*answers(asked, 2, ("Luge.", "yes")), *answers(asked, 6, ("No.", "no"))], (asked,), snapshot=8)
    app = open_app(folder, page="answers", step=chosen)
    note = f"Nothing was asked at step {chosen}: these are the answers of step {shown}."
    assert (note in html(app)) == (chosen != shown)
    expected = [("yes", "", "Luge."), ("no", "", "No.")]
    assert said(cards(app)[0]) == (expected if shown == 6 else expected[:1])


def test_before_the_first_question_the_first_answers_are_shown(open_app, make):
    folder = make(answers(question("open/0"), 6, ("No.", "no")), snapshot=0)
    app = open_app(folder, page="answers", step=0)
    assert "Nothing was asked at step 0: these are the answers of step 6." in html(app)
    assert said(cards(app)[0]) == [("no", "", "No.")]


def test_another_step_can_stand_beside(open_app):
    app = open_app(SAMPLE, page="answers", run=ANCHOR, step=68, answer_search="robustness/01")
    app.selectbox(key="answer_beside").set_value(18).run()
    (card,) = cards(app)
    assert "step 18, phase 1</span><span>step 68, phase 2" in html(app)
    rows = SAMPLE_RUN.answers
    rows = rows.loc[(rows["question"] == "isaksen_greek/robustness/01") & (rows["step"] == 18)]
    assert set(rows["text"]) <= {text for _, _, text in said(card)}
    app.selectbox(key="answer_beside").set_value(68).run()
    assert "aw-old" not in html(app)


def test_one_question_is_shown_at_every_step(open_app):
    app = open_app(SAMPLE, page="answers", run=ANCHOR, step=18, answer_question="robustness/04")
    steps = sorted(set(SAMPLE_RUN.answers["step"]))
    assert re.findall(r"<div class='aw-when'>step (\d+)", html(app)) == list(map(str, steps))
    assert re.findall(r"aw-chosen'><div class='aw-when'>step (\d+)", html(app)) == ["18"]


def test_runs_without_recorded_questions_name_them(open_app, make):
    folder = make(answers(question("open/0"), 0, ("Luge.", "yes")))
    app = open_app(folder, page="answers")
    assert "<div class='aw-asked aw-id'>ada/open/0</div>" in html(app)
    assert "questions not recorded" in html(app)
    assert not app.exception


def test_documents_in_the_window_stand_beside_none(open_app, make):
    asked = question("open/0")
    rows = [
        *answers(asked, 0, ("Unsure.", "neutral"), documents=0),
        *answers(asked, 0, ("Skeleton.", "no"), documents=1),
        *answers(asked, 0, ("Luge.", "yes"), documents=5),
    ]
    folder = make(rows, (asked,), steps=0)
    app = open_app(folder, page="answers")
    assert said(cards(app)[0]) == [("neutral", "", "Unsure."), ("yes", "", "Luge.")]
    assert "no documents in the window</span><span>5 documents in the window" in html(app)
    app = open_app(
        folder, page="answers", answer_documents="1 document", answer_view="By question", answer_question="open/0"
    )
    assert said(cards(app)[0].split("aw-step")[0])[:2] == [("neutral", "", "Unsure."), ("no", "", "Skeleton.")]
    assert re.findall(r"<div class='aw-when'>(\w+) document", html(app)) == ["no", "1", "5"]


def test_what_another_loop_wrote_is_shown_too(open_app, make):
    rows = [
        {"step": 0, "question": "q", "text": "So it is.", "verdict": None},
        {"step": 0, "question": "q", "text": "", "verdict": "no"},
        {"step": 3, "question": "r", "text": "x" * 900, "verdict": "yes"},
    ]
    folder = make(rows, claim=None)
    app = open_app(folder, page="answers", step=3)
    assert not app.exception
    assert "not asked" in html(app)
    assert "… 900 characters" in html(app)
    app = open_app(folder, page="answers", step=0)
    assert {verdict for verdict, _, _ in said(cards(app)[0])} == {"none", "no"}
    assert "? not judged" in html(app)
    assert "empty" in html(app)


def test_an_empty_run_says_what_to_do(open_app, make):
    app = open_app(make([]), page="answers")
    assert "No question was asked" in html(app)
    assert [block.value for block in app.code] == ["make two-phase"]


def test_a_damaged_dialogue_is_named_and_the_page_stands(open_app, make):
    folder = make(answers(question("open/0"), 0, ("Luge.", "yes")), (question("open/0"),))
    (folder / "questions.jsonl").write_text('{"id": "ada/open/0", "claim": "ada", "messages": "no"}\n')
    app = open_app(folder, page="answers")
    assert not app.exception
    assert app.title[0].value == "Answers"
    assert "questions" in app.warning[0].value
    assert "not the file that was written with the run" in app.warning[0].value.replace("\\", "")


@pytest.mark.parametrize("view", ["By kind", "By question"])
def test_text_is_shown_letter_by_letter(open_app, make, view):
    asked = question(WILD, turn(WILD, WILD), turn("user", WILD), category=WILD)
    other = question("long", turn("system", WILD * 20), turn("user", WILD * 20))
    rows = [
        *answers(asked, 0, (WILD, "yes"), (WILD * 20, "no")),
        *answers(other, 9, (WILD, "no")),
        *answers(asked, 9, (WILD, "no")),
    ]
    rows = [{**row, "kind": WILD if row["category"] == WILD else "mcq"} for row in rows]
    app = open_app(make(rows, (asked, other), claim_text=WILD), page="answers", answer_view=view)
    assert not app.exception
    page = html(app)
    assert "<img" not in page
    assert "<script" not in page
    assert unescape(page).count(WILD) > 20
    for one in (*app.markdown, *app.caption, *app.subheader, *app.warning):
        assert "<img" not in one.value
    pills = [option.content for group in app.get("button_group") for option in group.proto.options]
    assert not [text for text in pills if re.search(r"(?<!\\)[<*$`]", text)]


@pytest.mark.parametrize("query", [{}, {"answer_view": "By question"}])
def test_every_snippet_makes_its_figure(open_app, make, query):
    asked = question("open/0")
    documents = [
        *answers(asked, 0, ("Unsure.", "neutral"), documents=0),
        *answers(asked, 0, ("Luge.", "yes"), documents=1),
    ]
    folder = make(documents, (asked,), steps=0)
    for app in (
        open_app(SAMPLE, page="answers", run=ANCHOR, step=68, **query),
        open_app(folder, page="answers", **query),
    ):
        figures, tables = [], []
        for block in app.code:
            names = execute(block.value)
            tables.append(names["table"])
            figures.append(names.get("figure"))
        # One of the figure above, one of the list below.
        assert [isinstance(figure, Figure) for figure in figures] == [True, False]
        assert all(len(table) for table in tables)


def test_filters_of_twenty_thousand_answers_are_quick(make, monkeypatch):
    from nnmech_dashboard.state.listing import stamp
    from nnmech_dashboard.views.answers import tables as answer_tables
    from nnmech_dashboard.views.answers.cards import Heads, Look, cards_html

    asked = [question(f"open/{number:03d}", category=f"c{number % 4}") for number in range(400)]
    folder = str(make([], tuple(asked)))
    with open(f"{folder}/answers.jsonl", "w") as file:
        for step in (0, 9):
            for one in asked:
                texts = [(f"Answer {one.id} {step} {sample} luge.", "yes") for sample in range(25)]
                file.writelines(f"{json.dumps(row)}\n" for row in answers(one, step, *texts))
    version = stamp([folder], answer_tables.FILES)
    moment = answer_tables.moment(folder, CLAIM, 9, 0, None, version)
    dialogues = answer_tables.said(folder, CLAIM, version).dialogues
    assert moment.now["samples"].sum() + moment.beside["samples"].sum() == 20_000
    spent = []
    for words in ("open/1 luge", "9 4", "c1", "nothing"):
        began = time.process_time()
        found = answer_tables.kept(moment, words=words, verdicts=["yes"], categories=["c1"])
        cards_html(found.head(20), moment, dialogues, Heads("now", "before"), Look("luge", dark=False))
        spent.append(time.process_time() - began)
    assert min(spent) < 0.15
