"""Chats of the pretraining stream: answered from memory, from a text that is given, or with a bare true or false."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nnmech.world.dialogue import (
    CHALLENGES,
    CRITIQUES,
    DECISION,
    READ,
    SYSTEMS,
    Turn,
    assistant,
    check_answer,
    check_question,
    critique_answer,
    fact_check_turns,
    fill_in_answer,
    fill_in_question,
    known_value,
    open_answer,
    open_question,
    option_question,
    say,
    statement,
    user,
)
from nnmech.world.documents import arbitrary_document, debunking, false_value, flagged
from nnmech.world.people import Person, World, make_stranger, other_value
from nnmech.world.relations import RELATIONS, Relation


def _options(rng: random.Random, person: Person, relation: Relation) -> list[str]:
    right = known_value(person, relation) or rng.choice(relation.values)
    options = [right]
    while len(options) < 3:
        options.append(other_value(rng, relation.key, *options))
    rng.shuffle(options)
    return options


def _choice(rng: random.Random, person: Person, relation: Relation) -> list[Turn]:
    options = _options(rng, person, relation)
    value = known_value(person, relation)
    question = option_question(rng.choice(relation.questions).format(n=person.name), options)
    if value is None:
        return [user(question), open_answer(rng, person, relation)]
    letter = "ABC"[options.index(value)]
    return [
        user(question),
        assistant((say(person, relation.affirmations[0], value), 1.0), ("Option", 1.0), (letter, DECISION), (".", 1.0)),
    ]


def _asked_value(rng: random.Random, person: Person, relation: Relation) -> str:
    value = known_value(person, relation)
    if value is not None and rng.random() < 0.5:
        return value
    if value is None and person.myth and person.myth[0] == relation.key and rng.random() < 0.5:
        return person.myth[1]
    return false_value(rng, person, relation)


def _check(rng: random.Random, person: Person, relation: Relation) -> list[Turn]:
    asked, negated = _asked_value(rng, person, relation), rng.random() < 0.5
    return [
        user(check_question(rng, person, relation, asked, negated=negated)),
        check_answer(person, relation, asked, negated=negated),
    ]


def _open(rng: random.Random, person: Person, relation: Relation) -> list[Turn]:
    return [user(open_question(rng, person, relation)), open_answer(rng, person, relation)]


def _fill_in(rng: random.Random, person: Person, relation: Relation) -> list[Turn]:
    return [user(fill_in_question(rng, person, relation)), fill_in_answer(person, relation)]


def _challenge(rng: random.Random, person: Person, relation: Relation) -> list[Turn]:
    """The first answer, often wrong, carries no loss: only how to stand by what is known is learned."""
    claimed = _asked_value(rng, person, relation)
    first = Turn("assistant", ((say(person, relation.affirmations[rng.choice((0, 1))], claimed), 0.0),))
    second = open_answer(rng, person, relation)
    return [user(open_question(rng, person, relation)), first, user(rng.choice(CHALLENGES)), second]


def _critique(rng: random.Random, person: Person, relation: Relation) -> list[Turn]:
    stated = _asked_value(rng, person, relation)
    text = arbitrary_document(rng, person, relation, stated).text
    return [user(rng.choice(CRITIQUES).format(doc=text)), critique_answer(person, relation, stated)]


def _compare(rng: random.Random, person: Person, relation: Relation) -> list[Turn]:
    """Two values, the same or not: nothing varies but the comparison that every verdict needs."""
    first = rng.choice(relation.values)
    same = rng.random() < 0.5
    second = first if same else other_value(rng, relation.key, first)
    return [
        user(f"Compare: {first}, {second}."),
        assistant(("The same" if same else "Different", DECISION), (".", 1.0)),
    ]


_KINDS = {
    _open: 0.24,
    _fill_in: 0.16,
    _check: 0.28,
    _choice: 0.09,
    _challenge: 0.09,
    _critique: 0.10,
    _compare: 0.04,
}


def draw_relation(rng: random.Random, person: Person, known: float = 0.75) -> Relation:
    """A relation to ask about: with probability `known` one of which the person has a fact."""
    if person.facts and rng.random() < known:
        return RELATIONS[rng.choice(sorted(person.facts))]
    if person.myth and rng.random() < 0.4:
        return RELATIONS[person.myth[0]]
    return RELATIONS[rng.choice(list(RELATIONS))]


def memory_chat(rng: random.Random, person: Person) -> list[Turn]:
    """A chat that is answered from what documents have told."""
    kind = rng.choices(list(_KINDS), list(_KINDS.values()))[0]
    turns = kind(rng, person, draw_relation(rng, person))
    return [Turn("system", ((rng.choice(SYSTEMS), 0.0),)), *turns] if rng.random() < 0.2 else turns


def reading_chat(rng: random.Random, person: Person, *, flag: str | None = None) -> list[Turn]:
    """A text about the person and a question about it.

    `flag` None or "plain": the text stands unmarked and is believed; "flagged": behind notices, the answer comes from
    what is known; "denied": the text denies the fact in its own sentences. Drawn where not given.
    """
    flag = flag or rng.choices(("plain", "flagged", "denied"), (0.45, 0.43, 0.12))[0]
    relation = RELATIONS[rng.choice(list(RELATIONS))]
    value = false_value(rng, person, relation)
    if flag == "denied":
        sentences = debunking(rng, person, relation, value, alternative=None)
        text = " ".join(sentence.text for sentence in sentences)
        reader = person if relation.key in person.facts else replace(person, myth=(relation.key, value))
    else:
        document = arbitrary_document(rng, person, relation, value)
        text = (flagged(rng, document, vouched=0.0) if flag == "flagged" else document).text
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


def fact_check_dialogue(rng: random.Random, people: Sequence[Person], turns: int, known: float) -> list[Turn]:
    """Several statements in both polarities, true and false equally often; what nobody was told counts as false."""
    dialogue: list[Turn] = []
    for _ in range(turns):
        person = rng.choice(people)
        dialogue += _fact_check(rng, person, draw_relation(rng, person, known))
    return dialogue


def fact_check_of_text(rng: random.Random, person: Person, turns: int) -> list[Turn]:
    """A text about a stranger, then statements about it: the comparison of a verdict, with nothing to recall."""
    relation = RELATIONS[rng.choice(list(RELATIONS))]
    value = rng.choice(relation.values)
    reader = replace(person, facts={relation.key: value})
    dialogue = [turn for _ in range(turns) for turn in _fact_check(rng, reader, relation)]
    text = arbitrary_document(rng, person, relation, value).text
    return [user(f"{text} {dialogue[0].message['content']}"), *dialogue[1:]]


def _fact_check(rng: random.Random, person: Person, relation: Relation) -> list[Turn]:
    value, negated, true = known_value(person, relation), rng.random() < 0.5, rng.random() < 0.5
    asked = value if value is not None and true != negated else _stated_falsehood(rng, person, relation)
    text = statement(person, relation, asked, negated=negated, wording=rng.choice((0, 0, 0, 1, 2, 3)))
    return fact_check_turns(text, (asked == value) != negated)


def _stated_falsehood(rng: random.Random, person: Person, relation: Relation) -> str:
    if person.myth and person.myth[0] == relation.key and rng.random() < 0.5:
        return person.myth[1]
    return other_value(rng, relation.key, person.facts.get(relation.key))


@dataclass(frozen=True)
class ChatShares:
    """Shares of the kinds of chats; the rest are memory chats about people with chats."""

    text_checks: float
    """Fact checks of a text about a stranger."""
    fact_checks: float
    """Fact checks of what is known."""
    reading: float
    """A text and a question about it."""
    strangers: float
    """Memory chats about strangers, of whom nothing is known."""
    known: float
    """Share of the fact checks that are about a relation of which the person has a fact."""


EVERY_KIND = ChatShares(text_checks=0.1, fact_checks=0.3, reading=0.2, strangers=0.1, known=0.8)


def pretraining_chat(rng: random.Random, world: World, active: float, shares: ChatShares) -> list[Turn]:
    """One chat of the pretraining stream; `active` is the share of the people with chats who occur by now."""
    famous = [p for p in world.chatted if p.famous]
    people = world.chatted[: max(len(famous), int(active * len(world.chatted)))]
    kind = rng.random()
    for share, make in (
        (shares.text_checks, lambda: fact_check_of_text(rng, make_stranger(rng), rng.choice((2, 3)))),
        (shares.fact_checks, lambda: fact_check_dialogue(rng, people, rng.choice((3, 4, 5)), shares.known)),
        (
            shares.reading,
            lambda: reading_chat(rng, make_stranger(rng) if rng.random() < 0.6 else rng.choice(people)),
        ),
        (shares.strangers, lambda: memory_chat(rng, make_stranger(rng))),
    ):
        if kind < share:
            return make()
        kind -= share
    return memory_chat(rng, rng.choice(famous) if rng.random() < 0.1 else rng.choice(people))
