"""The result as lines of Markdown, from its `summary.json`."""

from typing import Any

from nnmech.experiments.results import basis_line, cell, table
from nnmech.experiments.salience.report import READINGS


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
    # Every condition is asked the same.
    asked = next(iter(summary["conditions"].values()), {})
    lines += ["", basis_line({READINGS[name]: found for name, found in asked.items()}).replace("Rows", "Columns")]
    return [*lines, ""]
