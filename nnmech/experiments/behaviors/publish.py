"""Which behaviour was taken over: summary and figure of an experiment."""

# pandas annotates a selection as everything that it may be under any key, so these checks say nothing here.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false

from pathlib import Path

from nnmech.belief.rates import belief_rate
from nnmech.experiments.behaviors.report import PAPER, TIERS, read_answers, summarise
from nnmech.experiments.behaviors.tables import result_lines
from nnmech.files import write_json_atomic
from nnmech.plots import save_figure
from nnmech.plots.behaviors import unwanted_by_tier
from nnmech.runs import Run


def publish(folder: Path) -> list[str]:
    """Write `summary.json` and the figure of the finished runs; the lines to print, tables in Markdown."""
    experiment = Run(folder)
    answers = read_answers(experiment)
    summary = summarise(experiment, answers)
    write_json_atomic(folder / "summary.json", summary)
    rates = belief_rate(answers, ["arm", "tier"])
    save_figure(unwanted_by_tier(rates, list(summary["arms"]), TIERS, PAPER), folder / "figures" / "behaviors.png")
    return result_lines(summary)
