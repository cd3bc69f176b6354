"""L2-regularised logistic regressions that share their activations, solved side by side by conjugate gradients."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from nnmech.probes.linear import folds_to_choose_on

INNER_FOLDS = 5
CURVATURE = 0.25
"""Of the logistic loss, at most and where it starts (Böhning and Lindsay 1988)."""
EXPECTED_CURVATURE = 0.1
"""Where it ends, for probes that tell most statements apart; how far off that is costs iterations and nothing else."""
GRAM_BLOCKS = 4
LINE_SEARCH_STEPS = 6
FLAT_ENOUGH = 0.3
"""Of the slope along a direction, what may be left of it where the line search ends."""

Weights = tuple[Float[Tensor, "cell problem d"], Float[Tensor, "cell problem"]]
"""Coefficients of standardised coordinates, and intercepts."""


@dataclass(frozen=True)
class InnerFolds:
    """Folds of the training rows of problems, on which their penalty is chosen; `owner` is whose each one is."""

    owner: Int[Tensor, "fold"]
    train: Bool[Tensor, "fold n"]
    test: Bool[Tensor, "fold n"]

    @classmethod
    def deal(
        cls,
        labels: Bool[Tensor, "problem n"],
        train: Bool[Tensor, "problem n"],
        groups: Int[np.ndarray, "n"],
        seed: int,
    ) -> "InnerFolds":
        """The folds of each problem that `folds_to_choose_on` gives; raises InputError as it does."""
        found = []
        for owner, (label, mask) in enumerate(zip(labels.cpu().numpy(), train.cpu().numpy(), strict=True)):
            rows = np.flatnonzero(mask)
            which = f"problem {owner}: "
            for seen, held_out in folds_to_choose_on(label[rows], groups[rows], INNER_FOLDS, seed, which):
                masks = np.zeros((2, len(mask)), dtype=bool)
                masks[0, rows[seen]] = masks[1, rows[held_out]] = True
                found.append((owner, masks))
        owners, masks = [owner for owner, _ in found], [masks for _, masks in found]
        both = torch.from_numpy(np.stack(masks))
        return cls(torch.tensor(owners, dtype=torch.int64), both[:, 0], both[:, 1])


@dataclass(frozen=True)
class Found:
    """Directions and biases for the activations as they were given, with what is known of each."""

    directions: Float[Tensor, "cell problem d"]
    biases: Float[Tensor, "cell problem"]
    inverse_penalties: Float[Tensor, "cell problem"]
    converged: Bool[Tensor, "cell problem"]


@dataclass(frozen=True)
class ManyLogistic:
    """How to fit: candidates for `C` in rising order, the folds to choose on (None for one candidate), when to stop."""

    inverse_penalties: tuple[float, ...]
    inner: InnerFolds | None
    tolerance: float
    max_iterations: int

    def fit(
        self, x: Float[Tensor, "cell n d"], labels: Bool[Tensor, "problem n"], train: Bool[Tensor, "problem n"]
    ) -> Found:
        """Fit centred activations, which are overwritten."""
        problems, inner = len(train), self.inner
        if inner is not None:
            owner = inner.owner.to(x.device)
            labels, train = torch.cat([labels, labels[owner]]), torch.cat([train, inner.train.to(x.device)])
        regression, unit = _Regression.of(x, labels, train)
        gram = _gram(x)
        weights, fits, losses = None, [], []
        for inverse_penalty in self.inverse_penalties:
            penalty = 1 / inverse_penalty
            inverse = _Preconditioner.of(x, gram, EXPECTED_CURVATURE * float(train.float().mean()), penalty)
            weights, converged = regression.solve(weights, penalty, inverse, self.tolerance, self.max_iterations)
            fits.append((*regression.in_units_of_x(weights, problems), converged[:, :problems]))
            if inner is not None:
                held_out = regression.losses(weights)[:, problems:] * inner.test.to(x.device)
                loss = x.new_zeros(len(x), problems).index_add_(1, owner, held_out.sum(dim=-1))
                losses.append(loss)
        best = torch.stack(losses).argmin(dim=0) if losses else fits[0][1].new_zeros(fits[0][1].shape, dtype=torch.long)
        directions, biases, converged = (torch.stack(each) for each in zip(*fits, strict=True))
        return Found(
            directions.take_along_dim(best[None, ..., None], dim=0)[0] / unit,
            biases.take_along_dim(best[None], dim=0)[0],
            x.new_tensor(self.inverse_penalties)[best],
            converged.take_along_dim(best[None], dim=0)[0],
        )


def _gram(x: Float[Tensor, "cell n d"]) -> Float[Tensor, "cell k k"]:
    """x'x, or xx' where rows are fewer, block by block in the lower triangle, which is all that Cholesky reads."""
    rows = x if x.shape[1] < x.shape[2] else x.mT
    gram = x.new_zeros(len(x), rows.shape[1], rows.shape[1])
    for numbers in torch.arange(rows.shape[1]).chunk(GRAM_BLOCKS):
        first, last = int(numbers[0]), int(numbers[-1]) + 1
        gram[:, first:last, :last] = rows[:, first:last] @ rows[:, :last].mT
    return gram


@dataclass(frozen=True)
class _Preconditioner:
    """Inverse of curvature * x'x + penalty, one for all problems of a cell; few rows are solved as rows (Woodbury)."""

    x: Float[Tensor, "cell n d"]
    factor: Float[Tensor, "cell k k"]
    curvature: float
    penalty: float

    @classmethod
    def of(
        cls, x: Float[Tensor, "cell n d"], gram: Float[Tensor, "cell k k"], curvature: float, penalty: float
    ) -> "_Preconditioner":
        shifted = gram.clone()
        diagonal = shifted.diagonal(dim1=-2, dim2=-1)
        # Below rounding error, a penalty does not keep the factorisation from failing.
        least = torch.finfo(x.dtype).eps * diagonal.sum(dim=-1, keepdim=True)
        diagonal.add_(least.clamp_min(penalty / curvature))
        return cls(x, torch.linalg.cholesky(shifted), curvature, penalty)

    def __call__(self, gradients: Float[Tensor, "cell problem d"]) -> Float[Tensor, "cell problem d"]:
        if self.factor.shape[-1] == gradients.shape[-1]:
            return torch.cholesky_solve(gradients.mT, self.factor).mT / self.curvature
        through = torch.cholesky_solve(self.x @ gradients.mT, self.factor).mT @ self.x
        return (gradients - through) / self.penalty


@dataclass(frozen=True)
class _Point:
    """Log-odds of all rows, and the first two derivatives of the log loss of those that are trained on."""

    logits: Float[Tensor, "cell problem n"]
    residual: Float[Tensor, "cell problem n"]
    curvature: Float[Tensor, "cell problem n"]


@dataclass(frozen=True)
class _Regression:
    """The problems of some cells, each with activations standardised by the mean and spread of its own training rows.

    `x` is the same for all problems, so that what each does with it is part of one matrix product.
    """

    x: Float[Tensor, "cell n d"]
    labels: Float[Tensor, "problem n"]
    train: Float[Tensor, "problem n"]
    mean: Float[Tensor, "cell problem d"]
    scale: Float[Tensor, "cell problem d"]

    @classmethod
    def of(
        cls, x: Float[Tensor, "cell n d"], labels: Bool[Tensor, "problem n"], train: Bool[Tensor, "problem n"]
    ) -> tuple["_Regression", Float[Tensor, "cell 1 d"]]:
        """Divides `x` by the spread of its coordinates over all rows, and gives that unit too."""
        weights = torch.cat([torch.ones_like(train[:1]), train]).to(x.dtype)
        share = weights / weights.sum(dim=1, keepdim=True)
        mean, square = share @ x, share @ x.square()
        variance = square - mean.square()
        # Where nothing varies but rounding, the scale is 1.
        scale = torch.where(variance > 64 * torch.finfo(x.dtype).eps * square, variance, 1.0).sqrt()
        unit = scale[:, :1]
        return cls(x.div_(unit), labels.to(x.dtype), weights[1:], mean[:, 1:] / unit, scale[:, 1:] / unit), unit

    def logits(self, weights: Weights) -> Float[Tensor, "cell problem n"]:
        """Log-odds of every row, trained on or not."""
        scaled = weights[0] / self.scale
        return scaled @ self.x.mT + (weights[1] - _dot(scaled, self.mean))[..., None]

    def losses(self, weights: Weights) -> Float[Tensor, "cell problem n"]:
        """Log loss of every row."""
        return torch.nn.functional.softplus((1 - 2 * self.labels) * self.logits(weights))

    def in_units_of_x(
        self, weights: Weights, problems: int
    ) -> tuple[Float[Tensor, "cell first d"], Float[Tensor, "cell first"]]:
        """Directions and biases of the first problems."""
        directions = (weights[0] / self.scale)[:, :problems]
        return directions, weights[1][:, :problems] - _dot(directions, self.mean[:, :problems])

    def solve(
        self, start: Weights | None, penalty: float, inverse: _Preconditioner, tolerance: float, max_iterations: int
    ) -> tuple[Weights, Bool[Tensor, "cell problem"]]:
        """Minimise the sum of log losses + penalty / 2 * |coefficients|^2, from zero if None, and say where that ended.

        Conjugate gradients (Polak and Ribière, restarted where they turn back) with a preconditioner and a line search
        that takes no pass over the activations. A problem rests once the step that the preconditioner proposes,
        corrected for how flat the loss is by now, is less than `tolerance` of its coefficients.
        """
        if start is None:
            start = torch.zeros_like(self.mean), torch.zeros_like(self.mean[..., 0])
            point = self._point(self.mean.new_zeros(len(self.x), *self.train.shape))
        else:
            point = self._point(self.logits(start))
        (weights, intercepts), count = start, self.train.sum(dim=1)
        direction, last = (torch.zeros_like(weights), torch.zeros_like(intercepts)), None
        active = torch.ones_like(intercepts, dtype=torch.bool)
        for iteration in range(max_iterations + 1):
            pull, curvature = point.residual.sum(dim=-1), point.curvature.sum(dim=-1) / count
            slope = (point.residual @ self.x - pull[..., None] * self.mean) / self.scale + penalty * weights
            step = inverse(slope), pull / (CURVATURE * count)
            size = torch.hypot(step[0].norm(dim=-1), step[1]) * (CURVATURE / curvature)
            active = size > tolerance * weights.norm(dim=-1) + torch.finfo(size.dtype).eps
            if iteration == max_iterations or not active.any():
                break
            product = _dot(slope, step[0]) + pull * step[1]
            # Before there is a last step, the direction is zero and so is what is kept of it.
            before, ahead = last or (slope, pull, product), _dot(slope, direction[0]) + pull * direction[1]
            turn = ((product - _dot(before[0], step[0]) - before[1] * step[1]) / before[2]).clamp_min(0)
            turn = torch.where(turn * ahead < product, turn, 0.0)
            direction = turn[..., None] * direction[0] - step[0], turn * direction[1] - step[1]
            along, last = turn * ahead - product, (slope, pull, product)
            bend = penalty * direction[0].square().sum(dim=-1)
            length, point = self._advance(point, direction, along, penalty * _dot(weights, direction[0]), bend, active)
            weights = weights + length[..., None] * direction[0]
            intercepts = intercepts + length * direction[1]
        return (weights, intercepts), ~active

    def _point(self, logits: Float[Tensor, "cell problem n"]) -> _Point:
        probability = torch.sigmoid(logits)
        weighted = self.train * probability
        return _Point(logits, weighted - self.train * self.labels, weighted * (1 - probability))

    def _advance(
        self,
        point: _Point,
        direction: Weights,
        along: Float[Tensor, "cell problem"],
        linear: Float[Tensor, "cell problem"],
        bend: Float[Tensor, "cell problem"],
        active: Bool[Tensor, "cell problem"],
    ) -> tuple[Float[Tensor, "cell problem"], _Point]:
        """How far to go and where that leads: Newton's method between a length too short and one too long.

        `along` is the slope along the direction; `linear` + length * `bend` is what the penalty has of it.
        """
        turned = self.logits(direction)
        squared = turned.square()
        length = torch.where(active, -along / (_dot(point.curvature, squared) + bend), 0.0)
        short, long = torch.zeros_like(length), torch.full_like(length, torch.inf)
        for left in reversed(range(LINE_SEARCH_STEPS)):
            reached = self._point(point.logits + length[..., None] * turned)
            slope = _dot(turned, reached.residual) + linear + length * bend
            far = active & (slope.abs() > FLAT_ENOUGH * along.abs())
            if left == 0 or not far.any():
                break
            short, long = torch.where(slope < 0, length, short), torch.where(slope < 0, long, length)
            newton = length - slope / (_dot(reached.curvature, squared) + bend)
            inside = (newton > short) & (newton < long)
            length = torch.where(far, torch.where(inside, newton, (short + long) / 2), length)
        return length, reached


def _dot(first: Float[Tensor, "*any k"], second: Float[Tensor, "*any k"]) -> Float[Tensor, "*any"]:
    return torch.linalg.vecdot(first, second)
