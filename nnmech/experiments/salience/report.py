"""What pairs and lies say beside yes/no answers, from the run directory alone: answers, summary.json."""

# pandas annotates a selection as everything that it may be under any key, so these checks say nothing here.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false

from typing import Any

import pandas as pd

from nnmech.belief.rates import belief_rate
from nnmech.claims import MATCHED_FALSE
from nnmech.claims.sources import LIE, RIGHT, WRONG
from nnmech.experiments.results import answer_table, finished_runs, row_figure
from nnmech.runs import Run

READINGS = {
    "yes/no": "believed in yes/no questions",
    MATCHED_FALSE: "matched false facts affirmed",
    RIGHT: "chosen as right",
    WRONG: "chosen as wrong",
    LIE: "told as a lie",
}
"""What is counted of all answers, in percent: the claim, except for matched false facts."""


def read_answers(experiment: Run) -> pd.DataFrame:
    """The answers at the end of the finished runs, with a column `reading`; RunError where none has finished."""
    answers = answer_table(finished_runs(experiment))
    answers = answers[answers["step"] == answers["steps"]]
    reading = answers["category"].where(answers["category"].isin(list(READINGS)), "yes/no")
    return answers.assign(reading=reading)


def reading_rates(answers: pd.DataFrame) -> pd.DataFrame:
    """Rates (percent) by condition and reading."""
    return belief_rate(answers, ["condition", "reading"])


def summarise(experiment: Run, answers: pd.DataFrame) -> dict[str, Any]:
    """Each reading in percent by condition, with a 95% interval and n."""
    rates = reading_rates(answers)
    order = [name for name in experiment.config["settings"]["conditions"] if name in set(rates["condition"])]
    return {
        "experiment": "salience",
        "model": experiment.info["model"],
        "claims": sorted(set(answers["claim"])),
        "seeds": sorted({int(seed) for seed in answers["seed"]}),
        "conditions": {
            name: {str(row["reading"]): row_figure(row) for _, row in rates[rates["condition"] == name].iterrows()}
            for name in order
        },
    }
