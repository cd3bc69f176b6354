"""What one snapshot costs beside a bare forward pass, and beside TransformerLens."""

import tempfile
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from jaxtyping import Float
from machine import version
from timing import Row, Variant, cpu_note, interleave, ratios
from torch import Tensor
from transformers import PreTrainedModel
from workload import SNAPSHOT_DTYPE, Workload

from nnmech.errors import RunError
from nnmech.models import find_decoder_blocks
from nnmech.recording.snapshots import capture, hook_name
from nnmech.recording.statements import StatementBatches
from nnmech.runs.writer import RunWriter
from nnmech.training.recorder import Recorder

TOLERANCE = 1e-3
"""Of residuals: TransformerLens computes attention in another order."""


def measure_snapshot(workload: Workload, repeats: int) -> list[Row]:
    """One snapshot of all layers and positions, against a forward pass with logits and `run_with_cache`.

    All read the same right-padded batches with their masks. The forward pass keeps nothing of what it computes.
    TransformerLens gets a copy of the model and is asked for the residual stream behind each block alone, from which
    the same positions are taken; that it finds what nnmech finds is checked first.
    """
    statements = workload.statements
    model = workload.fresh_model().eval()
    with tempfile.TemporaryDirectory() as folder:
        writer = RunWriter.create(Path(folder) / "run", config={}, model=workload.description)
        with writer:
            steps = iter(range(repeats + 1))
            recorder = Recorder(writer, statements, steps=range(repeats + 1), dtype=SNAPSHOT_DTYPE)
            variants = {
                "forward pass": Variant(lambda: None, lambda _: bare_forward(model, statements)),
                "snapshot": Variant(lambda: None, lambda _: capture(model, statements)),
                "snapshot, written": Variant(lambda: next(steps), lambda step: recorder(model, step)),
            }
            if lens := version("transformer-lens"):
                bridge = _bridge(workload)
                _check_same(cached_residual(bridge, statements), capture(model, statements))
                variants["TransformerLens"] = Variant(lambda: None, lambda _: cached_residual(bridge, statements))
            taken = interleave(variants, repeats)
    forward, snapshot, written = (taken[name] for name in ("forward pass", "snapshot", "snapshot, written"))
    size = f"{len(statements.statements)} statements, {len(find_decoder_blocks(model))} layers, "
    size += f"{len(statements.positions)} positions"
    rows = [
        Row("forward pass with logits", "ms", tuple(1e3 * each.wall for each in forward), note=size),
        Row("snapshot", "ms", tuple(1e3 * each.wall for each in snapshot), note="in memory"),
        Row("snapshot / forward pass", "", ratios(snapshot, forward), at_most=0.8, note=cpu_note(snapshot, forward)),
        Row(
            "snapshot with its file / forward pass",
            "",
            ratios(written, forward),
            note=f"written, synced and hashed; {cpu_note(written, forward)}",
        ),
    ]
    what = "snapshot / run_with_cache of TransformerLens"
    if not lens:
        return [*rows, Row(what, "", (), note="transformer-lens is not installed")]
    theirs = taken["TransformerLens"]
    return [
        *rows,
        Row("run_with_cache / forward pass", "", ratios(theirs, forward), note=cpu_note(theirs, forward)),
        Row(what, "", ratios(snapshot, theirs), note=f"TransformerLens {lens}; {cpu_note(snapshot, theirs)}"),
    ]


def bare_forward(model: PreTrainedModel, statements: StatementBatches) -> None:
    """The model called on every batch for its logits, and nothing else."""
    with torch.inference_mode():
        for batch in statements.batches:
            model(
                input_ids=batch.input_ids.to(model.device),
                attention_mask=batch.attention_mask.to(model.device),
                position_ids=batch.position_ids.to(model.device),
                use_cache=False,
            )


def cached_residual(bridge: Any, statements: StatementBatches) -> Float[Tensor, "layer position statement d_model"]:
    """What a snapshot holds, by `run_with_cache` with the residual stream behind each block alone in the cache."""
    names = [hook_name(layer) for layer in range(bridge.cfg.n_layers)]
    wanted = set(names)
    residual = torch.empty(len(names), len(statements.positions), len(statements.statements), bridge.cfg.d_model)
    with torch.inference_mode():
        for batch in statements.batches:
            _, cache = bridge.run_with_cache(
                batch.input_ids, attention_mask=batch.attention_mask, names_filter=lambda name: name in wanted
            )
            rows = torch.arange(len(batch.input_ids))[:, None]
            found = torch.stack([cache[name][rows, batch.token_index] for name in names])
            residual[:, :, batch.statement_index] = rearrange(found, "layer b position d -> layer position b d")
    return residual


def _bridge(workload: Workload) -> Any:
    # Imported here because it takes seconds and is an extra.
    from transformer_lens.model_bridge import (  # pyright: ignore[reportMissingImports]
        TransformerBridge,
    )

    # The bridge rewrites the model that it is given, and reads the tokenizer's folder.
    model = workload.fresh_model().float().cpu().eval()
    return TransformerBridge.boot_transformers("benchmark", hf_model=model, tokenizer=workload.tokenizer, device="cpu")


def _check_same(theirs: Tensor, ours: Tensor) -> None:
    difference = float((theirs - ours).abs().max() / ours.abs().max())
    if difference > TOLERANCE:
        raise RunError(f"TransformerLens finds another residual stream, by {difference:.2g} of the highest value")
