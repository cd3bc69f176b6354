"""What the positive control found: outcome, gates, figure and tables."""

from pathlib import Path

import pandas as pd

from nnmech.drift.control import MIN_MOVE, OUTCOME_FILE, control_gates, control_outcome
from nnmech.experiments.control.tables import result_lines
from nnmech.experiments.results import finished_runs
from nnmech.files import write_json_atomic
from nnmech.plots import save_figure
from nnmech.plots.control import control as control_figure
from nnmech.runs import Run

_BY = ["reading", "layer", "group"]


def publish(folder: Path) -> list[str]:
    """Write the outcome, `summary.json` and the figure of the finished runs; the lines to print, tables in Markdown.

    A reading passes where it does in every run.
    """
    experiment = Run(folder)
    runs = finished_runs(experiment)
    outcomes = pd.concat([control_outcome(run) for run in runs], ignore_index=True)
    grouped = outcomes.groupby(_BY, sort=False)
    outcome = grouped.mean(numeric_only=True)
    # Several seeds share their people: the widest ends, not a narrower interval.
    outcome = outcome.assign(low=grouped["low"].min(), high=grouped["high"].max(), passes=grouped["passes"].all())
    outcome = outcome.reset_index()
    gates = control_gates(runs[0])
    rows = [{name: _plain(value) for name, value in row.items()} for row in outcome.to_dict("records")]
    summary = {
        "model": experiment.info["model"],
        "runs": [run.name for run in runs],
        "least_move": MIN_MOVE,
        "readings": rows,
        "gates": [{name: _plain(value) for name, value in row.items()} for row in gates.to_dict("records")],
    }
    write_json_atomic(folder / OUTCOME_FILE, summary)
    write_json_atomic(folder / "summary.json", summary)
    save_figure(control_figure(outcome), folder / "figures" / "control.png")
    return result_lines(summary)


def _plain(value: object) -> object:
    """A value as JSON has it: three decimals, null for what was not measured."""
    if hasattr(value, "item"):
        value = value.item()  # pyright: ignore[reportAttributeAccessIssue]
    if isinstance(value, float):
        return round(value, 3) if value == value else None
    return value
