import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import pytest

from nnmech.claims import Statement
from nnmech.drift import alignment
from nnmech.errors import InputError, RunError
from nnmech.runs import Run

TRUTH, OTHER, THIRD = np.eye(16)[[0, 3, 4]]

Moved = Callable[..., Run]


@pytest.fixture
def moved(statements: list[Statement], place: Callable[..., np.ndarray], record: Callable[..., Run]) -> Moved:
    """A run in whose steps the claim lies at the given places, and everything of its entity is carried along."""

    def build(
        name: str,
        places: Mapping[int, np.ndarray],
        phases: Mapping[int, str] | None = None,
        items: list[Statement] | None = None,
        noise: float = 0.05,
    ) -> Run:
        chosen = statements if items is None else items
        rows = {}
        for step, claim in places.items():
            rows[step] = place(chosen, step, claim=claim, noise=noise)
            rows[step][[item.entity in ("ada", "eve") for item in chosen]] += 0.5 * step * THIRD
        return record(name, chosen, rows, phases=phases)

    return build


def against(table: pd.DataFrame, name: str) -> pd.Series:
    return table.set_index("against").loc[name]


def test_drift_in_the_same_direction_is_aligned_and_a_null_is_not(moved: Moved) -> None:
    drifted = moved(
        "drifted",
        {0: -TRUTH + OTHER, 10: -TRUTH - OTHER, 20: TRUTH - OTHER},
        {0: "phase1", 10: "phase1", 20: "phase2"},
    )
    positive = moved("positive", {0: -TRUTH, 7: 0.5 * TRUTH})
    nulls = {
        "neutral documents": [moved("neutral", {0: -TRUTH, 9: -TRUTH - 2 * OTHER})],
        "another seed": [moved(f"seed{n}", {0: -TRUTH, 9: -TRUTH + sign * OTHER}) for n, sign in enumerate((1, -1))],
    }
    table = alignment(drifted, positive, nulls, draws=200)
    assert table.columns.tolist() == ["layer", "position", "against", "cosine", "low", "high", "n"]
    assert table["against"].tolist() == ["positive", "neutral documents", "another seed"]
    assert table["n"].tolist() == [8, 8, 16]
    same, neutral, seeds = (against(table, name) for name in table["against"])
    assert same["cosine"] > 0.95
    assert same["low"] > 0.9
    assert abs(neutral["cosine"]) < 0.2
    assert abs(seeds["cosine"]) < 0.2
    assert neutral["low"] < neutral["cosine"] < neutral["high"] < same["low"]
    # From the first step on, the drift of phase 1 is in it too.
    whole = alignment(drifted, positive, nulls, steps=(0, 20), draws=10)
    assert 0.6 < against(whole, "positive")["cosine"] < 0.8
    assert against(whole, "neutral documents")["cosine"] > 0.6


def test_statements_are_matched_by_id(moved: Moved, statements: list[Statement]) -> None:
    drifted = moved("drifted", {0: -TRUTH, 20: TRUTH})
    table = alignment(drifted, drifted, {"neutral documents": [moved("neutral", {0: -TRUTH, 9: -TRUTH})]}, draws=100)
    # Drawn together, the statements of a run are its own in every draw.
    assert against(table, "positive")[["cosine", "low", "high"]].tolist() == pytest.approx([1, 1, 1])
    order = np.random.default_rng(0).permutation(len(statements))
    names = ("straight", "shuffled")
    runs = [moved("straight", {0: -TRUTH, 20: TRUTH}, noise=0), moved("other", {0: -TRUTH, 20: TRUTH}, noise=0)]
    mixed = [statements[number] for number in order]
    runs.append(moved("mixed", {0: -TRUTH, 20: TRUTH}, items=mixed, noise=0))
    found = [alignment(runs[0], run, {names[1]: [runs[0]]}, draws=50) for run in runs[1:]]
    for table in found:
        assert against(table, "positive")[["cosine", "low", "high"]].tolist() == pytest.approx([1, 1, 1], abs=1e-3)


def test_another_claim_is_told_by_its_own_statements(moved: Moved, statements: list[Statement]) -> None:
    others = [
        dataclasses.replace(item, id=f"eve/{item.id}", entity="eve", claim="eve_singer")
        if item.claim == "ada_pilot"
        else item
        for item in statements
    ]
    drifted, positive = moved("drifted", {0: -TRUTH, 9: TRUTH}), moved("positive", {0: -TRUTH, 9: TRUTH})
    other = moved("other", {0: -TRUTH, 9: -TRUTH + OTHER}, items=others)
    table = alignment(drifted, positive, {"another claim": [other]}, draws=100)
    assert abs(against(table, "another claim")["cosine"]) < 0.2
    with pytest.raises(RunError, match=r"other: 8 .* and 0 false ones of role lie for the claim eve_singer"):
        alignment(other, positive, {"another claim": [drifted]}, controls="lie")
    control = alignment(drifted, positive, {"another claim": [other]}, controls="control", draws=10)
    # What carries the whole entity along is now part of both drifts.
    assert against(control, "another claim")["cosine"] > 0.5


def test_what_does_not_compare_is_named(
    moved: Moved, statements: list[Statement], record: Callable[..., Run], place: Callable[..., np.ndarray]
) -> None:
    run = moved("run", {0: -TRUTH, 9: TRUTH})
    for nulls in ({}, {"another seed": []}, {"positive": [run]}):
        with pytest.raises(InputError, match="expected names other than 'positive', at least one run"):
            alignment(run, run, nulls)
    with pytest.raises(RunError, match=r"once: snapshots of the steps \[0\]: a drift needs two"):
        alignment(run, moved("once", {0: -TRUTH}), {"another seed": [run]})
    wide = record("wide", statements, {step: np.tile(place(statements, step), 2) for step in (0, 9)})
    with pytest.raises(InputError, match=r"wide: activations of width and weight convention \(32, 'hf'\), expected"):
        alignment(run, wide, {"another seed": [run]})
    bare = [item for item in statements if item.role != "claim"]
    with pytest.raises(RunError, match="bare: no affirmative statements of role claim"):
        alignment(run, moved("bare", {0: -TRUTH, 9: TRUTH}, items=bare), {"another seed": [run]})
    with pytest.raises(InputError, match=r"run: .*positions"):
        alignment(run, run, {"another seed": [run]}, positions=["first"])
