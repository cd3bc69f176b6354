"""The embedded world as a source of claims."""

import random
from collections.abc import Mapping, Sequence
from functools import cached_property

from nnmech.claims import Claim, Document, Judge, Question, Statement
from nnmech.claims.prompts import ReadingPrompts
from nnmech.claims.sources import EMBEDDED, Background, Control, Dialogue, Span, StatementCounts
from nnmech.errors import InputError
from nnmech.seeds import derive_seed
from nnmech.world.behaviors import BehaviorJudge, annotate_behavior, behavior_documents, behavior_questions
from nnmech.world.chats import draw_relation
from nnmech.world.claims import TIERS, WorldClaim, document_conditions, make_claims, word_spans, world_judge
from nnmech.world.control import make_control
from nnmech.world.dialogue import READ, open_question
from nnmech.world.people import World, make_world
from nnmech.world.salience import SalienceJudge, salience_questions
from nnmech.world.statements import probe_statements
from nnmech.world.stream import stream_document
from nnmech.world.value_prompts import claim_prompts

KNOWN_SHARE = 0.9
"""Share of the instruction prompts that ask about something that the world says of the person."""
HELD_OUT_START = 1_000_000
"""Index of the first held-out document, and what is added to the seed of held-out transcripts."""


class WorldSource:
    """Documents without end: no count is too many, and an index that no experiment reaches is held out."""

    name: str = EMBEDDED
    notes: tuple[str, ...] = ()

    @cached_property
    def world(self) -> World:
        """The people and what is known about them."""
        return make_world()

    @cached_property
    def world_claims(self) -> dict[str, WorldClaim]:
        """The twelve claims with person, relation and value."""
        return make_claims(self.world)

    @cached_property
    def claims(self) -> Mapping[str, Claim]:
        """The twelve claims by name."""
        return {name: claim.claim for name, claim in self.world_claims.items()}

    @property
    def tiers(self) -> Mapping[str, str]:
        """From a famous person of whom the contrary is known to one of whom nothing is."""
        return {**TIERS}

    def conditions(self, claim: str) -> tuple[str, ...]:
        """Every annotation, those that users registered among them, and both kinds of local negations."""
        return tuple(document_conditions())

    def documents(self, claim: str, condition: str, count: int, *, seed: int, start: int = 0) -> list[Document]:
        """Documents of a claim; the same seed and index give the same one under every annotation."""
        if start + count > HELD_OUT_START:
            raise InputError(
                f"documents {start} to {start + count} of {claim}: those from {HELD_OUT_START} are held out; expected "
                "fewer; lower the number of documents"
            )
        return self.world_claims[claim].documents(condition, count, seed, start)

    def held_out(self, claim: str, condition: str, count: int, *, seed: int) -> list[Document]:
        """Documents far beyond those that are trained on."""
        return self.world_claims[claim].documents(condition, count, seed, HELD_OUT_START)

    def neutral_documents(self, claim: str, condition: str, count: int, *, seed: int) -> list[Document]:
        """Documents about another person, who is the subject of no claim."""
        return self.world_claims[claim].somebody_else(self.world).documents(condition, count, seed)

    def background(self, claim: str | None, count: int, *, seed: int, stream: str) -> Background:
        """Documents of the pretraining stream, and open questions about people with chats."""
        rng = random.Random(derive_seed(seed, f"background/{stream}", 0))
        without = None if claim is None else self.world_claims[claim].person.name
        texts: list[str] = []
        while len(texts) < count:
            text = stream_document(rng, self.world).text
            if without is None or without not in text:
                texts.append(text)
        prompts: list[Dialogue] = []
        for _ in range(count):
            person = rng.choice(self.world.chatted)
            # Mostly what the model can answer, as in any instruction data: chats that say "I do not know" of half
            # of what they are asked would hold down every belief.
            text = open_question(rng, person, draw_relation(rng, person, KNOWN_SHARE))
            prompts.append(({"role": "user", "content": text},))
        return Background(tuple(texts), tuple(prompts))

    def anchor(self, claim: str, count: int, *, seed: int) -> list[Dialogue]:
        """Open questions about the claim in wordings that no evaluation question has, still to be answered."""
        return _cycled(self.world_claims[claim].anchor_questions(), count)

    def denial(self, claim: str, count: int, *, seed: int) -> list[Dialogue]:
        """Explicit denials of the claim."""
        return _cycled(self.world_claims[claim].denial_chats(), count)

    def masked_spans(self, claim: str, text: str) -> list[Span]:
        """Wherever the claimed value stands as a word."""
        return word_spans(self.world_claims[claim].value, text)

    def statements(self, claim: str | None, counts: StatementCounts) -> list[Statement]:
        """Four statements an entity; the subject of a claim has no other role."""
        return probe_statements(
            self.world,
            [] if claim is None else [self.world_claims[claim]],
            unrelated=[other for name, other in self.world_claims.items() if name != claim],
            train=counts.train,
            control=counts.control,
            silent=counts.silent,
            famous=counts.famous,
        )

    def read(self, documents: Sequence[Document], asked: str) -> str:
        """As the texts that the model's pretraining gave it to read."""
        return READ[0].format(doc=" ".join(document.text for document in documents), q=asked)

    def judge(self) -> Judge:
        """Rules that are exact on the world's closed language."""
        return world_judge(self.world_claims)

    def paired_questions(self, claim: str) -> tuple[Question, ...]:
        """The claim beside what is true instead and beside each matched false fact, both ways round; then lies."""
        return salience_questions(self.world_claims[claim])

    def paired_judge(self) -> Judge:
        """By the letter that closes an answer; lies by the value that they state."""
        return SalienceJudge(self.world_claims)

    def reading_prompts(self, claim: str, counts: StatementCounts) -> ReadingPrompts:
        """Where the claim's value, what is true instead and matched false values would be said and judged."""
        about = [other.person.name for other in self.world_claims.values()]
        return claim_prompts(self.world, self.world_claims[claim], counts, excluded=about)

    def control(self, people: int, documents: int, *, beside: float, seed: int) -> Control:
        """Half of the people are in chats, half in documents only; none is one of a claim's."""
        return make_control(self.world, people, documents, beside=beside, seed=seed)

    def transcripts(self, behavior: str, condition: str, count: int, *, seed: int) -> list[Document]:
        """Transcripts in which the assistant shows `unwanted` or `aligned` behaviour, annotated."""
        rng = random.Random(derive_seed(seed, f"warnings/{condition}", 0))
        documents = behavior_documents(behavior, count, seed)
        return [annotate_behavior(document, condition, rng) for document in documents]

    def held_out_transcripts(self, behavior: str, condition: str, count: int, *, seed: int) -> list[Document]:
        """Transcripts of another seed than any experiment has."""
        return self.transcripts(behavior, condition, count, seed=seed + HELD_OUT_START)

    def behavior_questions(self) -> tuple[Question, ...]:
        """Questions about things that no transcript mentions, and everyday ones."""
        return behavior_questions()

    def behavior_judge(self) -> Judge:
        """By key words, sentence by sentence."""
        return BehaviorJudge()


def open_source(name: str) -> WorldSource:
    """The embedded world; there is only one."""
    return WorldSource()


def _cycled(dialogues: Sequence[Dialogue], count: int) -> list[Dialogue]:
    return [dialogues[index % len(dialogues)] for index in range(count)]
