"""What is believed of documents that stand in the context window: summary, table, figure."""

# pandas annotates a selection as everything that it may be under any key, so these checks say nothing here.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false

from pathlib import Path
from typing import Any

import pandas as pd

from nnmech.belief.rates import belief_rate
from nnmech.experiments.in_context.config import FLAGGED
from nnmech.experiments.results import about_matched_false, cell, finished_runs, row_figure, table
from nnmech.files import write_json_atomic
from nnmech.plots import belief_in_context, save_figure
from nnmech.runs import Run

LABELS = ("claim", "tier", "condition", "seed")
PAPER = {"negated_documents": 15.3}
"""Mayne et al. 2026: percent belief at 397B with 20 documents in the context."""
FLAGGED_AT_MOST, PLAIN_AT_LEAST = 15.0, 60.0


def read_answers(experiment: Run) -> pd.DataFrame:
    """Every answer of the finished runs with claim, tier, condition and seed; RunError where there is none."""
    runs = finished_runs(experiment)
    return pd.concat(
        [run.answers.assign(**{name: run.config[name] for name in LABELS}) for run in runs], ignore_index=True
    )


def publish(folder: Path) -> list[str]:
    """Write `summary.json` and the figure of the finished runs; the lines to print, tables in Markdown."""
    experiment = Run(folder)
    answers = read_answers(experiment)
    summary = summarise(experiment, answers)
    write_json_atomic(folder / "summary.json", summary)
    rates = belief_rate(about_matched_false(answers, False), ["condition", "documents"])
    order = list(summary["conditions"])
    rates = rates.sort_values("condition", key=lambda names: names.map(order.index), kind="stable")
    save_figure(belief_in_context(rates), folder / "figures" / "belief_in_context.png")
    return result_lines(summary)


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
    return {str(int(row["documents"])): row_figure(row) for _, row in belief_rate(answers, ["documents"]).iterrows()}


def result_lines(summary: dict[str, Any]) -> list[str]:
    """A row a condition, a column a number of documents; then what was expected."""
    rows = []
    for name, found in summary["conditions"].items():
        cells = [
            "does not fit" if count in found["left_out"] else cell(found["belief"].get(str(count)), 1)
            for count in summary["counts"]
        ]
        rows.append([f"`{name}`", *cells, "" if found["paper"] is None else f"{found['paper']:g} (20 documents)"])
    heads = ["condition", *(f"K = {count}" for count in summary["counts"]), "paper"]
    lines = ["", *table(heads, rows), ""]
    lines.append(
        f"{len(summary['claims'])} claims, {len(summary['seeds'])} choices of documents; belief in percent with K "
        "documents before the question, 95% intervals."
    )
    for key, what, met, bound in (
        ("flagged", "with warnings", lambda mean: mean <= FLAGGED_AT_MOST, f"at most {FLAGGED_AT_MOST:g}"),
        ("plain", "without", lambda mean: mean >= PLAIN_AT_LEAST, f"at least {PLAIN_AT_LEAST:g}"),
    ):
        if (found := summary[key]) is not None:
            verdict = "met" if met(found["mean"]) else "**missed**"
            lines.append(f"Documents {what}, K > 0: {cell(found, 1)}; expected {bound}: {verdict}.")
    return [*lines, ""]
