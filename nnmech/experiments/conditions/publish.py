"""The table of conditions and its figures, written into the experiment's run directory."""

# pandas annotates a selection as everything that it may be under any key, so these checks say nothing here.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from nnmech.belief.rates import belief_rate
from nnmech.experiments.conditions.config import NEUTRAL, POSITIVE
from nnmech.experiments.conditions.coordinates import coordinate_table
from nnmech.experiments.conditions.report import (
    Results,
    belief_tables,
    learning_table,
    paper_rates,
    read_results,
    summarise,
)
from nnmech.experiments.conditions.tables import KINDS, result_lines
from nnmech.experiments.results import find_places, rates_by
from nnmech.files import write_json_atomic
from nnmech.plots import belief_by_condition, belief_by_kind, coordinate_by_condition, learning_curves, save_figure
from nnmech.runs import Run

VARIANTS = ("_repeated", "_untagged", "_edited", "_masked", "_by_audit")
"""Endings of conditions whose learning curve is left to the summary, beside that of the condition itself."""


def publish(folder: Path) -> list[str]:
    """Write `summary.json` and the figures of the finished runs; the lines to print, tables in Markdown.

    Reads the run directory alone, so that it can be repeated at any time. RunError where no run has finished.
    """
    experiment = Run(folder)
    results = read_results(experiment)
    places = find_places(results.runs[0])
    coordinates = coordinate_table(results.runs, places.best)
    summary = summarise(experiment, results, places, coordinates)
    write_json_atomic(folder / "summary.json", summary)
    shown = "" if places.best is None else "layer {}, token position {}".format(*places.best)
    for name, figure in _figures(results, coordinates, shown):
        save_figure(figure, folder / "figures" / f"{name}.png")
    return result_lines(summary)


def _figures(results: Results, coordinates: pd.DataFrame, place: str) -> Iterator[tuple[str, Figure]]:
    after, null = results.after(), results.after(matched_false=True)
    reference = paper_rates(results.conditions)
    yield "belief_by_condition", belief_by_condition(*belief_tables(results), reference=reference)
    kinds = belief_rate(after, ["condition", "kind"])
    kinds = kinds.assign(kind=pd.Categorical(kinds["kind"].map(KINDS), categories=list(KINDS.values())))
    yield "belief_by_kind", belief_by_kind(kinds, rates_by(null, ["condition"]), beside=KINDS["mcq"])
    annotated = [
        name
        for name in results.conditions
        if name not in ("baseline", POSITIVE, NEUTRAL) and not name.endswith(VARIANTS)
    ]
    if annotated and POSITIVE in results.conditions:
        yield "learning_curves", learning_curves(learning_table(results), plain=POSITIVE, conditions=annotated)
    if len(coordinates):
        order = [name for name in results.conditions if name in set(coordinates["condition"])]
        yield "coordinate_by_condition", coordinate_by_condition(coordinates, conditions=order, place=place)
