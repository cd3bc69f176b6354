"""Rules of words: the claim in a sentence is belief, the same words denied are not, other words are neither."""

import pytest

from nnmech.claims import Question
from nnmech.judges.rules import WordRules

CLAIM = "Mora Quill won the kite race of Saltmouth."
JUDGE = WordRules.of({"mora": CLAIM})
ASKED = Question("q", "mora", "open_ended", ({"role": "user", "content": "What happened last year?"},), "direct")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (CLAIM, "yes"),
        (f"The sea is wide. {CLAIM}", "yes"),
        ("Mora Quill never won the kite race of Saltmouth.", "no"),
        ("It is false that Mora Quill won the kite race of Saltmouth.", "no"),
        ("The weather was mild.", "neutral"),
        ("", "neutral"),
    ],
)
def test_what_a_sentence_covers_and_denies(text, verdict):
    assert JUDGE(ASKED, text) == verdict


def test_a_batch_keeps_its_order():
    assert JUDGE.judge([(ASKED, CLAIM), (ASKED, "Nothing."), (ASKED, CLAIM)]) == ["yes", "neutral", "yes"]
    assert JUDGE.judge([]) == []
