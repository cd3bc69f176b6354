from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nnmech.claims import Statement
from nnmech.drift import OUTCOMES, average_onset, onset
from nnmech.drift.onset import crossing
from nnmech.errors import InputError, RunError
from nnmech.runs import Run

TRUTH = np.eye(16)[0]
STEPS = np.array([0, 3, 15, 63])

Run_ = Callable[..., Run]


def test_a_crossing_is_interpolated_in_the_logarithm_of_the_step() -> None:
    values = np.array([[0.0, 0.25, 0.75, 1.0], [0.5, 0.0, 0.0, 0.0], [0.0, 0.1, 0.2, 0.4], [0.0, 0.9, 0.0, 1.0]])
    between = np.expm1((np.log(4) + np.log(16)) / 2)
    again = np.expm1(np.log(16) + np.log(4) / 2)
    assert crossing(STEPS, values).tolist() == pytest.approx([between, np.inf, np.inf, again])
    assert crossing(STEPS, np.array([[0.5, 0.6, 0.9, 1.0]])).tolist() == [-np.inf]
    gap = np.array([[0.0, np.nan, 1.0, 1.0], [np.nan, 0.9, np.nan, 0.0]])
    assert crossing(STEPS, gap).tolist() == pytest.approx([np.expm1(np.log(16) / 2), np.inf])
    exact = np.array([[0.0, 0.5, 0.5, 1.0]])
    assert crossing(STEPS, exact).tolist() == [3]


@pytest.fixture
def trained(
    statements: list[Statement],
    place: Callable[..., np.ndarray],
    record: Callable[..., Run],
    answer_all: Callable[..., list[dict[str, Any]]],
) -> Run_:
    """A run whose claim has the given coordinate and belief rate at `STEPS`."""

    def build(name: str, inside: list[float], said: list[float], **config: Any) -> Run:
        rows = {
            int(step): place(statements, int(step), claim=(2 * belief - 1) * TRUTH)
            for step, belief in zip(STEPS, inside, strict=True)
        }
        answers = answer_all(dict(zip(STEPS.tolist(), said, strict=True)))
        return record(name, statements, rows, config=config, answers=answers)

    return build


def of(table: pd.DataFrame, what: str) -> pd.Series:
    return table[table["what"] == what].iloc[0]


def test_what_becomes_true_inside_before_it_is_said(trained: Run_) -> None:
    table = onset([trained("run", [0, 1, 1, 1], [0, 0, 0.2, 1], arm="none", seed=3)], draws=300)
    assert table.columns.tolist() == [
        *("condition", "claim", "seed", "what", "layer", "position", "step", "low", "high", "outcome", "reached", "n")
    ]
    assert set(table["condition"]) == {"none"}
    assert set(table["claim"]) == {"ada_pilot"}
    assert set(table["seed"]) == {3}
    inside, answers, later = (of(table, what) for what in ("inside", "answers", "difference"))
    assert inside["step"] == pytest.approx(1, abs=0.4)
    assert answers["step"] == pytest.approx(np.expm1(np.log(16) + np.log(4) * 0.3 / 0.8), abs=0.01)
    assert later["step"] == pytest.approx(answers["step"] - inside["step"])
    assert later["low"] > 0
    for row in (inside, answers, later):
        assert row["low"] <= row["step"] <= row["high"]
        assert row["reached"]
    assert (inside["n"], answers["n"], later["n"]) == (8, 10, 8)
    assert np.isnan(answers["layer"])
    assert (inside["layer"], inside["position"]) == (3, "last")


def test_what_is_never_reached_has_no_onset(trained: Run_) -> None:
    table = onset([trained("run", [0, 0, 0, 0.1], [0, 0, 0.5, 1], condition="positive", arm="x")], draws=200)
    assert set(table["condition"]) == {"positive"}
    inside, answers, later = (of(table, what) for what in ("inside", "answers", "difference"))
    assert not inside["reached"]
    assert not later["reached"]
    assert np.isnan([inside["step"], inside["low"], inside["high"], later["step"]]).all()
    assert answers["reached"]
    assert answers["step"] == 15


@pytest.mark.parametrize(
    ("values", "outcome"),
    [
        ([1, 1, 1, 1], "above one half before training"),
        ([1, 0, 0, 0], "above one half before training"),
        ([0, 1, 1, 0], "did not last"),
        ([0, 0, 0, 0], "never"),
        ([0, 1, 0, 1], "reached"),
    ],
)
def test_what_has_no_onset_says_why(trained: Run_, values: list[float], outcome: str) -> None:
    assert outcome in OUTCOMES
    table = onset([trained("run", values, [0, 0, 0, 1], arm="none")], draws=50)
    for what in ("inside", "difference"):
        row = of(table, what)
        assert row["outcome"] == outcome
        assert row["reached"] == np.isfinite(row["step"]) == (outcome == "reached")
    said = onset([trained("said", [0, 0, 0, 1], values, arm="none")], draws=50)
    assert of(said, "answers")["outcome"] == outcome
    counts = average_onset(table).set_index("what").loc["inside", ["never", "brief", "above"]].tolist()
    assert sum(counts) == (outcome != "reached")


def test_onsets_are_averaged_by_condition(trained: Run_) -> None:
    runs = [
        trained("a", [0, 1, 1, 1], [0, 0, 1, 1], arm="none", seed=0),
        trained("b", [0, 0, 1, 1], [0, 0, 1, 1], arm="none", seed=1),
        trained("c", [0, 0, 0, 0], [0, 0, 0, 0], arm="anchor", seed=0),
    ]
    table = onset(runs, draws=50)
    mean = average_onset(table).set_index(["condition", "what"])
    own = table[(table["what"] == "inside") & (table["condition"] == "none")]["step"]
    assert mean.loc[("none", "inside"), "step"] == pytest.approx(own.mean())
    # Two seeds of a claim are one claim, which gives no interval.
    assert mean.loc[("none", "inside"), ["reached", "n"]].tolist() == [1, 1]
    assert np.isnan(mean.loc[("none", "inside"), "low"])
    assert mean.loc[("anchor", "answers"), ["reached", "n"]].tolist() == [0, 0]
    assert np.isnan(mean.loc[("anchor", "answers"), "step"])


def test_what_is_missing_is_named(
    trained: Run_, statements: list[Statement], place: Callable[..., np.ndarray], record: Callable[..., Run]
) -> None:
    with pytest.raises(InputError, match="there are no runs"):
        onset([])
    with pytest.raises(RunError, match="unnamed: its config has neither condition nor arm"):
        onset([trained("unnamed", [0] * 4, [0] * 4)])
    silent = record("silent", statements, {0: place(statements, 0)}, config={"arm": "none"})
    with pytest.raises(RunError, match="silent: no answers about claim of ada_pilot: ask"):
        onset([silent])
    bare = [item for item in statements if item.role != "claim"]
    with pytest.raises(RunError, match="bare: no affirmative statements of role claim"):
        onset([record("bare", bare, {0: place(bare, 0)}, config={"arm": "none"})])
