"""Activations of crossed statements with truth and polarity planted along known axes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch

WIDTH = 16
TRUTH, POLARITY, SENSITIVE = 0, 1, 2
"""Axes of the general truth direction, of polarity, and of the truth that changes sign under negation."""


@dataclass(frozen=True)
class Planted:
    """n statements, four for each entity: true and false, affirmative and negated."""

    activations: torch.Tensor
    truth: np.ndarray
    polarity: np.ndarray
    entity: np.ndarray
    topic: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> "Planted":
        mask = torch.from_numpy(rows)
        return Planted(
            self.activations[mask], self.truth[rows], self.polarity[rows], self.entity[rows], self.topic[rows]
        )


def plant(
    entities: int,
    *,
    truth: float = 2.0,
    polarity: float = 2.0,
    sensitive: float = 0.0,
    topics: int = 3,
    first: int = 0,
    seed: int = 0,
) -> Planted:
    rng = np.random.default_rng([seed, first])
    true = np.tile([True, True, False, False], entities)
    sign = np.tile([1, -1], 2 * entities)
    number = np.repeat(np.arange(entities), 4)
    # An entity's statements share a part, and so do those of a topic.
    rows = 5 + rng.normal(0, 1, (entities, WIDTH))[number] + rng.normal(0, 0.5, (4 * entities, WIDTH))
    rows[:, -topics:] += 3 * np.eye(topics)[number % topics]
    tau = np.where(true, 1, -1)
    rows[:, TRUTH] += truth * tau
    rows[:, POLARITY] += polarity * sign
    rows[:, SENSITIVE] += sensitive * tau * sign
    names = np.array([f"e{first + index}" for index in number])
    return Planted(torch.from_numpy(rows).float(), true, sign, names, number % topics)


@pytest.fixture
def planted() -> Callable[..., Planted]:
    """`planted(entities, truth=2.0, polarity=2.0, sensitive=0.0, topics=3, first=0, seed=0)`, strengths along axes.

    Entities are named from `first` on, so that two calls can have no entity in common.
    """
    return plant
