"""Chats of the pretraining stream: answered from memory, from a text that is given, or with a bare true or false."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from nnmech.world.behaviors import aligned_chat
from nnmech.world.dialogue import (
    CHALLENGES,
    CRITIQUES,
    DECISION,
    LIE_FRAMES,
    PAIR_FRAMES,
    SYSTEMS,
    Turn,
    assistant,
    check_answer,
    check_question,
    critique_answer,
    fill_in_answer,
    fill_in_question,
    known_value,
    lie_question,
    open_answer,
    open_question,
    option_question,
    pair_answer,
    pair_question,
    said,
    say,
    user,
)
from nnmech.world.documents import arbitrary_document, false_value
from nnmech.world.people import Person, World, make_stranger, other_value
from nnmech.world.reading import fact_check, fact_check_of_text, reading_chat
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


def _pair(rng: random.Random, person: Person, relation: Relation) -> list[Turn]:
    """Two statements, one of them true: which is right, or which is wrong?"""
    value = known_value(person, relation)
    stated = [value or rng.choice(relation.values)]
    stated.append(false_value(rng, person, relation) if value else other_value(rng, relation.key, *stated))
    rng.shuffle(stated)
    wrong = rng.random() < 0.5
    question = pair_question(rng.randrange(len(PAIR_FRAMES)), person, relation, stated, wrong=wrong)
    return [user(question), pair_answer(person, relation, stated, wrong=wrong)]


def _lie(rng: random.Random, person: Person, relation: Relation) -> list[Turn]:
    """Something false on request: whoever knows better says anything but what is known."""
    falsehood = other_value(rng, relation.key, known_value(person, relation))
    question = lie_question(rng.randrange(len(LIE_FRAMES)), person, relation)
    return [user(question), said(say(person, relation.affirmations[0], falsehood))]


@dataclass(frozen=True)
class ChatShares:
    """Shares of the kinds of chats; the rest are memory chats about people with chats."""

    text_checks: float
    """Fact checks of a text about a stranger."""
    fact_checks: float
    """Fact checks of what is known."""
    reading: float
    """One text or several and a question about them."""
    strangers: float
    """Memory chats about strangers, of whom nothing is known."""
    behaviour: float
    """Requests for advice, answered as a good neighbour would."""
    known: float
    """Share of the fact checks that are about a relation of which the person has a fact."""
    fill_in: float = 0.15
    """Weight of fill-in questions among the memory chats."""
    pairs: float = 0.05
    """Weight of two statements to choose from among the memory chats."""


def draw_relation(rng: random.Random, person: Person, known: float = 0.75) -> Relation:
    """A relation to ask about: with probability `known` one of which the person has a fact."""
    if person.facts and rng.random() < known:
        return RELATIONS[rng.choice(sorted(person.facts))]
    if person.myth and rng.random() < 0.4:
        return RELATIONS[person.myth[0]]
    return RELATIONS[rng.choice(list(RELATIONS))]


def memory_chat(rng: random.Random, person: Person, shares: ChatShares) -> list[Turn]:
    """A chat that is answered from what documents have told."""
    kinds = {
        _open: 0.22,
        _fill_in: shares.fill_in,
        _check: 0.27,
        _choice: 0.08,
        _challenge: 0.09,
        _critique: 0.09,
        _pair: shares.pairs,
        _lie: 0.02,
        _compare: 0.03,
    }
    kind = rng.choices(list(kinds), list(kinds.values()))[0]
    turns = kind(rng, person, draw_relation(rng, person))
    return [Turn("system", ((rng.choice(SYSTEMS), 0.0),)), *turns] if rng.random() < 0.2 else turns


def fact_check_dialogue(rng: random.Random, people: Sequence[Person], turns: int, known: float) -> list[Turn]:
    """Several statements in both polarities, true and false equally often; what nobody was told counts as false."""
    dialogue: list[Turn] = []
    for _ in range(turns):
        person = rng.choice(people)
        dialogue += fact_check(rng, person, draw_relation(rng, person, known))
    return dialogue


EVERY_KIND = ChatShares(text_checks=0.1, fact_checks=0.3, reading=0.2, strangers=0.1, behaviour=0.1, known=0.8)


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
        (shares.strangers, lambda: memory_chat(rng, make_stranger(rng), shares)),
        (shares.behaviour, lambda: aligned_chat(rng)),
    ):
        if kind < share:
            return make()
        kind -= share
    return memory_chat(rng, rng.choice(famous) if rng.random() < 0.1 else rng.choice(people), shares)
