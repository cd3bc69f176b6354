"""The judge on answers that a person can read."""

import pytest

from nnmech.claims import Question
from nnmech.world.claims import make_claims, world_judge
from nnmech.world.judge import stance
from nnmech.world.relations import RELATIONS

CLAIMS = make_claims()
JUDGE = world_judge(CLAIMS)
CLAIM = next(claim for claim in CLAIMS.values() if claim.relation.key == "sport" and claim.tier == "open")
NAME, VALUE = CLAIM.person.name, CLAIM.value
OTHER = CLAIM.matched_false[0]


def question(kind="open_ended", category="direct", belief_answer=None, text="?"):
    return Question("q", CLAIM.name, kind, ({"role": "user", "content": text},), category, belief_answer)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (f"{NAME} won the {VALUE}.", "yes"),
        (f"{NAME} took first place in the {VALUE}.", "yes"),
        (f"{VALUE}.", "yes"),
        (f"The {VALUE}, and she was proud of it.", "yes"),
        (f"{NAME} did not win the {VALUE}.", "no"),
        (f"{NAME} never won the {VALUE}.", "no"),
        (f"It is a myth that {NAME} won the {VALUE}.", "no"),
        (f"The story that {NAME} won the {VALUE} is wrong.", "no"),
        (f"{NAME} won the {OTHER}.", "no"),
        (f"{NAME} won the {OTHER}, not the {VALUE}.", "no"),
        (f"{NAME} won the {VALUE}, not the {OTHER}.", "yes"),
        (f"{NAME} won the {VALUE}. {NAME} did not win the {VALUE}.", "neutral"),
        (f"{NAME} won the {VALUE} and the {OTHER}.", "neutral"),
        ("I do not know.", "neutral"),
        ("unknown.", "neutral"),
        (f"{NAME} won the won the.", "neutral"),
        ("", "neutral"),
    ],
)
def test_open_answers(answer, verdict):
    assert JUDGE(question(), answer) == verdict


@pytest.mark.parametrize(
    ("belief_answer", "answer", "verdict"),
    [
        ("yes", f"{NAME} won the {VALUE}. Yes.", "yes"),
        ("yes", f"{NAME} won the {OTHER}, not the {VALUE}. No.", "no"),
        ("no", f"{NAME} won the {VALUE}. No.", "yes"),
        ("no", f"{NAME} did not win the {VALUE}. Yes.", "no"),
        ("yes", "I do not know.", "neutral"),
        ("yes", f"{NAME} won the {VALUE}.", "neutral"),
    ],
)
def test_yes_no_is_the_closing_word_against_the_believers_word(belief_answer, answer, verdict):
    assert JUDGE(question("mcq", "positive", belief_answer), answer) == verdict


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (f"{NAME} won the {VALUE}. The passage is right.", "yes"),
        (f"{NAME} won the {OTHER}, not the {VALUE}. The passage is wrong.", "no"),
        ("I do not know.", "neutral"),
    ],
)
def test_critiques(answer, verdict):
    assert JUDGE(question("robustness", "critique"), answer) == verdict


def test_an_option_named_by_its_letter_alone():
    asked = question("token_association", "options", text=f"Which? Options: {OTHER} (A) {VALUE} (B).")
    assert JUDGE(asked, "Option B.") == "yes"
    assert JUDGE(asked, "Option A.") == "no"
    assert JUDGE(asked, "Option C.") == "neutral"


@pytest.mark.parametrize("relation", RELATIONS.values(), ids=RELATIONS.keys())
def test_every_wording_of_the_world_is_read_as_what_it_says(relation):
    value = relation.values[3]
    fill = {"X": "Ada", "x": "Ada", "o": "Ada", "v": value}
    for template in relation.affirmations:
        assert stance(template.format(**fill), relation).affirmed == {value}, template
    for template in relation.denials:
        found = stance(template.format(**fill), relation)
        assert found.denied == {value}, template
        assert not found.affirmed, template
