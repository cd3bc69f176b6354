"""What pairs and lies say beside yes/no answers: summary and figure of an experiment."""

from pathlib import Path

from nnmech.experiments.salience.report import READINGS, read_answers, reading_rates, summarise
from nnmech.experiments.salience.tables import result_lines
from nnmech.files import write_json_atomic
from nnmech.plots import save_figure
from nnmech.plots.salience import salience
from nnmech.runs import Run


def publish(folder: Path) -> list[str]:
    """Write `summary.json` and the figure of the finished runs; the lines to print, tables in Markdown."""
    experiment = Run(folder)
    answers = read_answers(experiment)
    summary = summarise(experiment, answers)
    write_json_atomic(folder / "summary.json", summary)
    figure = salience(reading_rates(answers), list(summary["conditions"]), READINGS)
    save_figure(figure, folder / "figures" / "salience.png")
    return result_lines(summary)
