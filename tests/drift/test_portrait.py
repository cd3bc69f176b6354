from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from nnmech.belief.rates import belief_rate
from nnmech.claims import Statement
from nnmech.drift import best_place, claim_coordinate, phase_portrait, portrait_of
from nnmech.errors import InputError, RunError
from nnmech.recording.snapshots import Snapshot, hook_name
from nnmech.runs import Run, RunWriter

TRUTH = np.eye(16)[0]

Place = Callable[..., np.ndarray]
Record = Callable[..., Run]
Answers = Callable[..., list[dict[str, Any]]]


def test_inside_and_said_are_joined_where_both_were_recorded(
    statements: list[Statement], place: Place, record: Record, answer_all: Answers
) -> None:
    rows = {step: place(statements, step, claim=(step / 10 - 1) * TRUTH) for step in (0, 5, 20)}
    run = record("run", statements, rows, answers=answer_all({0: 0.0, 10: 0.5, 20: 0.8}))
    table = phase_portrait(run, draws=200)
    assert table.columns.tolist() == [
        *("step", "phase", "claim", "inside", "inside_low", "inside_high"),
        *("says", "says_low", "says_high", "n_inside", "n_says"),
    ]
    assert table["step"].tolist() == [0, 20]
    assert table["says"].tolist() == [0, 80]
    assert table["n_inside"].tolist() == [8, 8]
    assert table["n_says"].tolist() == [10, 10]
    inside = claim_coordinate(run, draws=10).set_index(["role", "step"])["z"]["claim"]
    assert table["inside"].tolist() == pytest.approx([inside[0], inside[20]])
    answers = run.answers[(run.answers["step"] == 20) & (run.answers["category"] != "matched_false")]
    rate = belief_rate(answers).iloc[0]
    assert table.iloc[1][["says_low", "says_high"]].tolist() == [rate["low"], rate["high"]]
    null = phase_portrait(run, role="matched_false", draws=50)
    assert null["says"].tolist() == [0, 0]
    assert null["n_says"].tolist() == [4, 4]
    assert null["inside"].tolist() == pytest.approx([0, 0], abs=0.1)


def test_the_place_is_where_truth_is_read_best(
    statements: list[Statement], place: Place, record: Record, tmp_path: Any
) -> None:
    path = tmp_path / "places"
    levels = [place(statements, layer, truth=strength * TRUTH) for layer, strength in enumerate((0.0, 0.1, 1.0, 0.2))]
    values = torch.tensor(np.stack(levels)).float().reshape(2, 2, len(statements), -1)
    with RunWriter.create(path, config={}, model={}, statements=statements, batch_hash="abc") as writer:
        snapshot = Snapshot(0, "a", values, (3, 5), ("object", "last"), (hook_name(3), hook_name(5)), "abc", "hf", "m")
        writer.snapshot(0, {"residual": values}, snapshot.metadata())
    assert best_place(Run(path)) == (5, "object")
    assert best_place(Run(path), layer=3) == (3, "last")
    assert best_place(Run(path), position="last") == (5, "last")


def test_what_is_missing_is_named(
    statements: list[Statement], place: Place, record: Record, answer_all: Answers
) -> None:
    apart = record("apart", statements, {0: place(statements, 0)}, answers=answer_all({5: 1.0}))
    with pytest.raises(
        RunError, match=r"apart: no step has both a snapshot \(\[0\]\) and answers \(\[5\]\): record both"
    ):
        phase_portrait(apart)
    run = record("run", statements, {0: place(statements, 0)}, answers=answer_all({0: 1.0}))
    with pytest.raises(InputError, match="run: no affirmative statements of role claim_negation"):
        phase_portrait(run, role="claim_negation")
    with pytest.raises(InputError, match="role 'unrelated_claim': expected claim or matched_false"):
        phase_portrait(run, role="unrelated_claim")


def test_halves_with_two_rows_for_a_step_are_refused(
    statements: list[Statement], place: Place, record: Record, answer_all: Answers
) -> None:
    run = record("run", statements, {0: place(statements, 0)}, answers=answer_all({0: 1.0}))
    inside = claim_coordinate(run, draws=10).query("role == 'claim'")
    says = belief_rate(run.answers, ["claim", "step"])
    assert portrait_of(inside, says)["n_inside"].tolist() == [8]
    with pytest.raises(InputError, match="two rows for one step, claim"):
        portrait_of(claim_coordinate(run, draws=10), says)
    both = [half.assign(run=name) for name in ("one", "other") for half in (inside, says)]
    joined = portrait_of(pd.concat(both[::2]), pd.concat(both[1::2]), by=["run"])
    assert joined["run"].tolist() == ["one", "other"]
    assert joined["says"].tolist() == [*says["mean"], *says["mean"]]


def test_between_its_steps_a_half_is_interpolated() -> None:
    inside = pd.DataFrame({"step": [0, 3, 15], "phase": "p", "claim": "c", "z": [0.0, 0.2, 0.8], "n": 8})
    says = pd.DataFrame({"step": [0, 1, 15, 40], "claim": "c", "mean": [0.0, 60.0, 100.0, 100.0], "n": 50})
    bounds = {"low": 0.0, "high": 1.0}
    table = portrait_of(inside.assign(**bounds), says.assign(**bounds), between=True)
    # Halves of log 4 and of log 16 lie at steps 1 and 3; nothing is known of the coordinate after step 15.
    assert table["step"].tolist() == [0, 1, 3, 15]
    np.testing.assert_allclose(table["inside"], [0, 0.1, 0.2, 0.8])
    np.testing.assert_allclose(table["says"], [0, 60, 60 + 40 / 3, 100])
    assert table["n_inside"].isna().tolist() == table["inside_low"].isna().tolist() == [False, True, False, False]
    assert table["n_says"].isna().tolist() == table["says_high"].isna().tolist() == [False, False, True, False]
    pd.testing.assert_frame_equal(
        table.dropna().reset_index(drop=True),
        portrait_of(inside.assign(**bounds), says.assign(**bounds)),
        check_dtype=False,
    )
