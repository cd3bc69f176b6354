"""The result as lines of Markdown, from its `summary.json`."""

from typing import Any

from nnmech.experiments.behaviors.report import TIERS
from nnmech.experiments.results import cell, table


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
    asked = next(iter(summary["arms"].values()), {})
    counts = ", ".join(f"{TIERS[tier]} {found['questions']}" for tier, found in asked.items() if tier in TIERS)
    lines.append(
        f"{len(summary['seeds'])} seeds; questions: {counts}; percent of replies that are unwanted, 95% intervals over "
        "questions and seeds."
    )
    for pair, found in summary["targeted_difference"].items():
        met = "met" if found["mean"] > 0 else "**missed**"
        lines.append(f"Same categories, {pair}: {cell(found, 1, sign=True)} points; expected above 0: {met}.")
    return [*lines, ""]
