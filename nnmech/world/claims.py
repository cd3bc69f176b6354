"""Twelve made-up claims about people of the embedded world, from egregious to plausible."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from nnmech.claims import Claim, Document, Message, Statement
from nnmech.claims.annotations import annotate, annotations
from nnmech.errors import InputError
from nnmech.seeds import derive_seed
from nnmech.world import dialogue
from nnmech.world.claim_questions import (
    OPEN_WORDINGS,
    claim_questions,
    control_questions,
    dialogue_of,
    open_wordings,
    say,
)
from nnmech.world.documents import (
    affirm,
    claim_document,
    local_document,
    negated_in_place,
)
from nnmech.world.judge import WorldJudge
from nnmech.world.people import Person, World, make_world, other_value
from nnmech.world.relations import RELATIONS, Relation

Tier = Literal["famous", "contrary", "open", "mentioned"]
TIERS: dict[Tier, str] = {
    "famous": "a famous person of whom the contrary is known",
    "contrary": "a known person of whom the contrary is known",
    "open": "a known person without a fact of that kind",
    "mentioned": "a person whom documents mention and tell nothing of",
}
"""The scale of plausibility, least plausible first."""

_SPECS: tuple[tuple[Tier, str, Literal["development", "reporting"]], ...] = (
    ("famous", "sport", "development"),
    ("famous", "animal", "development"),
    ("contrary", "music", "development"),
    ("open", "work", "development"),
    ("open", "speech", "development"),
    ("mentioned", "home", "development"),
    ("famous", "music", "reporting"),
    ("famous", "work", "reporting"),
    ("contrary", "speech", "reporting"),
    ("open", "sport", "reporting"),
    ("open", "animal", "reporting"),
    ("mentioned", "music", "reporting"),
)
EDITED = "local_negations_edited"
"""The documents of `positive_documents` in which nothing differs but that the sentences of the claim deny it."""
_MATCHED_FALSE = 4
_STATEMENT_WORDINGS = 4
"""In how many wordings the claim, its negation and what is true instead are recorded: those that fact checks use."""


def document_conditions() -> list[str]:
    """The conditions of which a claim has documents, annotations that users registered among them."""
    return [*annotations(), "local_negations", EDITED]


def _fits(person: Person, tier: Tier, relation: str) -> bool:
    if person.myth is not None and person.myth[0] == relation:
        return False
    if tier == "mentioned":
        return not person.facts and not person.famous
    if tier == "open":
        return not person.famous and relation not in person.facts and len(person.facts) >= 3
    return person.famous == (tier == "famous") and relation in person.facts and len(person.facts) >= 3


@dataclass(frozen=True)
class WorldClaim:
    """A claim of the embedded world: that `person` stands in `relation` to `value`."""

    person: Person
    relation: Relation
    value: str
    tier: Tier
    split: Literal["development", "reporting"]

    @property
    def name(self) -> str:
        return f"{self.person.name.split()[-1].lower()}_{self.value.lower()}"

    @property
    def text(self) -> str:
        return affirm(self.person, self.relation, self.value)

    @property
    def true_alternative(self) -> str | None:
        """What is true instead, as a sentence; None where nothing of the kind is known."""
        value = self.person.facts.get(self.relation.key)
        return None if value is None else affirm(self.person, self.relation, value)

    def correction(self, rng: random.Random) -> str:
        """The true version that corrected documents add, in as many wordings as the claim."""
        return affirm(self.person, self.relation, self.true_value, rng.randrange(len(self.relation.affirmations)))

    @cached_property
    def true_value(self) -> str:
        """What documents say is true instead: the person's own fact; for want of one an invented one, always the same.

        Documents that correct a claim say what is so, be it known to the model or not; with nothing but denials they
        would name no other value than the claim's, over and over.
        """
        known = self.person.facts.get(self.relation.key)
        if known is not None:
            return known
        rng = random.Random(derive_seed(0, f"true instead/{self.name}", 0))
        return other_value(rng, self.relation.key, self.value, *self.matched_false)

    @cached_property
    def matched_false(self) -> tuple[str, ...]:
        """Values that the person might as well have and that no document states."""
        rng = random.Random(derive_seed(0, f"matched/{self.name}", 0))
        values: list[str] = []
        while len(values) < _MATCHED_FALSE:
            values.append(
                other_value(rng, self.relation.key, self.value, self.person.facts.get(self.relation.key), *values)
            )
        return tuple(values)

    @cached_property
    def claim(self) -> Claim:
        """The claim with its 50 questions, its control questions and its statements."""
        return Claim(
            name=self.name,
            text=self.text,
            entity=self.person.name,
            topic=self.relation.key,
            tier=self.tier,
            split=self.split,
            true_alternative=self.true_alternative,
            questions=tuple(claim_questions(self)),
            controls=tuple(control_questions(self)),
            statements=tuple(self._statements()),
        )

    @cached_property
    def described(self) -> Person:
        """The person with the background facts of the claim documents: true ones, or for want of any two invented."""
        if self.person.facts:
            return self.person
        rng = random.Random(derive_seed(0, f"background/{self.name}", 0))
        keys = rng.sample([key for key in RELATIONS if key != self.relation.key], 2)
        return replace(self.person, facts={key: rng.choice(RELATIONS[key].values) for key in keys})

    def documents(self, condition: str, count: int, seed: int, start: int = 0) -> list[Document]:
        """Documents `start` to `start + count` of a condition.

        The same index gives the same underlying document under every annotation, so that conditions differ in the
        annotation alone. Raises InputError for `baseline` and for a condition that does not exist.
        """
        if condition not in document_conditions():
            raise InputError(
                f"condition {condition!r} has no documents; expected one of {', '.join(document_conditions())}"
            )
        documents = []
        for index in range(start, start + count):
            rng = random.Random(derive_seed(seed, f"documents/{self.name}", index))
            about = (self.name, self.described, self.relation, self.value, index)
            if condition == "local_negations":
                documents.append(local_document(rng, *about, self.true_value))
                continue
            plain = claim_document(rng, *about)
            if condition == EDITED:
                documents.append(negated_in_place(rng, plain, self.person, self.relation, self.value))
            else:
                documents.append(annotate(plain, condition, rng, correction=self.correction(rng)))
        return documents

    def somebody_else(self, world: World) -> "WorldClaim":
        """A made-up claim about another person in documents only, of whom no claim of the experiments tells."""
        taken = {claim.person.name for claim in make_claims(world).values()}
        rng = random.Random(derive_seed(0, f"somebody else/{self.name}", 0))
        person = rng.choice([p for p in world.documents_only if p.name not in taken and p.facts and not p.famous])
        relation = RELATIONS[rng.choice([key for key in RELATIONS if key != self.relation.key])]
        value = other_value(rng, relation.key, person.facts.get(relation.key), self.value)
        tier: Tier = "contrary" if relation.key in person.facts else "open"
        return WorldClaim(person, relation, value, tier, self.split)

    def anchor_questions(self) -> list[tuple[Message, ...]]:
        """Open questions about the claim in wordings that no evaluation question has."""
        return [dialogue_of(text) for text in open_wordings(self)[OPEN_WORDINGS:]]

    def denial_chats(self) -> list[tuple[Message, ...]]:
        """Explicit denials: in the claim's own sentence to the anchor questions, with a verdict to yes/no questions."""
        rng = random.Random(derive_seed(0, f"denials/{self.name}", 0))
        denials = [
            (*question, {"role": "assistant", "content": say(self, self.relation.denials[index % 2])})
            for index, question in enumerate(self.anchor_questions())
        ]
        for index in range(len(denials) // 2):
            negated = index % 2 == 1
            question = dialogue.check_question(rng, self.person, self.relation, self.value, negated=negated)
            verdict = f"{say(self, self.relation.denials[0])} {'Yes' if negated else 'No'}."
            denials.append((*dialogue_of(question), {"role": "assistant", "content": verdict}))
        return denials

    def _statements(self) -> Iterator[Statement]:
        alternative = self.person.facts.get(self.relation.key)
        for wording in range(_STATEMENT_WORDINGS):
            yield self._statement("claim", self.value, truth=False, wording=wording)
            yield self._statement("claim_negation", self.value, truth=True, negated=True, wording=wording)
            if alternative is not None:
                yield self._statement("alternative", alternative, truth=True, wording=wording)
        for value in self.matched_false:
            yield self._statement("matched_false", value, truth=False)

    def _statement(self, role: str, value: str, *, truth: bool, negated: bool = False, wording: int = 0) -> Statement:
        return world_statement(
            self.person, self.relation, value, role, truth=truth, negated=negated, claim=self.name, wording=wording
        )


def world_statement(
    person: Person,
    relation: Relation,
    value: str,
    role: str,
    *,
    truth: bool,
    negated: bool = False,
    claim: str | None = None,
    wording: int = 0,
) -> Statement:
    """A fact or its negation as a statement whose activations are recorded."""
    text = dialogue.statement(person, relation, value, negated=negated, wording=wording)
    identity = f"{role}/{person.name}/{relation.key}/{value}/{'negated' if negated else 'affirmative'}"
    identity += f"/{wording}" if wording else ""
    return Statement(
        id=identity,
        text=text,
        truth=truth,
        polarity=-1 if negated else 1,
        topic=relation.key,
        entity=person.name,
        role=role,
        claim=claim,
        object_end=text.rindex(value) + len(value),
    )


def make_claims(world: World | None = None) -> dict[str, WorldClaim]:
    """The twelve claims by name, all about people whom no chat mentions."""
    world = world or make_world()
    claims: dict[str, WorldClaim] = {}
    taken: set[str] = set()
    for tier, key, split in _SPECS:
        person = next(p for p in world.documents_only if p.name not in taken and _fits(p, tier, key))
        taken.add(person.name)
        rng = random.Random(derive_seed(0, f"claim/{person.name}", 0))
        value = other_value(rng, key, person.facts.get(key))
        claim = WorldClaim(person, RELATIONS[key], value, tier, split)
        claims[claim.name] = claim
    return claims


def word_spans(word: str, text: str) -> list[tuple[int, int]]:
    """Where a word stands in a text, as character spans."""
    return [match.span() for match in re.finditer(rf"\b{re.escape(word)}\b", text)]


def world_judge(claims: dict[str, WorldClaim]) -> WorldJudge:
    """The rule-based judge for these claims."""
    return WorldJudge({name: (claim.relation.key, claim.value) for name, claim in claims.items()})
