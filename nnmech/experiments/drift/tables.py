"""Drift as lines of Markdown, from its `summary.json`."""

from typing import Any

from nnmech.experiments.results import cell, table
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
