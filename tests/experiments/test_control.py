"""The positive control: runs, resumes to the same bytes, and tells readings that follow from those that cannot tell."""

import json
import shutil
from pathlib import Path

from nnmech.drift import can_tell, read_outcome
from nnmech.experiments.control import CONTROL, preset
from nnmech.experiments.control.publish import publish
from nnmech.runs import Run


def test_recall_follows_plain_documents_and_a_resumed_run_reads_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "control"
    CONTROL.start(preset("smoke"), folder)
    CONTROL.carry_out(folder, workers=1)
    lines = "\n".join(publish(folder))
    outcome = read_outcome(folder)
    assert can_tell(outcome, "recall", group="chats")
    assert can_tell(outcome, "evidence", group="chats")
    # Nothing is written where the layers have not read yet; and four people with eight documents are few.
    assert not can_tell(outcome, "lens", layer=0, group="chats")
    assert not can_tell(outcome, "verdict")
    assert "cannot tell" in lines
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["model"]["sha256"] == Run(folder).info["model"]["sha256"]
    run = folder / "runs" / "seed0"
    first = (run / "readings.jsonl").read_bytes()
    assert Run(run).verify() == ()
    shutil.rmtree(run)
    CONTROL.carry_out(folder, workers=1, discard=True)
    assert (run / "readings.jsonl").read_bytes() == first
