"""The positive control: plain documents tell something new of known people, and readings of it are taken."""

import random
from collections.abc import Collection
from dataclasses import dataclass

from nnmech.claims.prompts import ReadingPrompts
from nnmech.claims.sources import NEW, OLD, Background, Control
from nnmech.claims.types import MATCHED_FALSE
from nnmech.seeds import derive_seed
from nnmech.world.chats import draw_relation
from nnmech.world.claims import make_claims
from nnmech.world.dialogue import open_question
from nnmech.world.documents import claim_document
from nnmech.world.people import Person, World, other_value
from nnmech.world.relations import RELATIONS, Relation
from nnmech.world.stream import stream_document
from nnmech.world.value_prompts import control_prompts, value_prompts, verdict_prompts

GROUPS = ("chats", "documents only")
MATCHED = 4
"""Values of each person that no document states."""
KNOWN_SHARE = 0.9
"""Share of the chats beside that ask about something that is known of the person."""
SCALE_PEOPLE = 30
"""People who give the readings their scale, half of them in documents only."""


@dataclass(frozen=True)
class FreshFact:
    """A new value of a known person in place of the old one."""

    person: Person
    relation: Relation
    new: str
    matched: tuple[str, ...]
    group: str

    @property
    def values(self) -> list[tuple[str, str]]:
        """Each value that is read, with its role."""
        each = [(NEW, self.new), (OLD, self.person.facts[self.relation.key])]
        each += [(MATCHED_FALSE, value) for value in self.matched]
        return [(f"{role}/{self.group}", value) for role, value in each]


def fresh_facts(world: World, people: int, *, excluded: Collection[str] = (), seed: int) -> list[FreshFact]:
    """A new value each for people of whom at least three things are known, half of them in documents only."""
    rng = random.Random(derive_seed(seed, "control/people", 0))
    facts = []
    for group, among in zip(GROUPS, (world.chatted, world.documents_only), strict=True):
        known = [p for p in among if len(p.facts) >= 3 and not p.famous and p.name not in excluded]
        for person in rng.sample(known, people // 2 + (people % 2 if group == GROUPS[0] else 0)):
            key = rng.choice(sorted(person.facts))
            myth = person.myth[1] if person.myth and person.myth[0] == key else None
            values: list[str] = []
            while len(values) < MATCHED + 1:
                values.append(other_value(rng, key, person.facts[key], myth, *values))
            facts.append(FreshFact(person, RELATIONS[key], values[0], tuple(values[1:]), group))
    return facts


def make_control(world: World, people: int, documents: int, *, beside: float, seed: int) -> Control:
    """Documents, what is trained beside them, and prompts; people of claims have no part in it."""
    facts = fresh_facts(world, people, excluded=claimed_people(world), seed=seed)
    told = [
        claim_document(
            random.Random(derive_seed(seed, f"control/{fact.person.name}", index)),
            fact.person.name,
            fact.person,
            fact.relation,
            fact.new,
            index,
        )
        for fact in facts
        for index in range(documents)
    ]
    names = {fact.person.name for fact in facts}
    each = [(fact.person, fact.relation, value, role) for fact in facts for role, value in fact.values]
    scale = control_prompts(world, SCALE_PEOPLE, excluded=names | claimed_people(world))
    prompts = ReadingPrompts(
        (*(prompt for found in each for prompt in value_prompts(*found)), *scale.values),
        (*(prompt for found in each for prompt in verdict_prompts(*found)), *scale.verdicts),
        scale.held,
    )
    return Control(tuple(told), _beside(world, names, round(len(told) * beside), seed), prompts)


def claimed_people(world: World) -> set[str]:
    """Names of the people whom claims are about."""
    return {claim.person.name for claim in make_claims(world).values()}


def _beside(world: World, names: Collection[str], count: int, seed: int) -> Background:
    rng = random.Random(derive_seed(seed, "control/beside", 0))
    texts: list[str] = []
    while len(texts) < count:
        text = stream_document(rng, world).text
        if not any(name in text for name in names):
            texts.append(text)
    people = [person for person in world.chatted if person.name not in names]
    prompts = []
    for _ in range(count):
        person = rng.choice(people)
        text = open_question(rng, person, draw_relation(rng, person, KNOWN_SHARE))
        prompts.append(({"role": "user", "content": text},))
    return Background(tuple(texts), tuple(prompts))
