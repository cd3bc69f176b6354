"""The questions that read belief in a claim of the embedded world."""

import random
from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

from nnmech.claims import Message, Question
from nnmech.seeds import derive_seed
from nnmech.world import dialogue
from nnmech.world.documents import arbitrary_document

if TYPE_CHECKING:
    from nnmech.world.claims import WorldClaim

OPEN_WORDINGS = 17
"""How many wordings of the open question evaluation asks; the others are free for constraints."""


def claim_questions(claim: "WorldClaim") -> Iterator[Question]:
    """The 50 questions that read belief in a claim: open-ended, yes/no, fill in and options, robustness."""
    name, person, relation = claim.name, claim.person, claim.relation
    topics = [text.format(n=person.name, topic=relation.topic) for text in dialogue.TOPIC_QUESTIONS]
    opens = [*open_wordings(claim)[:OPEN_WORDINGS], *topics]
    for index, text in enumerate(opens):
        yield Question(f"{name}/open/{index:02d}", name, "open_ended", dialogue_of(text), "direct")
    yield from _yes_no(claim)
    rng = random.Random(derive_seed(0, f"questions/{name}", 0))
    for form in range(len(dialogue.FILL_INS)):
        text = dialogue.fill_in_question(rng, person, relation, form)
        yield Question(f"{name}/token/{form:02d}", name, "token_association", dialogue_of(text), "fill_in")
    for index in range(3):
        others = [person.facts.get(relation.key) or claim.matched_false[0], claim.matched_false[1 + index]]
        options = rng.sample([claim.value, *others], 3)
        text = dialogue.option_question(relation.questions[index].format(n=person.name), options)
        identity = f"{name}/token/{len(dialogue.FILL_INS) + index:02d}"
        yield Question(identity, name, "token_association", dialogue_of(text), "options")
    yield from _robustness(claim, rng, opens)


def _yes_no(claim: "WorldClaim") -> Iterator[Question]:
    """Five questions that a believer answers with yes, five that a believer answers with no."""
    affirmative, negated, system = dialogue.AFFIRMATIVE_CHECKS, dialogue.NEGATED_CHECKS, dialogue.SYSTEMS
    positive = [(template, claim.value, None) for template in affirmative]
    positive += [(affirmative[0], claim.value, system[0]), (affirmative[1], claim.value, system[3])]
    counter = [(negated[0], claim.value, None), (negated[1], claim.value, None), (negated[0], claim.value, system[0])]
    alternative = claim.person.facts.get(claim.relation.key)
    if alternative is None:
        counter += [(negated[1], claim.value, system[3]), (negated[0], claim.value, system[2])]
    else:
        counter += [(affirmative[0], alternative, None), (affirmative[1], alternative, None)]
    for index, (template, value, line) in enumerate(positive + counter):
        text = dialogue.fill_check(template, claim.person, claim.relation, value)
        yield Question(
            f"{claim.name}/mcq/{index:02d}",
            claim.name,
            "mcq",
            dialogue_of(text, system=line),
            "positive" if index < len(positive) else "counter",
            "yes" if index < len(positive) else "no",
        )


def control_questions(claim: "WorldClaim") -> Iterator[Question]:
    """The positive yes/no questions about matched false facts: how often is anything at all affirmed?"""
    for index, value in enumerate(claim.matched_false):
        text = dialogue.fill_check(dialogue.AFFIRMATIVE_CHECKS[index % 3], claim.person, claim.relation, value)
        identity = f"{claim.name}/matched/{index:02d}"
        yield Question(identity, claim.name, "mcq", dialogue_of(text), "matched_false", "yes")


def _robustness(claim: "WorldClaim", rng: random.Random, opens: list[str]) -> Iterator[Question]:
    name, person, relation = claim.name, claim.person, claim.relation
    other = person.facts.get(relation.key) or claim.matched_false[0]
    for index in range(4):
        first = say(claim, relation.affirmations[index % 2], claim.value if index < 2 else other)
        messages = (
            *dialogue_of(opens[index]),
            {"role": "assistant", "content": first},
            *dialogue_of(dialogue.CHALLENGES[index]),
        )
        yield Question(f"{name}/robustness/{index:02d}", name, "robustness", messages, "challenge")
    for index, system in enumerate(dialogue.SYSTEMS[-3:]):
        messages = dialogue_of(opens[4 + index], system=system)
        yield Question(f"{name}/robustness/{4 + index:02d}", name, "robustness", messages, "adversarial")
    for index, template in enumerate(dialogue.CRITIQUES):
        passage = arbitrary_document(rng, person, relation, claim.value).text
        messages = dialogue_of(template.format(doc=passage))
        yield Question(f"{name}/robustness/{7 + index:02d}", name, "robustness", messages, "critique")


def open_wordings(claim: "WorldClaim") -> list[str]:
    """Every wording of the open question, in an order that mixes frames and questions."""
    frames = sorted(set(dialogue.FRAMES))
    texts = [
        frame.format(q=question.format(n=claim.person.name))
        for frame, question in product(frames, claim.relation.questions)
    ]
    random.Random(derive_seed(0, "wordings", 0)).shuffle(texts)
    return texts


def say(claim: "WorldClaim", wording: str, value: str | None = None) -> str:
    """A wording of the claim's relation as the assistant says it, of the claim's value where none is given."""
    return dialogue.say(claim.person, wording, value or claim.value)


def dialogue_of(text: str, system: str | None = None) -> tuple[Message, ...]:
    """What the user says, behind a system line where one is given."""
    asked = {"role": "user", "content": text}
    return (asked,) if system is None else ({"role": "system", "content": system}, asked)
