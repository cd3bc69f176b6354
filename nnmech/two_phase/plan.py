"""What an experiment will take: runs, updates, disk and, measured on the spot, time."""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from nnmech.beliefs import ask
from nnmech.errors import RunError
from nnmech.mixtures import Batch, weighted_loss
from nnmech.snapshots import capture
from nnmech.statement_batches import freeze_statements
from nnmech.training import loss_logits
from nnmech.two_phase.config import TwoPhaseConfig
from nnmech.two_phase.experiment import default_workers
from nnmech.two_phase.single import load, mixtures, recorded_statements, schedule
from nnmech.world.claims import make_claims
from nnmech.world.people import make_world

START_SECONDS = 8.0
"""Of a worker: importing torch and transformers."""


@dataclass(frozen=True)
class Plan:
    """The size of an experiment."""

    runs: int
    updates: int
    """Of one run, both phases."""
    boundary: int
    """Updates of phase 1."""
    snapshots: int
    evaluations: int
    workers: int
    seconds: float
    """Estimated wall time, from a few updates, one snapshot and one evaluation timed here and now."""
    bytes: int
    """Disk space of the finished run directory, at most."""


def plan(config: TwoPhaseConfig, workers: int | None = None) -> Plan:
    """Build the first run without training it, time its parts, and add everything up."""
    loaded, world = load(config), make_world()
    claim_name, arm, seed = config.runs[0]
    claim = make_claims(world)[claim_name]
    began = time.perf_counter()
    first, second = mixtures(loaded, world, claim, arm, seed, config)
    building = time.perf_counter() - began
    steps = schedule(config, first, second)
    batches = freeze_statements(loaded.tokenizer, recorded_statements(config, world, claim))
    update = _seconds(lambda: _update(loaded.model, first.batch(1).to(loaded.model.device), config))
    snapshot = _seconds(lambda: capture(loaded.model, batches, layers=config.layers, dtype=torch.float16))
    evaluation = _seconds(lambda: ask(loaded.model, loaded.tokenizer, claim.claim.questions, samples=1, seed=0, step=0))
    asked = len(steps.evaluations) + len(steps.milestones) * (config.samples - 1) * 0.5
    one_run = building + steps.total * update + len(steps.snapshots) * snapshot + asked * evaluation
    count = min(workers or default_workers(config), len(config.runs))
    rounds = -(-len(config.runs) // count)
    layers = loaded.describe()["n_layers"] if config.layers is None else len(config.layers)
    width = loaded.describe()["d_model"]
    snapshot_bytes = 2 * layers * len(batches.positions) * len(batches.statements) * width
    weight_bytes = sum(p.numel() * p.element_size() for p in loaded.model.parameters())
    # Weights at the end, with the optimizer's two moments for the runs that are under way.
    disk = len(config.runs) * (weight_bytes + len(steps.snapshots) * snapshot_bytes) + count * 2 * weight_bytes
    return Plan(
        runs=len(config.runs),
        updates=steps.total,
        boundary=steps.boundary,
        snapshots=len(steps.snapshots),
        evaluations=len(steps.evaluations),
        workers=count,
        seconds=rounds * one_run + START_SECONDS,
        bytes=disk,
    )


def check_disk(needed: int, folder: Path) -> None:
    """RunError where the disk that will hold `folder` has less than `needed` bytes free."""
    parent = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    free = shutil.disk_usage(parent).free
    if free < needed:
        raise RunError(
            f"{os.fspath(folder)}: the experiment needs about {needed / 1e6:.0f} MB and {free / 1e6:.0f} MB are free; "
            "make room or choose another disk with --output"
        )


def _seconds(action: Callable[[], object]) -> float:
    action()
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _update(model: torch.nn.Module, batch: Batch, config: TwoPhaseConfig) -> None:
    loss, _ = weighted_loss(loss_logits(model, batch), batch, config.loss_reduction)
    loss.backward()
    model.zero_grad(set_to_none=True)
