"""What the benchmarks recorded, as the table that the README shows."""

from typing import Any, Literal, get_args

from timing import Row

Name = Literal["experiment", "training", "overhead", "snapshot", "probes", "dashboard"]
NAMES: tuple[Name, ...] = get_args(Name)
"""The benchmarks, in the order of the table."""


def table_lines(results: dict[str, Any]) -> list[str]:
    """All that is recorded as lines of Markdown, by the machine that it was measured on."""
    lines: list[str] = []
    measured = [results[name] for name in NAMES if name in results]
    for machine in dict.fromkeys(_machine_line(part["machine"]) for part in measured):
        rows = [row for part in measured if _machine_line(part["machine"]) == machine for row in part["rows"]]
        lines += [machine, "", "| what | measured | wanted |", "|---|---|---|"]
        lines += [f"| {' | '.join(Row.from_json(row).cells())} |" for row in rows]
        lines.append("")
    return [*lines, "Median of the rounds, and their range; ratios are of wall times, round by round.", ""]


def _machine_line(machine: dict[str, Any]) -> str:
    packages = machine["packages"]
    return (
        f"{machine['cores']} cores of {machine['cpu']}, {machine['memory_gb']} GB; Python {machine['python']}, torch "
        f"{packages['torch']} with {machine['threads']} thread(s), transformers {packages['transformers']}:"
    )
