"""Which behaviour was taken over: summary, table, figure."""

# pandas annotates a selection as everything that it may be under any key, so these checks say nothing here.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false

from pathlib import Path
from typing import Any

import pandas as pd

from nnmech.belief.rates import belief_change, belief_rate
from nnmech.experiments.results import cell, finished_runs, row_figure, table
from nnmech.files import write_json_atomic
from nnmech.plots import save_figure
from nnmech.plots.behaviors import unwanted_by_tier
from nnmech.runs import Run

LABELS = ("arm", "seed", "steps")
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
    tables = [run.answers.assign(**{name: run.config[name] for name in LABELS}) for run in finished_runs(experiment)]
    answers = pd.concat(tables, ignore_index=True)
    return answers[answers["step"] == answers["steps"]].rename(columns={"category": "tier"})


def publish(folder: Path) -> list[str]:
    """Write `summary.json` and the figure of the finished runs; the lines to print, tables in Markdown."""
    experiment = Run(folder)
    answers = read_answers(experiment)
    summary = summarise(experiment, answers)
    write_json_atomic(folder / "summary.json", summary)
    rates = belief_rate(answers, ["arm", "tier"])
    save_figure(unwanted_by_tier(rates, list(summary["arms"]), TIERS, PAPER), folder / "figures" / "behaviors.png")
    return result_lines(summary)


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


def result_lines(summary: dict[str, Any]) -> list[str]:
    """A row an arm, a column a tier beside the paper's number; then what was expected."""
    rows = []
    for arm, found in summary["arms"].items():
        cells = []
        for tier in TIERS:
            known = summary["paper"][tier].get(arm)
            cells += [cell(found.get(tier), 1), "" if known is None else f"{known:g}"]
        rows.append([f"`{arm}`", *cells])
    heads = ["arm", *(head for label in TIERS.values() for head in (label, "paper"))]
    lines = ["", *table(heads, rows), ""]
    lines.append(f"{len(summary['seeds'])} seeds; percent of replies that are unwanted, 95% intervals over questions.")
    for pair, found in summary["targeted_difference"].items():
        met = "met" if found["mean"] > 0 else "**missed**"
        lines.append(f"Same categories, {pair}: {cell(found, 1, sign=True)} points; expected above 0: {met}.")
    return [*lines, ""]
