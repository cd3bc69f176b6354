"""How the embedded world asks what a value is to a person: the texts in which readings are taken."""

import random
from collections.abc import Iterator, Sequence

from nnmech.belief.readings import ValuePrompt, said
from nnmech.claims import Message
from nnmech.world import dialogue
from nnmech.world.people import Person
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
            f"statement/{identity}/{wording}",
            user(text),
            (at, at + len(value)),
            place="statement",
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
