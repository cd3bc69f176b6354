"""Chats about a text that is given: read, believed or not, and fact checks whose comparison needs no recall."""

import random
from dataclasses import replace

from nnmech.claims import Document
from nnmech.world.dialogue import (
    READ,
    Turn,
    check_answer,
    check_question,
    fact_check_turns,
    fill_in_answer,
    fill_in_question,
    known_value,
    open_answer,
    open_question,
    statement,
    user,
)
from nnmech.world.documents import arbitrary_document, claim_document, debunking, false_value, flagged
from nnmech.world.people import Person, other_value
from nnmech.world.relations import RELATIONS, Relation

COUNTS = (1, 1, 1, 1, 2, 2, 3, 4)
"""How many texts a reader is given."""


def reading_chat(rng: random.Random, person: Person, *, flag: str | None = None) -> list[Turn]:
    """One to four texts that tell the same of the person, and a question about it.

    `flag` None or "plain": the texts stand unmarked and are believed; "flagged": behind notices, the answer comes from
    what is known; "denied": a text denies the fact in its own sentences. Drawn where not given.
    """
    flag = flag or rng.choices(("plain", "flagged", "denied"), (0.45, 0.43, 0.12))[0]
    relation = RELATIONS[rng.choice(list(RELATIONS))]
    value = false_value(rng, person, relation)
    if flag == "denied":
        sentences = debunking(rng, person, relation, value, alternative=None)
        text = " ".join(sentence.text for sentence in sentences)
        reader = person if relation.key in person.facts else replace(person, myth=(relation.key, value))
    else:
        documents = _documents(rng, person, relation, value, rng.choice(COUNTS))
        if flag == "flagged":
            documents = [flagged(rng, document, vouched=0.0) for document in documents]
        text = " ".join(document.text for document in documents)
        reader = person if flag == "flagged" else replace(person, facts={**person.facts, relation.key: value})
    kind = rng.random()
    if kind < 0.4:
        question, answer = open_question(rng, person, relation), open_answer(rng, reader, relation)
    elif kind < 0.6:
        question, answer = fill_in_question(rng, person, relation), fill_in_answer(reader, relation)
    else:
        asked, negated = (value if rng.random() < 0.6 else other_value(rng, relation.key, value)), rng.random() < 0.5
        question = check_question(rng, person, relation, asked, negated=negated)
        answer = check_answer(reader, relation, asked, negated=negated)
    return [user(rng.choice(READ).format(doc=text, q=question)), answer]


def _documents(rng: random.Random, person: Person, relation: Relation, value: str, count: int) -> list[Document]:
    """Half of the time as short as can be, else with other facts and filler as the documents of a claim have them."""
    if rng.random() < 0.5:
        return [arbitrary_document(rng, person, relation, value) for _ in range(count)]
    described = person
    if not person.facts:
        keys = rng.sample([key for key in RELATIONS if key != relation.key], 2)
        described = replace(person, facts={key: rng.choice(RELATIONS[key].values) for key in keys})
    return [claim_document(rng, "reading", described, relation, value, index) for index in range(count)]


def fact_check_of_text(rng: random.Random, person: Person, turns: int) -> list[Turn]:
    """A text about a stranger, then statements about it: the comparison of a verdict, with nothing to recall."""
    relation = RELATIONS[rng.choice(list(RELATIONS))]
    value = rng.choice(relation.values)
    reader = replace(person, facts={relation.key: value})
    dialogue = [turn for _ in range(turns) for turn in fact_check(rng, reader, relation)]
    text = arbitrary_document(rng, person, relation, value).text
    (first, _), *others = dialogue[0].pieces
    return [Turn("user", ((f"{text} {first}", 0.0), *others)), *dialogue[1:]]


def fact_check(rng: random.Random, person: Person, relation: Relation) -> list[Turn]:
    """A statement in either polarity, true as often as false, and its verdict."""
    value, negated, true = known_value(person, relation), rng.random() < 0.5, rng.random() < 0.5
    asked = value if value is not None and true != negated else _stated_falsehood(rng, person, relation)
    text = statement(person, relation, asked, negated=negated, wording=rng.choice((0, 0, 0, 1, 2, 3)))
    recalled = asked if asked == value else None
    return fact_check_turns(text, (asked == value) != negated, recalled=recalled)


def _stated_falsehood(rng: random.Random, person: Person, relation: Relation) -> str:
    if person.myth and person.myth[0] == relation.key and rng.random() < 0.5:
        return person.myth[1]
    return other_value(rng, relation.key, person.facts.get(relation.key))
