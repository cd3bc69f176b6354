"""What the positive control found: outcome, gates, figure and tables."""

from pathlib import Path

from nnmech.drift.control import OUTCOME_FILE
from nnmech.experiments.control.report import outcome_of, summarise
from nnmech.experiments.control.tables import result_lines
from nnmech.files import write_json_atomic
from nnmech.plots import save_figure
from nnmech.plots.control import control as control_figure
from nnmech.runs import Run


def publish(folder: Path) -> list[str]:
    """Write the outcome, `summary.json` and the figure of the finished runs; the lines to print, tables in Markdown."""
    experiment = Run(folder)
    outcome = outcome_of(experiment)
    summary = summarise(experiment, outcome)
    write_json_atomic(folder / OUTCOME_FILE, summary)
    write_json_atomic(folder / "summary.json", summary)
    save_figure(control_figure(outcome), folder / "figures" / "control.png")
    return result_lines(summary)
