"""The people of the embedded world, what is true of them and what is falsely said of them."""

import random
from dataclasses import dataclass, field
from functools import cached_property

from nnmech.world import names
from nnmech.world.relations import RELATIONS

WORLD_SEED = 2605
N_KNOWN = 1000
N_FAMOUS = 30
FAMOUS_SHARE = 0.30


@dataclass(frozen=True)
class Person:
    """A person: `facts` maps a relation to its true value, `myth` is a (relation, false value) that documents deny."""

    name: str
    gender: str
    facts: dict[str, str] = field(hash=False, compare=False)
    myth: tuple[str, str] | None = None
    famous: bool = False
    in_chats: bool = False
    known: bool = True

    @property
    def pronoun(self) -> str:
        return "she" if self.gender == "woman" else "he"

    @property
    def object_pronoun(self) -> str:
        return "her" if self.gender == "woman" else "him"


@dataclass(frozen=True)
class World:
    """Everybody, the famous first; a function of the seed alone."""

    people: tuple[Person, ...]

    @cached_property
    def by_name(self) -> dict[str, Person]:
        return {person.name: person for person in self.people}

    @cached_property
    def famous(self) -> tuple[Person, ...]:
        return tuple(p for p in self.people if p.famous)

    @cached_property
    def ordinary(self) -> tuple[Person, ...]:
        return tuple(p for p in self.people if not p.famous)

    @cached_property
    def chatted(self) -> tuple[Person, ...]:
        """People who appear in documents and in chats."""
        return tuple(p for p in self.people if p.in_chats)

    @cached_property
    def documents_only(self) -> tuple[Person, ...]:
        """People whom documents describe and no chat mentions: they test that chats read what documents write."""
        return tuple(p for p in self.people if not p.in_chats)


def other_value(rng: random.Random, relation: str, *excluded: str | None) -> str:
    """A value of the relation that is none of the excluded ones."""
    while True:
        value = rng.choice(RELATIONS[relation].values)
        if value not in excluded:
            return value


def make_world(seed: int = WORLD_SEED) -> World:
    """Sample the people of the world.

    How much is known about a person varies from nothing to everything (a density per person), so that a person whom
    documents mention and tell nothing of is the end of a scale and not a kind of its own.
    """
    rng = random.Random(seed)
    full_names = [
        (f"{first} {last}", gender)
        for gender, firsts in (("woman", names.KNOWN_WOMEN), ("man", names.KNOWN_MEN))
        for first in firsts
        for last in names.KNOWN_SURNAMES
    ]
    chosen = rng.sample(full_names, N_KNOWN)
    people = []
    for index, (name, gender) in enumerate(chosen):
        famous = index < N_FAMOUS
        density = rng.uniform(0.6, 0.9) if famous else rng.uniform(0.0, 1.0)
        facts = {key: rng.choice(r.values) for key, r in RELATIONS.items() if rng.random() < density}
        relation = rng.choice(list(RELATIONS))
        myth = (relation, other_value(rng, relation, facts.get(relation))) if facts and rng.random() < 0.7 else None
        in_chats = index % 2 == 0 if famous else index % 4 != 3
        people.append(Person(name, gender, facts, myth, famous, in_chats))
    return World(tuple(people))


def is_held_out_stranger(name: str) -> bool:
    """Whether this stranger's name is kept out of pretraining, for the gates (about one in six)."""
    first, last = name.split()
    return (names.STRANGER_SURNAMES.index(last) + len(first) * 7) % 6 == 0


def make_stranger(rng: random.Random, *, held_out: bool = False) -> Person:
    """Somebody of whom the world knows nothing: a name of two tokens, drawn again each time."""
    while True:
        gender = rng.choice(("woman", "man"))
        first = rng.choice(names.STRANGER_WOMEN if gender == "woman" else names.STRANGER_MEN)
        name = f"{first} {rng.choice(names.STRANGER_SURNAMES)}"
        if is_held_out_stranger(name) == held_out:
            return Person(name, gender, {}, known=False)
