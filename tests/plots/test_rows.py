"""Rows of tables: those about a claim, those with words and roles, tables one below the other."""

import numpy as np
import pandas as pd
import pytest

from nnmech.plots.over_steps import logged
from nnmech.plots.statements import matching, matching_mask
from nnmech.plots.tables import claim_rows, stacked

TABLE = pd.DataFrame(
    [
        ("claim", "a", 1, 0),
        ("claim", "a", -1, 0),
        ("claim", "b", 1, 0),
        ("claim_negation", "a", -1, 0),
        ("claim_negation", "a", 1, 0),
        ("unrelated_claim", "b", 1, 1),
        ("unrelated_claim", None, 1, 1),
        ("control", None, 1, 1),
    ],
    columns=["role", "claim", "polarity", "layer"],
)


@pytest.mark.parametrize(
    ("claim", "roles", "layer", "kept"),
    [
        ("a", ["claim"], None, [0]),
        ("a", ["claim", "claim_negation"], None, [0, 3]),
        ("a", ["claim", "unrelated_claim"], None, [0, 5, 6]),
        ("a", ["claim", "unrelated_claim"], 1, [5, 6]),
        (None, ["control", "claim"], None, [7]),
        ("nobody", ["claim"], None, []),
    ],
)
def test_rows_about_a_claim(claim, roles, layer, kept):
    assert claim_rows(TABLE, claim, roles, layer=layer).index.tolist() == kept


def test_statements_match_by_all_words_and_any_role():
    table = pd.DataFrame(
        {"text": ["Ada won the (luge).", "ada lost", "Berg won"], "role": ["claim", "control", "claim"]}
    )
    assert matching(table, words=["ADA"]).index.tolist() == [0, 1]
    assert matching(table, words=["ada", "(luge)."]).index.tolist() == [0]
    assert matching(table, roles=["claim"]).index.tolist() == [0, 2]
    assert matching(table, roles=["control"], words=["won"]).empty
    assert matching_mask(table).all()


def test_logged_steps_are_those_at_which_anything_was_measured():
    metrics = pd.DataFrame(
        {"step": [0, 1, 2], "phase": "p", "a": [1.0, np.nan, np.nan], "b": [np.nan, 2.0, np.nan], "c": 1}
    )
    found = logged(metrics, ["a", "b"])
    assert list(found) == ["step", "phase", "a", "b"]
    assert found["step"].tolist() == [0, 1]


def test_stacked_tables_say_which_one_a_row_is_of():
    found = stacked({"x": TABLE.head(1), "y": TABLE.head(2)}, "of")
    assert found["of"].tolist() == ["x", "y", "y"]
    assert found.index.tolist() == [0, 1, 2]
