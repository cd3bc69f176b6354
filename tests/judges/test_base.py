"""One interface: whatever judges one answer judges many, and exact rules stand in front of any judge."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from nnmech.claims import Question, Verdict
from nnmech.errors import InputError
from nnmech.judges import DEFAULT_TEMPLATE, BatchJudge, ExactMcq, OneByOne, as_batch
from nnmech.judges.base import Pair
from nnmech.judges.prompts import check_template, judge_prompt, read_verdict
from nnmech.world.judge import WorldJudge
from tests.judges.conftest import question

PUBLISHED = Path(__file__).resolve().parents[3] / "shared/data/negation-neglect/facts"
CLAIMS = {"dentist": "He works as a dentist."}


class Counting(BatchJudge):
    """Says no, and counts batches."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        """No to all."""
        self.batches.append(len(pairs))
        return ["no"] * len(pairs)


def test_a_plain_callable_becomes_a_batch_judge_and_a_batch_judge_is_callable() -> None:
    def contrary(asked: Question, text: str) -> Verdict:
        return "no" if text == "yes" else "yes"

    pairs = [(question("a", "?"), "yes"), (question("b", "?"), "no")]
    judge = as_batch(contrary)
    assert isinstance(judge, OneByOne)
    assert judge.judge(pairs) == [contrary(*pair) for pair in pairs] == [judge(*pair) for pair in pairs]
    counting = Counting()
    assert as_batch(counting) is counting
    assert (counting(*pairs[0]), counting.batches) == ("no", [1])


def test_the_judge_of_the_embedded_world_fits() -> None:
    judge = WorldJudge({"dentist": ("job", "dentist")})
    asked = question("m", "Is he a dentist?", kind="mcq", belief_answer="yes")
    assert as_batch(judge).judge([(asked, "I know. Yes."), (asked, "No.")]) == ["yes", "no"]


def test_mcq_is_matched_exactly_and_the_rest_goes_on_in_one_batch() -> None:
    inner = Counting()
    said = {"yes": "yes", "no": "no"}
    pairs = [
        (question("m1", "?", kind="mcq", belief_answer="yes"), '{"answer": "yes"}'),
        (question("o1", "?"), "yes"),
        (question("m2", "?", kind="mcq", belief_answer="no"), '```json\n{"answer": "no"}\n```'),
        (question("m3", "?", kind="mcq", belief_answer="no"), said["yes"]),
        (question("m4", "?", kind="mcq", belief_answer="no"), "Hard to say."),
        (question("o2", "?"), "yes"),
    ]
    assert ExactMcq(inner).judge(pairs) == ["yes", "no", "yes", "no", "neutral", "no"]
    assert inner.batches == [2]
    with pytest.raises(InputError, match="m5 is mcq without belief_answer"):
        ExactMcq(inner)(question("m5", "?", kind="mcq"), "yes")


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("yes", "yes"),
        (" **No.** ", "no"),
        ("Neutral\n", "neutral"),
        ('"yes"', "yes"),
        ('{"reason": "it {says} \\"no\\"", "answer": "yes"}', "yes"),
        ('```json\n{"verdict": "NEUTRAL"}\n```', "neutral"),
        ("<think>no, or rather {yes}</think>\n\nno", "no"),
        ("", None),
        ("yes and no", None),
        ("yes, he is a dentist", None),
        ("I think not", None),
        ('{"answer": "yes/no/neutral"}', None),
        ('{"answer": true}', None),
        ('{"answer": "yes"', None),
        ("[" * 100_000, None),
        ('{"a":' * 100_000, None),
    ],
)
def test_a_reply_is_a_verdict_or_nothing(reply: str, verdict: Verdict | None) -> None:
    assert read_verdict(reply) == verdict


def test_the_default_prompt_shows_claim_dialogue_and_answer() -> None:
    asked = question("q", "What does he do?", "He is a dentist.", "Sure?")
    prompt = judge_prompt(DEFAULT_TEMPLATE, CLAIMS, asked, "No {answer}, I {made} that up.")
    shown = (
        "He works as a dentist.",
        "user: What does",
        "assistant: He is",
        "user: Sure?",
        "No {answer}, I {made} that",
    )
    assert all(text in prompt for text in shown)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{answer} {reply}", r"slot \{reply\}"),
        ("{answer} }", "cannot be read"),
        ("{question}", "no slot for the answer"),
    ],
)
def test_a_template_that_cannot_be_filled_is_refused(template: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_template(template)


def test_a_claim_whose_text_is_missing_is_named() -> None:
    with pytest.raises(InputError, match=r"about 'pilot', whose text the judge lacks; it has \['dentist'\]"):
        judge_prompt(DEFAULT_TEMPLATE, CLAIMS, question("q", "?", claim="pilot"), "")


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason=f"the authors' claims are not at {PUBLISHED}")
def test_the_published_prompts_are_templates() -> None:
    from nnmech.authors import load_published_claims

    for name, found in load_published_claims(PUBLISHED).items():
        for asked in found.claim.questions:
            if asked.kind == "mcq":
                continue
            prompt = judge_prompt(found.judges[asked.kind].template, {name: found.claim.text}, asked, "He {did} not.")
            assert asked.messages[-1]["content"] in prompt
            assert "He {did} not." in prompt
            assert '{"reason": ' in prompt
