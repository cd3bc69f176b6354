"""Recall on its scale, and what a control makes of readings that follow and of those that do not."""

import json
from pathlib import Path

import numpy as np
import pytest

from nnmech.claims import MATCHED_FALSE
from nnmech.claims.prompts import CONTROL_FALSE, CONTROL_TRUE
from nnmech.claims.sources import NEW, OLD
from nnmech.drift import can_tell, control_gates, control_outcome, read_outcome, recall_over_steps, verdict_cells
from nnmech.errors import InputError
from nnmech.runs import Run, RunWriter


def row(step: int, reading: str, role: str, entity: str, p: float, **more: object) -> dict[str, object]:
    about = {"id": f"{reading}/{role}/{entity}", "role": role, "entity": entity, "topic": "t", "value": f"v{role}"}
    return {"step": step, "phase": "one", "reading": reading, **about, "p": p, **more}


def make_run(path: Path, rows: list[dict[str, object]]) -> Run:
    with RunWriter.create(path, config={}, model={"id": "tiny"}) as writer:
        writer.readings(rows)
        writer.event("end", step=4)
    return Run(path)


def ends(step: int, reading: str, low: float = 0.1, high: float = 0.9) -> list[dict[str, object]]:
    people = [f"c{number}" for number in range(5)]
    return [
        row(step, reading, role, who, p) for who in people for role, p in ((CONTROL_FALSE, low), (CONTROL_TRUE, high))
    ]


def test_matched_false_values_read_as_0_and_held_ones_as_1(tmp_path: Path) -> None:
    rows = [*ends(0, "recall"), *ends(4, "recall", 0.5, 0.5)]
    rows += [row(0, "recall", "claim", "ada", 0.1, lens=[0.0]), row(4, "recall", "claim", "ada", 0.9, lens=[0.0])]
    rows += [row(step, "recall", MATCHED_FALSE, "ada", 0.1) for step in (0, 4)]
    table = recall_over_steps(make_run(tmp_path / "run", rows)).set_index(["reading", "kind", "step"])["value"]
    assert table["recall", "claim"].tolist() == pytest.approx([0, 1])
    assert table["recall", MATCHED_FALSE].tolist() == pytest.approx([0, 0])
    # The scale is that of the first step, wherever training moves the controls.
    assert table["recall", CONTROL_TRUE].tolist() == pytest.approx([1, 0.5])
    # Of a layer in which nothing is told apart there is nothing to say.
    assert table["lens", "claim"].isna().all()


def test_a_run_without_readings_has_no_rows(tmp_path: Path) -> None:
    table = recall_over_steps(make_run(tmp_path / "run", []))
    assert table.empty
    assert table.columns.tolist()[:5] == ["step", "phase", "reading", "layer", "kind"]


def test_verdicts_are_counted_by_cell(tmp_path: Path) -> None:
    cells = {(CONTROL_TRUE, 1): 0.9, (CONTROL_TRUE, -1): 0.2, (CONTROL_FALSE, 1): 0.3, (CONTROL_FALSE, -1): 0.8}
    rows = [row(0, "verdict", role, "ada", p, polarity=polarity) for (role, polarity), p in cells.items()]
    table = verdict_cells(make_run(tmp_path / "run", rows)).set_index(["truth", "polarity"])["p"]
    assert table.to_dict() == {(True, 1): 0.9, (False, -1): 0.2, (False, 1): 0.3, (True, -1): 0.8}


@pytest.fixture
def controlled(tmp_path: Path) -> Run:
    """Recall follows the documents; the verdict follows for nobody."""
    rng = np.random.default_rng(0)
    rows = []
    for reading, reached in (("recall", 0.95), ("verdict", 0.15)):
        for step in (0, 4):
            rows += ends(step, reading)
            for group in ("chats", "documents only"):
                for number in range(10):
                    at = {NEW: (0.1, reached), OLD: (0.9, 0.2), MATCHED_FALSE: (0.1, 0.1)}
                    for role, stages in at.items():
                        p = stages[step > 0] + rng.uniform(-0.05, 0.05)
                        rows.append(row(step, reading, f"{role}/{group}", f"{group}{number}", p))
    return make_run(tmp_path / "control", rows)


def test_a_reading_passes_the_control_where_it_moves(controlled: Run, tmp_path: Path) -> None:
    outcome = control_outcome(controlled)
    assert can_tell(outcome, "recall")
    assert can_tell(outcome, "recall", group="chats")
    assert not can_tell(outcome, "verdict")
    assert not can_tell(outcome, "never measured")
    moved = outcome.set_index(["reading", "group"])["moved"]
    assert moved["recall", "chats"] == pytest.approx(0.85 / 0.8, abs=0.1)
    (tmp_path / "control.json").write_text(json.dumps({"readings": outcome.to_dict("records")}))
    assert can_tell(read_outcome(tmp_path), "recall")
    assert not can_tell(read_outcome(tmp_path), "verdict")


def test_gates_hold_the_silent_verdict_against_the_same_readings(controlled: Run) -> None:
    passed = control_gates(controlled).set_index("name")["passed"]
    assert passed["recall, new value, documents only"]
    assert not passed["silent P(True), new value, documents only"]
    assert passed["silent P(True), old value, chats"]


def test_a_folder_without_an_outcome_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nnmech control"):
        read_outcome(tmp_path)
    with pytest.raises(InputError, match="no readings of new values"):
        control_outcome(make_run(tmp_path / "other", ends(0, "recall")))
