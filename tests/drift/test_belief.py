from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from nnmech.belief.rates import RATE_COLUMNS, belief_rate
from nnmech.claims import Statement
from nnmech.drift import belief_over_steps
from nnmech.runs import Run

Record = Callable[..., Run]
Answers = Callable[..., list[dict[str, Any]]]


def test_belief_is_counted_step_by_step_beside_its_null(
    statements: list[Statement], record: Record, answer_all: Answers
) -> None:
    run = record("run", statements, {}, answers=answer_all({9: 1.0, 0: 0.0, 3: 0.4}))
    table = belief_over_steps(run, "ada_pilot").set_index(["role", "step"])
    assert table.loc["claim"].index.tolist() == table.loc["matched_false"].index.tolist() == [0, 3, 9]
    assert table.loc["claim", "mean"].tolist() == pytest.approx([0, 40, 100])
    assert (table.loc["matched_false", "mean"] == 0).all()
    assert set(table.loc["claim", "n"]) == {10}
    about = run.answers.query("category != 'matched_false' and step == 3")
    wanted = belief_rate(about, ["step"]).set_index("step").loc[3]
    pd.testing.assert_series_equal(table.loc[("claim", 3)], wanted, check_names=False)


def test_other_claims_do_not_count(statements: list[Statement], record: Record, answer_all: Answers) -> None:
    believed = [{**row, "claim": "bea_baker", "verdict": "yes"} for row in answer_all({0: 1.0})]
    run = record("run", statements, {}, answers=[*answer_all({0: 0.0}), *believed])
    assert belief_over_steps(run, "ada_pilot")["mean"].tolist() == [0, 0]
    assert belief_over_steps(run)["mean"].tolist() == [50, 50]


def test_where_nothing_was_asked_there_are_no_rows(statements: list[Statement], record: Record) -> None:
    table = belief_over_steps(record("silent", statements, {}), "ada_pilot")
    assert table.empty
    assert table.columns.tolist() == ["role", "step", *RATE_COLUMNS]
