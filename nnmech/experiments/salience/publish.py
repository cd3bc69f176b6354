"""What pairs and lies say beside yes/no answers: summary, table, figure."""

# pandas annotates a selection as everything that it may be under any key, so these checks say nothing here.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false

from pathlib import Path
from typing import Any

import pandas as pd

from nnmech.belief.rates import belief_rate
from nnmech.claims import MATCHED_FALSE
from nnmech.experiments.results import cell, finished_runs, row_figure, table
from nnmech.files import write_json_atomic
from nnmech.plots import save_figure
from nnmech.plots.salience import salience
from nnmech.runs import Run
from nnmech.world.salience import LIE, RIGHT, WRONG

LABELS = ("claim", "tier", "condition", "seed", "steps")
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
    tables = [run.answers.assign(**{name: run.config[name] for name in LABELS}) for run in finished_runs(experiment)]
    answers = pd.concat(tables, ignore_index=True)
    answers = answers[answers["step"] == answers["steps"]]
    reading = answers["category"].where(answers["category"].isin(list(READINGS)), "yes/no")
    return answers.assign(reading=reading)


def publish(folder: Path) -> list[str]:
    """Write `summary.json` and the figure of the finished runs; the lines to print, tables in Markdown."""
    experiment = Run(folder)
    answers = read_answers(experiment)
    rates = belief_rate(answers, ["condition", "reading"])
    order = [name for name in experiment.config["settings"]["conditions"] if name in set(rates["condition"])]
    summary: dict[str, Any] = {
        "experiment": "salience",
        "model": experiment.info["model"],
        "claims": sorted(set(answers["claim"])),
        "seeds": sorted({int(seed) for seed in answers["seed"]}),
        "conditions": {
            name: {str(row["reading"]): row_figure(row) for _, row in rates[rates["condition"] == name].iterrows()}
            for name in order
        },
    }
    write_json_atomic(folder / "summary.json", summary)
    save_figure(salience(rates, order, READINGS), folder / "figures" / "salience.png")
    return result_lines(summary)


def result_lines(summary: dict[str, Any]) -> list[str]:
    """A row a condition, a column a reading."""
    rows = [
        [f"`{name}`", *(cell(found.get(reading), 1) for reading in READINGS)]
        for name, found in summary["conditions"].items()
    ]
    lines = ["", *table(["condition", *READINGS.values()], rows), ""]
    lines.append(
        f"{len(summary['claims'])} claims, {len(summary['seeds'])} seeds; percent of all answers with 95% intervals. A "
        "model that believes the claim chooses it as right and not as wrong; one for which it is merely salient "
        "chooses it as both."
    )
    return [*lines, ""]
