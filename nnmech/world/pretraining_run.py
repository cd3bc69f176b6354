"""A pretraining run as a run directory: metrics, gates, checkpoints, and the finished model with its card."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from nnmech.errors import InputError
from nnmech.files import plain, write_bytes_atomic
from nnmech.models import align_parameters
from nnmech.runs import Run, RunWriter
from nnmech.runs.folder import read_info
from nnmech.training.checkpoints import checkpoint_tensors, restore_optimizer, restore_weights
from nnmech.world.card import model_card
from nnmech.world.claims import make_claims
from nnmech.world.gates import Gate, measure_gates
from nnmech.world.people import make_world
from nnmech.world.pretraining import PretrainingConfig, make_model, make_optimizers, pretrain
from nnmech.world.probe_gates import measure_probe_gates
from nnmech.world.tokenizer import save_tokenizer

FINAL_GATE_QUESTIONS = 300
INTERIM_GATE_QUESTIONS = 60
LOSS_WINDOW = 50
"""Updates over which the card averages the loss."""
_SUMS = ("tokens", "seconds")


def pretrain_into(
    folder: Path,
    config: PretrainingConfig,
    *,
    resume: bool = False,
    discard: bool = False,
    gates_every: int = 400,
    on_step: Callable[[int, dict[str, float]], object] = lambda step, metrics: None,
) -> list[Gate]:
    """Pretrain into the run directory `folder` and return the final gates.

    `folder/model` gets the finished model. A resumed run goes on from its last checkpoint to the same weights;
    `discard` is as for `RunWriter.resume`. Raises RunExistsError where the run is there already, InputError where it is
    resumed with other settings.
    """
    settings = plain({"experiment": "pretrain", **asdict(config)})
    world = make_world()
    claimed = {claim.person.name for claim in make_claims(world).values()}
    described = {"id": "pretraining", "d_model": config.d_model, "n_layers": config.layers, "dtype": "float32"}
    if resume:
        # Before anything is rolled back.
        if read_info(folder)["config"] != settings:
            raise InputError(f"{folder}: was started with other settings; resume with the same --steps and --seed")
        writer = RunWriter.resume(folder, discard=discard)
    else:
        writer = RunWriter.create(folder, config=settings, model=described, kind="pretraining")
    with writer:
        tokenizer = save_tokenizer(folder / "model", world)
        model = make_model(config, tokenizer)
        optimizers = make_optimizers(config, model)
        start, totals = 0, dict.fromkeys(_SUMS, 0.0)
        if writer.checkpoint_step is not None:
            tensors, state = writer.load_checkpoint()
            restore_weights(model, tensors)
            for optimizer in optimizers:
                restore_optimizer(model, optimizer, tensors)
            start, totals = writer.checkpoint_step, state["totals"]
        align_parameters(model)

        def gates(step: int, n: int) -> list[Gate]:
            measured = measure_gates(model, tokenizer, world, n=n, excluded=claimed)
            writer.metrics(step=step, phase="gates", n=n, **{gate.name: gate.value for gate in measured})
            return measured

        def record(step: int, metrics: dict[str, float]) -> None:
            for name in _SUMS:
                totals[name] += metrics[name]
            # Seconds are wall clock: they stay out of the lines that the same command reproduces.
            writer.metrics(
                step=step, phase="pretraining", **{name: value for name, value in metrics.items() if name != "seconds"}
            )
            on_step(step, metrics)
            if step % gates_every == 0 and step < config.steps:
                gates(step, INTERIM_GATE_QUESTIONS)
                tensors = {
                    name: tensor
                    for optimizer in optimizers
                    for name, tensor in checkpoint_tensors(model, optimizer).items()
                }
                writer.checkpoint(step, tensors, {"totals": totals})

        writer.event("start", step=0, steps=config.steps)
        pretrain(model, tokenizer, world, config, optimizers=optimizers, start=start, on_step=record)
        model.save_pretrained(folder / "model")
        writer.checkpoint(config.steps, checkpoint_tensors(model), {"totals": totals})
        final = gates(config.steps, FINAL_GATE_QUESTIONS)
        final += measure_probe_gates(model, tokenizer, world, excluded=claimed)
        measured = {**_last_losses(folder), **totals}
        card = model_card(
            config, final, model, people=len(world.people), silent=len(world.documents_only), measured=measured
        )
        write_bytes_atomic(folder / "model" / "README.md", card.encode())
        writer.event("end", step=config.steps)
    torch.compiler.reset()
    return final


def _last_losses(folder: Path) -> dict[str, float]:
    """Mean loss by source over the last updates."""
    metrics = Run(folder).metrics
    last = metrics[metrics["phase"] == "pretraining"].tail(LOSS_WINDOW)
    return {name: float(np.asarray(last[name]).mean()) for name in ("loss_documents", "loss_chats")}
