"""One run at a glance: the same numbers as the tables behind it, a row for every step of either."""

import numpy as np
import pytest

from nnmech.drift import belief_over_steps, best_place, claim_coordinate, overview
from nnmech.runs import Run
from nnmech.shipped import shipped


@pytest.fixture(scope="module")
def run() -> Run:
    return Run(shipped("sample_run")).children()[0]


def test_every_recorded_step_has_a_row_in_its_phase(run):
    table = overview(run)
    assert list(table.index) == sorted({*run.steps, *run.answers["step"]})
    boundary = run.labels.boundary
    assert set(table.loc[[0], "phase"]) == {"untouched"}
    assert set(table.loc[(table.index > 0) & (table.index <= boundary), "phase"]) == {"phase1"}
    assert set(table.loc[table.index > boundary, "phase"]) == {"phase2"}


def test_what_is_said_and_read_are_the_numbers_of_their_own_tables(run):
    table, claim = overview(run), run.labels.claim
    said = belief_over_steps(run, claim)
    said = said[said["role"] == "claim"].set_index("step")["mean"]
    np.testing.assert_allclose(table["said"].dropna(), said, atol=0.05)
    layer, position = best_place(run)
    read = claim_coordinate(run, layers=[layer], positions=[position], draws=2)
    for role in ("claim", "alternative", "matched_false"):
        rows = read[(read["role"] == role) & (read["polarity"] == 1) & (read["claim"] == claim)].set_index("step")["z"]
        np.testing.assert_allclose(table[role].dropna(), rows, atol=0.005)


def test_a_step_without_a_snapshot_reads_nothing(run):
    table = overview(run)
    unread = [step for step in table.index if step not in run.steps]
    assert unread
    assert table.loc[unread, ["claim", "alternative", "matched_false"]].isna().all(axis=None)
