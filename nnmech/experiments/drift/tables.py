"""Drift as lines of Markdown, from its `summary.json`."""

from typing import Any

from nnmech.experiments.results import basis_line, cell, table
from nnmech.experiments.two_phase.report import STAGES

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


WITHOUT = {
    "never": "never above one half",
    "brief": "did not last",
    "above": "above one half before training",
}
"""Why a run has no onset."""


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
        f"{place['layer']}, token position `{place['position']}`, the best place of the untouched model, chosen on "
        "half of the people of the probe); 95% intervals over claims and seeds, and inside over people of probe and "
        "controls."
    )
    lines.append(
        basis_line(
            {arm: stages.get("baseline", {}).get("claim", {}).get("1") for arm, stages in summary["inside"].items()}
        )
    )
    if summary["beyond_nulls"]:
        lines += ["", *_headlines(summary["beyond_nulls"])]
    lines += ["", "What is read beside the claim, and what it could have come to:", "", *_beside(summary), ""]
    lines += [*table(["change of the claim coordinate", ""], _differences(summary)), ""]
    lines += [*_onsets(summary["onset"]), ""]
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


def _headlines(found: dict[str, Any]) -> list[str]:
    """The difference in differences, by arm and phase."""
    rows = [
        [f"`{arm}`", *(cell(stages.get(stage), 2, sign=True) for stage in STAGES[1:])] for arm, stages in found.items()
    ]
    text = (
        "Did the claim become true inside? Its change since the untouched model, less that of matched false facts, "
        "less the same difference under neutral documents:"
    )
    basis = basis_line({f"{arm} {stage}": figure for arm, stages in found.items() for stage, figure in stages.items()})
    return [text, "", *table(["arm", *STAGES[1:]], rows), "", basis]


def _onsets(found: dict[str, Any]) -> list[str]:
    """When one half is crossed to stay, and why the other runs have no onset."""
    rows = []
    for condition, by_what in found.items():
        for what, figure in by_what.items():
            reached = figure["runs"] - sum(figure[name] for name in WITHOUT)
            counts = [str(figure[name]) for name in WITHOUT]
            rows.append([f"`{condition}`", what, cell(figure, 1), f"{reached} of {figure['runs']}", *counts])
    heads = ["condition", "onset", "step", "runs with one", *WITHOUT.values()]
    return table(heads, rows) if rows else []


def _differences(summary: dict[str, Any]) -> list[list[str]]:
    return [[what, cell(found, 2, sign=True)] for what, found in summary["differences"].items()]
