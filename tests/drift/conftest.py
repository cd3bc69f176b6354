"""Runs of frozen statements whose activations are planted: truth along one axis, polarity along another."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nnmech.claims import Statement
from nnmech.recording.snapshots import Snapshot, hook_name
from nnmech.runs import Run, RunWriter

WIDTH = 16
TRUTH, POLARITY = np.eye(WIDTH)[0], np.eye(WIDTH)[2]
LAYER, POSITION = 3, "last"


def statement(
    entity: str, copy: int, truth: bool | None, polarity: int, role: str, claim: str | None = None
) -> Statement:
    name = f"{role}/{entity}/{truth}/{polarity}/{copy}"
    return Statement(name, "…", truth, 1 if polarity > 0 else -1, "work", entity, role, claim)


@pytest.fixture
def statements() -> list[Statement]:
    """60 entities to train on and 60 controls, four statements about each; eight of a claim and of each null."""
    crossed = [
        statement(f"{role}{number}", 0, truth, polarity, role)
        for role in ("train", "control")
        for number in range(60)
        for truth in (True, False)
        for polarity in (1, -1)
    ]
    about = [
        statement(entity, copy, truth, polarity, role, claim)
        for entity, role, claim, truth, polarity in (
            ("ada", "claim", "ada_pilot", False, 1),
            ("ada", "claim_negation", "ada_pilot", True, -1),
            ("ada", "matched_false", "ada_pilot", False, 1),
            ("bea", "unrelated_claim", "bea_baker", False, 1),
        )
        for copy in range(8)
    ]
    return crossed + about


@pytest.fixture
def place() -> Callable[..., np.ndarray]:
    """Activations [statement d_model]: each statement has a place of its own, and noise that is new at every step.

    Truth lies at -1 and +1 on the axis `truth`; statements of role `claim` lie at `claim` instead, where it is given,
    and their negations opposite.
    """

    def build(
        statements: Sequence[Statement],
        step: int,
        *,
        truth: np.ndarray = TRUTH,
        claim: np.ndarray | None = None,
        own: float = 0.3,
        noise: float = 0.1,
    ) -> np.ndarray:
        rows = np.random.default_rng(0).normal(0, own, (len(statements), WIDTH))
        rows += np.random.default_rng([1, step]).normal(0, noise, rows.shape)
        for row, item in zip(rows, statements, strict=True):
            signs = {"claim": 1.0, "claim_negation": -1.0}
            if claim is not None and item.role in signs:
                row += signs[item.role] * claim
            else:
                row += truth * (1 if item.truth else -1)
            row += 2.0 * POLARITY * item.polarity
        return rows

    return build


@pytest.fixture
def record(tmp_path: Path) -> Callable[..., Run]:
    """`record(name, statements, {step: activations}, config=..., answers=..., phases=...)`: a run directory."""

    def build(
        name: str,
        statements: Sequence[Statement],
        activations: Mapping[int, np.ndarray],
        *,
        config: Mapping[str, Any] | None = None,
        answers: Sequence[Mapping[str, Any]] = (),
        phases: Mapping[int, str] | None = None,
    ) -> Run:
        with RunWriter.create(
            tmp_path / name, config=dict(config or {}), model={"id": "tiny"}, statements=statements, batch_hash="abc"
        ) as writer:
            for step, rows in activations.items():
                values = torch.from_numpy(rows).float()[None, None]
                phase = "phase1" if phases is None else phases[step]
                snapshot = Snapshot(
                    step, phase, values, (LAYER,), (POSITION,), (hook_name(LAYER),), "abc", "hf", "tiny"
                )
                writer.snapshot(step, {"residual": values}, snapshot.metadata())
            if answers:
                writer.answers([dict(answer) for answer in answers])
        return Run(tmp_path / name)

    return build


@pytest.fixture
def answer_all() -> Callable[..., list[dict[str, Any]]]:
    """Answers about `ada_pilot` at each step, of which the given share is yes; ten questions, four about null facts."""

    def build(rates: Mapping[int, float]) -> list[dict[str, Any]]:
        rows = []
        for step, rate in rates.items():
            for number in range(14):
                null = number >= 10
                row = {"step": step, "phase": "phase1", "claim": "ada_pilot", "question": f"q{number}", "kind": "mcq"}
                row |= {"category": "matched_false" if null else "positive", "sample": 0, "text": "…"}
                rows.append({**row, "verdict": "yes" if not null and number < 10 * rate else "no"})
        return rows

    return build
