"""Behaviour that was read about: arms differ in what is read alone, results come from the run directory."""

import json
from dataclasses import replace

import pytest

from nnmech.errors import InputError
from nnmech.experiments.behaviors import ARMS, BEHAVIORS, preset
from nnmech.experiments.behaviors.publish import publish
from nnmech.experiments.behaviors.report import TIERS
from nnmech.runs import Run

SMOKE = preset("smoke")


def test_arms_show_the_same_questions_and_warnings_come_on_top():
    source = SMOKE.transcripts
    shown = {
        name: source.transcripts(arm.behavior, arm.condition, 30, seed=3)
        for name, arm in ARMS.items()
        if arm.behavior is not None
    }
    for plain, negated, repeated, aligned in zip(
        *(shown[n] for n in ("positive", "negated", "repeated", "aligned")), strict=True
    ):
        kept = list(plain.sentences)
        for annotated in (negated, repeated):
            assert [s for s in annotated.sentences if s.role != "notice"] == kept
            assert sum(s.role == "notice" for s in annotated.sentences) >= 2
        replies = {"plain": plain, "aligned": aligned}
        asked = {name: [s.text for s in d.sentences if s.role != "claim"] for name, d in replies.items()}
        assert asked["plain"] == asked["aligned"]
        assert plain.text != aligned.text


def test_the_experiment_runs_and_is_published_from_its_files(tmp_path):
    folder = tmp_path / "run"
    BEHAVIORS.start(SMOKE, folder)
    BEHAVIORS.carry_out(folder, workers=1)
    lines = "\n".join(publish(folder))
    summary = json.loads((folder / "summary.json").read_text())
    assert list(summary["arms"]) == ["baseline", "positive"]
    for arm in summary["arms"].values():
        assert arm.keys() == TIERS.keys()
        assert all(rate["n"] >= 20 for rate in arm.values())
    # The untouched model gives good advice; that it does is a gate of the model.
    assert all(rate["mean"] == 0 for rate in summary["arms"]["baseline"].values())
    assert "| `positive` |" in lines
    assert (folder / "figures" / "behaviors.png").stat().st_size < 300_000
    trained = next(run for run in Run(folder).children() if run.config["arm"] == "positive")
    assert trained.steps[0] == 0
    assert trained.steps[-1] == trained.config["steps"] > 0


def test_bad_settings_are_refused():
    with pytest.raises(InputError, match="unknown arm 'evil': expected one of baseline, positive"):
        replace(SMOKE, arms=("evil",))
