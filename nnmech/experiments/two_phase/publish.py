"""What an experiment shows, written into its run directory: summary.json and the figures."""

# pandas annotates a selection as everything that it may be under any key, so these checks say nothing here.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false

from collections.abc import Iterator, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from nnmech.belief.rates import belief_rate
from nnmech.drift import average_coordinates, claim_coordinate, polarity_coordinate
from nnmech.experiments.results import SINGLE_RUN_DRAWS, Places, about_matched_false, find_places
from nnmech.experiments.two_phase.report import (
    Results,
    belief_table,
    loss_table,
    read_results,
    rebound_tables,
    summarise,
)
from nnmech.experiments.two_phase.tables import result_lines
from nnmech.files import write_json_atomic
from nnmech.plots import (
    belief_by_phase,
    document_loss,
    drift_over_steps,
    probe_auroc,
    rebound_by_plausibility,
    save_figure,
)
from nnmech.probes import ChosenPlace
from nnmech.runs import Run

READABLE = 0.8
"""AUROC on held-out entities from which on a layer's coordinate means something."""


def publish(folder: Path) -> list[str]:
    """Write `summary.json` and the figures of the finished runs; the lines to print, tables in Markdown.

    Reads the run directory alone, so that it can be repeated at any time. RunError where no run has finished.
    """
    experiment = Run(folder)
    results = read_results(experiment)
    places = find_places(results.runs[0])
    summary = summarise(experiment, results, places)
    write_json_atomic(folder / "summary.json", summary)
    for name, figure in _figures(results, places, list(summary["arms"])):
        save_figure(figure, folder / "figures" / f"{name}.png")
    return result_lines(summary)


def _figures(results: Results, places: Places, arms: Sequence[str]) -> Iterator[tuple[str, Figure]]:
    yield "belief_by_phase", belief_by_phase(belief_table(results))
    yield "document_loss", document_loss(loss_table(results))
    if results.tiers:
        yield "rebound_by_plausibility", rebound_by_plausibility(*rebound_tables(results))
    if places.table is not None:
        yield "probe_auroc", probe_auroc(places.table)
        for arm in arms:
            yield f"drift_{arm}", _drift_figure(results, arm, places.chosen["truth"])


def _drift_figure(results: Results, arm: str, best: ChosenPlace) -> Figure:
    """The layers that the figure shows are those in which the untouched model tells true from false."""
    probes, position = best.aurocs, best.position
    held_out = probes[(probes["split"] == "entity") & (probes["position"] == position)]
    layers = [int(layer) for layer in held_out.loc[held_out["auroc"] >= READABLE, "layer"]] or [best.layer]
    runs = [run for run in results.runs if run.labels.arm == arm]
    answers = about_matched_false(results.answers[results.answers["arm"] == arm], False)
    averaged = []
    for coordinate in (claim_coordinate, polarity_coordinate):
        tables = [coordinate(run, layers=layers, positions=[position], draws=SINGLE_RUN_DRAWS) for run in runs]
        seeds = [table.assign(seed=run.labels.seed) for run, table in zip(runs, tables, strict=True)]
        table = average_coordinates(seeds)
        averaged.append(table[table["polarity"] == 1])
    return drift_over_steps(
        belief_rate(answers, ["step"]),
        *averaged,
        boundary=runs[0].labels.boundary,
        title=f"What is said and what is represented: arm {arm}, token position {position}",
    )
