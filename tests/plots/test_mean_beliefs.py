"""Beliefs averaged over runs: an answer counts once, claims are the unit, and steps count that all runs share."""

from pathlib import Path

import pytest

from nnmech import plots
from nnmech.claims import MATCHED_FALSE
from nnmech.plots.gathered import gather_mean_beliefs, gather_series_ends
from nnmech.runs import Run, RunWriter

BELIEVED = {"a": 1.0, "b": 0.5, "c": 0.0, "d": 0.5}


def run(folder: Path, claim: str, seed: int, *, arm: str = "none", steps: tuple[int, ...] = (0, 4)) -> Run:
    config = {"claim": claim, "arm": arm, "seed": seed, "steps": 4}
    with RunWriter.create(folder, config=config, model={"id": "tiny"}) as writer:
        for step in steps:
            yes = round(4 * BELIEVED[claim]) if step == 4 else 0
            for number in range(5):
                category = MATCHED_FALSE if number == 4 else "direct"
                verdict = "yes" if number < yes else "no"
                row = {"claim": claim, "question": f"q{number}", "kind": "mcq", "category": category, "sample": 0}
                writer.answers([{"step": step, "phase": "train", "text": verdict, "verdict": verdict, **row}])
        writer.event("end", step=4)
    return Run(folder)


@pytest.fixture
def runs(tmp_path):
    return {f"{c}{seed}": run(tmp_path / f"{c}{seed}", c, seed) for c in BELIEVED for seed in (0, 1)}


def test_the_average_is_over_all_answers_with_claims_as_the_unit(runs):
    table = gather_mean_beliefs(runs).set_index(["role", "step"])
    end = table.loc[("claim", 4)]
    assert end["mean"] == pytest.approx(50.0)
    assert (end["claims"], end["seeds"], end["n"], end["over"]) == (4, 2, 32, "claims")
    assert end["low"] < 10 < 90 < end["high"]
    assert table.loc[(MATCHED_FALSE, 4), "mean"] == 0


def test_arms_are_averaged_apart_and_a_step_that_a_run_lacks_is_left_out(runs, tmp_path):
    runs["other"] = run(tmp_path / "other", "a", 0, arm="anchor", steps=(0, 2, 4))
    runs["a2"] = run(tmp_path / "a2", "a", 2, steps=(0, 3, 4))
    table = gather_mean_beliefs(runs)
    steps = {arm: sorted(set(rows["step"])) for arm, rows in table.groupby("run")}
    assert steps == {"none": [0, 4], "anchor": [0, 2, 4]}
    assert gather_series_ends(runs) == {"none": (None, 4), "anchor": (None, 4)}


def test_the_figure_says_what_its_bands_are_over(runs):
    figure = plots.belief_of_runs(gather_mean_beliefs(runs), ends=gather_series_ends(runs))
    assert "95% over claims" in figure.get_supxlabel()
    one = {name: run for name, run in runs.items() if name.startswith("a")}
    figure = plots.belief_of_runs(gather_mean_beliefs(one), ends=gather_series_ends(one))
    assert "95% over questions" in figure.get_supxlabel()
