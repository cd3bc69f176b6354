"""What users hand to probes, checked and brought into one form."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike
from torch import Tensor

from nnmech.errors import InputError
from nnmech.probes.linear import TrainingSet


def finite_rows(activations: ArrayLike | Tensor) -> Float[Tensor, "*batch d"]:
    """Activations as doubles, on the device where they are; raises InputError for NaN, infinities, or no numbers.

    Doubles, because residual streams have a mean that dwarfs the difference between classes.
    """
    if isinstance(activations, Tensor):
        rows = activations.detach().double()
    else:
        try:
            rows = torch.from_numpy(np.array(activations, dtype=np.float64))
        except (TypeError, ValueError) as error:
            raise InputError(
                f"activations of type {type(activations).__name__}: expected an array of floats"
            ) from error
    if rows.ndim == 0:
        raise InputError("activations are a single number: expected an array whose last axis is d_model")
    bad = ~rows.isfinite().all(dim=-1).flatten()
    if bad.any():
        raise InputError(
            f"activations of {int(bad.sum())} statements, the first in row {int(bad.int().argmax())}, are NaN or "
            "infinite: training may have diverged, or fp16 overflowed; record in float32 or bfloat16"
        )
    return rows


def statement_rows(activations: ArrayLike | Tensor) -> Float[np.ndarray, "n d"]:
    """Activations of n statements as doubles on the CPU; raises InputError as `finite_rows`, and for another rank."""
    rows = finite_rows(activations)
    if rows.ndim != 2:
        raise InputError(f"activations of shape {tuple(rows.shape)}: expected [statement, d_model]")
    return rows.cpu().numpy()


def training_set(
    activations: ArrayLike | Tensor,
    labels: ArrayLike | Tensor,
    groups: Iterable[Any],
    polarity: ArrayLike | Tensor | None,
    topics: Iterable[Any] | None,
) -> tuple[TrainingSet, tuple[str, ...]]:
    """What an estimator takes, and the names of the entities, sorted; raises InputError for what would fit nothing."""
    rows, truths, names = statement_rows(activations), as_bool(labels), names_of(groups)
    check_counts(len(rows), labels=len(truths), groups=len(names))
    check_classes(truths, "a probe needs statements of both")
    affirmative = None if polarity is None else as_bool(polarity, "polarity")
    topic_names = None if topics is None else names_of(topics)
    for what, column in (("polarities", affirmative), ("topics", topic_names)):
        if column is not None:
            check_counts(len(rows), **{what: len(column)})
    # Numbered as they come, as everywhere: what an estimator chooses on folds of entities is then the same everywhere.
    codes, entities = pd.factorize(np.asarray(names))
    topic_codes = None if topic_names is None else pd.factorize(np.asarray(topic_names))[0]
    return TrainingSet(rows, truths, codes, affirmative, topic_codes), tuple(sorted(entities.tolist()))


def as_bool(labels: ArrayLike | Tensor, what: str = "labels") -> Bool[np.ndarray, "n"]:
    """Labels given as bool, 0/1 or -1/+1 as an array of bool; raises InputError, which names `what`, for others."""
    values = np.asarray(labels.cpu() if isinstance(labels, Tensor) else labels)
    found = set(values.ravel().tolist())
    if values.ndim != 1 or not (found <= {0, 1} or found <= {-1, 1}):
        raise InputError(
            f"{what} of shape {values.shape} with values {sorted(map(str, found))[:5]}: expected a bool, 0/1 or -1/+1 "
            "for each statement"
        )
    return values.astype(np.int64) > 0


def names_of(groups: Iterable[Any]) -> list[str]:
    """Groups as text, the same for 7, 7.0 and numpy's or torch's 7, so that an entity is known again in another run."""
    return [_name(group) for group in (groups.tolist() if isinstance(groups, np.ndarray | Tensor) else groups)]


def check_counts(rows: int, **columns: int) -> None:
    """Raise InputError unless every column has as many entries as there are rows of activations."""
    if set(columns.values()) - {rows}:
        others = ", ".join(f"{count} {name}" for name, count in columns.items())
        raise InputError(f"{rows} rows of activations, {others}: expected one of each for every statement")


def check_classes(labels: Bool[np.ndarray, "n"], why: str) -> None:
    """Raise InputError, which says `why`, unless there are labels of both classes."""
    if labels.all() or not labels.any():
        raise InputError(f"all {len(labels)} labels are of one class: {why}")


def check_crossed(truth: Bool[np.ndarray, "n"], affirmative: Bool[np.ndarray, "n"], which: str = "statement") -> None:
    """Raise InputError unless there are true and false statements of either polarity; `which` says of what kind.

    Fitted on affirmative statements alone, a truth probe does not carry over to negated ones (Levinstein and Herrmann
    2023), and where every negation is true it reads polarity.
    """
    for label in (True, False):
        for polarity in (1, -1):
            if not ((truth == label) & (affirmative == (polarity > 0))).any():
                raise InputError(
                    f"no {which} is {label} with polarity {polarity:+d} ({len(truth)} in all): truth and polarity must "
                    "be crossed, or one probe would read the other"
                )


def _name(group: Any) -> str:
    value = group.item() if isinstance(group, np.generic | Tensor) else group
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
