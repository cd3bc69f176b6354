"""Snapshots: the residual stream of frozen statements at named positions, captured, stored and read back."""

import inspect
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast, overload

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from nnmech.errors import InputError, RunError
from nnmech.files.folder import Folder
from nnmech.files.tensors import TensorFile, open_tensors
from nnmech.models import base_module, find_decoder_blocks, text_config
from nnmech.recording.documents import FrozenDocuments
from nnmech.recording.statements import StatementBatch, StatementBatches, freeze_statements

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
        """The residual stream behind one block at one named position; InputError where the snapshot lacks it."""
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
    """The residual stream behind the decoder blocks, on the CPU, in the order of the statements.

    `with_log_probs` adds the log-probability, in nats, of each statement's own tokens behind what precedes them; it
    costs the unembedding. The model's modes and the random state are left as they were.
    Raises InputError for layers the model lacks, prompts that do not fit it, and values that are not finite in `dtype`.
    """
    model, blocks = _chosen_blocks(model, layers)
    _check_fit(model, batches.batches)
    base = base_module(model)
    # The decoder alone spares the unembedding, the largest matrix of most models.
    runner = base if with_log_probs else _decoder(base)
    n, width = len(batches.statements), text_config(model).hidden_size
    residual = torch.empty(len(blocks), len(batches.positions), n, width, dtype=dtype)
    log_probs = torch.empty(n)
    with _undisturbed(model):
        for batch in batches.batches:
            found, output = _run(runner, blocks, batch)
            rows = torch.stack([hidden.to("cpu", dtype) for hidden in found])
            residual[:, :, batch.statement_index] = rearrange(rows, "layer b position d -> layer position b d")
            if with_log_probs:
                log_probs[batch.statement_index] = _log_probs(output.logits, batch)
    _check_finite(residual)
    return (residual, log_probs) if with_log_probs else residual


def capture_tokens(
    model: nn.Module,
    documents: FrozenDocuments,
    *,
    layers: Sequence[int] | None = None,
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, "layer token d_model"]:
    """The residual stream behind the decoder blocks at every recorded token of the documents, one after another.

    The model is left as it was. Raises as `capture` does.
    """
    model, blocks = _chosen_blocks(model, layers)
    _check_fit(model, documents.batches)
    runner, pieces = _decoder(base_module(model)), []
    with _undisturbed(model):
        for batch in documents.batches:
            found, _ = _run(runner, blocks, batch)
            pieces.append(torch.stack([hidden[0].to("cpu", dtype) for hidden in found]))
    residual = torch.cat(pieces, dim=1)
    _check_finite(residual)
    return residual


def _chosen_blocks(model: nn.Module, layers: Sequence[int] | None) -> tuple[nn.Module, list[nn.Module]]:
    """The model behind torch.compile, and its blocks of `layers`."""
    model = cast(nn.Module, getattr(model, "_orig_mod", model))
    blocks = find_decoder_blocks(model)
    chosen = check_layers(range(len(blocks)) if layers is None else layers, range(len(blocks)))
    return model, [blocks[layer] for layer in chosen]


def _check_finite(residual: Tensor) -> None:
    if not residual.isfinite().all():
        raise InputError(
            f"the residual stream is not finite in {residual.dtype}: a diverged model, or use torch.bfloat16."
        )


def hook_name(layer: int) -> str:
    """TransformerLens' name of the residual stream behind a block."""
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
    layers = list(layers)
    if not layers or len(set(layers)) < len(layers) or not set(layers) <= set(available):
        raise InputError(f"layers {layers}: expected some of {list(available)}, each once.")
    return layers


def _decoder(base: nn.Module) -> nn.Module:
    get_decoder = getattr(base, "get_decoder", None)
    return cast(nn.Module, get_decoder()) if callable(get_decoder) else cast(nn.Module, base.base_model)


def _run(runner: nn.Module, blocks: Sequence[nn.Module], batch: StatementBatch) -> tuple[list[Tensor], Any]:
    """Residual stream behind each block, [statement position d_model], and the output of the whole."""
    device = next(runner.parameters()).device
    inputs = {"input_ids": batch.input_ids.to(device), "attention_mask": batch.attention_mask.to(device)}
    # Models with ALiBi have no positions to be told.
    if "position_ids" in inspect.signature(runner.forward).parameters:
        inputs["position_ids"] = batch.position_ids.to(device)
    found: dict[int, Tensor] = {}

    def keep(index: int, _module: nn.Module, _arguments: Any, output: Any) -> None:
        hidden: Tensor = output[0] if isinstance(output, tuple) else output
        rows = torch.arange(len(hidden), device=hidden.device)[:, None]
        found[index] = hidden[rows, batch.token_index.to(hidden.device)]

    handles = [block.register_forward_hook(partial(keep, index)) for index, block in enumerate(blocks)]
    try:
        output = runner(**inputs, use_cache=False)
    finally:
        for handle in handles:
            handle.remove()
    if len(found) < len(blocks):
        raise InputError(
            f"{type(runner).__name__}: hooks fired on {len(found)} of {len(blocks)} blocks; pass the model uncompiled."
        )
    return [found[index] for index in range(len(blocks))], output


def _log_probs(logits: Float[Tensor, "b token vocab"], batch: StatementBatch) -> Float[Tensor, " b"]:
    targets = batch.statement_tokens[:, 1:].to(logits.device)
    ids = batch.input_ids[:, 1:].to(logits.device)[targets]
    scores = logits[:, :-1][targets].float().log_softmax(-1).gather(-1, ids[:, None])[:, 0]
    rows = targets.nonzero()[:, 0]
    return torch.zeros(len(logits), device=logits.device).index_add(0, rows, scores).cpu()


@contextmanager
def _undisturbed(model: nn.Module) -> Iterator[None]:
    modes = {module: module.training for module in model.modules()}
    with ExitStack() as stack:
        # Not inference_mode: a buffer that a forward pass replaces would be lost to autograd for good.
        stack.enter_context(torch.no_grad())
        if "torch._dynamo" in sys.modules:
            # Compiled blocks do not run hooks that are added after their first call.
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        model.eval()
        try:
            yield
        finally:
            for module, training in modes.items():
                module.training = training


def _check_fit(model: nn.Module, batches: Sequence[StatementBatch]) -> None:
    if getattr(getattr(model, "active_peft_config", None), "is_prompt_learning", False):
        raise InputError(
            "peft prompt learning puts tokens in front of the statements; snapshots take LoRA and its kin."
        )
    config = text_config(model)
    longest = max(batch.input_ids.shape[1] for batch in batches)
    limit = getattr(config, "max_position_embeddings", None)
    if limit is not None and longest > limit:
        raise InputError(f"a prompt or document has {longest} tokens, the model takes {limit}; shorten it.")
    highest = max(int(batch.input_ids.max()) for batch in batches)
    if highest >= config.vocab_size:
        raise InputError(
            f"token id {highest} is outside the model's vocabulary of {config.vocab_size}; freeze the statements with "
            "the model's own tokenizer."
        )
