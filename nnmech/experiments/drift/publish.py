"""Drift of two finished experiments: summary, tables and figures, from their run directories alone."""

# pandas annotates a selection as everything that it may be under any key, so these checks say nothing here.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nnmech.belief.rates import belief_rate
from nnmech.drift import (
    average_coordinates,
    average_onset,
    claim_coordinate,
    decomposition,
    direction_cosine,
    phase_portrait,
    recall_over_steps,
    transfer_matrix,
)
from nnmech.errors import RunError
from nnmech.experiments.drift.report import (
    alignments,
    headlines,
    inside_by_stage,
    mean_alignment,
    nested_figures,
    neutral_changes,
    onset_figures,
    onsets,
    stage_differences,
)
from nnmech.experiments.drift.tables import result_lines
from nnmech.experiments.results import coordinate_figure, find_places, finished_runs, row_figure
from nnmech.experiments.two_phase.report import read_results
from nnmech.files import write_json_atomic
from nnmech.plots import alignment as alignment_figure
from nnmech.plots import (
    coordinate_heatmap,
    coordinate_over_steps,
    save_figure,
)
from nnmech.plots import decomposition as decomposition_figure
from nnmech.plots import direction_cosine as cosine_figure
from nnmech.plots import onset as onset_figure
from nnmech.plots import phase_portrait as portrait_figure
from nnmech.plots import transfer_matrix as transfer_figure
from nnmech.plots.recall import recall as recall_figure
from nnmech.runs import Run

QUESTIONS = (
    (("none", "baseline"), ("none", "phase1")),
    (("none", "baseline"), ("none", "phase2")),
    (("anchor", "baseline"), ("anchor", "phase1")),
    (("none", "phase1"), ("anchor", "phase1")),
    (("none", "phase1"), ("denial", "phase1")),
    (("anchor", "phase1"), ("anchor", "phase2")),
    (("local", "baseline"), ("local", "phase1")),
)
"""Differences of the claim coordinate that the paper's question asks for, as (arm, stage) before and after."""
ONSET_CONDITIONS = ("positive_documents", "negated_documents", "repeated_negations", "local_negations")
SHOWN_ARM = "anchor"
BY = ["arm", "stage", "role", "polarity"]
"""What the coordinate is averaged over claims by."""


def publish(two_phase: Path, conditions: Path, output: Path) -> list[str]:
    """Write `summary.json` and figures to `output`; the lines to print, tables in Markdown.

    RunError where an experiment has no finished run, or a run lacks what a table needs.
    """
    results, trained = read_results(Run(two_phase)), finished_runs(Run(conditions))
    runs = results.runs
    places = find_places(runs[0])
    if places.best is None:
        raise RunError(
            f"{runs[0].path}: no probe can be fitted ({places.reason}); expected statements of the roles train and "
            "control; take an experiment that recorded some"
        )
    layer, position = places.best
    inside = inside_by_stage(runs, layer, position)
    means = average_coordinates([inside], BY).dropna(subset=["z"])
    differences = stage_differences(inside, QUESTIONS)
    beyond = headlines(inside, neutral_changes(trained, layer, position))
    said = belief_rate(results.stage_answers(), ["arm", "stage"])
    aligned = mean_alignment(alignments([run for run in runs if run.labels.arm in ("anchor", "none")], trained))
    timed = onsets(trained, ONSET_CONDITIONS, layer, position)
    onset_means = average_onset(timed)
    summary: dict[str, Any] = {
        "place": {"layer": layer, "position": position},
        "onset": onset_figures(onset_means),
        "inside": nested_figures(means, BY, "z"),
        "said": {
            arm: {row["stage"]: row_figure(row) for _, row in group.iterrows()}
            for arm, group in said.groupby("arm", sort=False)
        },
        "beyond_nulls": nested_figures(beyond, ["arm", "stage"], "z"),
        "differences": {row["what"]: coordinate_figure(row) for _, row in differences.iterrows()},
        "alignment": nested_figures(aligned, ["arm", "position", "against", "layer"], "cosine") if len(aligned) else {},
    }
    write_json_atomic(output / "summary.json", summary)
    figures = output / "figures"
    if len(aligned):
        own = aligned[aligned["arm"] == SHOWN_ARM].drop(columns="arm")
        title = "Does release follow positive training? Cosine of drift vectors, arm anchor, phase 2"
        save_figure(alignment_figure(own, title=title), figures / "alignment.png")
    save_figure(onset_figure(timed, onset_means), figures / "onset.png")
    _example_figures(runs, layer, position, figures)
    return result_lines(summary)


def _example_figures(runs: Sequence[Run], layer: int, position: str, figures: Path) -> None:
    """The figures of a single run: the first of the arm that is shown."""
    run = next((run for run in runs if run.labels.arm == SHOWN_ARM), runs[0])
    boundary = run.labels.boundary
    coordinates = claim_coordinate(run, positions=[position])
    affirmative = coordinates[coordinates["polarity"] == 1]
    split = decomposition(run, probes=["truth"], layers=[layer], positions=[position])
    moved = transfer_matrix(run, probes=["truth"], layers=[layer], positions=[position])
    turned = direction_cosine(run, probes=["truth"], layers=[layer], positions=[position])
    read = recall_over_steps(run)
    if len(read):
        save_figure(recall_figure(read, boundary=boundary), figures / "recall_over_steps.png")
    portrait = phase_portrait(run, layer=layer, position=position)
    null = phase_portrait(run, layer=layer, position=position, role="matched_false")
    for name, drawn in (
        ("coordinate_over_steps", coordinate_over_steps(affirmative, boundary=boundary)),
        ("coordinate_heatmap", coordinate_heatmap(affirmative, boundary=boundary)),
        ("decomposition", decomposition_figure(split[split["polarity"] == 1], boundary=boundary)),
        ("transfer_matrix", transfer_figure(moved, boundary=boundary)),
        ("direction_cosine", cosine_figure(turned, boundary=boundary)),
        ("phase_portrait", portrait_figure(portrait, null, boundary=boundary)),
    ):
        save_figure(drawn, figures / f"{name}.png")
