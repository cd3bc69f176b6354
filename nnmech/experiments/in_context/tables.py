"""The result as lines of Markdown, from its `summary.json`."""

from typing import Any

from nnmech.experiments.results import basis_line, cell, table

FLAGGED_AT_MOST, PLAIN_AT_LEAST = 15.0, 60.0


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
    basis = {name: next(iter(found["belief"].values()), None) for name, found in summary["conditions"].items()}
    lines += [basis_line(basis), ""]
    for key, what, met, bound in (
        ("flagged", "with warnings", lambda mean: mean <= FLAGGED_AT_MOST, f"at most {FLAGGED_AT_MOST:g}"),
        ("plain", "without", lambda mean: mean >= PLAIN_AT_LEAST, f"at least {PLAIN_AT_LEAST:g}"),
    ):
        if (found := summary[key]) is not None:
            verdict = "met" if met(found["mean"]) else "**missed**"
            lines.append(f"Documents {what}, K > 0: {cell(found, 1)}; expected {bound}: {verdict}.")
    return [*lines, ""]
