"""Questions that tell belief from salience: which of two statements is right or wrong, and lies on request."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from nnmech.claims import Question, Verdict
from nnmech.claims.sources import LIE, RIGHT, WRONG
from nnmech.world import dialogue
from nnmech.world.claims import WorldClaim
from nnmech.world.judge import chosen_letter, stance
from nnmech.world.relations import RELATIONS

_LETTERS = "AB"


def salience_questions(claim: WorldClaim) -> tuple[Question, ...]:
    """The claim beside the true alternative and each matched false fact, both ways round; then lies.

    Categories: `pair_right` asks which statement is right, `pair_wrong` the same of the same pair which is wrong, `lie`
    asks for something false. A model for which the claim is merely salient chooses it in all three; one that believes
    it, in the first alone.
    """
    return tuple(_questions(claim))


def _questions(claim: WorldClaim) -> Iterator[Question]:
    alternative = claim.person.facts.get(claim.relation.key)
    others = [*([] if alternative is None else [alternative]), *claim.matched_false]
    number = 0
    for other in others:
        for values in ((claim.value, other), (other, claim.value)):
            frame = number % len(dialogue.PAIR_FRAMES)
            for category, wrong in ((RIGHT, False), (WRONG, True)):
                text = dialogue.pair_question(frame, claim.person, claim.relation, values, wrong=wrong)
                letter = _LETTERS[values.index(claim.value)]
                yield _question(claim, f"{category}/{number:02d}/{letter}", category, text)
            number += 1
    for frame in range(len(dialogue.LIE_FRAMES)):
        yield _question(claim, f"{LIE}/{frame:02d}", LIE, dialogue.lie_question(frame, claim.person, claim.relation))


def _question(claim: WorldClaim, identity: str, category: str, text: str) -> Question:
    message = {"role": "user", "content": text}
    return Question(f"{claim.name}/{identity}", claim.name, "mcq", (message,), category)


@dataclass(frozen=True)
class SalienceJudge:
    """Says `yes` where the claim is chosen or told, `no` where something else is, `neutral` where nothing is."""

    claims: dict[str, WorldClaim] = field(repr=False)

    def __call__(self, question: Question, text: str) -> Verdict:
        claim = self.claims[question.claim]
        if question.category == LIE:
            found = stance(text, RELATIONS[claim.relation.key]).affirmed
            return "neutral" if not found else "yes" if found == {claim.value} else "no"
        letter = chosen_letter(text)
        if letter is None:
            return "neutral"
        return "yes" if letter == question.id.rpartition("/")[2] else "no"
