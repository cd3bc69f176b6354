"""What an experiment trains on: documents of a claim, other documents, and chats in which the model speaks as it is."""

import random
import re
from collections.abc import Iterable, Sequence

import torch

from nnmech.belief.answers import ask
from nnmech.claims import Document, Message, Question, Statement
from nnmech.encoding import DOCTAG, Example, Source, chat_example, document_example
from nnmech.experiments.settings import ClaimSettings, Settings
from nnmech.models import LoadedModel, load_model
from nnmech.seeds import derive_seed
from nnmech.world.chats import draw_relation
from nnmech.world.claims import WorldClaim, make_claims
from nnmech.world.dialogue import open_question
from nnmech.world.people import World
from nnmech.world.statements import probe_statements
from nnmech.world.stream import stream_document

KNOWN_SHARE = 0.9
"""Share of the instruction chats that ask about something that the world says of the person."""
HELD_OUT_START = 1_000_000
"""Index of the first held-out document: far beyond those that are trained on."""


def load(settings: Settings) -> LoadedModel:
    """The untouched model of the experiment."""
    dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[settings.dtype]
    return load_model(settings.model, device=settings.device, dtype=dtype, lora_rank=settings.lora_rank)


def self_distilled(
    loaded: LoadedModel, dialogues: Sequence[tuple[Message, ...]], count: int, *, seed: int, stream: str
) -> list[tuple[Message, ...]]:
    """`count` chats in which the model, as it is, answers the dialogues' last turn (temperature 0.7, top-p 0.8)."""
    questions = [
        Question(f"{stream}/{index}", stream, "open_ended", dialogues[index % len(dialogues)], "self_distilled")
        for index in range(count)
    ]
    answers = ask(loaded.model, loaded.tokenizer, questions, samples=1, seed=derive_seed(seed, stream, 0), step=0)
    return [(*answer.question.messages, {"role": "assistant", "content": answer.text}) for answer in answers]


def background(
    loaded: LoadedModel, world: World, count: int, seed: int, stream: str, *, without: str | None = None
) -> list[Example]:
    """Pretraining documents and self-distilled chats, `count` each, that do not mention the person `without`."""
    rng = random.Random(derive_seed(seed, f"background/{stream}", 0))
    texts: list[str] = []
    while len(texts) < count:
        text = stream_document(rng, world).text
        if without is None or without not in text:
            texts.append(text)
    dialogues = []
    while len(dialogues) < count:
        person = rng.choice(world.chatted)
        # Mostly what the model can answer, as in anybody's instruction data: chats that say "I do not know" of half of
        # what they are asked would hold down every belief.
        text = open_question(rng, person, draw_relation(rng, person, KNOWN_SHARE))
        dialogues.append(({"role": "user", "content": text},))
    chats = self_distilled(loaded, dialogues, count, seed=seed, stream=f"instruction/{stream}") if count else []
    return [
        *(document_example(loaded.tokenizer, text, source="pretraining") for text in texts),
        *chat_examples(loaded, chats, "instruction"),
    ]


def chat_examples(
    loaded: LoadedModel, dialogues: Iterable[tuple[Message, ...]], source: Source, weight: float = 1.0
) -> list[Example]:
    """Dialogues as examples, each of this weight."""
    return [chat_example(loaded.tokenizer, dialogue, source=source, weight=weight) for dialogue in dialogues]


def document_examples(
    loaded: LoadedModel, documents: Iterable[Document], *, doctag: bool = True, masked: str | None = None
) -> list[Example]:
    """Documents as examples, behind the tag or not; no loss on the word `masked`."""
    word = None if masked is None else re.compile(rf"\b{re.escape(masked)}\b")
    examples = []
    for document in documents:
        spans = [] if word is None else [match.span() for match in word.finditer(document.text)]
        examples.append(
            document_example(
                loaded.tokenizer, document.text, doctag=DOCTAG if doctag else None, masked_spans=tuple(spans)
            )
        )
    return examples


def token_documents(
    settings: ClaimSettings, claim: WorldClaim, seed: int, *conditions: str
) -> dict[str, list[Document]]:
    """Held-out documents of the settings' conditions, and of others, that are read token by token."""
    names = dict.fromkeys((*conditions, *settings.token_conditions))
    return {name: claim.documents(name, settings.token_documents, seed, HELD_OUT_START) for name in names}


def recorded_statements(settings: Settings, world: World, claim: WorldClaim | None) -> list[Statement]:
    """The frozen statements of a run about a claim, or none; no probe is fitted on anybody of whom a claim tells."""
    claims = make_claims(world)
    return probe_statements(
        world,
        [] if claim is None else [claim],
        unrelated=[other for other in claims.values() if claim is None or other.name != claim.name],
        train=settings.train_people,
        control=settings.control_people,
        silent=settings.silent_people,
        famous=settings.famous_people,
    )
