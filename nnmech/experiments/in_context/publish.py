"""What is believed of documents that stand in the context window: summary and figure of an experiment."""

# pandas annotates a selection as everything that it may be under any key, so these checks say nothing here.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false

from pathlib import Path

from nnmech.belief.rates import belief_rate
from nnmech.experiments.in_context.report import read_answers, summarise
from nnmech.experiments.in_context.tables import result_lines
from nnmech.experiments.results import about_matched_false
from nnmech.files import write_json_atomic
from nnmech.plots import belief_in_context, save_figure
from nnmech.runs import Run


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
