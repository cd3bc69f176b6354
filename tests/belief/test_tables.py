"""Answers beside their questions: nothing is lost or counted twice, and an answer stays with what it answers."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nnmech.belief.rates import belief_rate
from nnmech.belief.tables import (
    answers_at,
    belief_by_group,
    claim_value,
    grouped_answers,
    last_turn,
    moment_name,
    read_dialogues,
    rows_at,
    yes_shares,
)
from nnmech.claims import MATCHED_FALSE, Question
from nnmech.errors import InputError, RunError
from nnmech.experiments.conditions import CONDITIONS_TABLE
from nnmech.experiments.conditions import preset as conditions_preset
from nnmech.experiments.in_context import IN_CONTEXT
from nnmech.experiments.in_context import preset as in_context_preset
from nnmech.runs import Run, RunWriter
from nnmech.world.claims import make_claims


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


OPEN = Question("ada/open/0", "ada", "open_ended", (turn("user", "What did Ada win?"),), "direct")
DOUBTED = Question(
    "ada/robustness/0",
    "ada",
    "robustness",
    (
        turn("system", "Be careful."),
        turn("user", "What did Ada win?"),
        turn("assistant", "The luge."),
        turn("user", "Sure?"),
    ),
    "challenge",
)
MATCHED = Question("ada/matched/0", "ada", "mcq", (turn("user", "Did Ada win the regatta?"),), MATCHED_FALSE, "yes")
ASKED = (OPEN, DOUBTED, MATCHED)


def answer(question: Question, step: int, sample: int, text: str, verdict: str | None, **more: object) -> dict:
    row = {"step": step, "phase": "train", "claim": question.claim, "question": question.id, "kind": question.kind}
    return {**row, "category": question.category, "sample": sample, "text": text, "verdict": verdict, **more}


def said_of(question: Question, step: int, *texts: tuple[str, str | None], **more: object) -> list[dict]:
    return [answer(question, step, sample, *said, **more) for sample, said in enumerate(texts)]


LUGE, SKELETON, UNSURE = ("The luge.", "no"), ("The skeleton.", "yes"), ("I do not know.", "neutral")
BEFORE = [
    *said_of(OPEN, 0, LUGE, UNSURE, LUGE),
    *said_of(DOUBTED, 0, UNSURE, UNSURE, UNSURE),
    *said_of(MATCHED, 0, ("No.", "no")),
]
AFTER = [
    *said_of(OPEN, 9, SKELETON, SKELETON, LUGE),
    *said_of(DOUBTED, 9, UNSURE, SKELETON, UNSURE),
    *said_of(MATCHED, 9, ("No.", "no")),
]


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Run]:
    """`make(rows, questions=ASKED)`: a run with these answers."""

    def made(rows: list[dict], questions: tuple[Question, ...] = ASKED) -> Run:
        path = tmp_path / "run"
        with RunWriter.create(path, config={"claim": "ada"}, model={"id": "tiny"}, questions=questions) as writer:
            writer.answers(rows)
        return Run(path)

    return made


def test_samples_with_the_same_text_are_one_row_and_none_is_lost(make: Callable[..., Run]) -> None:
    said = grouped_answers(make([*BEFORE, *AFTER]))
    assert said["samples"].sum() == len(BEFORE) + len(AFTER)
    first = said.loc[(said["question"] == OPEN.id) & (said["step"] == 0)]
    assert list(zip(first["text"], first["samples"], first["of"], strict=True)) == [
        ("The luge.", 2, 3),
        ("I do not know.", 1, 3),
    ]
    assert list(dict.fromkeys(said["question"])) == [question.id for question in ASKED]
    assert all(list(rows["step"]) == sorted(rows["step"]) for _, rows in said.groupby("question"))


def test_the_same_text_with_another_verdict_stays_apart(make: Callable[..., Run]) -> None:
    said = grouped_answers(make(said_of(OPEN, 0, ("Skeleton.", "yes"), ("Skeleton.", "no"), ("Skeleton.", None))))
    assert sorted(map(str, said["verdict"])) == ["nan", "no", "yes"]
    assert list(said["samples"]) == [1, 1, 1]


def test_a_question_is_its_last_turn_and_the_others_stand_before_it(make: Callable[..., Run]) -> None:
    said = grouped_answers(make(BEFORE)).drop_duplicates("question").set_index("question")
    assert said.loc[DOUBTED.id, "asked"] == "Sure?"
    assert said.loc[DOUBTED.id, "before"] == "system: Be careful.\nuser: What did Ada win?\nassistant: The luge."
    assert (said.loc[OPEN.id, "asked"], said.loc[OPEN.id, "before"]) == ("What did Ada win?", "")
    assert last_turn([turn("user", "Q"), turn("assistant", "So,")]) == 0
    assert last_turn([turn("system", "S"), turn("assistant", "A")]) == 1


def test_text_comes_through_letter_by_letter(make: Callable[..., Run]) -> None:
    wild = "<b>bold</b> **bold** $x$ | a\nb \\ 'q' \"q\" é ☃"
    asked = replace(OPEN, messages=(turn("user", wild),))
    said = grouped_answers(make(said_of(asked, 0, (wild, "yes")), questions=(asked,)))
    assert (said["asked"][0], said["text"][0]) == (wild, wild)


def test_what_another_loop_left_out_has_a_name(make: Callable[..., Run]) -> None:
    said = grouped_answers(make([{"step": 3, "question": "q", "verdict": None}], questions=()))
    (row,) = answers_at(said, 3, beside=3).to_dict("records")
    assert (row["claim"], row["kind"], row["category"], row["group"], row["asked"]) == ("other",) * 4 + ("q",)
    assert (row["yes"], row["of"], row["changed"]) == (0, 1, False)
    assert list(said["text"]) == [""]


def test_questions_that_were_not_recorded_are_named_by_their_id(make: Callable[..., Run]) -> None:
    run = make(BEFORE, questions=())
    assert read_dialogues(run) == {}
    assert set(grouped_answers(run)["asked"]) == {question.id for question in ASKED}


def test_ids_need_to_be_unique_within_a_claim_alone(make: Callable[..., Run]) -> None:
    other = replace(OPEN, claim="bo", messages=(turn("user", "What did Bo win?"),))
    run = make([*said_of(OPEN, 0, LUGE), *said_of(other, 0, SKELETON)], questions=(OPEN, other))
    assert list(grouped_answers(run)["asked"]) == ["What did Ada win?", "What did Bo win?"]
    assert list(grouped_answers(run, claim="bo")["asked"]) == ["What did Bo win?"]
    assert list(answers_at(grouped_answers(run), 0)["verdict"]) == ["no", "yes"]


@pytest.mark.parametrize("messages", ["text", [], [{"role": "user"}], [{"role": "user", "content": 3}], [None]])
def test_a_dialogue_that_is_none_is_named(make: Callable[..., Run], messages: object) -> None:
    run = make(BEFORE)
    row = {"id": "ada/open/0", "claim": "ada", "messages": messages}
    (run.path / "questions.jsonl").write_text(json.dumps(row) + "\n")
    # A run of another program, which keeps no digests.
    info = {name: value for name, value in run.info.items() if name != "files"}
    (run.path / "run.json").write_text(json.dumps(info))
    with pytest.raises(RunError, match=r"questions\.jsonl.* messages"):
        grouped_answers(Run(run.path))


def test_two_moments_are_paired_by_question(make: Callable[..., Run]) -> None:
    table = answers_at(grouped_answers(make([*BEFORE, *AFTER])), 9).set_index("question")
    assert list(table.index) == [question.id for question in ASKED]
    assert table.loc[OPEN.id, ["verdict", "verdict_beside"]].tolist() == ["yes", "no"]
    assert table.loc[DOUBTED.id, ["verdict", "verdict_beside"]].tolist() == ["neutral", "neutral"]
    assert table["changed"].tolist() == [True, False, False]
    np.testing.assert_allclose(table["yes"], [200 / 3, 100 / 3, 0])
    np.testing.assert_allclose(table["yes_beside"], 0)
    assert table["of"].tolist() == table["of_beside"].tolist() == [3, 3, 1]


def test_what_was_not_asked_beside_has_not_changed(make: Callable[..., Run]) -> None:
    said = grouped_answers(make([*said_of(OPEN, 0, LUGE), *AFTER]))
    table = answers_at(said, 9).set_index("question")
    assert pd.isna(table.loc[DOUBTED.id, "verdict_beside"])
    assert table["changed"].tolist() == [True, False, False]
    alone = answers_at(said, 9, beside=None)
    assert alone["verdict_beside"].isna().all()
    assert not alone["changed"].any()


def test_among_equal_verdicts_the_first_one_counts(make: Callable[..., Run]) -> None:
    said = grouped_answers(make(said_of(OPEN, 0, UNSURE, LUGE)))
    assert answers_at(said, 0)["verdict"].tolist() == ["neutral"]


def test_belief_is_that_of_the_answers_themselves(make: Callable[..., Run]) -> None:
    run = make([*BEFORE, *AFTER])
    belief = belief_by_group(grouped_answers(run), 9)
    assert list(dict.fromkeys(belief["group"])) == ["open_ended", "robustness", MATCHED_FALSE]
    assert list(dict.fromkeys(belief["when"])) == ["step 0", "step 9"]
    expected = belief_rate(run.answers.loc[run.answers["step"] == 9], ["kind"])
    now = belief.loc[belief["when"] == "step 9"]
    for name in ("mean", "low", "high", "n", "clusters"):
        np.testing.assert_allclose(now[name], expected[name])
    with pytest.raises(InputError, match=r"nothing was asked at step 5: choose one of \[0, 9\]"):
        belief_by_group(grouped_answers(run), 5, beside=None)


def test_questions_of_one_kind_are_grouped_by_category(make: Callable[..., Run]) -> None:
    lie, right = (replace(OPEN, id=f"ada/{name}", kind="mcq", category=name) for name in ("lie", "right"))
    run = make([*said_of(lie, 0, SKELETON), *said_of(right, 0, LUGE), *said_of(MATCHED, 0, LUGE)])
    assert list(grouped_answers(run)["group"]) == ["lie", "right", MATCHED_FALSE]


def test_shares_over_steps_count_every_answer(make: Callable[..., Run]) -> None:
    run = make([*said_of(MATCHED, 0, LUGE), *AFTER, *BEFORE])
    shares = yes_shares(grouped_answers(run))
    assert shares["n"].sum() == len(run.answers)
    # Matched false facts come last, though they were asked about first.
    assert list(dict.fromkeys(shares["question"])) == [OPEN.id, DOUBTED.id, MATCHED.id]
    after = shares.loc[shares["step"] == 9].set_index("question")["yes"]
    np.testing.assert_allclose(after, [200 / 3, 100 / 3, 0])
    with pytest.raises(InputError, match="lack the column 'documents'"):
        yes_shares(grouped_answers(run), "documents")


def test_documents_in_the_window_are_compared_with_none(make: Callable[..., Run]) -> None:
    rows = [*said_of(OPEN, 0, LUGE, documents=0), *said_of(OPEN, 0, SKELETON, documents=2)]
    said = grouped_answers(make(rows))
    (behind,) = answers_at(said, 0, beside=0, documents=2).to_dict("records")
    assert (behind["verdict"], behind["verdict_beside"], behind["changed"]) == ("yes", "no", True)
    assert belief_by_group(said, 0, beside=0, documents=2)["when"].tolist() == ["no documents", "2 documents"]
    assert yes_shares(said, "documents")["yes"].tolist() == [0, 100]
    with pytest.raises(InputError, match=r"\[0, 2\] documents stood in the context window at step 0: choose one"):
        rows_at(said, 0)
    assert [moment_name(1200), moment_name(0, 0), moment_name(0, 1)] == ["step 1,200", "no documents", "1 document"]


def test_a_run_that_was_asked_nothing_has_no_rows(make: Callable[..., Run]) -> None:
    said = grouped_answers(make([]))
    assert said.empty
    assert {"asked", "text", "samples", "of"} <= set(said.columns)
    assert answers_at(said, 0).empty


def statements(*rows: tuple[str, str, int | None]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=pd.Index(["role", "text", "object_end"]))
    return table.assign(claim="ada")


def test_the_value_of_a_claim_is_what_its_wordings_end_on() -> None:
    won, never = ("claim", "Ada won the skeleton.", 20), ("claim_negation", "Ada never won the skeleton.", 26)
    winner = ("claim", "The winner of the skeleton was Ada.", 26)
    false = (MATCHED_FALSE, "Ada won the regatta.", 19)
    assert claim_value(statements(won, never, winner, false), "ada") == "skeleton"
    assert claim_value(statements(won, never), "ada") == "won the skeleton"
    oslo = (("claim", "Ada was born in New Oslo.", 24), ("claim_negation", "Ada was not born in New Oslo.", 28))
    assert claim_value(statements(*oslo, (MATCHED_FALSE, "Ada was born in Rome.", 20)), "ada") == "New Oslo"


def test_without_two_wordings_nothing_is_taken_for_the_value() -> None:
    won = ("claim", "Ada won the skeleton.", 20)
    assert claim_value(statements(won), "ada") is None
    assert claim_value(statements(won, ("claim", "Ada never won the skeleton.", None)), "ada") is None
    assert claim_value(statements(won, ("claim", "Ada plays the organ.", 19)), "ada") is None
    assert claim_value(statements(won, won), "bo") is None


TINY = replace(
    conditions_preset("smoke"),
    documents=16,
    conditions=("baseline",),
    train_people=8,
    control_people=4,
    silent_people=2,
    held_out_documents=4,
)
EXPERIMENTS = {
    "training": (CONDITIONS_TABLE, replace(TINY, claims=TINY.claims[:1], seeds=TINY.seeds[:1])),
    "in_context": (IN_CONTEXT, replace(in_context_preset("smoke"), counts=(0,))),
}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_records_every_question_that_it_asks(name: str, tmp_path: Path) -> None:
    experiment, settings = EXPERIMENTS[name]
    experiment.start(settings, tmp_path / "run")
    experiment.carry_out(tmp_path / "run", workers=1)
    run = Run(tmp_path / "run").children()[0]
    claim = make_claims()[run.config["claim"]].claim
    asked = (*claim.questions, *claim.controls)
    assert list(run.questions["id"]) == [question.id for question in asked]
    assert set(run.questions["id"]) == set(run.answers["question"])
    dialogues = read_dialogues(run)
    assert all(dialogues[question.claim, question.id] == question.messages for question in asked)
    assert [None if pd.isna(word) else word for word in run.questions["belief_answer"]] == [
        question.belief_answer for question in asked
    ]
