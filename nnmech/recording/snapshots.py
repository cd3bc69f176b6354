"""Snapshots: the residual stream of frozen statements at named positions, captured, stored and read back."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, overload

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from nnmech.errors import InputError, RunError
from nnmech.files.folder import Folder
from nnmech.files.tensors import TensorFile, open_tensors
from nnmech.models import base_module, find_decoder_blocks, text_config
from nnmech.recording.documents import FrozenDocuments
from nnmech.recording.forward import check_fit, decoder, run, statement_log_probs, undisturbed
from nnmech.recording.statements import StatementBatches, freeze_statements
from nnmech.whole_numbers import whole_numbers

__all__ = [
    "Snapshot",
    "StatementBatches",
    "capture",
    "capture_tokens",
    "freeze_statements",
    "hook_name",
    "log_spaced_steps",
]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What a model's residual stream held at one step of training, for frozen statements at named positions."""

    step: int
    phase: str
    residual: Float[Tensor, "layer position statement d_model"]
    layers: tuple[int, ...]
    positions: tuple[str, ...]
    hook_names: tuple[str, ...]
    batch_hash: str
    weight_convention: str
    model: str

    def at(self, layer: int, position: str) -> Float[Tensor, "statement d_model"]:
        """The residual stream after one block at one named position; InputError where the snapshot lacks it."""
        if layer not in self.layers or position not in self.positions:
            raise InputError(
                f"layer {layer!r}, position {position!r}: the snapshot has the layers {list(self.layers)} and the "
                f"positions {list(self.positions)}."
            )
        return self.residual[self.layers.index(layer), self.positions.index(position)]

    def metadata(self) -> dict[str, str]:
        """All but the tensor, as a safetensors file holds it."""
        return {
            "step": str(self.step),
            "phase": self.phase,
            "layers": json.dumps(self.layers),
            "positions": json.dumps(self.positions),
            "hook_names": json.dumps(self.hook_names),
            "batch_hash": self.batch_hash,
            "weight_convention": self.weight_convention,
            "model": self.model,
        }

    @classmethod
    def load(cls, path: Path | str, *, layers: Sequence[int] | None = None, root: Folder | None = None) -> "Snapshot":
        """Read a snapshot, of `layers` alone where given; RunError where the file is missing, damaged or another's.

        With `root`, an open folder, `path` is a name in it, and no link may lead out of it.
        """
        place = path if root is None else root.path / path
        try:
            with open_tensors(path, root=root, error=RunError) as file:
                described = {name: _described(file, name) for name in _LISTS}
                stored, hook_names = described["layers"], described["hook_names"]
                part = file.slice("residual")
                shape = (len(stored), len(described["positions"]))
                if tuple(part.get_shape()[:2]) != shape or len(part.get_shape()) != 4 or len(hook_names) != shape[0]:
                    raise RunError(
                        f"{place}: a residual of shape {part.get_shape()}, expected [{shape[0]}, {shape[1]}, "
                        "statement, d_model] as its metadata say; restore it from a copy, or run it again"
                    )
                chosen = stored if layers is None else check_layers(layers, stored)
                rows = [stored.index(layer) for layer in chosen]
                # Neighbours are left in the file until they are looked at.
                together = rows == list(range(rows[0], rows[-1] + 1))
                residual = part[rows[0] : rows[-1] + 1] if together else torch.stack([part[row] for row in rows])
                return cls(
                    step=_step(file),
                    phase=file.text("phase"),
                    residual=residual,
                    layers=tuple(chosen),
                    positions=tuple(described["positions"]),
                    hook_names=tuple(hook_names[row] for row in rows),
                    batch_hash=file.text("batch_hash"),
                    weight_convention=file.text("weight_convention"),
                    model=file.text("model"),
                )
        except FileNotFoundError as error:
            raise RunError(f"{place}: no such snapshot.") from error


_LISTS: dict[str, type] = {"layers": int, "positions": str, "hook_names": str}


def _described(file: TensorFile, name: str) -> list[Any]:
    """A list in the metadata of a snapshot; RunError where it is none, or empty, or of other values."""
    found = file.json(name)
    if not isinstance(found, list) or not found or any(type(value) is not _LISTS[name] for value in found):
        raise RunError(
            f"{file.path}: metadata {name} {found!r:.60}, expected a list of {_LISTS[name].__name__}; restore it "
            "from a copy, or run it again"
        )
    return found


def _step(file: TensorFile) -> int:
    found = file.json("step")
    if type(found) is not int:
        raise RunError(f"{file.path}: metadata step {found!r:.60}, expected a whole number; restore it from a copy")
    return found


@overload
def capture(
    model: nn.Module,
    batches: StatementBatches,
    *,
    layers: Sequence[int] | None = None,
    dtype: torch.dtype = torch.float32,
    with_log_probs: Literal[False] = False,
) -> Float[Tensor, "layer position statement d_model"]: ...


@overload
def capture(
    model: nn.Module,
    batches: StatementBatches,
    *,
    layers: Sequence[int] | None = None,
    dtype: torch.dtype = torch.float32,
    with_log_probs: Literal[True],
) -> tuple[Float[Tensor, "layer position statement d_model"], Float[Tensor, " statement"]]: ...


def capture(
    model: nn.Module,
    batches: StatementBatches,
    *,
    layers: Sequence[int] | None = None,
    dtype: torch.dtype = torch.float32,
    with_log_probs: bool = False,
) -> (
    Float[Tensor, "layer position statement d_model"]
    | tuple[Float[Tensor, "layer position statement d_model"], Float[Tensor, " statement"]]
):
    """The residual stream after the decoder blocks, on the CPU, in the order of the statements.

    The model's modes and the random state are left as they were.

    Args:
        model: A causal LM, whatever wraps it.
        batches: The frozen statements.
        layers: Which blocks, from 0; all by default.
        dtype: Of the values that are returned.
        with_log_probs: Also return the log-probability, in nats, of each statement's own tokens after what precedes
            them; it costs the unembedding.

    Raises:
        InputError: For layers the model lacks, prompts that do not fit it, blocks that do not return the residual
            stream, and values that are not finite in `dtype`.
    """
    blocks = _chosen_blocks(model, layers)
    check_fit(model, batches.batches)
    # The decoder alone spares the unembedding, the largest matrix of most models.
    runner = base_module(model) if with_log_probs else decoder(model)
    n, width = len(batches.statements), text_config(model).hidden_size
    residual = torch.empty(len(blocks), len(batches.positions), n, width, dtype=dtype)
    log_probs = torch.empty(n)
    with undisturbed(model):
        for batch in batches.batches:
            found, output = run(runner, blocks, batch)
            rows = torch.stack([hidden.to("cpu", dtype) for hidden in found])
            residual[:, :, batch.statement_index] = rearrange(rows, "layer b position d -> layer position b d")
            if with_log_probs:
                log_probs[batch.statement_index] = statement_log_probs(output.logits, batch)
    _check_finite(residual)
    return (residual, log_probs) if with_log_probs else residual


def capture_tokens(
    model: nn.Module,
    documents: FrozenDocuments,
    *,
    layers: Sequence[int] | None = None,
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, "layer token d_model"]:
    """The residual stream after the decoder blocks at every recorded token of the documents, one after another.

    The model is left as it was.

    Args:
        model: A causal LM, whatever wraps it.
        documents: The frozen documents.
        layers: Which blocks, from 0; all by default.
        dtype: Of the values that are returned.

    Raises:
        InputError: As `capture`.
    """
    blocks = _chosen_blocks(model, layers)
    check_fit(model, documents.batches)
    runner, pieces = decoder(model), []
    with undisturbed(model):
        for batch in documents.batches:
            found, _ = run(runner, blocks, batch)
            pieces.append(torch.stack([hidden[0].to("cpu", dtype) for hidden in found]))
    residual = torch.cat(pieces, dim=1)
    _check_finite(residual)
    return residual


def hook_name(layer: int) -> str:
    """TransformerLens' name of the residual stream after a block."""
    return f"blocks.{layer}.hook_resid_post"


def log_spaced_steps(total: int, count: int = 15) -> list[int]:
    """`count` steps up to `total`, dense at the beginning: the paper's 10, 20, 32, ... 512, 625 for 625.

    They are equally spaced in log(step + 38.8 * total / 625); fewer where there are not that many steps.
    """
    if total < 1 or count < 1:
        raise InputError(f"total={total}, count={count}: expected at least one step of each.")
    first, shift, scale = 48.8, 38.8, total / 625
    last = 625 + shift
    fractions = [index / (count - 1) for index in range(count - 1)]
    steps = {round(scale * (first * (last / first) ** fraction - shift)) for fraction in fractions}
    return sorted({min(max(step, 1), total) for step in steps} | {total})


def check_layers(layers: Sequence[int], available: Sequence[int]) -> list[int]:
    """`layers` as a list; InputError where one is not available, or there twice, or there is none."""
    layers = list(whole_numbers(layers, "layers", least=None))
    if not layers or len(set(layers)) < len(layers) or not set(layers) <= set(available):
        raise InputError(f"layers {layers}: expected some of {list(available)}, each once.")
    return layers


def _chosen_blocks(model: nn.Module, layers: Sequence[int] | None) -> list[nn.Module]:
    blocks = find_decoder_blocks(model)
    chosen = check_layers(range(len(blocks)) if layers is None else layers, range(len(blocks)))
    return [blocks[layer] for layer in chosen]


def _check_finite(residual: Tensor) -> None:
    if not residual.isfinite().all():
        raise InputError(
            f"the residual stream is not finite in {residual.dtype}: a diverged model, or use torch.bfloat16."
        )
