"""What an experiment trains on: documents of a claim, other documents, and chats in which the model speaks as it is."""

from collections.abc import Callable, Iterable, Sequence

import torch

from nnmech.belief.answers import ask
from nnmech.claims import Document, Question
from nnmech.claims.sources import Dialogue, Span
from nnmech.encoding import DOCTAG, Example, Source, chat_example, document_example
from nnmech.experiments.settings import ClaimSettings, Settings
from nnmech.models import LoadedModel, load_model
from nnmech.seeds import derive_seed


def load(settings: Settings) -> LoadedModel:
    """The untouched model of the experiment."""
    dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[settings.dtype]
    return load_model(settings.model, device=settings.device, dtype=dtype, lora_rank=settings.lora_rank)


def answered(loaded: LoadedModel, dialogues: Sequence[Dialogue], *, seed: int, stream: str) -> list[Dialogue]:
    """Dialogues with an answer: those that end with the user's turn get the untouched model's own.

    It answers with temperature 0.7 and top-p 0.8.
    """
    open_ones = [index for index, dialogue in enumerate(dialogues) if dialogue[-1]["role"] != "assistant"]
    questions = [
        Question(f"{stream}/{index}", stream, "open_ended", dialogues[index], "self_distilled") for index in open_ones
    ]
    found = list(dialogues)
    if questions:
        said = ask(loaded.model, loaded.tokenizer, questions, samples=1, seed=derive_seed(seed, stream, 0), step=0)
        for index, answer in zip(open_ones, said, strict=True):
            found[index] = (*answer.question.messages, {"role": "assistant", "content": answer.text})
    return found


def background(
    loaded: LoadedModel, settings: Settings, claim: str | None, count: int, seed: int, stream: str
) -> list[Example]:
    """At most `count` other documents and `count` self-distilled chats, none about the claim's subject."""
    beside = settings.claim_source.background(claim, count, seed=seed, stream=stream)
    chats = answered(loaded, beside.prompts, seed=seed, stream=f"instruction/{stream}")
    return [
        *(
            document_example(loaded.tokenizer, text, source="pretraining", max_tokens=settings.max_tokens)
            for text in beside.documents
        ),
        *chat_examples(loaded, chats, "instruction"),
    ]


def chat_examples(
    loaded: LoadedModel, dialogues: Iterable[Dialogue], source: Source, weight: float = 1.0
) -> list[Example]:
    """Dialogues as examples, each of this weight."""
    return [chat_example(loaded.tokenizer, dialogue, source=source, weight=weight) for dialogue in dialogues]


def document_examples(
    loaded: LoadedModel,
    documents: Iterable[Document],
    *,
    doctag: bool = True,
    masked: Callable[[str], list[Span]] | None = None,
    max_tokens: int | None = None,
) -> list[Example]:
    """Documents as examples, after the tag or not, cut at `max_tokens`; `masked` gives characters without loss."""
    return [
        document_example(
            loaded.tokenizer,
            document.text,
            doctag=DOCTAG if doctag else None,
            masked_spans=() if masked is None else tuple(masked(document.text)),
            max_tokens=max_tokens,
        )
        for document in documents
    ]


def held_out_examples(
    loaded: LoadedModel, settings: ClaimSettings, claim: str, condition: str, seed: int
) -> list[Example]:
    """The documents of the document loss, of one condition."""
    documents = settings.claim_source.held_out(claim, condition, settings.held_out_documents, seed=seed)
    return document_examples(loaded, documents, max_tokens=settings.max_tokens)


def token_documents(settings: ClaimSettings, claim: str, seed: int, *conditions: str) -> dict[str, list[Document]]:
    """Held-out documents of the settings' conditions, and of others, that are read token by token."""
    source, count = settings.claim_source, settings.token_documents
    names = dict.fromkeys((*conditions, *settings.token_conditions))
    return {name: source.held_out(claim, name, count, seed=seed) for name in names}
