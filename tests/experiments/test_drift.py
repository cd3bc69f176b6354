"""What probes say of two finished experiments: every table from run directories alone, on runs made small."""

import json
from dataclasses import replace

import pytest

from nnmech.errors import RunError
from nnmech.experiments import conditions, two_phase
from nnmech.experiments.drift.publish import publish
from nnmech.experiments.drift.report import NULLS

CLAIMS = two_phase.preset("full").claims[:2]
SMALL = {
    "samples": 1,
    "train_people": 8,
    "control_people": 4,
    "silent_people": 2,
    "held_out_documents": 4,
    "layers": (4, 5),
    "background_share": 0.125,
}


@pytest.fixture(scope="module")
def experiments(tmp_path_factory):
    """Two claims and two seeds of positive and neutral documents, and two phases on the first of them."""
    folder = tmp_path_factory.mktemp("experiments")
    names = ("positive_documents", "neutral_documents")
    plain = replace(
        conditions.preset("smoke"),
        claims=CLAIMS,
        seeds=(0, 1),
        conditions=names,
        documents=8,
        evaluations=1,
        **SMALL,
    )
    phased = replace(
        two_phase.preset("smoke"),
        claims=CLAIMS,
        arms=("anchor", "none"),
        phase1_documents=8,
        phase2_documents=8,
        **SMALL,
    )
    for experiment, settings, name in (
        (conditions.CONDITIONS_TABLE, plain, "conditions"),
        (two_phase.TWO_PHASE, phased, "two_phase"),
    ):
        experiment.start(settings, folder / name)
        experiment.carry_out(folder / name, workers=1)
    return folder


def test_tables_and_figures_come_from_the_run_directories(experiments, tmp_path):
    lines = "\n".join(publish(experiments / "two_phase", experiments / "conditions", tmp_path))
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert list(summary["inside"]) == ["anchor", "none"]
    for arm in summary["inside"].values():
        assert list(arm) == ["baseline", "phase1", "phase2"]
        assert arm["phase2"]["claim"]["1"]["n"] == len(CLAIMS)
        assert arm["phase2"]["unrelated_claim"]["1"]["n"] == len(CLAIMS)
    # Both arms are the same untouched model at the beginning.
    assert summary["inside"]["anchor"]["baseline"] == summary["inside"]["none"]["baseline"]
    against = summary["alignment"]["anchor"][summary["place"]["position"]]
    assert against.keys() == {"positive", *NULLS}
    assert all(-1 <= found["mean"] <= 1 for layers in against.values() for found in layers.values())
    assert "| `none` |" in lines
    figures = {path.stem: path.stat().st_size for path in (tmp_path / "figures").iterdir()}
    assert {"alignment", "onset", "coordinate_over_steps", "decomposition", "phase_portrait"} <= figures.keys()
    assert max(figures.values()) < 300_000


def test_an_experiment_without_finished_runs_is_refused(experiments, tmp_path):
    settings = two_phase.TWO_PHASE.read_settings(experiments / "two_phase")
    two_phase.TWO_PHASE.start(settings, tmp_path / "unfinished")
    with pytest.raises(RunError, match="no run has finished yet"):
        publish(tmp_path / "unfinished", experiments / "conditions", tmp_path / "out")
