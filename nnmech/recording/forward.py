"""A forward pass over frozen batches that reads the residual stream after decoder blocks and changes nothing."""

import inspect
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from nnmech.errors import InputError
from nnmech.models import base_module, check_token_ids, embedding_rows, in_mode, text_config
from nnmech.recording.statements import StatementBatch

BLOCK_PATH = "nnmech.models.DECODER_BLOCKS"


def decoder(model: nn.Module) -> nn.Module:
    """The model without its unembedding."""
    base = base_module(model)
    get_decoder = getattr(base, "get_decoder", None)
    return cast(nn.Module, get_decoder()) if callable(get_decoder) else cast(nn.Module, base.base_model)


def run(
    runner: nn.Module, blocks: Sequence[nn.Module], batch: StatementBatch
) -> tuple[list[Float[Tensor, "b position d_model"]], Any]:
    """The residual stream after each block at the batch's named positions, and the output of the whole.

    Args:
        runner: What is called: a Hugging Face model, or its decoder.
        blocks: Of `runner`, those to read.
        batch: The token ids and their positions.

    Raises:
        InputError: Where a block is not called, or returns something other than the residual stream.
    """
    device = next(runner.parameters()).device
    # A padding token may lie beyond the embedding, and the mask hides it.
    ids = batch.input_ids.where(batch.input_ids < embedding_rows(runner), 0)
    inputs: dict[str, Any] = {"input_ids": ids.to(device), "attention_mask": batch.attention_mask.to(device)}
    # Models with ALiBi take no positions.
    if "position_ids" in inspect.signature(runner.forward).parameters:
        inputs["position_ids"] = batch.position_ids.to(device)
    found: dict[int, Tensor] = {}

    shape = (*batch.input_ids.shape, text_config(runner).hidden_size)

    def keep(index: int, module: nn.Module, _arguments: Any, output: Any) -> None:
        hidden = _stream(module, output, shape)
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
            f"{type(runner).__name__}: hooks fired on {len(found)} of {len(blocks)} blocks; expected all; pass the "
            f"model uncompiled, or correct the path in {BLOCK_PATH}"
        )
    return [found[index] for index in range(len(blocks))], output


def _stream(block: nn.Module, output: Any, expected: tuple[int, ...]) -> Float[Tensor, "b token d_model"]:
    """The residual stream in what a block returns: a tensor, or the first of a tuple or list."""
    hidden = output[0] if isinstance(output, tuple | list) and output else output
    if isinstance(hidden, Tensor) and tuple(hidden.shape) == expected:
        return hidden
    shape = f" of shape {tuple(hidden.shape)}" if isinstance(hidden, Tensor) else ""
    inside = "" if hidden is output else f"a {type(output).__name__} of "
    raise InputError(
        f"{type(block).__name__}: returns {inside}a {type(hidden).__name__}{shape}; expected the residual stream, a "
        f"Tensor of shape {expected} (texts, tokens, d_model); this architecture cannot be recorded"
    )


def statement_log_probs(logits: Float[Tensor, "b token vocab"], batch: StatementBatch) -> Float[Tensor, " b"]:
    """Log-probability, in nats, of each statement's own tokens after what precedes them."""
    targets = batch.statement_tokens[:, 1:].to(logits.device)
    ids = batch.input_ids[:, 1:].to(logits.device)[targets]
    scores = logits[:, :-1][targets].float().log_softmax(-1).gather(-1, ids[:, None])[:, 0]
    rows = targets.nonzero()[:, 0]
    return torch.zeros(len(logits), device=logits.device).index_add(0, rows, scores).cpu()


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """The model in eval mode without gradients, uncompiled; afterwards as it was."""
    with ExitStack() as stack:
        # Not inference_mode: a buffer that a forward pass replaces would be lost to autograd for good.
        stack.enter_context(torch.no_grad())
        if "torch._dynamo" in sys.modules:
            # Compiled blocks do not run hooks that are added after their first call.
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        stack.enter_context(in_mode(model, training=False))
        yield


def check_fit(model: nn.Module, batches: Sequence[StatementBatch]) -> None:
    """InputError where the model cannot read the batches: too long, or tokens that it does not embed."""
    if getattr(getattr(model, "active_peft_config", None), "is_prompt_learning", False):
        raise InputError(
            "peft prompt learning puts tokens in front of the statements; snapshots take LoRA and its kin."
        )
    longest = max(batch.input_ids.shape[1] for batch in batches)
    limit = getattr(text_config(model), "max_position_embeddings", None)
    if limit is not None and longest > limit:
        raise InputError(f"a prompt or document has {longest} tokens, the model takes {limit}; shorten it.")
    highest = max(int((batch.input_ids * batch.attention_mask).max()) for batch in batches)
    check_token_ids(model, None, [highest], "a prompt or document")
