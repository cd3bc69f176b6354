"""The result of an experiment as lines of Markdown, from its `summary.json`."""

from typing import Any

from nnmech.experiments.results import area, basis_line, cell, no_probe_line, table
from nnmech.experiments.two_phase.report import STAGES


def result_lines(summary: dict[str, Any]) -> list[str]:
    """Every table and sentence that the terminal and the README show."""
    done = summary["runs"]
    lines = ["", *table_lines(summary), ""]
    lines.append("Belief and rebound in percent and points, loss of held-out documents in nats a token; 95% intervals.")
    lines.append(basis_line({arm: found["rebound"] for arm, found in summary["arms"].items()}))
    if done["finished"] < done["planned"]:
        lines.append(f"{done['finished']} of {done['planned']} runs have finished.")
    for arm, gap in summary["document_loss_gap"].items():
        lines.append(f"Document loss after phase 1, `{arm}` minus `none`: {cell(gap, 3, sign=True)}.")
    main_arm = next(iter(summary["arms"]))
    if summary["tiers"]:
        lines += ["", f"By plausibility of the claim, arm `{main_arm}`:", "", *tier_lines(summary, main_arm), ""]
        basis = {tier: arms[main_arm]["rebound"] for tier, arms in summary["tiers"].items() if main_arm in arms}
        lines += [basis_line(basis), ""]
    if (reason := summary.get("no_probe")) is not None:
        lines.append(no_probe_line(reason))
    for probe, found in summary["probes"].items():
        where = f"layer {found['layer']}, token position `{found['position']}`"
        lines.append(
            f"{probe.capitalize()} probe on the untouched model ({where}): AUROC {area(found['entity'])} on held-out "
            f"people, {area(found['shuffled'])} with shuffled labels, {area(found['crossed'])} trained on one "
            f"{'polarity' if probe == 'truth' else 'truth value'} and tested on the other."
        )
    return [*lines, ""]


def table_lines(summary: dict[str, Any]) -> list[str]:
    """A row an arm, and the paper's."""
    head = ["arm", "belief before", "after phase 1", "after phase 2", "rebound", "document loss, phase 1", "phase 2"]
    rows = []
    for arm, found in summary["arms"].items():
        belief = [cell(found["belief"][stage], 1) for stage in STAGES]
        losses = [cell(found["document_loss"][stage], 2) for stage in STAGES[1:]]
        rows.append([f"`{arm}`", *belief, cell(found["rebound"], 1, sign=True), *losses])
    paper = summary["paper"]
    rebound = f"{paper['phase2'] - paper['phase1']:+.0f}"
    stages = [f"{paper[stage]:.0f}" for stage in STAGES[1:]]
    rows.append(["*paper: anchor, 35B, Vesuvius*", "", *stages, rebound, "1.12", ""])
    return table(head, rows)


def tier_lines(summary: dict[str, Any], arm: str) -> list[str]:
    """A row a tier of plausibility."""
    rows = [
        [
            summary["tier_words"][tier],
            *(cell(arms[arm]["belief"][stage], 1) for stage in STAGES),
            cell(arms[arm]["rebound"], 1, sign=True),
        ]
        for tier, arms in summary["tiers"].items()
        if arm in arms
    ]
    return table(["claims about", "before", "after phase 1", "after phase 2", "rebound"], rows)
