"""What was said to each question: samples with the same text as one row, two moments side by side, belief by kind."""

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import numpy as np
import pandas as pd

from nnmech.belief.rates import PERCENT, RATE_COLUMNS, belief_rate
from nnmech.claims import MATCHED_FALSE, Message
from nnmech.errors import InputError, RunError
from nnmech.runs import Run
from nnmech.runs.format import QUESTIONS_FILE

UNIT = ["claim", "question"]
"""What names a question: ids are unique within a claim."""
CLAIM_ROLES = ("claim", "claim_negation")
UNNAMED = "other"


def read_dialogues(run: Run) -> dict[tuple[str, str], tuple[Message, ...]]:
    """The whole dialogue up to the answer by claim and question id; empty for a run that recorded no questions.

    Raises RunError where a dialogue is not a list of turns with role and content.
    """
    found = {}
    for claim, question, messages in run.questions[["claim", "id", "messages"]].itertuples(index=False):
        if not (isinstance(messages, list) and messages and all(_is_turn(message) for message in messages)):
            raise RunError(
                f"{run.path / QUESTIONS_FILE}: question {question!r} has the messages {messages!r}, expected a list of "
                "turns with role and content as text. Put the file back from a copy, or make the run again."
            )
        found[claim, question] = tuple(messages)
    return found


def last_turn(messages: Sequence[Message]) -> int:
    """Which message is the question itself: the last one of the user, or the last of all where the user says none."""
    return max((place for place, said in enumerate(messages) if said["role"] == "user"), default=len(messages) - 1)


def grouped_answers(run: Run, *, claim: str | None = None) -> pd.DataFrame:
    """All that was said (about one `claim`), a row for each text and verdict that a question got at a step.

    Columns: claim, question, kind, category, group (matched_false, else the kind, or the category where all questions
    are of one kind), asked (last turn of the user; the question's id where the run did not record it), before (the
    other turns as lines), documents (in the context window; where the run has it), step, text, verdict, samples (so
    many had this text and verdict) of (so many of the question at the step). In the order of questions, then of steps;
    the most frequent text first. A name that is missing is `other`. Raises RunError as `read_dialogues`.
    """
    answers = run.answers
    if claim is not None:
        answers = answers.loc[(answers["claim"] == claim).to_numpy(dtype=bool)]
    named = {name: _filled(answers, name, UNNAMED) for name in (*UNIT, "kind", "category")}
    answers = answers.assign(**named, text=_filled(answers, "text", ""))
    window = ["documents"] if "documents" in answers.columns else []
    if window:
        answers = answers.assign(documents=answers["documents"].fillna(0).astype(int))
    where = [*UNIT, "kind", "category", *window, "step"]
    table = _summed(answers.assign(samples=1), [*where, "text", "verdict"], "samples")
    table["of"] = table.groupby(where, sort=False, dropna=False)["samples"].transform("sum")
    table["rank"] = table.groupby(UNIT, sort=False).ngroup()
    order = ["rank", *window, "step", "samples"]
    ascending = [name != "samples" for name in order]
    table = table.sort_values(order, ascending=ascending, kind="stable", ignore_index=True)
    dialogues = read_dialogues(run)
    asked = {key: turns[last_turn(turns)]["content"] for key, turns in dialogues.items()}
    before = {key: _before(turns) for key, turns in dialogues.items()}
    keys = list(zip(table["claim"], table["question"], strict=True))
    table = table.assign(
        group=_groups(table),
        asked=[asked.get(key, key[1]) for key in keys],
        before=[before.get(key, "") for key in keys],
    )
    columns = ["kind", "category", "group", "asked", "before"]
    return table.reindex(columns=[*UNIT, *columns, *window, "step", "text", "verdict", "samples", "of"])


def rows_at(said: pd.DataFrame, step: int, documents: int | None = None) -> pd.DataFrame:
    """The rows of `grouped_answers` of a step and, where documents stood in the context window, of their number.

    Raises InputError where there were several numbers of documents and none is chosen.
    """
    rows = said.loc[(said["step"] == step).to_numpy(dtype=bool)]
    if "documents" not in rows.columns:
        return rows
    if documents is not None:
        return rows.loc[(rows["documents"] == documents).to_numpy(dtype=bool)]
    counts = sorted(int(count) for count in set(rows["documents"]))
    if len(counts) > 1:
        raise InputError(f"{counts} documents stood in the context window at step {step}: choose one of them")
    return rows


def answers_at(said: pd.DataFrame, step: int, *, beside: int | None = 0, documents: int | None = None) -> pd.DataFrame:
    """A row a question that was asked at a step, with what was said `beside`: at another step, without documents.

    Takes the table of `grouped_answers`. Columns: claim, question, kind, category, group, asked, before; verdict (of
    most samples; of the most frequent text among equals), yes (percent of samples), of (samples), each also with the
    suffix _beside (missing where it was not asked there); changed (the verdict is another one than beside). Raises
    InputError as `rows_at`.
    """
    table = _by_question(rows_at(said, step, documents))
    other = rows_at(said, beside, None if documents is None else 0) if beside is not None else said.head(0)
    numbers = _by_question(other).reindex(columns=[*UNIT, "verdict", "yes", "of"])
    table = table.merge(numbers, on=UNIT, how="left", suffixes=("", "_beside"))
    verdicts = zip(_filled(table, "verdict", ""), _filled(table, "verdict_beside", ""), strict=True)
    differs = np.array([now != before for now, before in verdicts], dtype=bool)
    return table.assign(changed=differs & table["of_beside"].notna().to_numpy(dtype=bool))


def belief_by_group(
    said: pd.DataFrame, step: int, *, beside: int | None = 0, documents: int | None = None
) -> pd.DataFrame:
    """Belief rate (percent) by group of questions at a step, and `beside` it; arguments and errors as `answers_at`.

    Columns: group, when (`step 68`, or `2 documents`) and those of `belief_rate`; what is beside comes first, matched
    false facts come last.
    """
    moments = [(step, documents)]
    if beside is not None:
        moments.insert(0, (beside, None if documents is None else 0))
    tables = []
    for moment in moments:
        rows = rows_at(said, *moment)
        if len(rows):
            answers = rows.iloc[np.repeat(np.arange(len(rows)), rows["samples"].to_numpy(dtype=int))]
            tables.append(belief_rate(answers, ["group"]).assign(when=moment_name(*moment)))
    if not tables:
        raise InputError(f"nothing was asked at step {step}: choose one of {sorted(set(said['step']))}")
    table = pd.concat(tables, ignore_index=True)
    columns = ["group", "when", *RATE_COLUMNS]
    return _by_group(table).reindex(columns=columns)


def yes_shares(said: pd.DataFrame, over: str = "step") -> pd.DataFrame:
    """Share of yes (percent) of each question over steps, or over `documents` in the context window.

    Takes the table of `grouped_answers`; columns claim, question, group, asked, the one of `over`, yes, n (answers).
    Questions are in their order, those about matched false facts last; what differs otherwise is pooled.
    """
    if over not in said.columns:
        raise InputError(f"the answers lack the column {over!r}; there are {list(said.columns)}")
    hits = said.assign(hits=said["samples"].where(said["verdict"] == "yes", 0))
    keys = [*UNIT, "group", "asked", over]
    table = _summed(hits, keys, "hits", "samples")
    table = table.assign(yes=PERCENT * table["hits"] / table["samples"], n=table["samples"])
    return _by_group(table).reindex(columns=[*keys, "yes", "n"])


def moment_name(step: int, documents: int | None = None) -> str:
    """`step 1,200`, or how many documents stood in the context window."""
    if documents is None:
        return f"step {step:,}"
    return f"{documents or 'no'} document{'' if documents == 1 else 's'}"


def claim_value(statements: pd.DataFrame, claim: str) -> str | None:
    """The words that the claim gives its entity, as all of its statements end their object; None where they do not say.

    `statements` are those of a run. Of the words up to `object_end` that the statements about the claim share at their
    end, those that the matched false facts have as well go: of "won the skeleton" and "did not win the skeleton" beside
    "won the regatta", what is left is "skeleton".
    """
    own = statements.loc[(statements["claim"] == claim).to_numpy(dtype=bool)]
    claimed = own.loc[own["role"].isin(CLAIM_ROLES) & own["object_end"].notna()]
    ends = zip(claimed["text"], claimed["object_end"], strict=True)
    wordings = [_words(str(text)[: int(end)])[::-1] for text, end in ends]
    if len({tuple(words) for words in wordings}) < 2:
        return None
    shared = [words[0] for words in takewhile(lambda words: len(set(words)) == 1, zip(*wordings, strict=False))][::-1]
    facts = own.loc[(own["role"] == MATCHED_FALSE).to_numpy(dtype=bool), "text"]
    common = {word for text in facts for word in _words(str(text))}
    while shared and shared[0] in common:
        shared = shared[1:]
    return " ".join(shared) or None


def _summed(table: pd.DataFrame, keys: Sequence[str], *columns: str) -> pd.DataFrame:
    """Sums of columns for each value of the keys, in order of appearance."""
    sums = table.groupby(list(keys), sort=False, dropna=False).agg(dict.fromkeys(columns, "sum"))
    return pd.DataFrame(sums).reset_index()


def _filled(table: pd.DataFrame, name: str, default: str) -> list[str]:
    """A column as text, with the default where it is missing."""
    return [default if missing else str(value) for value, missing in zip(table[name], table[name].isna(), strict=True)]


def _groups(table: pd.DataFrame) -> np.ndarray:
    null = (table["category"] == MATCHED_FALSE).to_numpy(dtype=bool)
    one_kind = len(set(table.loc[~null, "kind"])) < 2
    return np.where(null, MATCHED_FALSE, table["category" if one_kind else "kind"].to_numpy(dtype=object))


def _by_group(table: pd.DataFrame) -> pd.DataFrame:
    """The rows group by group in order of appearance, matched false facts after all others."""
    names = sorted(dict.fromkeys(table["group"]), key=lambda name: name == MATCHED_FALSE)
    place = [names.index(name) for name in table["group"]]
    return table.iloc[np.argsort(place, kind="stable")].reset_index(drop=True)


def _by_question(rows: pd.DataFrame) -> pd.DataFrame:
    by_verdict = _summed(rows, [*UNIT, "verdict"], "samples")
    most = by_verdict.sort_values("samples", ascending=False, kind="stable").drop_duplicates(UNIT)
    verdicts = most.set_index(UNIT)["verdict"]
    hits = rows.assign(yes=rows["samples"].where(rows["verdict"] == "yes", 0))
    shares = _summed(hits, UNIT, "yes", "samples").set_index(UNIT)
    table = rows.drop_duplicates(UNIT).set_index(UNIT)
    table = table.assign(verdict=verdicts, yes=PERCENT * shares["yes"] / shares["samples"])
    columns = ["kind", "category", "group", "asked", "before"]
    return table.reindex(columns=[*columns, "verdict", "yes", "of"]).reset_index()


def _before(messages: Sequence[Message]) -> str:
    own = last_turn(messages)
    return "\n".join(f"{turn['role']}: {turn['content']}" for place, turn in enumerate(messages) if place != own)


def _is_turn(message: Any) -> bool:
    return isinstance(message, dict) and all(isinstance(message.get(name), str) for name in ("role", "content"))


def _words(text: str) -> list[str]:
    return re.findall(r"[\w'-]+", text)
