import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from nnmech.claims import Statement
from nnmech.drift import average_coordinates, beyond_nulls, claim_coordinate, coordinates, polarity_coordinate
from nnmech.errors import InputError, RunError
from nnmech.probes import TruthProbe, scorable
from nnmech.recording.snapshots import Snapshot, hook_name
from nnmech.runs import Run, RunWriter

TRUTH = np.eye(16)[0]

Place = Callable[..., np.ndarray]
Record = Callable[..., Run]


def at(belief: float) -> np.ndarray:
    """Where a claim lies that is `belief` of the way from false to true."""
    return (2 * belief - 1) * TRUTH


@pytest.fixture
def believed(statements: list[Statement], place: Place, record: Record) -> Callable[..., Run]:
    """A run whose claim has the given belief at each step, while all activations grow and shift."""

    def build(beliefs: dict[int, float], name: str = "run", items: list[Statement] | None = None) -> Run:
        chosen = statements if items is None else items
        rows = {
            step: (1 + number) * place(chosen, step, claim=at(belief)) + 5.0 * number
            for number, (step, belief) in enumerate(beliefs.items())
        }
        phases = {step: f"phase{min(number, 1)}" for number, step in enumerate(beliefs)}
        return record(name, chosen, rows, phases=phases)

    return build


def test_the_coordinate_is_zero_at_false_and_one_at_true_controls(believed: Callable[..., Run]) -> None:
    table = claim_coordinate(believed({0: 0.0, 10: 0.5, 20: 1.0}))
    z = table.set_index(["role", "step"])["z"]
    for step, belief in ((0, 0.0), (10, 0.5), (20, 1.0)):
        assert z["claim", step] == pytest.approx(belief, abs=0.1)
        assert z["claim_negation", step] == pytest.approx(1 - belief, abs=0.1)
        for null in ("matched_false", "unrelated_claim"):
            assert z[null, step] == pytest.approx(0.0, abs=0.1)
    assert (table["low"] <= table["z"]).all()
    assert (table["z"] <= table["high"]).all()
    assert set(table["n"]) == {8}
    assert table["phase"].tolist()[:3] == ["phase0", "phase1", "phase1"]
    assert set(table["layer"]) == {3}


def test_change_counts_from_the_untouched_model(believed: Callable[..., Run]) -> None:
    table = claim_coordinate(believed({0: 0.2, 10: 0.9})).set_index(["role", "step"])
    assert table.loc[("claim", 0), ["change", "change_low", "change_high"]].tolist() == [0, 0, 0]
    assert table.loc[("claim", 10), "change"] == pytest.approx(0.7, abs=0.1)
    assert table.loc[("claim", 10), "change_low"] > 0.5


def test_without_headroom_no_change_is_reported(believed: Callable[..., Run]) -> None:
    table = claim_coordinate(believed({0: 0.95, 10: 1.0})).set_index(["role", "step"])
    assert np.isnan(table.loc[("claim", 10), "change"])
    assert not np.isnan(table.loc[("claim", 10), "z"])


def test_polarity_is_placed_between_negated_and_affirmative_controls(believed: Callable[..., Run]) -> None:
    z = polarity_coordinate(believed({0: 0.0, 10: 1.0})).set_index(["role", "step"])["z"]
    assert z["claim", 10] == pytest.approx(1.0, abs=0.15)
    assert z["claim_negation", 10] == pytest.approx(0.0, abs=0.15)


def test_controls_that_are_not_told_apart_give_no_coordinate(
    statements: list[Statement], place: Place, record: Record
) -> None:
    noise = place(statements, 5, truth=0 * TRUTH, claim=0 * TRUTH)
    table = claim_coordinate(record("run", statements, {0: place(statements, 0), 5: noise})).set_index("step")
    assert table.loc[5, ["z", "low", "high"]].isna().all(axis=None)
    assert table.loc[0, "z"].notna().all()


def test_several_entities_of_a_group_are_resampled_whole(
    statements: list[Statement], place: Place, record: Record
) -> None:
    copies = [dataclasses.replace(item, id=f"{item.id}/{copy}") for item in statements for copy in range(2)]
    people = {item.id: number for number, item in enumerate(copies) if item.role == "matched_false"}
    spread = [
        dataclasses.replace(item, entity=f"p{people.get(item.id, 0) // 4}") if item.id in people else item
        for item in copies
    ]
    rows = place(spread, 0, own=0.3, noise=0)
    # Where all statements of an entity agree, four of them are no better than one.
    for start in range(0, len(spread), 4):
        if spread[start].role == "matched_false":
            rows[start : start + 4] = rows[start]
    whole = claim_coordinate(record("whole", spread, {0: rows}), draws=2000).set_index("role").loc["matched_false"]
    single = [dataclasses.replace(item, entity="ada") if item.id in people else item for item in spread]
    apart = claim_coordinate(record("apart", single, {0: rows}), draws=2000).set_index("role").loc["matched_false"]
    assert whole["z"] == pytest.approx(apart["z"])
    assert (whole["high"] - whole["low"]) > 1.3 * (apart["high"] - apart["low"])


def test_entities_of_the_probe_are_not_scored(believed: Callable[..., Run], statements: list[Statement]) -> None:
    shared = [dataclasses.replace(item, entity="train0") if item.role == "claim" else item for item in statements]
    with pytest.raises(InputError, match=r"run: 1 entities \(train0\) have statements of role train and of another"):
        claim_coordinate(believed({0: 0.0}, items=shared))


def test_what_is_missing_is_named(believed: Callable[..., Run], statements: list[Statement], record: Record) -> None:
    run = believed({10: 0.0})
    with pytest.raises(InputError, match=r"run: no snapshot of steps \[0\]; there are \[10\]"):
        claim_coordinate(run)
    with pytest.raises(InputError, match=r"run: positions \['first'\]: expected some of \['last'\]"):
        claim_coordinate(run, reference_step=10, positions=["first"])
    with pytest.raises(InputError, match=r"run: layers \[9\]: expected some of \[3\]"):
        claim_coordinate(run, reference_step=10, layers=[9])
    with pytest.raises(RunError, match="the run has no snapshots"):
        claim_coordinate(record("empty", statements, {}))
    bare = [item for item in statements if item.role != "control"]
    with pytest.raises(InputError, match=r"bare.*there are 0 at 0 and 0 at 1; record statements of role control"):
        claim_coordinate(believed({0: 0.0}, "bare", bare))
    only = [item for item in statements if item.role in ("train", "control")]
    with pytest.raises(InputError, match=r"only: the run has only .*no claim to place"):
        polarity_coordinate(believed({0: 0.0}, "only", only))
    untrained = [item for item in statements if item.role != "train"]
    with pytest.raises(InputError, match=r"untrained: .*role train"):
        polarity_coordinate(believed({0: 0.0}, "untrained", untrained))


def test_a_diverged_step_is_named(statements: list[Statement], place: Place, record: Record) -> None:
    rows = place(statements, 5)
    rows[7, 1] = np.nan
    run = record("run", statements, {0: place(statements, 0), 5: rows})
    with pytest.raises(RunError, match="activations of step 5, layer 3 are NaN or infinite"):
        claim_coordinate(run)


def test_the_same_run_gives_the_same_numbers(believed: Callable[..., Run]) -> None:
    run = believed({0: 0.0, 10: 0.5})
    first, second = claim_coordinate(run), claim_coordinate(Run(run.path))
    assert first.equals(second)
    later = claim_coordinate(run, steps=[10], layers=[3], positions=["last"])
    pd.testing.assert_frame_equal(later, first[first["step"] == 10].reset_index(drop=True))


def test_claims_are_the_unit_of_an_average(believed: Callable[..., Run], statements: list[Statement]) -> None:
    tables = []
    for number, belief in enumerate((0.2, 0.4, 0.9)):
        named = [item if item.claim is None else dataclasses.replace(item, claim=f"c{number}") for item in statements]
        tables.append(claim_coordinate(believed({0: 0.0, 10: belief}, f"run{number}", named)))
    mean = average_coordinates(tables).set_index(["role", "step"]).loc[("claim", 10)]
    own = [table.set_index(["role", "step"])["z"]["claim", 10] for table in tables]
    assert mean["z"] == pytest.approx(np.mean(own))
    assert mean["n"] == 3
    reach = 4.302653 * np.std(own, ddof=1) / 3**0.5
    assert (mean["low"], mean["high"]) == pytest.approx((np.mean(own) - reach, np.mean(own) + reach))
    # A second seed of every claim is no second claim.
    twice = average_coordinates([*tables, *tables])
    pd.testing.assert_frame_equal(twice.assign(runs=3), average_coordinates(tables))
    two = average_coordinates(tables[:2]).set_index(["role", "step"]).loc[("claim", 10)]
    assert two["n"] == 2
    assert np.isnan([two["low"], two["high"]]).all()


def test_people_that_all_claims_share_widen_an_average(
    believed: Callable[..., Run], statements: list[Statement]
) -> None:
    tables = []
    for number, belief in enumerate((0.5, 0.5, 0.5, 0.5)):
        named = [item if item.claim is None else dataclasses.replace(item, claim=f"c{number}") for item in statements]
        run = believed({0: 0.0, 10: belief}, f"run{number}", named)
        tables.append(claim_coordinate(run, steps=[10], draws=100, people=True).assign(seed=0))
    together = average_coordinates(tables).set_index("role").loc["claim"]
    alone = average_coordinates([table.drop(columns="people") for table in tables]).set_index("role").loc["claim"]
    assert alone["high"] - alone["low"] == pytest.approx(0, abs=1e-6)
    shared = np.concatenate([table.set_index("role")["people"]["claim"][None] for table in tables])
    assert (shared == shared[0]).all()
    assert together["high"] - together["low"] == pytest.approx(2 * 2.262157 * shared[0].std(ddof=1), rel=1e-4)


def test_what_moves_without_a_reason_is_taken_off_the_claim() -> None:
    def changes(**roles: float) -> pd.DataFrame:
        rows = [(claim, 0, role, z, np.full(3, z)) for claim in ("a", "b") for role, z in roles.items()]
        return pd.DataFrame(rows, columns=pd.Index(["claim", "seed", "role", "z", "people"]))

    beyond = beyond_nulls(changes(claim=0.9, matched_false=0.2), changes(claim=0.3, matched_false=0.1))
    assert beyond["z"].tolist() == pytest.approx([0.5, 0.5])
    assert beyond["people"][0].tolist() == pytest.approx([0.5] * 3)


def test_layers_do_not_depend_on_how_many_are_read_at_a_time(
    statements: list[Statement], place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers, positions = (1, 2, 5), ("object", "last")
    with RunWriter.create(
        tmp_path / "deep", config={}, model={"id": "tiny"}, statements=statements, batch_hash="abc"
    ) as writer:
        for step, belief in ((0, 0.0), (10, 0.6)):
            rows = [[place(statements, 7 * layer + step, claim=at(belief))] * 2 for layer in layers]
            values = torch.from_numpy(np.array(rows)).float()
            names = tuple(hook_name(layer) for layer in layers)
            snapshot = Snapshot(step, "phase1", values, layers, positions, names, "abc", "hf", "tiny")
            writer.snapshot(step, {"residual": values}, snapshot.metadata())
    run = Run(tmp_path / "deep")
    every = claim_coordinate(run, draws=50)
    monkeypatch.setattr(coordinates, "NUMBERS_AT_ONCE", 1)
    pd.testing.assert_frame_equal(claim_coordinate(run, draws=50), every, check_exact=True)
    for chosen in ([5], [5, 1]):
        part = claim_coordinate(run, layers=chosen, draws=50).sort_values(["role", "step", "layer", "position"])
        wanted = every[every["layer"].isin(chosen)].sort_values(["role", "step", "layer", "position"])
        pd.testing.assert_frame_equal(part.reset_index(drop=True), wanted.reset_index(drop=True), check_exact=True)


def test_headroom_is_that_of_the_coordinate_at_the_reference_step(
    statements: list[Statement], place: Place, record: Record
) -> None:
    run = record("run", statements, {0: place(statements, 0), 10: place(statements, 10, claim=TRUTH)})
    probe = TruthProbe.fit_snapshot(run.snapshot(0), run.statements, layer=3, position="last")
    judged = scorable(probe.score_snapshot(run.snapshot(0)), run.statements, draws=50).set_index(["role", "polarity"])
    placed = claim_coordinate(run, steps=[0], draws=50).set_index(["role", "polarity"])
    assert judged["z"].to_dict() == pytest.approx(placed["z"].to_dict(), abs=1e-5)
    # Scores do not say whom their probe was fitted on, which the coordinate counts.
    for name in ("low", "high"):
        assert judged[name].to_dict() == pytest.approx(placed[name].to_dict(), abs=0.02)
