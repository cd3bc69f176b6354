"""How fast `fit_many` is beside loops over scikit-learn, and how far their probes are apart."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits
from timing import Row, Seconds, cpu_note, ratios, say
from torch import Tensor

from nnmech.probes.fit_many import INVERSE_PENALTY, fit_many, grouped_masks
from nnmech.probes.linear import Logistic, TrainingSet
from nnmech.statistics import weighted_auroc

WANTED = 20
SAME_AUROC = 0.005

T = TypeVar("T")
Fit = Callable[[Float[np.ndarray, "n d_model"], Bool[np.ndarray, "n"]], float]
"""AUROC on held-out rows of a probe trained on those of the mask."""


@dataclass(frozen=True)
class ProbeGrid:
    """The probes of a training run, and how many of them are fitted one by one as well."""

    layers: int = 24
    steps: int = 15
    folds: int = 5
    statements: int = 2000
    statements_of_an_entity: int = 4
    width: int = 512
    inverse_penalty: float = INVERSE_PENALTY
    """scikit-learn's `C`, the same on both sides."""
    sampled: int = 2
    """Fits of each step that the loops make, at random; their time is scaled up."""
    choosing_layers: int = 4
    """Layers where `C` is chosen on inner folds, in the first steps; the loop makes one fit of each step."""
    choosing_steps: int = 3


@dataclass
class _Taken:
    """What each step took, the loops scaled to as many fits as `fit_many` made, and how their probes compare."""

    ours: list[Seconds] = field(default_factory=list)
    loops: dict[str, list[Seconds]] = field(default_factory=dict)
    aurocs: list[float] = field(default_factory=list)
    differences: list[float] = field(default_factory=list)


def measure_probes(grid: ProbeGrid, threads: int) -> list[Row]:
    """Logistic probes of all layers, steps and folds: `fit_many` fits all, loops over scikit-learn a random few.

    Everybody begins with the activations in memory, as half precision for `fit_many`, and ends with the AUROC on
    held-out entities; the loops standardise the training rows, fit and score. Step by step they take turns, so that a
    busy machine slows all alike. `fit_many` has so many threads of torch; the loops have one, since the products of one
    fit are so small that more make it slower. Processor time compares them core by core.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return _measure(grid)
    finally:
        torch.set_num_threads(before)


def _measure(grid: ProbeGrid) -> list[Row]:
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(grid.statements) % 2 == 0)
    entities = rng.permutation(grid.statements) // grid.statements_of_an_entity
    train = grouped_masks(labels, entities, grid.folds, 0)
    fixed, choosing = _Taken(), _Taken()
    loops = {
        "scikit-learn": _one_by_one(labels, grid.inverse_penalty, "lbfgs", np.float64),
        "scikit-learn in single precision": _one_by_one(labels, grid.inverse_penalty, "lbfgs", np.float32),
        "scikit-learn as in Probe.fit (newton-cholesky)": _one_by_one(
            labels, grid.inverse_penalty, "newton-cholesky", np.float64
        ),
    }
    for step in range(-1, grid.steps):
        # The first round warms up and is forgotten.
        at = fixed if step >= 0 else _Taken()
        activations = planted_activations(grid, labels, seed=max(step, 0))
        sample = rng.integers((grid.layers, grid.folds), size=(grid.sampled, 2))
        _measure_step(activations, labels, train, loops, sample, at, inverse_penalty=grid.inverse_penalty)
        if 0 <= step < grid.choosing_steps:
            few = activations[: grid.choosing_layers]
            sample = rng.integers((len(few), grid.folds), size=(1, 2))
            one_by_one = {"Probe.fit": _choosing(labels, entities)}
            _measure_step(few, labels, train, one_by_one, sample, choosing, groups=entities)
        say(f"  step {step + 1} of {grid.steps}: " + ", ".join(_progress(at)))
    size = f"{grid.layers} layers x {grid.steps} steps x {grid.folds} folds, {grid.statements:,} statements, "
    size += f"width {grid.width}"
    part = f"{grid.choosing_layers} layers x {grid.choosing_steps} steps x {grid.folds} folds"
    return [
        *_rows(f"logistic probes, C={grid.inverse_penalty:g}", size, fixed, grid.sampled),
        *_rows("logistic probes, C chosen on inner folds", part, choosing, 1),
    ]


def planted_activations(grid: ProbeGrid, labels: Bool[np.ndarray, "n"], seed: int) -> Float[Tensor, "layer n d_model"]:
    """A residual stream in half precision: a large mean, a spectrum that falls, the label along a random direction."""
    generator = torch.Generator().manual_seed(seed)
    spectrum = 10 * torch.arange(1, grid.width + 1) ** -0.5
    sign = torch.from_numpy(np.where(labels, 1.0, -1.0)).float()
    activations = torch.empty(grid.layers, grid.statements, grid.width, dtype=torch.float16)
    for cell in activations:
        basis = torch.randn(grid.width, grid.width, generator=generator) / grid.width**0.5
        noise = torch.randn(grid.statements, grid.width, generator=generator) * spectrum @ basis
        direction = torch.nn.functional.normalize(torch.randn(grid.width, generator=generator), dim=0)
        # So much of the spread along the direction gives an AUROC of about 0.9 on held-out entities.
        signal = 0.4 * (noise @ direction).std() * sign
        cell.copy_(noise + signal[:, None] * direction + 20 * torch.randn(grid.width, generator=generator))
    return activations


def _measure_step(
    activations: Float[Tensor, "layer n d_model"],
    labels: Bool[np.ndarray, "n"],
    train: Bool[Tensor, "fold n"],
    loops: dict[str, Fit],
    sample: Int[np.ndarray, "fit 2"],
    taken: _Taken,
    **how: Any,
) -> None:
    many_labels = torch.from_numpy(labels).expand(len(train), -1)

    def fit_all() -> Float[np.ndarray, "layer fold"]:
        probes = fit_many(activations, many_labels, train, estimator="logistic", **how)
        scores, folds = probes.score(activations).numpy(), (~train).numpy()
        return np.stack([_auroc(scores[:, fold, test], labels[test]) for fold, test in enumerate(folds)], axis=1)

    def loop(fit: Fit, cells: dict[int, Float[np.ndarray, "n d_model"]]) -> list[float]:
        return [fit(cells[layer], train[fold].numpy()) for layer, fold in sample]

    areas, seconds = _timed(fit_all)
    taken.ours.append(seconds)
    taken.aurocs.append(float(areas.mean()))
    scale = areas.size / len(sample)
    # Reading is outside the clock: half precision is for fit_many to read.
    cells = {layer: activations[layer].float().numpy() for layer, _ in sample}
    for name, fit in loops.items():
        with threadpool_limits(1):
            theirs, one = _timed(loop, fit, cells)
        taken.loops.setdefault(name, []).append(Seconds(one.wall * scale, one.cpu * scale))
        taken.differences += [abs(float(areas[tuple(at)]) - area) for at, area in zip(sample, theirs, strict=True)]


def _auroc(scores: Float[np.ndarray, "layer n"], labels: Bool[np.ndarray, "n"]) -> Float[np.ndarray, "layer"]:
    return weighted_auroc(scores, labels, np.ones((1, len(labels)), dtype=np.int64))[0]


def _one_by_one(labels: Bool[np.ndarray, "n"], inverse_penalty: float, solver: str, dtype: type) -> Fit:
    def fit(rows: Float[np.ndarray, "n d_model"], train: Bool[np.ndarray, "n"]) -> float:
        seen, held_out = rows[train].astype(dtype), rows[~train].astype(dtype)
        mean, deviation = seen.mean(axis=0), seen.std(axis=0)
        model = LogisticRegression(C=inverse_penalty, solver=solver, max_iter=1000)
        model.fit((seen - mean) / deviation, labels[train])
        return float(roc_auc_score(labels[~train], model.decision_function((held_out - mean) / deviation)))

    return fit


def _choosing(labels: Bool[np.ndarray, "n"], entities: Int[np.ndarray, "n"]) -> Fit:
    def fit(rows: Float[np.ndarray, "n d_model"], train: Bool[np.ndarray, "n"]) -> float:
        wide = rows.astype(np.float64)
        found = Logistic().fit(TrainingSet(wide[train], labels[train], entities[train]))
        return float(roc_auc_score(labels[~train], wide[~train] @ found.direction + found.bias))

    return fit


def _timed(work: Callable[..., T], *arguments: Any) -> tuple[T, Seconds]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = work(*arguments)
    return found, Seconds(time.perf_counter() - wall, time.process_time() - cpu)


def _progress(taken: _Taken) -> Sequence[str]:
    times = {"fit_many": taken.ours, **taken.loops}
    return [f"{name} {seconds[-1].wall:.1f} s" for name, seconds in times.items()]


def _rows(what: str, size: str, taken: _Taken, sampled: int) -> list[Row]:
    total = sum(each.wall for each in taken.ours)
    note = f"{size}; {torch.get_num_threads()} thread(s); mean AUROC {np.mean(taken.aurocs):.3f}"
    rows = [Row(f"{what}: fit_many", "s", (total,), note=note)]
    fits = sampled * len(taken.ours)
    for name, seconds in taken.loops.items():
        loop = f"the loop {sum(each.wall for each in seconds):,.0f} s on one, scaled up from {fits} random fits"
        note = f"step by step; {loop}; {cpu_note(seconds, taken.ours)}"
        rows.append(
            Row(f"{what}: loop over {name} / fit_many", "", ratios(seconds, taken.ours), at_least=WANTED, note=note)
        )
    largest, note = max(taken.differences), f"on the {fits} fits of each loop"
    return [*rows, Row(f"{what}: largest difference in AUROC", "", (largest,), at_most=SAME_AUROC, note=note)]
