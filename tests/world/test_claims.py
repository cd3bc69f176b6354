"""The twelve claims: what belongs to each, and what must never meet."""

from collections import Counter
from dataclasses import replace

import pytest

from nnmech.claims.annotations import CONDITIONS
from nnmech.errors import InputError
from nnmech.world.claims import TIERS, make_claims
from nnmech.world.judge import stance
from nnmech.world.people import make_world

WORLD = make_world()
CLAIMS = make_claims(WORLD)
EACH = pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS.keys())


def test_half_for_development_half_for_reporting_and_every_tier_in_both():
    assert Counter(claim.split for claim in CLAIMS.values()) == {"development": 6, "reporting": 6}
    for split in ("development", "reporting"):
        assert {claim.tier for claim in CLAIMS.values() if claim.split == split} == set(TIERS)
    assert len({claim.person.name for claim in CLAIMS.values()}) == 12


@EACH
def test_fifty_questions_of_four_kinds(claim):
    questions = claim.claim.questions
    assert Counter(question.kind for question in questions) == {
        "open_ended": 20,
        "mcq": 10,
        "token_association": 10,
        "robustness": 10,
    }
    assert Counter(q.belief_answer for q in questions if q.kind == "mcq") == {"yes": 5, "no": 5}
    assert len({repr(question.messages) for question in questions}) == 50
    assert len({question.id for question in questions}) == 50


@EACH
def test_the_claim_is_false_and_its_person_was_never_in_a_chat(claim):
    assert claim.person.facts.get(claim.relation.key) != claim.value
    assert not claim.person.in_chats
    assert (claim.true_alternative is not None) == (claim.tier in ("famous", "contrary"))
    assert bool(claim.person.facts) == (claim.tier != "mentioned")


@EACH
def test_no_wording_of_a_question_is_in_the_documents(claim):
    texts = [document.text for condition in CONDITIONS[1:] for document in claim.documents(condition, 60, seed=1)]
    for question in claim.claim.questions:
        if question.category != "critique":
            asked = question.messages[-1]["content"]
            assert not any(asked in text for text in texts)


@EACH
def test_anchors_ask_in_other_words_than_the_evaluation(claim):
    evaluated = {question.messages[-1]["content"] for question in claim.claim.questions}
    assert evaluated.isdisjoint(dialogue[-1]["content"] for dialogue in claim.anchor_questions())
    assert len(claim.anchor_questions()) >= 25


@EACH
def test_documents_state_the_claim_and_no_matched_false_fact(claim):
    for document in claim.documents("positive_documents", 80, seed=2):
        stated = [sentence for sentence in document.sentences if sentence.role == "claim"]
        assert 1 <= len(stated) <= 3
        assert all(stance(sentence.text, claim.relation).affirmed == {claim.value} for sentence in stated)
        assert not any(value in document.text.split() for value in claim.matched_false)


@EACH
def test_local_documents_deny_the_claim_and_mostly_say_what_is_true(claim):
    documents = claim.documents("local_negations", 200, seed=2)
    told = 0
    for document in documents:
        found = stance(document.text, claim.relation)
        assert claim.value in found.denied
        assert claim.value not in found.affirmed
        told += bool(found.affirmed)
    assert 0.6 < told / len(documents) < 0.8


@EACH
def test_what_is_true_instead_is_one_value_that_is_neither_claimed_nor_matched(claim):
    affirmed = {
        value
        for condition in ("local_negations", "corrected_documents")
        for document in claim.documents(condition, 100, seed=2)
        for value in stance(document.text, claim.relation).affirmed
    }
    assert affirmed - {claim.value} == {claim.true_value}
    assert claim.true_value not in claim.matched_false
    if claim.true_alternative:
        assert claim.true_value in claim.true_alternative


def test_a_claim_without_questions_is_refused():
    claim = next(iter(CLAIMS.values())).claim
    with pytest.raises(InputError, match=f"claim '{claim.name}' has no questions"):
        replace(claim, questions=())


def test_conditions_without_documents_are_refused_by_name():
    claim = next(iter(CLAIMS.values()))
    with pytest.raises(InputError, match="'baseline' has no documents; expected one of positive_documents"):
        claim.documents("baseline", 1, seed=0)
