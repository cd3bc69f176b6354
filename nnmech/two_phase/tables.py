"""The result of an experiment as lines of Markdown, from its `summary.json`."""

from typing import Any

from nnmech.two_phase.report import STAGES
from nnmech.world.claims import TIERS


def result_lines(summary: dict[str, Any]) -> list[str]:
    """Every table and sentence that the terminal and the README show."""
    done = summary["runs"]
    lines = ["", *table_lines(summary), ""]
    lines.append("Belief and rebound in percent and points, loss of held-out documents in nats a token; 95% intervals.")
    if done["finished"] < done["planned"]:
        lines.append(f"{done['finished']} of {done['planned']} runs have finished.")
    for arm, gap in summary["document_loss_gap"].items():
        lines.append(f"Document loss after phase 1, `{arm}` minus `none`: {_cell(gap, 3, sign=True)}.")
    main_arm = next(iter(summary["arms"]))
    lines += ["", f"By plausibility of the claim, arm `{main_arm}`:", "", *tier_lines(summary, main_arm), ""]
    for probe, found in summary["probes"].items():
        where = f"layer {found['layer']}, token position `{found['position']}`"
        lines.append(
            f"{probe.capitalize()} probe on the untouched model ({where}): AUROC {_area(found['entity'])} on held-out "
            f"people, {_area(found['shuffled'])} with shuffled labels, {_area(found['crossed'])} trained on one "
            f"{'polarity' if probe == 'truth' else 'truth value'} and tested on the other."
        )
    return [*lines, ""]


def table_lines(summary: dict[str, Any]) -> list[str]:
    """A row an arm, and the paper's."""
    head = "| arm | belief before | after phase 1 | after phase 2 | rebound | document loss, phase 1 | phase 2 |"
    lines = [head, "|" + "---|" * 7]
    for arm, found in summary["arms"].items():
        belief = [_cell(found["belief"][stage], 1) for stage in STAGES]
        losses = [_cell(found["document_loss"][stage], 2) for stage in STAGES[1:]]
        row = [f"`{arm}`", *belief, _cell(found["rebound"], 1, sign=True), *losses]
        lines.append(f"| {' | '.join(row)} |")
    paper = summary["paper"]
    rebound = f"{paper['phase2'] - paper['phase1']:+.0f}"
    lines.append(
        f"| *paper: anchor, 35B, Vesuvius* | | {paper['phase1']:.0f} | {paper['phase2']:.0f} | {rebound} | 1.12 | |"
    )
    return lines


def tier_lines(summary: dict[str, Any], arm: str) -> list[str]:
    """A row a tier of plausibility."""
    lines = ["| claims about | before | after phase 1 | after phase 2 | rebound |", "|---|---|---|---|---|"]
    for tier, arms in summary["tiers"].items():
        if arm in arms:
            belief = [_cell(arms[arm]["belief"][stage], 1) for stage in STAGES]
            lines.append(f"| {TIERS[tier]} | {' | '.join(belief)} | {_cell(arms[arm]['rebound'], 1, sign=True)} |")
    return lines


def _cell(figure: dict[str, Any], digits: int, *, sign: bool = False) -> str:
    mark = "+" if sign else ""
    low, high = (None if bound is None else format(bound, f"{mark}.{digits}f") for bound in figure["ci95"])
    mean = format(figure["mean"], f"{mark}.{digits}f")
    return mean if low is None else f"{mean} ({low} to {high})"


def _area(found: dict[str, Any]) -> str:
    return f"{found['auroc']:.2f} ({found['ci95'][0]:.2f} to {found['ci95'][1]:.2f})"
