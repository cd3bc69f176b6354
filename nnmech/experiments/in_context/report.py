"""What was believed of documents in the context window, from the run directory alone: answers, summary.json."""

# pandas annotates a selection as everything that it may be under any key, so these checks say nothing here.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false

from typing import Any

import pandas as pd

from nnmech.belief.rates import belief_rate
from nnmech.experiments.in_context.config import FLAGGED
from nnmech.experiments.results import about_matched_false, answer_table, finished_runs, rates_by, row_figure
from nnmech.runs import Run

PAPER = {"negated_documents": 15.3}
"""Mayne et al. 2026: percent belief at 397B with 20 documents in the context."""


def read_answers(experiment: Run) -> pd.DataFrame:
    """Every answer of the finished runs with claim, tier, condition and seed; RunError where there is none."""
    return answer_table(finished_runs(experiment))


def summarise(experiment: Run, answers: pd.DataFrame) -> dict[str, Any]:
    """Belief in percent by condition and number of documents, each with a 95% interval and n."""
    settings = experiment.config["settings"]
    asked, null = about_matched_false(answers, False), about_matched_false(answers, True)
    conditions: dict[str, Any] = {}
    for name in settings["conditions"]:
        own = asked[asked["condition"] == name]
        if own.empty:
            continue
        conditions[name] = {
            "belief": _by_count(own),
            "matched_false": _by_count(null[null["condition"] == name]),
            "paper": PAPER.get(name),
            "left_out": [count for count in settings["counts"] if count not in set(own["documents"])],
        }
    most = asked[asked["documents"] > 0]
    flagged = most[most["condition"].isin(FLAGGED)]
    plain = most[most["condition"] == "positive_documents"]
    return {
        "experiment": "in_context",
        "model": experiment.info["model"],
        "claims": sorted(set(answers["claim"])),
        "seeds": sorted({int(seed) for seed in answers["seed"]}),
        "counts": settings["counts"],
        "conditions": conditions,
        "flagged": None if flagged.empty else row_figure(belief_rate(flagged).iloc[0]),
        "plain": None if plain.empty else row_figure(belief_rate(plain).iloc[0]),
    }


def _by_count(answers: pd.DataFrame) -> dict[str, Any]:
    return {str(int(row["documents"])): row_figure(row) for _, row in rates_by(answers, ["documents"]).iterrows()}
