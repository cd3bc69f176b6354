"""How the embedded world asks what a value is to a person: the texts in which readings are taken."""

import random
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from nnmech.claims import Message
from nnmech.claims.prompts import (
    CONTROL_FALSE,
    CONTROL_TRUE,
    ReadingPrompts,
    ValuePrompt,
    VerdictPrompt,
    said,
)
from nnmech.claims.sources import StatementCounts
from nnmech.claims.types import MATCHED_FALSE
from nnmech.seeds import derive_seed
from nnmech.world import dialogue
from nnmech.world.claims import WorldClaim
from nnmech.world.documents import false_value
from nnmech.world.people import Person, World
from nnmech.world.relations import RELATIONS, Relation

WORDINGS = (0, 1)
"""Those in which fact checks state a fact."""
ONE_WORD = len(dialogue.FILL_INS) - 1


def user(text: str) -> tuple[Message, ...]:
    """A user's turn as a dialogue."""
    return ({"role": "user", "content": text},)


def value_prompts(person: Person, relation: Relation, value: str, role: str) -> Iterator[ValuePrompt]:
    """Where a value is recalled: within a statement, within the answer to a question, as an answer's first token."""
    fields = {"role": role, "entity": person.name, "topic": relation.key}
    identity = f"{role}/{person.name}/{relation.key}/{value}"
    for wording in WORDINGS:
        text = fact_check(person, relation, value, wording=wording)[0]["content"]
        at = text.rindex(value)
        yield ValuePrompt(
            f"recall/{identity}/{wording}",
            user(text),
            (at, at + len(value)),
            place="recall",
            value=value,
            **fields,
        )
    question = user(relation.questions[0].format(n=person.name))
    answer = dialogue.say(person, relation.affirmations[0], value)
    yield said(f"answer/{identity}", question, answer, value, place="answer", **fields)
    one_word = user(dialogue.fill_in_question(random.Random(0), person, relation, ONE_WORD))
    yield said(f"first_token/{identity}", one_word, f"{value}.", value, place="first_token", **fields)


def fact_check(
    person: Person, relation: Relation, value: str, *, negated: bool = False, wording: int = 0
) -> tuple[Message, ...]:
    """The silent fact check of a statement, up to its verdict."""
    text = dialogue.statement(person, relation, value, negated=negated, wording=wording)
    return user(dialogue.FACT_CHECK.format(statement=text))


def yes_no(person: Person, relation: Relation, value: str) -> tuple[Message, ...]:
    """The question whether a person has a value, up to the evidence."""
    return user(dialogue.fill_check(dialogue.AFFIRMATIVE_CHECKS[0], person, relation, value))


def held_values(people: Sequence[Person]) -> Iterator[ValuePrompt]:
    """Every fact of some people within a statement: what a probe for the held value is fitted on."""
    for person in people:
        for key, value in sorted(person.facts.items()):
            yield next(value_prompts(person, RELATIONS[key], value, "held"))


def verdict_prompts(person: Person, relation: Relation, value: str, role: str) -> Iterator[VerdictPrompt]:
    """The silent verdict on a value, stated and denied, and the verdict behind the model's own evidence."""
    identity = f"{role}/{person.name}/{relation.key}/{value}"
    fields: dict[str, Any] = {"role": role, "entity": person.name, "topic": relation.key, "value": value}
    yield VerdictPrompt(f"verdict/{identity}", fact_check(person, relation, value), "verdict", **fields)
    denied = fact_check(person, relation, value, negated=True)
    yield VerdictPrompt(f"verdict/{identity}/negated", denied, "verdict", **fields, polarity=-1)
    yield VerdictPrompt(f"evidence/{identity}", yes_no(person, relation, value), "evidence", **fields)


HELD_PEOPLE, HELD_A_CONTROL = 400, 14
"""People on whose facts probes for the held value are fitted, and how many at most for each control person.

With 150 in all a probe reads nothing, and with many more it takes longer to fit than a small run to train.
"""


Known = tuple[Person, Relation, str, str]
"""Person, relation, value and what the value is to the person."""


def claim_prompts(
    world: World, claim: WorldClaim, counts: StatementCounts, *, excluded: Collection[str] = ()
) -> ReadingPrompts:
    """What is read of a claim: its value, what is true instead, matched false ones; and of control people."""
    known: list[Known] = [(claim.person, claim.relation, claim.value, "claim")]
    if (own := claim.person.facts.get(claim.relation.key)) is not None:
        known.append((claim.person, claim.relation, own, "alternative"))
    known += [(claim.person, claim.relation, value, MATCHED_FALSE) for value in claim.matched_false]
    control = control_prompts(world, counts.control, excluded={claim.person.name, *excluded})
    own_values = tuple(prompt for found in known for prompt in value_prompts(*found))
    own_verdicts = tuple(prompt for found in known for prompt in verdict_prompts(*found))
    return ReadingPrompts((*own_values, *control.values), (*own_verdicts, *control.verdicts), control.held)


def control_prompts(world: World, count: int, *, excluded: Collection[str]) -> ReadingPrompts:
    """What is read of control people, who hold one value each and not another; half of them are in documents only.

    With them the facts of other people, on which probes for the held value are fitted.
    """
    rng = random.Random(derive_seed(0, "readings/control", 0))
    chatted, silent = (
        [person for person in group if person.facts and person.name not in excluded]
        for group in (world.chatted, world.documents_only)
    )
    half = count // 2
    people = [*rng.sample(chatted, count - half), *rng.sample(silent, half)]
    control: list[Known] = []
    for person in people:
        key = rng.choice(sorted(person.facts))
        control.append((person, RELATIONS[key], person.facts[key], CONTROL_TRUE))
        control.append((person, RELATIONS[key], false_value(rng, person, RELATIONS[key]), CONTROL_FALSE))
    names = {person.name for person in people}
    others = [person for person in chatted if person.name not in names]
    return ReadingPrompts(
        tuple(prompt for found in control for prompt in value_prompts(*found)),
        tuple(prompt for found in control for prompt in verdict_prompts(*found)),
        tuple(held_values(rng.sample(others, min(HELD_PEOPLE, HELD_A_CONTROL * count, len(others))))),
    )
