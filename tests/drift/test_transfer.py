from collections.abc import Callable

import numpy as np
import pytest

from nnmech.claims import Statement
from nnmech.drift import transfer_matrix
from nnmech.errors import InputError
from nnmech.runs import Run

TRUTH, OTHER = np.eye(16)[:2]

Place = Callable[..., np.ndarray]
Record = Callable[..., Run]


def test_a_probe_carries_over_as_far_as_its_direction_stays(
    statements: list[Statement], place: Place, record: Record
) -> None:
    rows = {
        0: place(statements, 0, truth=TRUTH),
        5: 3 * place(statements, 5, truth=TRUTH) - 7.0,
        10: place(statements, 10, truth=OTHER),
        20: place(statements, 20, truth=-TRUTH),
    }
    table = transfer_matrix(record("run", statements, rows))
    assert table.columns.tolist() == [
        *("fitted_step", "scored_step", "layer", "position", "probe", "auroc", "low", "high"),
        *("shuffled", "shuffled_low", "shuffled_high", "n", "entities"),
    ]
    assert (table["n"] == 240).all()
    assert (table["entities"] == 60).all()
    area = table.set_index(["probe", "fitted_step", "scored_step"])["auroc"]
    assert all(area["truth", step, step] > 0.98 for step in rows)
    assert min(area["truth", 0, 5], area["truth", 5, 0]) > 0.98
    assert max(area["truth", 0, 20], area["truth", 20, 0]) < 0.02
    turned = table[(table["probe"] == "truth") & (table["fitted_step"] == 0) & (table["scored_step"] == 10)].iloc[0]
    assert turned["low"] < 0.6
    assert turned["high"] > 0.4
    assert (area["polarity"] > 0.98).all()
    assert table["shuffled"].between(0.4, 0.6).all()
    assert (table["shuffled_low"] < table["shuffled_high"]).all()


def test_no_entity_is_recognised_at_another_step(statements: list[Statement], place: Place, record: Record) -> None:
    """Places that statements keep over training tell nothing of the truth of others."""
    rows = {step: place(statements, step, truth=0 * TRUTH, own=2.0, noise=0.01) for step in (0, 10)}
    table = transfer_matrix(record("run", statements, rows), probes=["truth"], shuffles=20)
    assert table["auroc"].between(0.35, 0.65).all()
    assert table["shuffled"].between(0.45, 0.55).all()
    # Were folds drawn again at each step, most of those scored at one would have been fitted on at the other.
    areas = table.set_index(["fitted_step", "scored_step"])["auroc"]
    assert areas[0, 10] == pytest.approx(areas[0, 0], abs=0.02)


def test_counts_below_one_are_refused(statements: list[Statement], place: Place, record: Record) -> None:
    run = record("run", statements, {0: place(statements, 0)})
    with pytest.raises(InputError, match="folds=1, shuffles=5, draws=300: expected at least 2, 1 and 1"):
        transfer_matrix(run, folds=1)
