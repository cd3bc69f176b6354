"""Drift of two finished experiments: summary, tables and figures, from their run directories alone."""

# pandas annotates a selection as everything that it may be under any key, so these checks say nothing here.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from nnmech.belief.rates import belief_rate
from nnmech.drift import (
    average_coordinates,
    average_onset,
    claim_coordinate,
    decomposition,
    direction_cosine,
    phase_portrait,
    transfer_matrix,
)
from nnmech.experiments.drift.tables import (
    alignments,
    inside_by_stage,
    mean_alignment,
    onsets,
    stage_differences,
)
from nnmech.experiments.results import cell, figure_of, finished_runs, probe_table, row_figure, table
from nnmech.experiments.two_phase.report import STAGES, read_results
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
from nnmech.probes import best_place
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
BESIDE = {
    "documents_only_true": ("baseline", "phase2"),
    "documents_only_false": ("baseline",),
    "alternative": ("baseline", "phase1", "phase2"),
}
"""Roles that say what the claim's coordinate could have come to, and the stages at which they are shown."""
BESIDE_WORDS = {
    "documents_only_true": "true of others in documents only",
    "documents_only_false": "false of them",
    "alternative": "what is true instead",
}


def publish(two_phase: Path, conditions: Path, output: Path) -> list[str]:
    """Write `summary.json` and figures to `output`; the lines to print, tables in Markdown.

    RunError where an experiment has no finished run, or a run lacks what a table needs.
    """
    results, trained = read_results(Run(two_phase)), finished_runs(Run(conditions))
    runs = results.runs
    layer, position = best_place(probe_table(runs[0]), "truth")
    inside = inside_by_stage(runs, layer, position)
    means = average_coordinates([inside], BY).dropna(subset=["z"])
    differences = stage_differences(inside, QUESTIONS)
    said = belief_rate(results.stage_answers(), ["arm", "stage"])
    aligned = mean_alignment(alignments([run for run in runs if run.config["arm"] in ("anchor", "none")], trained))
    summary: dict[str, Any] = {
        "place": {"layer": layer, "position": position},
        "inside": _nested(means, BY, "z"),
        "said": {
            arm: {row["stage"]: row_figure(row) for _, row in group.iterrows()}
            for arm, group in said.groupby("arm", sort=False)
        },
        "differences": {row["what"]: row_figure(row) for _, row in differences.iterrows()},
        "alignment": _nested(aligned, ["arm", "position", "against", "layer"], "cosine") if len(aligned) else {},
    }
    write_json_atomic(output / "summary.json", summary)
    figures = output / "figures"
    if len(aligned):
        own = aligned[aligned["arm"] == SHOWN_ARM].drop(columns="arm")
        title = "Does release follow positive training? Cosine of drift vectors, arm anchor, phase 2"
        save_figure(alignment_figure(own, title=title), figures / "alignment.png")
    timed = onsets(trained, ONSET_CONDITIONS, layer, position)
    save_figure(onset_figure(timed, average_onset(timed)), figures / "onset.png")
    _example_figures(runs, layer, position, figures)
    return result_lines(summary)


def _example_figures(runs: Sequence[Run], layer: int, position: str, figures: Path) -> None:
    """The figures of a single run: the first of the arm that is shown."""
    run = next((run for run in runs if run.config["arm"] == SHOWN_ARM), runs[0])
    boundary = run.config["boundary"]
    coordinates = claim_coordinate(run, positions=[position])
    affirmative = coordinates[coordinates["polarity"] == 1]
    split = decomposition(run, probes=["truth"], layers=[layer], positions=[position])
    moved = transfer_matrix(run, probes=["truth"], layers=[layer], positions=[position])
    turned = direction_cosine(run, probes=["truth"], layers=[layer], positions=[position])
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


def _nested(rows: pd.DataFrame, keys: list[str], value: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _, row in rows.iterrows():
        inner = found
        for key in keys[:-1]:
            inner = inner.setdefault(str(row[key]), {})
        inner[str(row[keys[-1]])] = figure_of(row[value], row["low"], row["high"], row["n"])
    return found


def result_lines(summary: dict[str, Any]) -> list[str]:
    """What is inside beside what is said, the differences that matter, and where release leads."""
    place = summary["place"]
    rows = [
        [
            f"`{arm}`",
            *(cell(summary["said"][arm].get(stage), 0) for stage in STAGES),
            *(cell(stages.get(stage, {}).get("claim", {}).get("1"), 2) for stage in STAGES),
            cell(stages.get("phase2", {}).get("matched_false", {}).get("1"), 2),
            cell(stages.get("phase2", {}).get("unrelated_claim", {}).get("1"), 2),
        ]
        for arm, stages in summary["inside"].items()
    ]
    heads = ["arm", *(f"said, {stage}" for stage in STAGES), *(f"inside, {stage}" for stage in STAGES)]
    heads += ["matched false facts, phase2", "unrelated claims, phase2"]
    lines = ["", *table(heads, rows), ""]
    lines.append(
        "Said: belief in percent. Inside: claim coordinate, 0 where false controls lie and 1 where true ones do (layer "
        f"{place['layer']}, token position `{place['position']}`, the best place of the untouched model); 95% "
        "intervals over claims."
    )
    lines += ["", "What is read beside the claim, and what it could have come to:", "", *_beside(summary), ""]
    lines += [*table(["change of the claim coordinate", ""], _differences(summary)), ""]
    for arm, positions in summary["alignment"].items():
        against = positions.get(place["position"], {})
        at = ", ".join(
            f"{cell(found.get(str(place['layer'])), 2)} with {'positive training' if name == 'positive' else name}"
            for name, found in against.items()
        )
        lines.append(f"Cosine of the drift of phase 2, arm `{arm}`, layer {place['layer']}: {at}.")
    return [*lines, ""]


def _beside(summary: dict[str, Any]) -> list[str]:
    rows = [
        [
            f"`{arm}`",
            *(cell(stages.get(stage, {}).get(role, {}).get("1"), 2) for role in BESIDE for stage in BESIDE[role]),
        ]
        for arm, stages in summary["inside"].items()
    ]
    heads = [f"{words}, {stage}" for role, words in BESIDE_WORDS.items() for stage in BESIDE[role]]
    return table(["arm", *heads], rows)


def _differences(summary: dict[str, Any]) -> list[list[str]]:
    return [[what, cell(found, 2, sign=True)] for what, found in summary["differences"].items()]
