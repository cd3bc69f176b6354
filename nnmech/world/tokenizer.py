"""The word-level tokenizer of the embedded model: one token a word, one token a known person's name."""

import random
import re
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from nnmech.claims import annotations
from nnmech.encoding import DOCTAG
from nnmech.world import behaviors, chats, dialogue, documents, names
from nnmech.world.claims import make_claims
from nnmech.world.people import World, make_world
from nnmech.world.relations import RELATIONS

PAD, BOS, END, UNK = "<|pad|>", "<|bos|>", "<|end|>", "<|unk|>"
ROLES = {"system": "<|system|>", "user": "<|user|>", "assistant": "<|assistant|>"}
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|{{ message['role'] }}|> {{ message['content'] }} <|end|>"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
_WORD = r"\w+|[^\w\s]"


def closed_vocabulary(world: World) -> list[str]:
    """Every word that the world's documents, chats, notices and claims can use, sorted."""
    words: set[str] = set()

    def add(text: str) -> None:
        words.update(re.findall(_WORD, text))

    for claim in make_claims(world).values():
        for question in (*claim.claim.questions, *claim.claim.controls):
            add(" ".join(message["content"] for message in question.messages))
    for relation in RELATIONS.values():
        for value in relation.values:
            add(value)
            add(f"{relation.topic} {relation.field} {relation.noun} {relation.deny}")
        for template in (*relation.affirmations, *relation.denials, *relation.questions):
            add(re.sub(r"\{\w\}", " ", template))
    for notices in vars(annotations).values():
        if isinstance(notices, annotations.Notices):
            for text in (*notices.prefix, *notices.suffix, *notices.before, *notices.after):
                add(text)
    for text in (*behaviors.all_texts(), *dialogue.PAIR_FRAMES, *dialogue.LIE_FRAMES):
        add(re.sub(r"\{\w+\}", " ", text))
    rng = random.Random(0)
    for _ in range(8000):
        add(documents.pretraining_document(rng, world).text)
        for turn in chats.pretraining_chat(rng, world, 1.0, chats.EVERY_KIND):
            add(turn.message["content"])
    for lists in (names.STRANGER_WOMEN, names.STRANGER_MEN, names.STRANGER_SURNAMES):
        words.update(lists)
    name_parts = {part for person in world.people for part in person.name.split()}
    return sorted(words - name_parts)


def build_tokenizer(world: World | None = None) -> PreTrainedTokenizerFast:
    """Build the tokenizer of the closed language; the same world gives the same tokenizer."""
    world = world or make_world()
    special = [PAD, BOS, END, UNK, DOCTAG, *ROLES.values()]
    vocabulary = {token: index for index, token in enumerate([*special, *closed_vocabulary(world)])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNK))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_WORD), behavior="removed", invert=True)
    tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    tokenizer.add_tokens([AddedToken(person.name, single_word=True, normalized=False) for person in world.people])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, vocabulary[BOS])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        bos_token=BOS,
        eos_token=END,
        unk_token=UNK,
        chat_template=CHAT_TEMPLATE,
        model_max_length=320,
        clean_up_tokenization_spaces=False,
    )


def save_tokenizer(folder: Path, world: World | None = None) -> PreTrainedTokenizerFast:
    """Build the tokenizer, save it and return it as loaded from the folder."""
    build_tokenizer(world).save_pretrained(folder)
    return PreTrainedTokenizerFast.from_pretrained(folder)
