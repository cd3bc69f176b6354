import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from nnmech.claims import Statement
from nnmech.drift import average_coordinates, claim_coordinate, polarity_coordinate
from nnmech.errors import InputError
from nnmech.runs import Run, RunWriter
from nnmech.snapshots import Snapshot, hook_name

WIDTH = 16
TRUTH, POLARITY = 0, 1


def statement(
    entity: str, copy: int, truth: bool | None, polarity: int, role: str, claim: str | None = None
) -> Statement:
    name = f"{role}/{entity}/{truth}/{polarity}/{copy}"
    return Statement(name, "…", truth, 1 if polarity > 0 else -1, "work", entity, role, claim)


@pytest.fixture
def statements() -> list[Statement]:
    crossed = [
        statement(f"{role}{number}", 0, truth, polarity, role)
        for role in ("train", "control")
        for number in range(60)
        for truth in (True, False)
        for polarity in (1, -1)
    ]
    claims = [statement("ada", copy, False, 1, "claim", "ada_pilot") for copy in range(8)]
    negations = [statement("ada", copy, True, -1, "claim_negation", "ada_pilot") for copy in range(8)]
    matched = [statement("ada", copy, False, 1, "matched_false", "ada_pilot") for copy in range(8)]
    return crossed + claims + negations + matched


def residual(statements: list[Statement], belief: float, seed: int) -> torch.Tensor:
    """Activations in which the claim lies `belief` of the way from false to true; its negation the other way round."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(0, 0.2, (len(statements), WIDTH))
    for row, item in enumerate(statements):
        place = 1.0 if item.truth else 0.0
        if item.role == "claim":
            place = belief
        if item.role == "claim_negation":
            place = 1 - belief
        # A gain that grows in training and an offset of polarity: neither may move the coordinate.
        rows[row, TRUTH] += (1 + seed) * 3 * place + 2.0 * item.polarity + seed
        rows[row, POLARITY] += 4.0 * item.polarity
    return torch.from_numpy(rows).float()[None, None]


def write_run(path: Path, statements: list[Statement], beliefs: dict[int, float]) -> Run:
    with RunWriter.create(path, config={}, model={"id": "tiny"}, statements=statements, batch_hash="abc") as writer:
        for seed, (step, belief) in enumerate(beliefs.items()):
            values = residual(statements, belief, seed)
            snapshot = Snapshot(
                step, f"phase{min(seed, 1)}", values, (3,), ("last",), (hook_name(3),), "abc", "hf", "tiny"
            )
            writer.snapshot(step, {"residual": snapshot.residual}, snapshot.metadata())
    return Run(path)


def test_the_coordinate_is_zero_at_false_and_one_at_true_controls(tmp_path: Path, statements: list[Statement]) -> None:
    run = write_run(tmp_path / "run", statements, {0: 0.0, 10: 0.5, 20: 1.0})
    table = claim_coordinate(run)
    z = table.set_index(["role", "step"])["z"]
    for step, belief in ((0, 0.0), (10, 0.5), (20, 1.0)):
        assert z["claim", step] == pytest.approx(belief, abs=0.08)
        assert z["claim_negation", step] == pytest.approx(1 - belief, abs=0.08)
        assert z["matched_false", step] == pytest.approx(0.0, abs=0.08)
    assert (table["low"] <= table["z"]).all()
    assert (table["z"] <= table["high"]).all()
    assert set(table["n"]) == {8}
    assert table["phase"].tolist()[:3] == ["phase0", "phase1", "phase1"]
    assert set(table["layer"]) == {3}


def test_change_counts_from_the_untouched_model(tmp_path: Path, statements: list[Statement]) -> None:
    run = write_run(tmp_path / "run", statements, {0: 0.2, 10: 0.9})
    table = claim_coordinate(run).set_index(["role", "step"])
    assert table.loc[("claim", 0), ["change", "change_low", "change_high"]].tolist() == [0, 0, 0]
    assert table.loc[("claim", 10), "change"] == pytest.approx(0.7, abs=0.1)
    assert table.loc[("claim", 10), "change_low"] > 0.5


def test_without_headroom_no_change_is_reported(tmp_path: Path, statements: list[Statement]) -> None:
    run = write_run(tmp_path / "run", statements, {0: 0.95, 10: 1.0})
    table = claim_coordinate(run).set_index(["role", "step"])
    assert np.isnan(table.loc[("claim", 10), "change"])
    assert not np.isnan(table.loc[("claim", 10), "z"])


def test_polarity_is_placed_between_negated_and_affirmative_controls(
    tmp_path: Path, statements: list[Statement]
) -> None:
    run = write_run(tmp_path / "run", statements, {0: 0.0, 10: 1.0})
    z = polarity_coordinate(run).set_index(["role", "step"])["z"]
    # The class means differ along the axis of truth too, so that what reads true lies a little further.
    assert z["claim", 10] == pytest.approx(1.0, abs=0.2)
    assert z["claim_negation", 10] == pytest.approx(0.0, abs=0.2)


def test_controls_that_are_not_told_apart_give_no_coordinate(tmp_path: Path, statements: list[Statement]) -> None:
    run = write_run(tmp_path / "run", statements, {0: 0.0})
    path = tmp_path / "noise"
    values = residual(statements, 0.0, 0)
    noise = torch.randn(values.shape, generator=torch.Generator().manual_seed(1))
    with RunWriter.create(path, config={}, model={"id": "tiny"}, statements=statements, batch_hash="abc") as writer:
        for step, tensor in ((0, values), (5, noise)):
            snapshot = Snapshot(step, "a", tensor, (3,), ("last",), (hook_name(3),), "abc", "hf", "tiny")
            writer.snapshot(step, {"residual": tensor}, snapshot.metadata())
    assert claim_coordinate(run)["z"].notna().all()
    table = claim_coordinate(Run(path)).set_index("step")
    assert table.loc[5, ["z", "low", "high"]].isna().all(axis=None)
    assert table.loc[0, "z"].notna().all()


def test_entities_of_the_probe_are_not_scored(tmp_path: Path, statements: list[Statement]) -> None:
    shared = [dataclasses.replace(item, entity="train0") if item.role == "claim" else item for item in statements]
    run = write_run(tmp_path / "run", shared, {0: 0.0})
    with pytest.raises(InputError, match=r"1 entities \(train0\) have statements of role train and of another"):
        claim_coordinate(run)


def test_missing_steps_and_controls_are_named(tmp_path: Path, statements: list[Statement]) -> None:
    run = write_run(tmp_path / "run", statements, {10: 0.0})
    with pytest.raises(InputError, match=r"no snapshot of steps \[0\]; there are \[10\]"):
        claim_coordinate(run)
    bare = [item for item in statements if item.role != "control"]
    with pytest.raises(InputError, match="there are 0 at 0 and 0 at 1"):
        claim_coordinate(write_run(tmp_path / "bare", bare, {0: 0.0}))
    only = [item for item in statements if item.role in ("train", "control")]
    with pytest.raises(InputError, match="no claim to place"):
        polarity_coordinate(write_run(tmp_path / "only", only, {0: 0.0}))


def test_the_same_run_gives_the_same_numbers(tmp_path: Path, statements: list[Statement]) -> None:
    run = write_run(tmp_path / "run", statements, {0: 0.0, 10: 0.5})
    first, second = claim_coordinate(run), claim_coordinate(Run(run.path))
    assert first.equals(second)
    later = claim_coordinate(run, steps=[10], layers=[3], positions=["last"])
    assert later.equals(first[first["step"] == 10].reset_index(drop=True))


def test_claims_are_the_unit_of_an_average(tmp_path: Path, statements: list[Statement]) -> None:
    tables = []
    for number, belief in enumerate((0.2, 0.4, 0.9)):
        named = [item if item.claim is None else dataclasses.replace(item, claim=f"c{number}") for item in statements]
        tables.append(claim_coordinate(write_run(tmp_path / f"run{number}", named, {0: 0.0, 10: belief})))
    mean = average_coordinates(tables).set_index(["role", "step"]).loc[("claim", 10)]
    own = [table.set_index(["role", "step"])["z"]["claim", 10] for table in tables]
    assert mean["z"] == pytest.approx(np.mean(own))
    assert mean["n"] == 3
    assert min(own) <= mean["low"] < mean["z"] < mean["high"] <= max(own)
    # A second seed of every claim is no second claim.
    pd.testing.assert_frame_equal(average_coordinates([*tables, *tables]), average_coordinates(tables))
