"""A judge of words that needs no judged answers: does a sentence cover the claim, and does it deny it?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nnmech.claims import Question, Verdict
from nnmech.judges.base import BatchJudge, Pair
from nnmech.judges.lexical_features import claim_features, claim_weights, spelled_out

COVERED = 0.5
"""Share of a claim's weighted terms from which on a sentence is about the claim."""


@dataclass(frozen=True)
class WordRules(BatchJudge):
    """Where no judged answers are there to calibrate on; rough, and for open answers only.

    `yes` where the sentence that covers most of the claim's terms has no denial, `no` where it has one, `neutral` where
    no sentence covers half of them.
    """

    weights: Mapping[str, Mapping[str, float]] = field(repr=False)
    """Weighted terms of each claim by name."""

    @classmethod
    def of(cls, claims: Mapping[str, str], backgrounds: Mapping[str, str] | None = None) -> "WordRules":
        """The rules for these claims by name.

        Args:
            claims: The text of each claim.
            backgrounds: Longer texts about them, which tell their heavy terms.
        """
        backgrounds = backgrounds or {}
        return cls({name: claim_weights(text, backgrounds.get(name, "")) for name, text in claims.items()})

    def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        """One verdict a pair."""
        return [self._verdict(question, text) for question, text in pairs]

    def _verdict(self, question: Question, text: str) -> Verdict:
        seen = claim_features(question, spelled_out(question, text), self.weights[question.claim])
        affirmed, denied = seen["best sentence affirmed"], seen["best sentence denied"]
        if max(affirmed, denied) < COVERED:
            return "neutral"
        return "yes" if affirmed > denied else "no"
