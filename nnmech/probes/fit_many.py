"""Probes of all layers, steps, folds, shuffles and seeds at once, on CPU or GPU."""

import math
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from nnmech.errors import InputError
from nnmech.probes.linear import INVERSE_PENALTIES, grouped_folds
from nnmech.probes.many_logistic import InnerFolds, ManyLogistic
from nnmech.probes.many_mass_mean import class_means, whiten

BATCHED_ESTIMATORS = ("mass_mean", "mass_mean_covariance", "logistic")

INVERSE_PENALTY = 0.1
"""scikit-learn's `C` where none is given and no groups to choose one on: between its own 1, which is best where truth
is plain, and the hundredth that many coordinates and few statements ask for."""

CHUNK_BYTES = {"cpu": 16e6, "cuda": 4e9}
"""Working memory aimed at, in each thread of a CPU: what its share of the cache nearly holds."""


@dataclass(frozen=True, eq=False)
class ManyProbes:
    """Linear probes, one for each cell and problem: `activations @ direction + bias` is positive for the class True.

    `directions` are in residual-stream units. Of logistic regressions, `inverse_penalties` are scikit-learn's `C` and
    `converged` says whether they came to rest; None of other estimators.
    """

    estimator: str
    directions: Float[Tensor, "*cell problem d"]
    biases: Float[Tensor, "*cell problem"]
    inverse_penalties: Float[Tensor, "*cell problem"] | None = None
    converged: Bool[Tensor, "*cell problem"] | None = None

    def score(
        self, activations: Float[Tensor, "*cell m d"], *, device: str | torch.device | None = None
    ) -> Float[Tensor, "*cell problem m"]:
        """Scores of m rows in each cell by each of its probes, in the precision of the directions.

        A step's probes score another step's activations as long as the cells are as many. Computed on `device` (that
        of `activations` if None), given back on that of the activations. Raises InputError for other shapes or NaN.
        """
        cells, problems, width = self.directions.shape[:-2], self.directions.shape[-2], self.directions.shape[-1]
        if activations.ndim < 2 or activations.shape[:-2] != cells or activations.shape[-1] != width:
            raise InputError(
                f"activations have shape {tuple(activations.shape)}: expected cells {tuple(cells)}, then rows, then "
                f"{width} coordinates, as the probes were fitted on"
            )
        device, dtype = _device(activations, device), self.directions.dtype
        directions, biases = self.directions.reshape(-1, problems, width), self.biases.reshape(-1, problems)
        rows = torch.arange(activations.shape[-2])
        scores = torch.empty(len(directions), problems, len(rows), dtype=dtype, device=activations.device)

        def score(part: slice) -> None:
            x = _read(activations, part, device, dtype, rows)
            # Without the mean, which dwarfs what tells the classes apart, few digits are lost.
            center = _mean(x, cells, part.start, rows)
            mine = directions[part].to(device)
            offset = (mine.double() @ center.double().mT).squeeze(-1) + biases[part].to(device)
            scores[part] = mine @ x.sub_(center).mT + offset.to(dtype)[..., None]

        _each_part(score, len(directions), len(rows) * (2 * width + 2 * problems) * dtype.itemsize, device)
        return scores.reshape(*cells, problems, len(rows))


def fit_many(
    activations: Float[Tensor, "*cell n d"],
    labels: Bool[Tensor, "problem n"],
    train: Bool[Tensor, "problem n"],
    *,
    estimator: str = "mass_mean",
    device: str | torch.device | None = None,
    dtype: torch.dtype = torch.float32,
    inverse_penalty: float | None = None,
    groups: Int[np.ndarray, "n"] | None = None,
    seed: int = 0,
    cells_at_once: int | None = None,
    tolerance: float = 1e-3,
    max_iterations: int = 200,
) -> ManyProbes:
    """Fit every problem in every cell with one pass over the activations: many times faster than one by one.

    A cell is a layer, step or position; a problem is a label for each of the n rows and the rows to train on, so that
    folds, shuffles, seeds and held-out topics are all problems.

    `logistic` has scikit-learn's objective. It ends where the next step would be less than `tolerance` of the
    coefficients, which are then off by a few times that, or more where classes are separable and hardly penalised; a
    warning says where `max_iterations` did not reach that.

    Args:
        activations: n rows in every cell, of any precision, on any device.
        labels: the labels of each problem.
        train: the rows that each problem is fitted on.
        estimator: `mass_mean`, `mass_mean_covariance` or `logistic`, as in `nnmech.probes.linear`.
        device: where to compute, that of the activations if None; probes are given back on theirs.
        dtype: precision to compute in.
        inverse_penalty: scikit-learn's `C` of `logistic`. If None it is chosen for each problem among
            INVERSE_PENALTIES by log loss on five folds of its training rows, which fits each problem 30 times; without
            `groups` it is INVERSE_PENALTY.
        groups: entities, which none of these folds separates.
        seed: deals groups out to the folds.
        cells_at_once: how many are held in memory in `dtype` by each thread of torch; by default as many as fit some
            megabytes (CPU) or gigabytes (GPU), at least one.
        tolerance: of `logistic`.
        max_iterations: of `logistic`.

    Raises:
        InputError: for NaN or infinity in rows that are trained on, a problem that trains on one class or leaves
            nothing to choose a penalty on, shapes that do not fit, or an unknown estimator.
    """
    _check(activations, labels, train, estimator, dtype, inverse_penalty, groups, cells_at_once)
    target, cells, width = _device(activations, device), activations.shape[:-2], activations.shape[-1]
    # Rows that nobody trains on have no say in anything.
    rows = train.any(dim=0).cpu().nonzero().flatten()
    labels, train = (mask.cpu()[:, rows] for mask in (labels, train))
    logistic = None
    if estimator == "logistic":
        candidates, inner = (INVERSE_PENALTY if inverse_penalty is None else inverse_penalty,), None
        if groups is not None and inverse_penalty is None:
            candidates, inner = INVERSE_PENALTIES, InnerFolds.deal(labels, train, groups[rows.numpy()], seed)
        logistic = ManyLogistic(candidates, inner, tolerance, max_iterations)
    labels, train = labels.to(target), train.to(target)

    fits = len(train) + (0 if logistic is None or logistic.inner is None else len(logistic.inner.owner))
    numbers = 4 * len(rows) * width + 3 * min(width, len(rows)) ** 2 + 8 * fits * (len(rows) + width)
    directions = torch.empty(math.prod(cells), len(train), width, dtype=dtype, device=activations.device)
    biases, penalties = torch.empty_like(directions[..., 0]), torch.empty_like(directions[..., 0])
    converged = torch.ones_like(biases, dtype=torch.bool)

    def fit(part: slice) -> None:
        x = _read(activations, part, target, dtype, rows)
        center = _mean(x, cells, part.start, rows)
        x.sub_(center)
        if logistic is not None:
            found = logistic.fit(x, labels, train)
            direction, bias = found.directions, found.biases.double()
            penalties[part], converged[part] = found.inverse_penalties, found.converged
        else:
            positive, negative = class_means(x, labels, train)
            direction = positive - negative
            if estimator == "mass_mean_covariance":
                direction = whiten(x, labels, train, positive, negative)
            bias = -torch.linalg.vecdot(direction.double(), (positive + negative).double()) / 2
        directions[part] = direction
        biases[part] = (bias - (direction.double() @ center.double().mT).squeeze(-1)).to(dtype)

    _each_part(fit, len(directions), numbers * dtype.itemsize, target, cells_at_once)
    shape = (*cells, len(train))
    directions, biases = directions.reshape(*shape, width), biases.reshape(shape)
    if logistic is None:
        return ManyProbes(estimator, directions, biases)
    _warn_where_not(converged.reshape(shape), max_iterations)
    return ManyProbes(estimator, directions, biases, penalties.reshape(shape), converged.reshape(shape))


def grouped_masks(
    labels: Bool[np.ndarray, "n"], groups: Int[np.ndarray, "n"], folds: int, seed: int
) -> Bool[Tensor, "fold n"]:
    """The rows that each fold of `grouped_folds` trains on; the others are those it is tested on."""
    pieces = list(grouped_folds(labels, groups, folds, seed))
    masks = torch.zeros(len(pieces), len(labels), dtype=torch.bool)
    for mask, (train, _) in zip(masks, pieces, strict=True):
        mask[torch.from_numpy(train)] = True
    return masks


def _check(
    activations: Tensor,
    labels: Tensor,
    train: Tensor,
    estimator: str,
    dtype: torch.dtype,
    inverse_penalty: float | None,
    groups: np.ndarray | None,
    cells_at_once: int | None,
) -> None:
    if estimator not in BATCHED_ESTIMATORS:
        raise InputError(f"estimator {estimator!r}: expected one of {list(BATCHED_ESTIMATORS)}")
    if dtype not in (torch.float32, torch.float64):
        raise InputError(f"dtype {dtype}: expected torch.float32 or torch.float64; activations may be of any")
    if activations.ndim < 2 or 0 in activations.shape:
        raise InputError(f"activations have shape {tuple(activations.shape)}: expected cells, rows, coordinates")
    rows = activations.shape[-2]
    if labels.ndim != 2 or labels.shape != train.shape or labels.shape[1] != rows or not len(labels):
        raise InputError(
            f"labels {tuple(labels.shape)} and train {tuple(train.shape)}: expected one line for each problem and "
            f"{rows} columns, one for each row of activations"
        )
    if labels.dtype != torch.bool or train.dtype != torch.bool:
        raise InputError(f"labels are {labels.dtype} and train is {train.dtype}: expected torch.bool")
    if groups is not None and len(groups) != rows:
        raise InputError(f"{len(groups)} groups for {rows} rows of activations: give one for each")
    if inverse_penalty is not None and not 0 < inverse_penalty < float("inf"):
        raise InputError(f"inverse_penalty is {inverse_penalty}: expected a positive number, scikit-learn's C")
    if cells_at_once is not None and cells_at_once < 1:
        raise InputError(f"cells_at_once is {cells_at_once}: expected 1 or more")
    labels = labels.to(train.device)
    lone = ~((train & labels).any(dim=1) & (train & ~labels).any(dim=1))
    if lone.any():
        problem = int(lone.nonzero()[0])
        raise InputError(
            f"problem {problem} trains on {int(train[problem].sum())} rows of one class: give it rows of both, "
            "or use fewer folds"
        )


def _device(activations: Tensor, device: str | torch.device | None) -> torch.device:
    return activations.device if device is None else torch.device(device)


def _each_part(
    work: Callable[[slice], None], cells: int, cell_bytes: int, device: torch.device, cells_at_once: int | None = None
) -> None:
    """Call `work` on the cells part by part; on a CPU as many at a time as torch has threads, each on one of them.

    What a cell needs is too little to be split among threads, and many cells wait.
    """
    threads = 1 if device.type == "cuda" else min(torch.get_num_threads(), cells)
    budget = CHUNK_BYTES["cuda" if device.type == "cuda" else "cpu"]
    size = cells_at_once or min(max(1, int(budget / cell_bytes)), -(-cells // threads))
    parts = [slice(start, min(start + size, cells)) for start in range(0, cells, size)]
    if threads == 1:
        for part in parts:
            work(part)
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        # The kernels' number of threads is each Python thread's own, and decides how sums round.
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            list(pool.map(work, parts))
    finally:
        torch.set_num_threads(before)


def _read(
    activations: Tensor, part: slice, device: torch.device, dtype: torch.dtype, rows: Tensor
) -> Float[Tensor, "chunk m d"]:
    """Some cells, numbered in row-major order, as a copy that may be written to."""
    shape, chosen = activations.shape[:-2], None
    if len(rows) < activations.shape[-2]:
        chosen = rows.to(activations.device)
    x = torch.empty(part.stop - part.start, len(rows), activations.shape[-1], dtype=dtype, device=device)
    for into, number in zip(x, range(part.start, part.stop), strict=True):
        cell = activations[np.unravel_index(number, shape) if shape else ()]
        # In the precision that it comes in, which is less to move.
        into.copy_((cell if chosen is None else cell[chosen]).to(device))
    return x


def _mean(
    x: Float[Tensor, "chunk m d"], cells: tuple[int, ...], start: int, rows: Tensor
) -> Float[Tensor, "chunk 1 d"]:
    """Mean over rows; raises InputError that names the first cell and row that are not finite."""
    mean = x.mean(dim=1, keepdim=True)
    # NaN and infinity reach the mean, so that the rows need to be looked at only where there is one.
    if not mean.isfinite().all():
        bad = (~x.isfinite()).any(dim=-1).nonzero()
        if not len(bad):
            raise InputError(f"activations are too large for {x.dtype}: pass dtype=torch.float64, or scale them down")
        cell, row = bad[0].tolist()
        index = tuple(int(number) for number in np.unravel_index(start + cell, cells)) if cells else ()
        raise InputError(
            f"activations of cell {index}, row {int(rows[row])} hold NaN or infinity: leave the row out or mend it"
        )
    return mean


def _warn_where_not(converged: Bool[Tensor, "*cell problem"], max_iterations: int) -> None:
    missed = (~converged).nonzero()
    if len(missed):
        *cell, problem = missed[0].tolist()
        warnings.warn(
            f"{len(missed)} of {converged.numel()} logistic regressions did not converge in {max_iterations} "
            f"iterations, first problem {problem} of cell {tuple(cell)}: raise max_iterations, lower inverse_penalty "
            "or pass dtype=torch.float64",
            stacklevel=3,
        )
