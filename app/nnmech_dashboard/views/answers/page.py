"""What the model said, question by question: at the chosen step, and beside it before training or at another step."""

import re
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from nnmech.belief.tables import UNIT, answers_at, moment_name
from nnmech.claims import MATCHED_FALSE
from nnmech.plots.questions import question_label
from nnmech.plots.recipes import Recipe
from nnmech_dashboard.parts import panel
from nnmech_dashboard.parts.page import Page
from nnmech_dashboard.parts.width import WIDE, width
from nnmech_dashboard.parts.words import lead_html, note_html, plain_markdown
from nnmech_dashboard.state.background import table
from nnmech_dashboard.state.listing import Stamp, stamp
from nnmech_dashboard.state.selection import Selection
from nnmech_dashboard.views.answers import tables as answer_tables
from nnmech_dashboard.views.answers.cards import VERDICTS, Heads, cards_html, steps_html, verdict_word
from nnmech_dashboard.views.answers.panels import (
    View,
    beside_name,
    by_kind,
    by_question,
    question_names,
    shown_level,
)
from nnmech_dashboard.views.answers.tables import FILES, Moment, Said, kept, verdict_names

MOST = 20
"""Questions on a page."""
BY_KIND, BY_QUESTION = "By kind", "By question"
COMMAND = "make two-phase"
COLUMNS = ["kind", "category", "asked", "before", "step", "documents", "text", "verdict", "samples", "of"]
"""What the CSV holds of an answer, after claim and question."""


def draw(selection: Selection) -> None:
    """Draw the answers of the chosen run."""
    st.title("Answers")
    with panel.guarded("The answers cannot be shown"):
        version = stamp([selection.path], FILES)
        said = table(answer_tables.said, selection.path, selection.claim, version)
        if said is None:
            panel.waiting("Reading the answers")
            return
        wide = width() == WIDE
        head, figures = st.columns([3, 1], vertical_alignment="bottom") if wide else (st.container(), st.container())
        with head:
            _lead(selection, said)
        if not said.steps:
            panel.empty("No question was asked in this run. An experiment asks on the way:", COMMAND)
            return
        strip, filters = st.container(), st.container()
        first = filters.columns([2, 5], vertical_alignment="center")
        second = filters.container(horizontal=True, vertical_alignment="center")
        with second:
            # Chosen before the figures are drawn, which show it, though it is below them.
            view = _view(selection, said, version)
        with strip, panel.guarded("Belief cannot be shown"):
            _strip(view, figures)
        with panel.guarded("The list cannot be shown"):
            _list(view, first, second)


def _lead(selection: Selection, said: Said) -> None:
    about = f"Claim: “{selection.claim_text}”" if said.claim and selection.claim_text else "What the model said."
    count = int(said.groups["samples"].to_numpy(dtype=int).sum())
    facts = (selection.entry.id, f"{count:,} answers", f"{len(said.groups.drop_duplicates(UNIT)):,} questions")
    if said.steps and not said.dialogues:
        facts = (*facts, "questions not recorded, ids are shown")
    st.html(lead_html(about, facts))


def _view(selection: Selection, said: Said, version: Stamp) -> View:
    """What is shown: the last step up to the chosen one at which anything was asked; and widgets for what is beside."""
    recorded = selection.recorded_step(list(said.steps))
    step = said.steps[0] if recorded is None else recorded
    documents, beside = None, None
    view = View(selection, said, version, step, None, None, None)
    if said.documents:
        documents = st.segmented_control(
            "Documents in the window",
            said.documents,
            default=said.documents[-1],
            required=True,
            format_func=lambda count: moment_name(step, count),
            label_visibility="collapsed",
            key="answer_documents",
            bind="query-params",
        )
        documents = said.documents[-1] if documents is None else documents
        beside = step if documents else None
    elif len(said.steps) > 1:
        beside = st.selectbox(
            "Beside",
            said.steps,
            format_func=lambda other: f"beside {view.name(other)}",
            label_visibility="collapsed",
            key="answer_beside",
            bind="query-params",
            width=190,
        )
        beside = None if beside == step else beside
    names = list(question_names(said).values())
    question = st.selectbox(
        "Question",
        names,
        index=None,
        placeholder="every question",
        label_visibility="collapsed",
        key="answer_question",
        bind="query-params",
        width=150,
    )
    return replace(view, beside=beside, documents=documents, question=question)


def _strip(view: View, place: DeltaGenerator) -> None:
    """Belief in figures: by kind of question, or question by question."""
    if view.step != view.selection.step:
        chosen = f"Nothing was asked at step {view.selection.step:,}"
        st.html(note_html(f"{chosen}: these are the answers of step {view.step:,}."))
    shown = place.segmented_control(
        "Belief",
        [BY_KIND, BY_QUESTION],
        default=BY_KIND,
        required=True,
        label_visibility="collapsed",
        key="answer_view",
        bind="query-params",
    )
    if shown == BY_QUESTION:
        by_question(view)
    else:
        by_kind(view)


def _list(view: View, first: Sequence[DeltaGenerator], second: DeltaGenerator) -> None:
    """The cards of the questions that pass the filters, which are drawn in the rows `first` and `second`."""
    moment = table(answer_tables.moment, *view.place)
    if moment is None:
        panel.waiting("Pairing answers with questions")
        return
    filtered = _filtered(view, moment, first, second)
    count, most = len(filtered), len(moment.questions)
    pages = max(1, -(-count // MOST))
    number = _page(pages, view)
    left, right = st.columns([1, 2], vertical_alignment="center")
    with right, st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        _pager(pages, number, "above")
        _export(view, moment, filtered)
    start = (number - 1) * MOST
    page = filtered.iloc[start : start + MOST]
    span = f"{start + 1:,} to {start + len(page):,} of {count:,}" if pages > 1 else f"{count:,}"
    left.html(note_html(f"{span} question{'' if count == 1 else 's'}{'' if count == most else f', {most:,} in all'}"))
    if not count:
        st.html(note_html("No question fits. Take back a word or a filter."))
        return
    heads = Heads(view.name(shown_level(view)), None if view.beside is None else beside_name(view))
    st.html(cards_html(page, moment, view.said.dialogues, heads, view.look))
    if view.question is not None:
        _on_the_way(view, page)
    with st.container(horizontal=True, horizontal_alignment="right"):
        _pager(pages, number, "below")
    st.html(note_html(_legend(view)))


def _filtered(view: View, moment: Moment, first: Sequence[DeltaGenerator], second: DeltaGenerator) -> pd.DataFrame:
    """The rows of the questions that pass the filters."""
    asked = moment.questions
    groups = sorted(dict.fromkeys(asked["group"]), key=lambda name: name == MATCHED_FALSE)
    words = first[0].text_input(
        "Search",
        key="answer_search",
        bind="query-params",
        placeholder="words asked or said",
        icon=":material/search:",
        label_visibility="collapsed",
    )
    wanted = first[1].pills(
        "Kind of question",
        groups,
        selection_mode="multi",
        wrap=True,
        format_func=_label,
        label_visibility="collapsed",
        key="answer_kind",
        bind="query-params",
    )
    with second:
        said = set(verdict_names(moment.now))
        verdicts = st.pills(
            "Verdict",
            [name for name in VERDICTS if name in said],
            selection_mode="multi",
            format_func=lambda name: f"{VERDICTS[name]} {verdict_word(name)}",
            label_visibility="collapsed",
            key="answer_verdict",
            bind="query-params",
        )
        categories = _categories(asked)
        changed = view.beside is not None and st.toggle(
            "Changed verdict", key="answer_changed", bind="query-params", help=f"Another one than {beside_name(view)}."
        )
    rows = kept(
        moment, groups=wanted, categories=categories, verdicts=verdicts, words=words or "", changed=bool(changed)
    )
    names = question_names(view.said)
    return rows if view.question is None else rows.loc[[names[key] == view.question for key in rows.index]]


def _categories(asked: pd.DataFrame) -> Sequence[str]:
    options = [name for name in dict.fromkeys(asked["category"]) if name != MATCHED_FALSE]
    if len(options) < 2 or set(options) <= set(asked["group"]):
        return ()
    return st.multiselect(
        "Category",
        options,
        placeholder="every category",
        label_visibility="collapsed",
        format_func=_label,
        key="answer_category",
        bind="query-params",
        width=145,
    )


def _label(group: str) -> str:
    """A group of questions as Markdown, which is also how the address says it."""
    label = question_label(group)
    return label if re.fullmatch(r"[\w /,-]+", label) else plain_markdown(label)


def _on_the_way(view: View, page: pd.DataFrame) -> None:
    """What was said to the one chosen question at every step."""
    levels = view.said.steps if view.over == "step" else view.said.documents
    if len(levels) < 2:
        return
    claim, question = page.index[0]
    groups = view.said.groups
    own = groups.loc[((groups["claim"] == claim) & (groups["question"] == question)).to_numpy(dtype=bool)]
    st.subheader("Over training" if view.over == "step" else "With more documents", anchor=False)
    st.html(steps_html(own, view.over, {level: view.name(level) for level in levels}, shown_level(view), view.look))


def _page(pages: int, view: View) -> int:
    """The page that is shown: the first again when a filter or what is looked at changes."""
    state = st.session_state
    filters = ("search", "kind", "verdict", "category", "question", "changed")
    now = (view.selection.path, view.step, view.documents, *(str(state.get(f"answer_{name}")) for name in filters))
    if state.get("_answer_choice") != now:
        state["_answer_page"] = 1
    state["_answer_choice"] = now
    return min(state["_answer_page"], pages)


def _pager(pages: int, number: int, place: str) -> None:
    if pages == 1:
        return
    # The pagers above and below the list agree, for each has a key of its own on every page.
    key = f"_answer_page_{place}_{number}"

    def take() -> None:
        st.session_state["_answer_page"] = st.session_state[key]

    st.pagination(pages, default=number, key=key, on_change=take, width=280)


def _export(view: View, moment: Moment, filtered: pd.DataFrame) -> None:
    """The way to take away what is listed: every answer of the questions that pass the filters, at both moments."""

    def written() -> bytes:
        rows = pd.concat([moment.beside, moment.now])
        rows = rows.loc[rows.index.isin(filtered.index)]
        return rows[[name for name in COLUMNS if name in rows.columns]].to_csv().encode()

    recipe = Recipe(view.at_moment(answers_at))
    panel.exports("answers", {"csv": written}, recipe, "All of them in Python, without the filters:")


def _legend(view: View) -> str:
    meanings = (
        "✓ yes: the answer affirms the claim (or the matched false fact that is asked about), whatever its words. "
        "✕ no: it denies it or says something else. – neutral: neither. "
        if view.claim_text
        else "✓ yes, ✕ no, – neutral: what the judge said. "
    )
    marked = f"Underlined: “{view.said.value}”, what the claim says, wherever it stands. " if view.said.value else ""
    return f"{meanings}×5: so many samples had this very text. {marked}The verdict is the judge's."


PAGE = Page("Answers", ":material/chat:", draw, inside=False)
