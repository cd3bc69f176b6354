"""The figures of the page Answers, and what that page looks at."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from nnmech.belief.tables import belief_by_group, moment_name, yes_shares
from nnmech.claims import MATCHED_FALSE
from nnmech.plots.questions import belief_before_after, yes_by_question
from nnmech.plots.recipes import Call, Recipe, call
from nnmech_dashboard.charts.answers import belief_chart, belief_rows, question_cells, questions_chart
from nnmech_dashboard.charts.curves import CELL
from nnmech_dashboard.parts import panel
from nnmech_dashboard.parts.width import width
from nnmech_dashboard.state.background import all_made, made
from nnmech_dashboard.state.listing import Stamp
from nnmech_dashboard.state.selection import Selection, choose
from nnmech_dashboard.views.answers.cards import Look, short_id
from nnmech_dashboard.views.answers.tables import FILES, Said


@dataclass(frozen=True)
class View:
    """What is looked at: a step, or a number of documents, and another one beside it."""

    selection: Selection
    said: Said
    version: Stamp
    step: int
    beside: int | None
    documents: int | None
    question: str | None
    """What the one question is called that is looked at (see `question_names`); None for all."""

    @property
    def over(self) -> str:
        return "step" if self.documents is None else "documents"

    @property
    def place(self) -> tuple[str, str | None, int, int | None, int | None, Stamp]:
        """What the tables of this page are made from."""
        return self.selection.path, self.selection.claim, self.step, self.beside, self.documents, self.version

    @property
    def known(self) -> dict[Call, Any]:
        """All that was said, for the recipes of this page."""
        return {self.said.answers: self.said.groups}

    def at_moment(self, function: Callable[..., pd.DataFrame]) -> Call:
        """The table that a function of `nnmech.belief.tables` makes of what was said at the two moments."""
        documents = {} if self.documents is None else {"documents": self.documents}
        return call("table", function, self.said.answers, self.step, beside=self.beside, **documents)

    @property
    def claim_text(self) -> str | None:
        """The claim in words; None where the answers are not about one."""
        return self.selection.claim_text if self.said.claim else None

    @property
    def look(self) -> Look:
        return Look(self.said.value, self.selection.dark)

    def name(self, level: int) -> str:
        """What a step, or a number of documents, is called."""
        if self.documents is not None:
            return f"{moment_name(self.step, level)} in the window"
        boundary = self.selection.boundary
        phase = ", untouched" if level == 0 else f", phase {1 if level <= boundary else 2}" if boundary else ""
        return f"{moment_name(level)}{phase}"


def by_kind(view: View) -> None:
    """Draw belief by kind of question, or by category where all are of one kind."""
    table = view.at_moment(belief_by_group)
    belief = made(table, FILES, known=view.known)
    if belief is None:
        panel.waiting("Counting beliefs")
        return
    kinds = not set(belief["group"]).isdisjoint(view.said.groups["kind"])
    # A category may ask for a lie, or which of two statements is wrong: yes is no belief then.
    read = "Belief" if kinds and view.claim_text else "Verdict yes"
    title = f"{read} by {'kind' if kinds else 'category'} of question"
    now = moment_name(view.step, view.documents)
    compared = "" if view.beside is None else f" Filled: {now}; hollow: {beside_name(view)}."
    null = " Grey: yes/no questions about matched false facts, which no document states."
    shown = panel.Panel(
        key="belief_by_kind",
        title=title,
        meaning=f"Share of answers with the verdict yes, in percent, with 95% intervals that resample questions."
        f"{compared}{null if MATCHED_FALSE in set(belief['group']) else ''}",
        recipe=Recipe.drawn(table, belief_before_after, title=title),
        known={**view.known, table: belief},
    )
    rows = belief_rows(belief)
    panel.show(shown, belief_chart(rows, view.selection.dark, width()), rows)


def by_question(view: View) -> None:
    """Draw the verdicts of every question over training, a cell of which chooses question and step."""
    selection, over = view.selection, view.over
    table = call("table", yes_shares, view.said.answers, over)
    found = all_made([table, call(None, question_cells, table, over)], FILES, known=view.known)
    if found is None:
        panel.waiting("Counting answers")
        return
    shares, cells = found
    keys = question_names(view.said)
    place = {name: number for number, name in enumerate(map(keys.get, cells.questions))}
    chosen = (place.get(view.question), view.step if over == "step" else view.documents)
    boundary = selection.boundary if over == "step" else None

    def take() -> None:
        picked = st.session_state["chart_yes_by_question"]["selection"][CELL]
        if picked:
            st.session_state["answer_question"] = keys[cells.questions[int(picked[0]["place"])]]
            if over == "step":
                choose(step=int(picked[0]["level"]))

    shown = panel.Panel(
        key="yes_by_question",
        title="Question by question",
        meaning="Share of answers with the verdict yes: a column is a question, a row a "
        f"{'training step' if over == 'step' else 'number of documents'}, grey was not asked. Click a cell to read "
        "what was said to its question. A cell is of few answers: 95% intervals are in the chart by kind.",
        recipe=Recipe.drawn(table, yes_by_question, over=over, boundary=boundary),
        known={**view.known, table: shares},
    )
    chart = questions_chart(cells, over=over, chosen=chosen, boundary=boundary, dark=selection.dark, page=width())
    panel.show(shown, chart, cells.rows, on_select=take, selection=CELL)


def question_names(said: Said) -> dict[tuple[str, str], str]:
    """What each question is called: its id without the claim where all are about one."""
    keys = list(dict.fromkeys(zip(said.groups["claim"], said.groups["question"], strict=True)))
    one = len({claim for claim, _ in keys}) == 1
    return {(claim, name): short_id(claim, name) if one else f"{claim}: {name}" for claim, name in keys}


def shown_level(view: View) -> int:
    """The step that is shown, or the number of documents."""
    return view.step if view.documents is None else view.documents


def beside_name(view: View) -> str:
    """What stands beside, in words."""
    return view.name(0 if view.documents is not None or view.beside is None else view.beside)
