"""The fine-tuning loop: phases with fresh optimizers, a run directory on the way, and resume to the same bits."""

import math
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from nnmech.encoding import Example
from nnmech.errors import InputError, RunError
from nnmech.models import align_parameters, base_module, embedding_rows, in_mode, text_config
from nnmech.runs.writer import RunWriter
from nnmech.seeds import derive_seed, random_state_kept
from nnmech.training.checkpoints import (
    check_fingerprint,
    checkpoint_tensors,
    fingerprint,
    restore_optimizer,
    restore_weights,
    trainable_parameters,
)
from nnmech.training.mixtures import Batch, make_batch, weighted_loss
from nnmech.training.phases import Phase, TrainingConfig
from nnmech.whole_numbers import WholeNumbers, whole_numbers

__all__ = ["Evaluate", "Phase", "TrainingConfig", "held_out_loss", "loss_logits", "train"]

HELD_OUT_BATCH = 64

Evaluate = Callable[[nn.Module, int, str], object]
"""Called as `evaluate(model, step, phase name)`; it writes what it finds through the run's writer."""


def train(
    model: nn.Module,
    phases: Sequence[Phase],
    *,
    writer: RunWriter,
    recorder: Evaluate | None = None,
    evaluate: Evaluate | None = None,
    evaluation_steps: WholeNumbers = (),
    held_out: Mapping[str, Sequence[Example]] | None = None,
    checkpoint_steps: WholeNumbers = (),
    log_every: int = 1,
    progress: Callable[[int, int], object] | None = None,
) -> None:
    """Train a model through `phases` in place, writing the run; go on from the writer's checkpoint where it has one.

    Steps count on across phases; step 0 is the untouched model. A step is: update, metrics line, `recorder`,
    `evaluate`, held-out loss, checkpoint. Losses are in nats a token. A run that was killed and resumed has the numbers
    and the weights, bit for bit, of one that was not.

    Args:
        model: A causal LM, with or without peft or torch.compile.
        phases: What it is trained on, one after another.
        writer: Of the run.
        recorder: Called after every step, and before the first.
        evaluate: Called at `evaluation_steps`.
        evaluation_steps: When to evaluate and to take held-out losses; 0 is before the first update.
        held_out: Examples by name, which are not trained on.
        checkpoint_steps: When to save, beside the end of the run and what the phases say.
        log_every: Steps between two lines of metrics.
        progress: Called with the step and the number of steps.

    Raises:
        InputError: For what does not fit together.
        RunError: With the step, where loss or gradient is not finite; where the checkpoint is of another run.
    """
    total = sum(phase.mixture.steps for phase in phases)
    held_out = held_out or {}
    evaluation_steps = frozenset(whole_numbers(evaluation_steps, "evaluation_steps", least=None))
    checkpoint_steps = frozenset(whole_numbers(checkpoint_steps, "checkpoint_steps", least=None))
    _check(model, phases, total, held_out, {"evaluation": evaluation_steps, "checkpoint": checkpoint_steps}, log_every)
    device = next(model.parameters()).device
    identity = fingerprint(model, {phase.name: phase.identity for phase in phases})

    def observe(step: int, phase: str, checkpoint: bool, optimizer: torch.optim.Optimizer | None) -> None:
        # Sampling from a nucleus has no deterministic kernel on a GPU, and only an update has to have one.
        torch.use_deterministic_algorithms(True, warn_only=True)
        if recorder is not None:
            recorder(model, step, phase)
        if step in evaluation_steps:
            if evaluate is not None:
                evaluate(model, step, phase)
            if losses := {f"held_out_{name}": held_out_loss(model, examples) for name, examples in held_out.items()}:
                writer.metrics(step=step, phase=phase, **losses)
            model.train()
        torch.use_deterministic_algorithms(True)
        if checkpoint:
            writer.checkpoint(step, checkpoint_tensors(model, optimizer), {"fingerprint": identity})

    with _reproducible(), in_mode(model, training=True):
        align_parameters(model)
        tensors: dict[str, Tensor] = {}
        done = -1
        if writer.checkpoint_step is not None:
            done = writer.checkpoint_step
            tensors, state = writer.load_checkpoint()
            check_fingerprint(writer.path, state.get("fingerprint", {}), identity)
            restore_weights(model, tensors)
        writer.event("start", step=0, steps=total)
        if done < 0:
            observe(0, phases[0].name, 0 in checkpoint_steps, None)
        first = 1
        for phase in phases:
            last = first + phase.mixture.steps - 1
            if done < last:
                writer.event("phase", step=first, name=phase.name)
                optimizer = _optimizer(model, phase.config)
                if done >= first:
                    restore_optimizer(model, optimizer, tensors)
                tensors.clear()
                meter = _Meter(writer, phase.name)
                for step in range(max(first, done + 1), last + 1):
                    local = step - first + 1
                    every = phase.config.checkpoint_every
                    checkpoint = step == total or step in checkpoint_steps or bool(every and local % every == 0)
                    meter.add(step, *_update(model, optimizer, phase, local, device))
                    if step == last or step % log_every == 0:
                        meter.write()
                    elif checkpoint or step in evaluation_steps or recorder is not None:
                        meter.check()
                    # The next phase has an optimizer of its own, so nobody needs this one's state after its last step.
                    observe(step, phase.name, checkpoint, optimizer if step < last else None)
                    if progress is not None:
                        progress(step, total)
            first = last + 1
        writer.event("end", step=total)


def loss_logits(model: nn.Module, batch: Batch) -> Float[Tensor, "n v"]:
    """Logits at `batch.loss_index` alone: hidden states are gathered before the unembedding.

    No mask is passed: under right padding no token that carries loss sees the padding, and attention that is causal and
    nothing else is faster.
    """
    unembedding = cast(Any, base_module(model)).get_output_embeddings()

    def gather(_module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return (inputs[0].flatten(0, 1).index_select(0, batch.loss_index)[None], *inputs[1:])

    handle = unembedding.register_forward_pre_hook(gather)
    try:
        logits = model(input_ids=batch.input_ids, use_cache=False).logits
    finally:
        handle.remove()
    # A compiled model does not call hooks.
    if logits.shape[:2] == batch.input_ids.shape:
        logits = logits.flatten(0, 1)[None, batch.loss_index]
    return logits[0]


def held_out_loss(model: nn.Module, examples: Sequence[Example]) -> float:
    """Mean loss in nats a token over examples, weighted as the token reduction does, in eval mode without gradients."""
    ordered = sorted(examples, key=lambda example: len(example.input_ids))
    device = next(model.parameters()).device
    total = weight = 0.0
    with in_mode(model, training=False), torch.no_grad():
        for start in range(0, len(ordered), HELD_OUT_BATCH):
            batch = make_batch(ordered[start : start + HELD_OUT_BATCH])
            loss, _ = weighted_loss(loss_logits(model, moved := batch.to(device)), moved, "token")
            in_batch = float(batch.example_weights.double() @ batch.loss_weights.double().sum(dim=1))
            total, weight = total + in_batch * loss.item(), weight + in_batch
    return total / weight


def _update(
    model: nn.Module, optimizer: torch.optim.Optimizer, phase: Phase, step: int, device: torch.device
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """One step of the optimizer; what to log of it, on the device and on the host."""
    config, mixture = phase.config, phase.mixture
    rate = config.rate(step, mixture.steps)
    _seed(device, derive_seed(config.seed, f"dropout/{phase.name}", step))
    batch = mixture.batch(step).to(device)
    optimizer.zero_grad(set_to_none=True)
    loss, by_source = weighted_loss(loss_logits(model, batch), batch, config.loss_reduction)
    loss.backward()
    parameters = optimizer.param_groups[0]["params"]
    norm = nn.utils.clip_grad_norm_(parameters, config.max_grad_norm or math.inf)
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    measured = {"loss": loss.detach(), "grad_norm": norm}
    measured |= {f"loss_{source}": value for source, value in by_source.items()}
    return measured, {"lr": rate, "tokens": batch.tokens}


class _Meter:
    """Losses of the steps that nobody has looked at yet: looking waits for the device, so it is put off."""

    def __init__(self, writer: RunWriter, phase: str) -> None:
        self._writer = writer
        self._phase = phase
        self._pending: list[tuple[int, dict[str, Tensor], dict[str, Any]]] = []

    def add(self, step: int, measured: dict[str, Tensor], known: dict[str, Any]) -> None:
        self._pending.append((step, measured, known))

    def check(self) -> dict[str, float]:
        """Values of the last step; RunError for the first step since the last look that has one that is not finite."""
        values: dict[str, float] = {}
        for step, measured, _ in self._pending:
            values = dict(zip(measured, torch.stack(list(measured.values())).tolist(), strict=True))
            for name, value in values.items():
                if not math.isfinite(value):
                    raise RunError(
                        f"{self._writer.path}: {name} is {value} at step {step}, phase {self._phase!r}; nothing of it "
                        "is saved. Lower the learning rate, or look for a damaged example in that batch."
                    )
        del self._pending[:-1]
        return values

    def write(self) -> None:
        values = self.check()
        step, _, known = self._pending.pop()
        self._writer.metrics(step=step, phase=self._phase, **known, **values)


def _optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    parameters = list(trainable_parameters(model).values())
    return torch.optim.AdamW(
        parameters,
        lr=config.learning_rate,
        betas=config.betas,
        eps=config.eps,
        weight_decay=config.weight_decay,
        fused=parameters[0].device.type in ("cpu", "cuda"),
    )


def _seed(device: torch.device, seed: int) -> None:
    # torch.manual_seed walks every backend and takes a tenth of a millisecond.
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed)


@contextmanager
def _reproducible() -> Iterator[None]:
    """Deterministic algorithms inside, and everything global as it was afterwards."""
    enabled = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    memory = cast(Any, torch.utils.deterministic)
    fill = memory.fill_uninitialized_memory
    with random_state_kept():
        try:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
            torch.use_deterministic_algorithms(True)
            # Every kernel here writes what it allocates; filling it first costs time and guards nothing.
            memory.fill_uninitialized_memory = False
            yield
        finally:
            torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
            memory.fill_uninitialized_memory = fill


def _check(
    model: nn.Module,
    phases: Sequence[Phase],
    total: int,
    held_out: Mapping[str, Sequence[Example]],
    steps: Mapping[str, Collection[int]],
    log_every: int,
) -> None:
    if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
        raise InputError(
            f"model: found {type(model).__name__}, which splits each batch; expected the model itself; pass its .module"
        )
    names = [phase.name for phase in phases]
    if not phases or len(set(names)) != len(names):
        raise InputError(f"phases are {names}: expected one or more, each with a name of its own")
    if log_every < 1:
        raise InputError(f"log_every is {log_every}: expected 1 or more")
    for kind, chosen in steps.items():
        if strays := sorted(step for step in chosen if not 0 <= step <= total):
            raise InputError(f"{kind}_steps has {strays[0]}: expected steps from 0 to {total}, the last of the run")
    if not trainable_parameters(model):
        raise InputError("the model has no trainable parameters: all of them have requires_grad=False")
    rows = embedding_rows(model)
    longest = getattr(text_config(model), "max_position_embeddings", None) or math.inf
    groups = {f"phase {phase.name!r}": phase.mixture.examples for phase in phases}
    for name, examples in {**groups, **{f"held_out {name!r}": examples for name, examples in held_out.items()}}.items():
        if not examples:
            raise InputError(f"{name} has no examples")
        for index, example in enumerate(examples):
            if len(example.input_ids) > longest:
                raise InputError(
                    f"{name}, example {index} ({example.source}): {len(example.input_ids)} tokens, the model takes "
                    f"{longest}; shorten it"
                )
            if max(example.input_ids) >= rows or min(example.input_ids) < 0:
                raise InputError(
                    f"{name}, example {index} ({example.source}): token {max(example.input_ids)}, the embedding has "
                    f"{rows} rows; use the tokenizer that belongs to the model"
                )
