"""The tables of the page Answers, by `background.table`: what nnmech says of a run's answers, until a file changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from nnmech.belief.tables import (
    UNIT,
    answers_at,
    claim_value,
    grouped_answers,
    read_dialogues,
    rows_at,
)
from nnmech.claims import Message
from nnmech.plots.recipes import Call, call
from nnmech_dashboard.state.calls import opened
from nnmech_dashboard.state.listing import Stamp
from nnmech_dashboard.state.opening import open_run

FILES = ("run.json", "answers.jsonl", "questions.jsonl", "statements.jsonl")


@dataclass(frozen=True, eq=False)
class Said:
    """All that a run said, a row for each text that a question got at a step, and what is good to know with it."""

    answers: Call
    """What makes `groups`."""
    groups: pd.DataFrame
    claim: str | None
    """The claim that `groups` are about; None where the run's answers do not name the one that was asked for."""
    steps: tuple[int, ...]
    documents: tuple[int, ...]
    """How many documents stood in the context window, where there is more than one number."""
    dialogues: dict[tuple[str, str], tuple[Message, ...]]
    value: str | None
    """The words that the claim gives its entity."""


@dataclass(frozen=True, eq=False)
class Moment:
    """What was said at a step and beside it; all three are indexed by claim and question."""

    questions: pd.DataFrame
    """A row a question, with `words`: all that was asked and said, in lower case."""
    now: pd.DataFrame
    beside: pd.DataFrame


@lru_cache(maxsize=4)
def said(path: str, claim: str | None, version: Stamp) -> Said:
    """Everything that was said, read once for all tables of a page."""
    run = open_run(path)
    own = claim if claim in set(run.answers["claim"]) else None
    answers = call("said", grouped_answers, opened(path), **({} if own is None else {"claim": own}))
    groups = answers.run()
    counts = sorted({int(count) for count in groups["documents"]}) if "documents" in groups.columns else []
    return Said(
        answers=answers,
        groups=groups,
        claim=own,
        steps=tuple(sorted({int(step) for step in groups["step"]})),
        documents=tuple(counts) if len(counts) > 1 else (),
        dialogues=read_dialogues(run),
        value=None if own is None or run.statements.empty else claim_value(run.statements, own),
    )


def moment(
    path: str, claim: str | None, step: int, beside: int | None, documents: int | None, version: Stamp
) -> Moment:
    """What was said at `step` and at the step `beside`."""
    groups = said(path, claim, version).groups
    table = answers_at(groups, step, beside=beside, documents=documents).set_index(UNIT)
    now = rows_at(groups, step, documents).set_index(UNIT)
    other = groups.head(0) if beside is None else rows_at(groups, beside, None if documents is None else 0)
    other = other.set_index(UNIT)
    texts = pd.concat([now["text"], other["text"]])
    joined = texts.groupby(level=UNIT, sort=False).agg("\n".join).reindex(table.index).fillna("")
    names = pd.Series(table.index.get_level_values("question"), index=table.index)
    words = names + "\n" + table["before"] + "\n" + table["asked"] + "\n" + joined
    return Moment(table.assign(words=words.str.lower()), now, other)


def kept(
    moment: Moment,
    *,
    groups: Sequence[str] = (),
    categories: Sequence[str] = (),
    verdicts: Sequence[str] = (),
    words: str = "",
    changed: bool = False,
) -> pd.DataFrame:
    """The rows of the questions that pass: of these groups and categories, some sample of these verdicts, all words."""
    table = moment.questions
    keep = np.ones(len(table), dtype=bool)
    for column, wanted in (("group", groups), ("category", categories)):
        if wanted:
            keep &= table[column].isin(list(wanted)).to_numpy(dtype=bool)
    if verdicts:
        fitting = moment.now.loc[np.isin(verdict_names(moment.now), list(verdicts))]
        keep &= np.asarray(table.index.isin(fitting.index), dtype=bool)
    for word in words.lower().split():
        keep &= table["words"].str.contains(word, regex=False).to_numpy(dtype=bool)
    if changed:
        keep &= table["changed"].to_numpy(dtype=bool)
    return table.loc[keep]


def verdict_names(rows: pd.DataFrame) -> list[str]:
    """The verdicts of rows, `none` where nobody judged."""
    return ["none" if pd.isna(verdict) else str(verdict) for verdict in rows["verdict"]]
