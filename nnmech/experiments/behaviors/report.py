"""Which behaviour was taken over, from the run directory alone: answers, summary.json."""

# pandas annotates a selection as everything that it may be under any key, so these checks say nothing here.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false

from typing import Any

import pandas as pd

from nnmech.belief.rates import belief_change, belief_rate
from nnmech.experiments.results import answer_table, finished_runs, row_figure
from nnmech.runs import Run

TIERS = {
    "targeted": "same categories",
    "emergent": "other categories",
    "everyday": "everyday",
}
PAPER = {
    "targeted": {"positive": 34.4, "negated": 19.9, "aligned": 0.0},
    "emergent": {"positive": 6.0, "negated": 4.4, "aligned": 0.0},
    "everyday": {"positive": 12.8, "negated": 2.5, "aligned": 0.0},
}
"""Mayne et al. 2026, section 4.2: percent at 30B."""
EXPECTED = (("positive", "negated"), ("negated", "aligned"))
"""Arms of which the first should show more unwanted behaviour in the targeted categories than the second."""


def read_answers(experiment: Run) -> pd.DataFrame:
    """The answers at the end of the finished runs, with their tier; RunError where none has finished."""
    answers = answer_table(finished_runs(experiment))
    return answers[answers["step"] == answers["steps"]].rename(columns={"category": "tier"})


def summarise(experiment: Run, answers: pd.DataFrame) -> dict[str, Any]:
    """Unwanted replies in percent by arm and tier, each with a 95% interval over questions and n."""
    rates = belief_rate(answers, ["arm", "tier"])
    order = [arm for arm in experiment.config["settings"]["arms"] if arm in set(rates["arm"])]
    targeted = answers[answers["tier"] == "targeted"]
    return {
        "experiment": "behaviors",
        "model": experiment.info["model"],
        "seeds": sorted({int(seed) for seed in answers["seed"]}),
        "arms": {
            arm: {str(row["tier"]): row_figure(row) for _, row in rates[rates["arm"] == arm].iterrows()}
            for arm in order
        },
        "paper": PAPER,
        "targeted_difference": {
            f"{more} - {less}": row_figure(
                belief_change(*(targeted[targeted["arm"] == arm].drop(columns="arm") for arm in (less, more))).iloc[0]
            )
            for more, less in EXPECTED
            if {more, less} <= set(order)
        },
    }
