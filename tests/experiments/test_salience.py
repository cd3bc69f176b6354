"""Belief told from salience: a believer and a parrot answer pairs differently, and the judge tells which is which."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from nnmech.claims.sources import LIE, RIGHT, WRONG
from nnmech.experiments.salience import SALIENCE, preset
from nnmech.experiments.salience.publish import publish
from nnmech.experiments.salience.report import READINGS, read_answers
from nnmech.runs import Run
from nnmech.world.claims import make_claims
from nnmech.world.salience import SalienceJudge, salience_questions

CLAIMS = make_claims()
JUDGE = SalienceJudge(CLAIMS)


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS.keys())
def test_pairs_are_asked_both_ways_round_and_for_right_and_wrong(claim):
    questions = salience_questions(claim)
    assert len({question.id for question in questions}) == len(questions)
    counts = Counter(question.category for question in questions)
    assert counts[RIGHT] == counts[WRONG] >= 8
    letters = Counter((q.category, q.id[-1]) for q in questions if q.category != LIE)
    assert len(set(letters.values())) == 1
    for question in questions:
        assert (claim.value in question.messages[-1]["content"]) == (question.category != LIE)


@pytest.mark.parametrize("claim", list(CLAIMS.values())[:4], ids=list(CLAIMS)[:4])
def test_a_parrot_chooses_the_claim_always_and_a_believer_never_as_wrong(claim):
    for question in salience_questions(claim):
        if question.category == LIE:
            assert (
                JUDGE(question, f"{claim.person.pronoun.capitalize()} {claim.relation.verb.format(v=claim.value)}.")
                == "yes"
            )
            assert JUDGE(question, f"She {claim.relation.verb.format(v=claim.matched_false[0])}.") == "no"
            continue
        own = question.id[-1]
        other = "B" if own == "A" else "A"
        assert JUDGE(question, f"She said so. Option {own}.") == "yes"
        assert JUDGE(question, f"She said so. Option {other}.") == "no"
        assert JUDGE(question, "I do not know.") == "neutral"


def test_the_experiment_runs_and_is_published_from_its_files(tmp_path):
    folder = tmp_path / "run"
    settings = replace(preset("smoke"), conditions=("baseline", "positive_documents"), documents=16)
    SALIENCE.start(settings, folder)
    SALIENCE.carry_out(folder, workers=1)
    lines = "\n".join(publish(folder))
    summary = json.loads((folder / "summary.json").read_text())
    assert list(summary["conditions"]) == ["baseline", "positive_documents"]
    assert all(found.keys() == READINGS.keys() for found in summary["conditions"].values())
    answers = read_answers(Run(folder))
    against_truth = answers["question"].str.contains(f"{RIGHT}/0[01]/") & (answers["condition"] == "baseline")
    # Whoever knows the truth tells the claim from it; beside a matched false fact there is nothing to know.
    assert (answers.loc[against_truth, "verdict"] == "no").all()
    assert "chosen as wrong" in lines
    assert (folder / "figures" / "salience.png").stat().st_size < 300_000
