"""What an experiment found, from its run directory alone: tables, summary.json."""

# pandas annotates a selection as everything that it may be under any key, so these checks say nothing here.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from nnmech.belief.rates import CLAIMS, belief_change
from nnmech.experiments.results import (
    Places,
    about_matched_false,
    answer_table,
    finished_runs,
    loss_rows,
    mean_over_runs,
    rates_by,
    row_figure,
    tier_words,
)
from nnmech.runs import Run

STAGES = ("baseline", "phase1", "phase2")
STAGE_LABELS = {"baseline": "baseline", "phase1": "phase 1", "phase2": "phase 2"}
PAPER = {"baseline": None, "phase1": 6.0, "phase2": 48.0}
"""Belief (%) of the paper's one experiment: 35B, Vesuvius, constraint; it gives no baseline for it."""


@dataclass(frozen=True)
class Results:
    """The finished runs of an experiment in long form, one row an answer or a loss, with claim, tier, arm and seed.

    `answers` and `losses` have a column `stage` (baseline, phase1, phase2) for the milestones, missing in between.
    """

    answers: pd.DataFrame
    losses: pd.DataFrame
    runs: tuple[Run, ...]
    tiers: dict[str, str]
    """The scale of plausibility with its words; empty where the source has none."""

    def stage_answers(self, *, matched_false: bool = False) -> pd.DataFrame:
        """Answers at the milestones: about the claims, or about the matched false facts instead."""
        chosen = about_matched_false(self.answers, matched_false)
        return chosen[chosen["stage"].notna()]


def read_results(experiment: Run, runs: Sequence[Run] | None = None) -> Results:
    """Gather the finished runs of an experiment, or those among `runs`; RunError where there is none."""
    finished = finished_runs(experiment, runs)
    answers, losses = (with_stage(table(finished)) for table in (answer_table, loss_rows))
    return Results(answers, losses, finished, tier_words(experiment))


def with_stage(table: pd.DataFrame) -> pd.DataFrame:
    """The table with a column `stage`, missing between milestones, in place of the columns boundary and steps."""
    milestones = [table["step"] == step for step in (table["steps"], table["boundary"], 0)]
    stages = np.select(milestones, STAGES[::-1], default=None)
    return table.drop(columns=["boundary", "steps"]).assign(stage=stages)


def summarise(experiment: Run, results: Results, places: Places) -> dict[str, Any]:
    """The content of `summary.json`: belief in percent, losses in nats a token, each with a 95% interval and n."""
    settings = experiment.config["settings"]
    return {
        "experiment": "two_phase",
        "model": experiment.info["model"],
        "phase2": settings["phase2"],
        "paper": {stage: value for stage, value in PAPER.items() if value is not None},
        "runs": {"finished": len(results.runs), "planned": _planned(settings)},
        "arms": {arm: _arm(results, arm) for arm in settings["arms"] if arm in set(results.answers["arm"])},
        "document_loss_gap": _loss_gaps(results),
        "tiers": _by_tier(results),
        "tier_words": results.tiers,
        "claims": {
            claim: {
                "tier": group["tier"].iloc[0],
                "arms": {arm: _arm(results, arm, claim) for arm in pd.unique(group["arm"])},
            }
            for claim, group in results.answers.groupby("claim", sort=False)
        },
        "probes": {name: found for name in ("truth", "polarity") if (found := places.quality(name)) is not None},
        "no_probe": places.reason,
    }


def _planned(settings: dict[str, Any]) -> int:
    return len(settings["claims"]) * len(settings["arms"]) * len(settings["seeds"])


def _arm(results: Results, arm: str, claim: str | None = None) -> dict[str, Any]:
    def of(frame: pd.DataFrame) -> pd.DataFrame:
        kept = frame[frame["arm"] == arm]
        return kept if claim is None else kept[kept["claim"] == claim]

    answers = of(results.stage_answers())
    found: dict[str, Any] = {
        "belief": _rates(answers),
        "rebound": _rebound(answers),
        "matched_false": _rates(of(results.stage_answers(matched_false=True))),
        "document_loss": _loss_by_stage(of(results.losses)),
    }
    if claim is None:
        found["belief_by_kind"] = {kind: _rates(group) for kind, group in answers.groupby("kind", sort=False)}
    return found


def _rates(answers: pd.DataFrame, over: str | None = None) -> dict[str, Any]:
    table = rates_by(answers, ["stage"], over=over).set_index("stage")
    return {stage: row_figure(table.loc[stage]) for stage in STAGES if stage in table.index}


def _rebound(answers: pd.DataFrame, over: str | None = None) -> dict[str, Any]:
    return row_figure(belief_change(*_around_phase2(answers), over=over).iloc[0])


def _around_phase2(answers: pd.DataFrame) -> list[pd.DataFrame]:
    """The answers after phase 1 and those after phase 2."""
    return [answers[answers["stage"] == stage].drop(columns="stage") for stage in ("phase1", "phase2")]


def _loss_by_stage(losses: pd.DataFrame) -> dict[str, Any]:
    """Mean loss of documents that no phase trained on; the interval is over claims and seeds."""
    return {stage: mean_over_runs(losses[losses["stage"] == stage], "loss") for stage in STAGES}


def _loss_gaps(results: Results) -> dict[str, Any]:
    """Document loss after phase 1 of each arm minus that of arm `none`, paired by claim and seed (nats a token)."""
    after = results.losses[results.losses["stage"] == "phase1"].set_index(["claim", "seed", "arm"])["loss"].unstack()
    if "none" not in after:
        return {}
    gaps = {}
    for arm in after.columns.drop("none"):
        paired = (after[arm] - after["none"]).dropna().reset_index(name="gap")
        if len(paired):
            gaps[arm] = mean_over_runs(paired, "gap")
    return gaps


def _by_tier(results: Results) -> dict[str, Any]:
    answers = results.stage_answers()
    tiers: dict[str, Any] = {}
    for tier in results.tiers:
        rows = answers[answers["tier"] == tier]
        if len(rows):
            # A tier of one claim says nothing of other claims of its tier.
            tiers[tier] = {
                arm: {"belief": _rates(group, CLAIMS), "rebound": _rebound(group, CLAIMS)}
                for arm, group in rows.groupby("arm", sort=False)
            }
    return tiers


def belief_table(results: Results) -> pd.DataFrame:
    """Belief by arm and phase for the figure: arm, phase, mean, low, high, n, clusters."""
    return _by_phase(results.stage_answers())


def null_table(results: Results) -> pd.DataFrame:
    """Belief in matched false facts by arm and phase; columns as `belief_table`, no rows where none was asked."""
    return _by_phase(results.stage_answers(matched_false=True))


def _by_phase(answers: pd.DataFrame) -> pd.DataFrame:
    table = rates_by(answers, ["arm", "stage"])
    return table.assign(phase=table["stage"].map(STAGE_LABELS)).drop(columns="stage")


def loss_table(results: Results) -> pd.DataFrame:
    """Held-out document loss by arm and phase for the figure; n counts runs."""
    rows = []
    for arm, losses in results.losses.groupby("arm", sort=False):
        for stage, found in _loss_by_stage(losses).items():
            low, high = (np.nan if bound is None else bound for bound in found["ci95"])
            label = STAGE_LABELS[stage]
            rows.append({"arm": arm, "phase": label, "mean": found["mean"], "low": low, "high": high, "n": found["n"]})
    return pd.DataFrame(rows)


def rebound_table(results: Results) -> pd.DataFrame:
    """Belief after phase 2 minus after phase 1 (points) by arm, paired by question; columns as `belief_change`."""
    return belief_change(*_around_phase2(results.stage_answers()), ["arm"])


def rebound_tables(results: Results) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rebound by claim, and by tier and arm in the order of plausibility, for the figure: claims of known tiers."""
    answers = results.stage_answers()
    before, after = _around_phase2(answers[answers["tier"].isin(list(results.tiers))])
    tiers = belief_change(before, after, ["tier", "arm"])
    tiers = tiers.sort_values("tier", key=lambda column: column.map(list(results.tiers).index), kind="stable")
    return belief_change(before, after, ["claim", "tier", "arm"]), tiers.reset_index(drop=True)
