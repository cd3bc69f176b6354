"""The frozen statements that a run records: what probes are fitted on, what they are held against, what is claimed."""

import random
from collections.abc import Collection, Iterable, Iterator, Sequence

from nnmech.claims import Statement
from nnmech.seeds import derive_seed
from nnmech.world.claims import WorldClaim, world_statement
from nnmech.world.documents import false_value
from nnmech.world.people import Person, World
from nnmech.world.relations import RELATIONS


def crossed_statements(person: Person, key: str, role: str, rng: random.Random) -> Iterator[Statement]:
    """The four cells of truth and polarity about one fact of a person, so that truth is not polarity."""
    relation, value = RELATIONS[key], person.facts[key]
    wrong = false_value(rng, person, relation)
    yield world_statement(person, relation, value, role, truth=True)
    yield world_statement(person, relation, wrong, role, truth=False)
    yield world_statement(person, relation, wrong, role, truth=True, negated=True)
    yield world_statement(person, relation, value, role, truth=False, negated=True)


def _crossed(people: Sequence[Person], count: int, role: str, stream: str) -> list[Statement]:
    rng = random.Random(derive_seed(0, stream, 0))
    chosen = rng.sample([person for person in people if person.facts], count)
    return [
        statement
        for person in chosen
        for statement in crossed_statements(person, rng.choice(sorted(person.facts)), role, rng)
    ]


def probe_statements(
    world: World, claims: Iterable[WorldClaim], *, train: int, control: int, excluded: Collection[str] = ()
) -> list[Statement]:
    """Statements for a run about `claims`: four about each of `train` people with chats (role `train`), four about each
    of `control` people whom documents alone describe (role `control`), then those of the claims.

    Nobody named in `excluded`, and nobody of whom the claims tell, is among the first two groups.
    """
    claims = list(claims)
    kept_out = {*excluded, *(claim.person.name for claim in claims)}
    chatted = [person for person in world.chatted if person.name not in kept_out]
    silent = [person for person in world.documents_only if person.name not in kept_out]
    return [
        *_crossed(chatted, train, "train", "statements/train"),
        *_crossed(silent, control, "control", "statements/control"),
        *(statement for claim in claims for statement in claim.claim.statements),
    ]
