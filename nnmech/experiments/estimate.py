"""What an experiment will take: runs, updates, disk and, measured on the spot, time."""

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from nnmech.belief.answers import ask
from nnmech.errors import RunError
from nnmech.experiments.data import load
from nnmech.experiments.settings import Settings
from nnmech.experiments.training_run import Plan, freeze_plan
from nnmech.files.writing import disk_errors
from nnmech.recording.snapshots import capture
from nnmech.training import loss_logits
from nnmech.training.mixtures import Batch, weighted_loss

START_SECONDS = 8.0
"""Of a worker: importing torch and transformers."""
ANSWERS_BYTES = 12_000
"""Of the answers to the questions about a claim, each asked once."""


@dataclass(frozen=True)
class Estimate:
    """The size of an experiment."""

    runs: int
    updates: int
    """Of one run, all phases."""
    boundary: int
    """Updates of the first phase."""
    snapshots: int
    evaluations: int
    workers: int
    seconds: float
    """Wall time, from a few updates, one snapshot and one evaluation timed here and now."""
    bytes: int
    """Disk space of the finished run directory, at most."""

    def __str__(self) -> str:
        phases = f"{self.boundary} + {self.updates - self.boundary}" if self.boundary < self.updates else self.updates
        return (
            f"{self.runs} runs, {phases} updates, {self.snapshots} snapshots and {self.evaluations} evaluations each, "
            f"{self.workers} at a time; about {self.seconds / 60:.1f} minutes and {self.bytes / 1e6:.0f} MB"
        )


def default_workers(settings: Settings) -> int:
    """A worker a core on the CPU, one on an accelerator."""
    return len(os.sched_getaffinity(0)) if settings.device == "cpu" else 1


def estimate(settings: Settings, run: Sequence[Any], make_plan: Callable[..., Plan], workers: int | None) -> Estimate:
    """Build one run without training it, time its parts, and add everything up for all runs of the settings.

    Args:
        settings: Of the experiment.
        run: One of `settings.runs`.
        make_plan: Called as `make_plan(model, *run, settings)`.
        workers: Runs side by side; a core each where not given.
    """
    loaded, runs = load(settings), len(settings.runs)
    began = time.perf_counter()
    plan = make_plan(loaded, *run, settings)
    building = time.perf_counter() - began
    steps = plan.schedule
    batches = freeze_plan(loaded, plan)
    update = 0.0
    if plan.phases:
        first = plan.phases[0].mixture.batch(1).to(loaded.model.device)
        update = _seconds(lambda: _update(loaded.model, first, settings))
    snapshot = _seconds(lambda: capture(loaded.model, batches, layers=settings.layers, dtype=torch.float16))
    evaluation = _seconds(lambda: ask(loaded.model, loaded.tokenizer, plan.questions, samples=1, seed=0, step=0))
    asked = len(steps.evaluations) + len(steps.milestones) * (settings.samples - 1) * 0.5
    one_run = building + steps.total * update + len(steps.snapshots) * snapshot + asked * evaluation
    count = min(workers or default_workers(settings), runs)
    layers = loaded.describe()["n_layers"] if settings.layers is None else len(settings.layers)
    width = loaded.describe()["d_model"]
    snapshot_bytes = 2 * layers * len(batches.positions) * len(batches.statements) * width
    weight_bytes = sum(p.numel() * p.element_size() for p in loaded.model.parameters())
    # Weights at the end, with the optimizer's two moments for the runs that are under way.
    disk = runs * (weight_bytes + len(steps.snapshots) * snapshot_bytes) + count * 2 * weight_bytes
    return Estimate(
        runs=runs,
        updates=steps.total,
        boundary=steps.boundary,
        snapshots=len(steps.snapshots),
        evaluations=len(steps.evaluations),
        workers=count,
        seconds=-(-runs // count) * one_run + START_SECONDS,
        bytes=disk,
    )


def only_asked(settings: Settings, evaluations: int, seconds: float, workers: int | None) -> Estimate:
    """The size of an experiment that trains nothing; `seconds` on one core for all runs."""
    runs = len(settings.runs)
    count = min(workers or default_workers(settings), runs)
    disk = runs * evaluations * ANSWERS_BYTES * settings.samples
    return Estimate(runs, 0, 0, 0, evaluations, count, seconds / count + START_SECONDS, disk)


def check_disk(needed: int, folder: Path) -> None:
    """RunError where the disk that will hold `folder` has less than `needed` bytes free."""
    with disk_errors(folder):
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


def _update(model: torch.nn.Module, batch: Batch, settings: Settings) -> None:
    loss, _ = weighted_loss(loss_logits(model, batch), batch, settings.loss_reduction)
    loss.backward()
    model.zero_grad(set_to_none=True)
