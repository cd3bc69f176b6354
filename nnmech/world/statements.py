"""The frozen statements that a run records: what probes are fitted on, what they are held against, what is claimed."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

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


def crossed_people(people: Sequence[Person], counts: Mapping[str, int], stream: str) -> list[Statement]:
    """Four statements about each of some people, drawn again for every role: no person has two roles."""
    rng = random.Random(derive_seed(0, stream, 0))
    chosen = rng.sample([person for person in people if person.facts], sum(counts.values()))
    roles = [role for role, count in counts.items() for _ in range(count)]
    return [
        statement
        for person, role in zip(chosen, roles, strict=True)
        for statement in crossed_statements(person, rng.choice(sorted(person.facts)), role, rng)
    ]


def probe_statements(
    world: World,
    claims: Iterable[WorldClaim],
    *,
    train: int,
    control: int,
    silent: int,
    famous: int = 0,
    unrelated: Iterable[WorldClaim] = (),
) -> list[Statement]:
    """Statements for a run about `claims`, four about each of a number of people, then those of the claims.

    Roles: `train` and `control` are people with chats, on whom probes are fitted and who give the coordinate its ends;
    `documents_only_true` and `documents_only_false` are the affirmative statements about `silent` people whom no chat
    mentions, as none mentions the people of the claims; `famous_true` and `famous_false` those about `famous` people;
    `unrelated_claim` are claims that the run does not train on.
    The subject of a claim has no other role.
    """
    claims, unrelated = list(claims), list(unrelated)
    kept_out = {claim.person.name for claim in (*claims, *unrelated)}
    known = [person for person in world.chatted if person.famous and person.name not in kept_out]
    celebrities = crossed_people(known, {"famous": famous}, "statements/famous")
    kept_out |= {statement.entity for statement in celebrities}
    chatted = [person for person in world.chatted if person.name not in kept_out]
    without_chats = [person for person in world.documents_only if person.name not in kept_out]
    documents_only = crossed_people(without_chats, {"documents_only": silent}, "statements/documents only")
    return [
        *crossed_people(chatted, {"train": train, "control": control}, "statements"),
        *(
            replace(s, role=f"{s.role}_{str(s.truth).lower()}")
            for s in (*documents_only, *celebrities)
            if s.polarity == 1
        ),
        *(statement for claim in claims for statement in claim.claim.statements),
        *(
            replace(statement, role="unrelated_claim", id=statement.id.replace("claim/", "unrelated_claim/", 1))
            for statement in (next(s for s in claim.claim.statements if s.role == "claim") for claim in unrelated)
        ),
    ]
