"""The pretraining stream: documents and chats, packed into rows, as a function of (seed, step)."""

import random
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from nnmech.claims import Document
from nnmech.encoding import DOCTAG
from nnmech.seeds import derive_seed
from nnmech.world.behaviors import story_document, transcript_document
from nnmech.world.chats import ChatShares, pretraining_chat
from nnmech.world.dialogue import Turn
from nnmech.world.documents import pretraining_document
from nnmech.world.people import World
from nnmech.world.tokenizer import BOS, END, PAD, ROLES

SOURCES = ("documents", "chats")
MISSES = 4
"""Items that find no room before a batch counts as full: rows are some 95% full, long items hardly rarer."""

BEHAVIOUR_SHARE = 0.05
"""Documents about how people behave, of all documents."""


@dataclass(frozen=True)
class Stage:
    """A part of pretraining with shares of its own."""

    first_step: int
    chat_share: float
    """Share of the items that are chats; the rest are documents."""
    chats: ChatShares
    rows: int = 96
    """Rows of a batch."""
    length: int = 128
    """Tokens of a row; longer items are drawn again."""


@dataclass(frozen=True)
class StreamConfig:
    """What the stream consists of."""

    stages: tuple[Stage, ...] = (
        Stage(
            first_step=1,
            chat_share=0.50,
            chats=ChatShares(
                text_checks=0.06, fact_checks=0.32, reading=0.20, strangers=0.05, behaviour=0.05, known=0.85
            ),
        ),
        Stage(
            first_step=1001,
            chat_share=0.60,
            chats=ChatShares(
                text_checks=0.12, fact_checks=0.40, reading=0.14, strangers=0.04, behaviour=0.05, known=0.95
            ),
        ),
        Stage(
            first_step=1601,
            chat_share=0.60,
            chats=ChatShares(
                text_checks=0.08,
                fact_checks=0.34,
                reading=0.14,
                strangers=0.04,
                behaviour=0.05,
                known=0.95,
                fill_in=0.22,
                pairs=0.25,
            ),
        ),
        Stage(
            first_step=2201,
            chat_share=0.60,
            chats=ChatShares(
                text_checks=0.08,
                fact_checks=0.32,
                reading=0.18,
                strangers=0.05,
                behaviour=0.05,
                known=0.95,
                fill_in=0.22,
                pairs=0.25,
            ),
            rows=38,
            length=320,
        ),
    )
    """What the items are, in order. A silent verdict compares a statement with what is recalled, so its share grows
    once recall is in place, and choosing between two statements needs more of its kind; rows that hold several texts
    come last, when there is something to read them with."""
    chat_weight: float = 3.0
    """Loss weight of an assistant token, relative to a document token."""
    doctag_share: float = 0.5
    """Share of the documents that begin with the document tag, without loss on it."""
    ramp_steps: int = 500
    """Steps over which the number of active people grows from `first_active` to all (Zucchet et al. 2025)."""
    first_active: float = 0.15
    """Share of the ordinary people who are active at the first step."""

    def stage(self, step: int) -> Stage:
        """The stage of a step (from 1)."""
        return next(stage for stage in reversed(self.stages) if step >= stage.first_step)


@dataclass(frozen=True)
class PackedBatch:
    """Items side by side in rows: attention stays inside an item, positions count from its start."""

    input_ids: Int[Tensor, "row token"]
    position_ids: Int[Tensor, "row token"]
    items: Int[Tensor, "row token"]
    """Number of the item within the row, -1 on padding."""
    loss_weights: Float[Tensor, "row token"]
    """Weight of predicting this token."""
    is_chat: Bool[Tensor, "row token"]
    fixed: Bool[Tensor, "row token"]
    """Names of known people in chats, whose embeddings get no gradient there."""

    def attention_mask(self, dtype: torch.dtype = torch.float32) -> Float[Tensor, "row 1 token token"]:
        """Additive mask: 0 where a token may look (causal, same item), a very negative number elsewhere."""
        same = self.items[:, :, None] == self.items[:, None, :]
        visible = same & torch.ones_like(same[0]).tril()
        return torch.where(visible, 0.0, torch.finfo(torch.float32).min).to(dtype)[:, None]


class Encoder:
    """Items to token ids with a loss weight a token, word by word through the tokenizer's own vocabulary."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, config: StreamConfig):
        self.tokenizer = tokenizer
        self.config = config
        self._vocabulary = tokenizer.get_vocab()
        self.pad_id = self._vocabulary[PAD]
        self.names = torch.zeros(len(tokenizer), dtype=torch.bool)
        """Which tokens are the name of a known person."""
        self.names[[token for name, token in self._vocabulary.items() if " " in name]] = True

    def _ids(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]

    def document(self, text: str, *, doctag: bool) -> tuple[list[int], list[float]]:
        """A document between the beginning token and the end token; no loss on the document tag."""
        head = [self._vocabulary[BOS], *([self._vocabulary[DOCTAG]] if doctag else [])]
        ids = [*head, *self._ids(text), self._vocabulary[END]]
        return ids, [0.0] * len(head) + [1.0] * (len(ids) - len(head))

    def chat(self, turns: list[Turn]) -> tuple[list[int], list[float]]:
        """A chat exactly as the chat template writes it; loss on the assistant's pieces and the end of the turn."""
        ids, weights = [self._vocabulary[BOS]], [0.0]
        for turn in turns:
            ids.append(self._vocabulary[ROLES[turn.role]])
            weights.append(0.0)
            learned = 0.0
            for text, weight in turn.pieces:
                piece = self._ids(text)
                ids += piece
                weights += [weight * self.config.chat_weight] * len(piece)
                learned = max(learned, min(weight, 1.0))
            ids.append(self._vocabulary[END])
            weights.append(learned * self.config.chat_weight)
        return ids, weights


def stream_document(rng: random.Random, world: World, active: float = 1.0) -> Document:
    """One document of the stream: of people, or now and then of how people behave."""
    if rng.random() < BEHAVIOUR_SHARE:
        return transcript_document(rng) if rng.random() < 0.6 else story_document(rng)
    return pretraining_document(rng, world, active)


def _item(
    rng: random.Random, encoder: Encoder, world: World, config: StreamConfig, stage: Stage, active: float
) -> tuple[list[int], list[float], bool]:
    while True:
        is_chat = rng.random() < stage.chat_share
        if is_chat:
            ids, weights = encoder.chat(pretraining_chat(rng, world, active, stage.chats))
        else:
            text = stream_document(rng, world, active).text
            ids, weights = encoder.document(text, doctag=rng.random() < config.doctag_share)
        if len(ids) <= stage.length:
            return ids, weights, is_chat


def packed_batch(encoder: Encoder, world: World, config: StreamConfig, seed: int, step: int) -> PackedBatch:
    """The batch of a step (from 1): the same arguments give the same batch."""
    rng = random.Random(derive_seed(seed, "pretraining", step))
    active = min(1.0, config.first_active + (1 - config.first_active) * (step - 1) / max(1, config.ramp_steps))
    stage = config.stage(step)
    shape = (stage.rows, stage.length)
    ids = torch.full(shape, encoder.pad_id, dtype=torch.long)
    positions, items = torch.zeros(shape, dtype=torch.long), torch.full(shape, -1, dtype=torch.long)
    weights, is_chat = torch.zeros(shape), torch.zeros(shape, dtype=torch.bool)
    filled, counts, misses = [0] * stage.rows, [0] * stage.rows, 0
    while misses < MISSES:
        item_ids, item_weights, chat = _item(rng, encoder, world, config, stage, active)
        row = next((r for r, start in enumerate(filled) if start + len(item_ids) <= stage.length), None)
        if row is None:
            misses += 1
            continue
        start, end = filled[row], filled[row] + len(item_ids)
        ids[row, start:end] = torch.tensor(item_ids)
        weights[row, start:end] = torch.tensor(item_weights)
        positions[row, start:end] = torch.arange(len(item_ids))
        items[row, start:end] = counts[row]
        is_chat[row, start:end] = chat
        filled[row], counts[row] = end, counts[row] + 1
    return PackedBatch(ids, positions, items, weights, is_chat, is_chat & encoder.names[ids])
