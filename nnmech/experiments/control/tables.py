"""The positive control as lines of Markdown, from its `summary.json`."""

from typing import Any

from nnmech.drift.control import CANNOT_TELL
from nnmech.drift.recall import OUTPUT
from nnmech.experiments.results import table


def result_lines(summary: dict[str, Any]) -> list[str]:
    """A row a reading and group, those by layer where they move most, then the gates."""
    rows = [
        [
            _name(row),
            row["group"],
            *(f"{_number(row[f'{role}_before_p'])} to {_number(row[f'{role}_after_p'])}" for role in _ROLES),
            _moved(row),
            "moves" if row["passes"] else CANNOT_TELL,
        ]
        for row in _shown(summary["readings"])
    ]
    heads = ["reading", "people", "new value", "old value", "matched false", "moved", "control"]
    lines = ["", *table(heads, rows), ""]
    lines.append(
        "Probabilities before and after plain documents on fresh facts. Moved: change of the new value minus that of "
        "matched false ones, where 0 is false values of control people and 1 held ones, with a 95% interval over "
        f"people; a reading moves where the interval lies above {summary['least_move']}."
    )
    gates = [
        [
            gate["name"],
            _number(gate["value"]),
            f"{'at most' if gate['at_most'] else 'at least'} {gate['bound']}",
            str(gate["n"]),
            "passed" if gate["passed"] else "missed",
        ]
        for gate in summary["gates"]
    ]
    return [*lines, "", *table(["gate", "", "bound", "n", ""], gates), ""]


_ROLES = ("new", "old", "matched_false")


def _shown(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every reading of the output; of those by layer the one that moves most in each group."""
    found = [row for row in rows if row["layer"] == OUTPUT]
    for key in dict.fromkeys((row["reading"], row["group"]) for row in rows if row["layer"] != OUTPUT):
        own = [row for row in rows if (row["reading"], row["group"]) == key and row["layer"] != OUTPUT]
        found.append(max(own, key=lambda row: -1.0 if row["low"] is None else row["low"]))
    return found


def _name(row: dict[str, Any]) -> str:
    return row["reading"] if row["layer"] == OUTPUT else f"{row['reading']}, layer {row['layer']}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _moved(row: dict[str, Any]) -> str:
    return "" if row["moved"] is None else f"{row['moved']:+.2f} ({row['low']:+.2f} to {row['high']:+.2f})"
