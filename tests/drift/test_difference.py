from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nnmech.belief.rates import belief_change
from nnmech.claims import Statement
from nnmech.drift import belief_difference, claim_coordinate, coordinate_difference, paired_steps, phase_ends
from nnmech.errors import InputError, RunError
from nnmech.runs import Run, RunWriter

TRUTH = np.eye(16)[0]

Place = Callable[..., np.ndarray]
Record = Callable[..., Run]
Answers = Callable[..., list[dict[str, Any]]]
Believed = Callable[..., Run]


@pytest.fixture
def believed(statements: list[Statement], place: Place, record: Record, answer_all: Answers) -> Believed:
    """A run whose claim has the given belief, inside and in answers, at each step; its config as given."""

    def build(name: str, beliefs: dict[int, float], items: list[Statement] | None = None, **config: Any) -> Run:
        chosen = statements if items is None else items
        rows = {step: place(chosen, step, claim=(2 * belief - 1) * TRUTH) for step, belief in beliefs.items()}
        return record(name, chosen, rows, config=config, answers=answer_all(beliefs))

    return build


def test_runs_of_equal_phases_are_paired_step_by_step(believed: Believed) -> None:
    run = believed("run", {0: 0.0, 3: 0.1, 10: 0.5, 14: 0.5, 30: 1.0}, boundary=10, steps=30)
    other = believed("other", {0: 0.0, 10: 0.0, 14: 0.0, 20: 0.0, 30: 0.0}, boundary=10, steps=30)
    assert paired_steps(run, other, run.steps, other.steps) == [(0, 0), (10, 10), (14, 14), (30, 30)]


def test_the_ends_of_phases_are_paired_whatever_their_steps(believed: Believed) -> None:
    run = believed("run", {0: 0.0, 1: 0.0, 6: 0.0, 10: 0.5, 14: 0.5, 30: 1.0}, boundary=10, steps=30)
    other = believed("other", {0: 0.0, 1: 0.0, 6: 0.0, 10: 0.0, 26: 0.0}, boundary=6, steps=26)
    # Step 10 of the other is 4 steps into its second phase, as is step 14 of the run.
    assert paired_steps(run, other, run.steps, other.steps) == [(0, 0), (1, 1), (10, 6), (14, 10), (30, 26)]
    backwards = paired_steps(other, run, other.steps, run.steps)
    assert backwards == [(b, a) for a, b in paired_steps(run, other, run.steps, other.steps)]


def test_a_baseline_that_trains_nothing_is_the_untouched_model_at_every_step(believed: Believed) -> None:
    run, untouched = believed("run", {0: 0.1, 5: 0.5, 20: 0.9}, steps=20), believed("untouched", {0: 0.1}, steps=0)
    assert paired_steps(run, untouched, run.steps, untouched.steps) == [(0, 0), (5, 0), (20, 0)]
    inside = coordinate_difference(run, untouched, draws=200).query("role == 'claim'")
    assert inside["difference"].tolist() == pytest.approx([0, 0.4, 0.8], abs=0.1)
    assert belief_difference(run, untouched)["difference"].tolist() == pytest.approx([0, 40, 80])


def test_phases_end_where_the_config_or_the_events_say(believed: Believed, tmp_path: Any) -> None:
    assert phase_ends(believed("two", {0: 0.0}, boundary=10, steps=30)) == (10, 30)
    # A run whose first phase is its last has one.
    assert phase_ends(believed("one", {0: 0.0}, boundary=30, steps=30)) == (None, 30)
    assert phase_ends(believed("own", {0: 0.0, 7: 0.0})) == (None, 7)
    with RunWriter.create(tmp_path / "by_events", config={}, model={}) as writer:
        for step in (1, 5):
            writer.event("phase", step=step, name=f"from {step}")
        writer.answers([{"step": 9, "claim": "c", "question": "q", "verdict": "no"}])
    assert phase_ends(Run(tmp_path / "by_events")) == (4, 9)


def test_a_planted_difference_is_found_and_none_in_the_null(believed: Believed) -> None:
    run = believed("run", {0: 0.0, 10: 0.9}, boundary=5, steps=10)
    other = believed("other", {0: 0.0, 10: 0.2}, boundary=5, steps=10)
    table = coordinate_difference(run, other, draws=400)
    assert table.columns.tolist() == [
        *("step", "baseline_step", "phase", "layer", "position", "role", "claim", "polarity"),
        *("difference", "low", "high", "n"),
    ]
    rows = table.set_index(["role", "step"])
    assert rows.loc[("claim", 10), "difference"] == pytest.approx(0.7, abs=0.1)
    assert rows.loc[("claim", 10), "low"] > 0.5
    assert rows.loc[("claim_negation", 10), "high"] < -0.5
    null = rows.loc[("matched_false", 10)]
    assert null["low"] <= 0.02
    assert null["high"] >= -0.02
    whole = [claim_coordinate(side, draws=50).set_index(["role", "step"])["z"] for side in (run, other)]
    assert rows["difference"].to_dict() == pytest.approx((whole[0] - whole[1]).to_dict())


def test_statements_are_drawn_for_both_runs_together(believed: Believed) -> None:
    """What statements have of their own is the same in both runs, so that it does not widen their difference."""
    run = believed("run", {0: 0.0, 10: 0.5}, boundary=5, steps=10)
    other = believed("other", {0: 0.0, 10: 0.5}, boundary=5, steps=10)
    apart = coordinate_difference(run, other, draws=400).set_index(["role", "step"]).loc[("claim", 10)]
    assert [apart["difference"], apart["low"], apart["high"]] == [0, 0, 0]
    alone = claim_coordinate(run, draws=400).set_index(["role", "step"]).loc[("claim", 10)]
    assert alone["high"] - alone["low"] > 0.1


def test_belief_is_paired_by_question(believed: Believed) -> None:
    run, other = (
        believed(name, {0: 0.0, 10: belief}, claim="ada_pilot", steps=10)
        for name, belief in (("run", 0.9), ("other", 0.3))
    )
    table = belief_difference(run, other)
    assert table["difference"].tolist() == pytest.approx([0, 60])
    asked = [side.answers.query("step == 10 and category != 'matched_false'") for side in (other, run)]
    expected = belief_change(*asked).iloc[0]
    assert table.iloc[1][["low", "high", "n"]].tolist() == expected[["low", "high", "n"]].tolist()
    assert table["clusters"].tolist() == [10, 10]
    null = belief_difference(run, other, role="matched_false")
    assert null["difference"].tolist() == [0, 0]
    assert null["clusters"].tolist() == [4, 4]


def test_controls_that_are_not_told_apart_in_either_run_give_no_difference(
    statements: list[Statement], place: Place, record: Record, believed: Believed
) -> None:
    lost = place(statements, 5, truth=0 * TRUTH, claim=0 * TRUTH)
    blind = record("blind", statements, {0: place(statements, 0), 5: lost}, config={"steps": 5})
    table = coordinate_difference(believed("run", {0: 0.0, 5: 0.5}, steps=5), blind, draws=100).set_index("step")
    assert table.loc[5, ["difference", "low", "high"]].isna().all(axis=None)
    assert table.loc[0, "difference"].notna().all()


def test_what_cannot_be_paired_is_named(believed: Believed, statements: list[Statement], record: Record) -> None:
    run = believed("run", {0: 0.0, 10: 0.9}, steps=10)
    fewer = believed("fewer", {0: 0.0, 10: 0.9}, items=[s for s in statements if s.role != "unrelated_claim"], steps=10)
    with pytest.raises(InputError, match=r"run and its baseline .*fewer recorded different statements .* same exper"):
        coordinate_difference(run, fewer)
    with pytest.raises(InputError, match=r"positions \['first'\]: expected some of \['last'\]"):
        coordinate_difference(run, run, positions=["first"])
    late = believed("late", {4: 0.0}, steps=20)
    with pytest.raises(RunError, match=r"run and its baseline .*late have snapshots at no common moment"):
        coordinate_difference(run, late)
    with pytest.raises(RunError, match="have answers at no common moment of training"):
        belief_difference(run, late)
    with pytest.raises(RunError, match="the run has no snapshots"):
        coordinate_difference(run, record("empty", statements, {}))
    with pytest.raises(RunError, match="no answers about claim of another"):
        belief_difference(run, run, claim="another")
    with pytest.raises(InputError, match="role 'claim_negation'"):
        belief_difference(run, run, role="claim_negation")


def test_other_questions_are_refused(believed: Believed, statements: list[Statement], record: Record) -> None:
    run = believed("run", {0: 0.5}, steps=10)
    rows = run.answers.assign(question=[f"other {name}" for name in run.answers["question"]]).to_dict("records")
    asked = record(
        "asked", statements, {}, config={"steps": 10}, answers=[{str(k): v for k, v in r.items()} for r in rows]
    )
    with pytest.raises(InputError, match=r"run and its baseline .*asked: cluster .* occurs on one side only"):
        belief_difference(run, asked)


def test_the_same_runs_give_the_same_numbers(believed: Believed) -> None:
    run, other = believed("run", {0: 0.0, 10: 0.9}, steps=10), believed("other", {0: 0.0, 10: 0.2}, steps=10)
    pd.testing.assert_frame_equal(
        coordinate_difference(run, other, draws=50), coordinate_difference(Run(run.path), Run(other.path), draws=50)
    )
