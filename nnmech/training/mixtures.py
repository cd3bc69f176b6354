"""Batches of examples and a loss over them: padding, loss weights, an explicit reduction, an order of its own."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from nnmech.encoding import SOURCES, Example, Source
from nnmech.errors import InputError
from nnmech.seeds import derive_seed

Reduction = Literal["token", "example"]
REDUCTIONS: tuple[Reduction, ...] = get_args(Reduction)
PAD_TO_MULTIPLE = 8


@dataclass(frozen=True)
class Batch:
    """Right-padded examples; the positions that carry loss, flattened, so that logits are needed only there.

    `loss_index` are the flat positions `b * t` whose logits predict `targets`; both are in the order of the rows.
    """

    input_ids: Int[Tensor, "b t"]
    attention_mask: Int[Tensor, "b t"]
    loss_weights: Float[Tensor, "b t"]
    example_weights: Float[Tensor, " b"]
    sources: tuple[Source, ...]
    loss_index: Int[Tensor, " n"]
    targets: Int[Tensor, " n"]
    token_weights: Float[Tensor, " n"]
    """`w_example * w_token`, divided by its sum over the batch."""
    example_token_weights: Float[Tensor, " n"]
    """`w_example * w_token / sum of w_token in the example`, divided by the sum of `w_example`."""
    source_weights: Float[Tensor, "source n"]
    """For each source that is present, in the order of SOURCES: `w_token`, divided by its sum over the source."""
    present: tuple[Source, ...]
    tokens: int
    """How many tokens are not padding."""

    @property
    def position_ids(self) -> Int[Tensor, "b t"]:
        """0, 1, … in every row: under right padding the padding comes last and no token sees it."""
        return torch.arange(self.input_ids.shape[1], device=self.input_ids.device).expand_as(self.input_ids)

    def to(self, device: torch.device) -> "Batch":
        """The batch with all its tensors on `device`; itself where they are there already."""
        if self.input_ids.device == device:
            return self
        moved: dict[str, Any] = {
            name: value.to(device, non_blocking=True) for name, value in vars(self).items() if isinstance(value, Tensor)
        }
        return replace(self, **moved)


def make_batch(examples: Sequence[Example], *, pad_id: int = 0) -> Batch:
    """Pad examples on the right to a common length, a multiple of 8."""
    lengths = np.array([len(example.input_ids) for example in examples])
    width = -(-int(lengths.max()) // PAD_TO_MULTIPLE) * PAD_TO_MULTIPLE
    ids = np.full((len(examples), width), pad_id, dtype=np.int64)
    weights = np.zeros((len(examples), width))
    for row, example in enumerate(examples):
        ids[row, : lengths[row]] = example.input_ids
        weights[row, : lengths[row]] = example.loss_weights
    example_weights = np.array([example.weight for example in examples])
    sources: tuple[Source, ...] = tuple([example.source for example in examples])
    # Sums in float64, one rounding to float32 at the end: the hand-computed numbers, and no division on the device.
    rows, columns = np.nonzero(weights)
    token = weights[rows, columns]
    by_token = example_weights[rows] * token
    by_example = by_token / weights.sum(axis=1)[rows]
    present: tuple[Source, ...] = tuple([source for source in SOURCES if source in sources])
    source_of = np.array([present.index(source) for source in sources])[rows]
    by_source = np.where(source_of == np.arange(len(present))[:, None], token, 0.0)
    return Batch(
        input_ids=torch.from_numpy(ids),
        attention_mask=torch.from_numpy((np.arange(width) < lengths[:, None]).astype(np.int64)),
        loss_weights=_float(weights),
        example_weights=_float(example_weights),
        sources=sources,
        loss_index=torch.from_numpy(rows * width + columns - 1),
        targets=torch.from_numpy(ids[rows, columns]),
        token_weights=_float(by_token / by_token.sum()),
        example_token_weights=_float(by_example / example_weights.sum()),
        source_weights=_float(by_source / by_source.sum(axis=1, keepdims=True)),
        present=present,
        tokens=int(lengths.sum()),
    )


def _float(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.astype(np.float32))


def weighted_loss(
    logits: Float[Tensor, "b t v"] | Float[Tensor, "n v"], batch: Batch, reduction: Reduction
) -> tuple[Float[Tensor, ""], dict[Source, Float[Tensor, ""]]]:
    """Weighted cross-entropy in nats, and its mean over the tokens of each source (detached, without example weights).

    Args:
        logits: Of all positions, or of `batch.loss_index` alone.
        batch: What is predicted, with its weights.
        reduction: `token`: the sum of `w_example * w_token * ce` over the sum of `w_example * w_token`. `example`: the
            mean of `ce` by `w_token` within each example, then over examples by `w_example`.
    """
    if logits.ndim == 3:
        logits = logits.flatten(0, 1)[batch.loss_index]
    cross_entropy = functional.cross_entropy(logits.float(), batch.targets, reduction="none")
    weights = batch.token_weights if reduction == "token" else batch.example_token_weights
    by_source = batch.source_weights @ cross_entropy.detach()
    return cross_entropy @ weights, dict(zip(batch.present, by_source.unbind(), strict=True))


@dataclass(frozen=True)
class Mixture:
    """One pass over examples in batches; their order is a function of `(seed, stream)` and their number alone."""

    examples: Sequence[Example]
    batch_size: int
    """Examples a batch; the last batch has what is left."""
    seed: int = 0
    stream: str = "phase1"
    """Names the order, so that two phases over the same examples go through them differently."""
    pad_id: int = 0

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"batch_size is {self.batch_size}: expected 1 or more")
        if not self.examples:
            raise InputError(f"the mixture of stream {self.stream!r} has no examples")

    @property
    def steps(self) -> int:
        """How many batches one pass has."""
        return -(-len(self.examples) // self.batch_size)

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The permutation of the examples; sorted hashes, so that it depends on the version of no random generator."""
        return tuple(sorted(range(len(self.examples)), key=lambda index: derive_seed(self.seed, self.stream, index)))

    def batch(self, step: int) -> Batch:
        """Batch of a step in 1 … `steps`; raises InputError for any other step."""
        if not 1 <= step <= self.steps:
            raise InputError(f"step {step} of a mixture of {self.steps} steps: expected 1 to {self.steps}")
        chosen = self.order[(step - 1) * self.batch_size : step * self.batch_size]
        return make_batch([self.examples[index] for index in chosen], pad_id=self.pad_id)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of all that decides the batches: examples, weights, sources, batch size and order."""
        digest = hashlib.sha256(repr((self.batch_size, self.seed, self.stream, self.pad_id)).encode())
        for example in self.examples:
            digest.update(f"{example.source} {example.weight!r} {len(example.input_ids)} ".encode())
            digest.update(np.array(example.input_ids, dtype="<i8").tobytes())
            digest.update(np.array(example.loss_weights, dtype="<f8").tobytes())
        return digest.hexdigest()
