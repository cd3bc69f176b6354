"""Class means and covariances within classes of many problems that share their activations."""

from collections.abc import Iterator

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def class_means(
    x: Float[Tensor, "cell n d"], labels: Bool[Tensor, "problem n"], train: Bool[Tensor, "problem n"]
) -> tuple[Float[Tensor, "cell problem d"], Float[Tensor, "cell problem d"]]:
    """Means of the training rows that are True and of those that are False."""
    positive, negative = (train & labels).to(x.dtype), (train & ~labels).to(x.dtype)
    return (positive / positive.sum(dim=1, keepdim=True)) @ x, (negative / negative.sum(dim=1, keepdim=True)) @ x


def whiten(
    x: Float[Tensor, "cell n d"],
    labels: Bool[Tensor, "problem n"],
    train: Bool[Tensor, "problem n"],
    positive: Float[Tensor, "cell problem d"],
    negative: Float[Tensor, "cell problem d"],
) -> Float[Tensor, "cell problem d"]:
    """Inverse of the covariance within classes, shrunk after Ledoit and Wolf (2004), times the difference of the means.

    The difference itself where nothing varies within the classes. Problems with the same labels share a
    sum of second moments over all rows, from which each takes away its few test rows.
    """
    width, basis = x.shape[-1], None
    if x.shape[1] < width:
        # Directions lie in the span of the rows, and shrinkage to a multiple of the identity knows no axes.
        basis, triangle = torch.linalg.qr(x.mT)
        x, positive, negative = triangle.mT, positive @ basis, negative @ basis
    directions = torch.empty_like(positive)
    overall = x.square().mean(dim=(-2, -1))
    for label, members in _alike(labels):
        # Most of the gap between the classes goes first: moments of what is left lose no digits to it.
        means = torch.stack([x[:, ~label].mean(dim=1), x[:, label].mean(dim=1)], dim=1)
        within = x - means[:, label.long()]
        total = within.mT @ within
        for mask, same in _alike(train[members]):
            moments, rows = _second_moments(within, mask, total), label[mask]
            for problem in [members[number] for number in same]:
                offsets = torch.stack([negative[:, problem], positive[:, problem]], dim=1) - means
                distances = (within[:, mask] - offsets[:, rows.long()]).square().sum(dim=-1)
                counts = torch.stack([(~rows).sum(), rows.sum()]).to(x.dtype)
                scatter = moments - (offsets * counts[:, None]).mT @ offsets
                difference = positive[:, problem] - negative[:, problem]
                directions[:, problem] = _shrunk_solve(scatter, distances, width, difference, overall)
    return directions if basis is None else directions @ basis.mT


def _alike(masks: Bool[Tensor, "problem n"]) -> Iterator[tuple[Bool[Tensor, "n"], list[int]]]:
    """Each different mask with the numbers of the problems that have it."""
    different, kind = masks.cpu().unique(dim=0, return_inverse=True)
    for number, mask in enumerate(different.to(masks.device)):
        yield mask, (kind == number).nonzero().flatten().tolist()


def _second_moments(
    x: Float[Tensor, "cell n d"], mask: Bool[Tensor, "n"], total: Float[Tensor, "cell d d"]
) -> Float[Tensor, "cell d d"]:
    if 2 * int(mask.sum()) > len(mask):
        left_out = x[:, ~mask]
        return total - left_out.mT @ left_out
    kept = x[:, mask]
    return kept.mT @ kept


def _shrunk_solve(
    scatter: Float[Tensor, "cell k k"],
    distances: Float[Tensor, "cell m"],
    width: int,
    difference: Float[Tensor, "cell k"],
    overall: Float[Tensor, "cell"],
) -> Float[Tensor, "cell k"]:
    """Shrunk covariance of m rows, from the sum of their outer products and their squared norms, applied inversely.

    The shrinkage is that of `sklearn.covariance.ledoit_wolf` with `assume_centered`, in `width` coordinates. The
    difference is given back where the spread is rounding error beside `overall`, the variance within and between.
    """
    count = distances.shape[-1]
    scale = scatter.diagonal(dim1=-2, dim2=-1).double().sum(dim=-1) / count / width
    squares = scatter.square().sum(dim=(-2, -1)).double() / count**2
    noise = (distances.double().square().sum(dim=-1) / count - squares) / (width * count)
    misfit = squares / width - scale.square()
    shrinkage = torch.where(noise > 0, torch.minimum(noise, misfit) / misfit, 0.0).nan_to_num(0.0)
    covariance = scatter * ((1 - shrinkage) / count).to(scatter.dtype)[:, None, None]
    covariance.diagonal(dim1=-2, dim2=-1).add_((shrinkage * scale).to(scatter.dtype)[:, None])
    factor, failed = torch.linalg.cholesky_ex(covariance)
    found = torch.cholesky_solve(difference[..., None], factor).squeeze(-1)
    # Without shrinkage there may be no inverse; scikit-learn's least squares then take the smallest solution.
    flat = (failed > 0) | (shrinkage < 100 * torch.finfo(scatter.dtype).eps)
    if flat.any():
        inverse = torch.linalg.pinv(covariance[flat].double(), hermitian=True)
        found[flat] = (inverse @ difference[flat].double()[..., None]).squeeze(-1).to(found.dtype)
    spread = scale > (10 * torch.finfo(scatter.dtype).eps) ** 2 * overall
    return torch.where(spread[:, None], found, difference)
