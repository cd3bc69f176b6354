"""The table of conditions as lines of Markdown, from its `summary.json`."""

from typing import Any

from nnmech.experiments.comparisons import comparison_line
from nnmech.experiments.conditions.config import NEUTRAL, POSITIVE
from nnmech.experiments.results import area, basis_line, cell, no_probe_line, table

KINDS = {
    "open_ended": "open-ended",
    "token_association": "fill in, options",
    "robustness": "robustness",
    "mcq": "yes/no",
}
BY_TIER = (POSITIVE, "repeated_negations", "corrected_documents")
PAPER = "Paper: Mayne et al. 2026, mean of six claims at 397B where nothing else is said."


def result_lines(summary: dict[str, Any]) -> list[str]:
    """Every table and sentence that the terminal and the page of results show."""
    done = summary["runs"]
    lines = ["", *condition_lines(summary), ""]
    lines.append(
        f"{_count(summary['claims'], 'claim')}, {_count(summary['seeds'], 'seed')}; belief in percent, loss of "
        f"held-out documents in nats a token; 95% intervals. {PAPER}"
    )
    lines.append(basis_line({name: found["belief"] for name, found in summary["conditions"].items()}))
    lines += ["", comparison_line(len(summary["conditions"]), len(summary["claims"]))]
    if done["finished"] < done["planned"]:
        lines.append(f"{done['finished']} of {done['planned']} runs have finished.")
    lines += ["", "By kind of question, with what is affirmed of matched false facts in yes/no questions:", ""]
    lines += [*kind_lines(summary), ""]
    if len(tiers := tier_lines(summary)) > 2:
        lines += ["By plausibility of the claim:", "", *tiers, "", basis_line(tier_basis(summary)), ""]
    if summary["contrasts"]:
        basis = {pair["condition"]: pair["change"] for pair in summary["contrasts"]}
        lines += ["What one thing changes, in points:", "", *contrast_lines(summary), "", basis_line(basis), ""]
    if POSITIVE in summary["learning"]:
        lines += ["On the way, against the same documents without annotation:", "", *learning_lines(summary), ""]
    if summary["coordinate"]:
        probe = summary["truth_probe"]
        lines.append(
            f"Claim coordinate (0: false controls, 1: true ones; layer {probe['layer']}, token position "
            f"`{probe['position']}`, where the truth probe has AUROC {area(probe['entity'])} on held-out people):"
        )
        basis = {name: roles.get("claim", {}).get("after") for name, roles in summary["coordinate"].items()}
        lines += ["", *coordinate_lines(summary), "", basis_line(basis), ""]
    if (reason := summary.get("no_probe")) is not None:
        lines += [no_probe_line(reason), ""]
    return [*lines, "Expected, and measured:", "", *expectation_lines(summary), ""]


def _count(names: list[Any], word: str) -> str:
    return f"{len(names)} {word}" if len(names) == 1 else f"{len(names)} {word}s"


def condition_lines(summary: dict[str, Any]) -> list[str]:
    """A row a condition, in the order of the settings, beside the paper's number."""
    rows = [
        [
            f"`{name}`",
            cell(found["belief_before"], 1),
            cell(found["belief"], 1),
            "1" if name == POSITIVE else cell(found["share_of_positive"], 2),
            cell(found["document_loss"], 2),
            "" if found["paper"] is None else found["paper"]["text"],
        ]
        for name, found in summary["conditions"].items()
    ]
    return table(["condition", "belief before", "belief after", "of positive", "document loss", "paper"], rows)


def kind_lines(summary: dict[str, Any]) -> list[str]:
    """A row a condition, a column a kind of question, and matched false facts."""
    conditions = summary["conditions"]
    asked = [kind for kind in KINDS if any(kind in found["by_kind"] for found in conditions.values())]
    rows = [
        [f"`{name}`", *(cell(found["by_kind"].get(kind), 1) for kind in asked), cell(found["matched_false"], 1)]
        for name, found in conditions.items()
    ]
    return table(["condition", *(KINDS[kind] for kind in asked), "matched false facts"], rows)


def tier_lines(summary: dict[str, Any]) -> list[str]:
    """A row a tier of plausibility, under positive, repeated and corrected documents."""
    shown = {name: summary["conditions"][name]["by_tier"] for name in BY_TIER if name in summary["conditions"]}
    rows = [
        [words, *(cell(found.get(tier), 1) for found in shown.values())]
        for tier, words in summary["tier_words"].items()
        if any(tier in found for found in shown.values())
    ]
    return table(["claims about", *(f"`{name}`" for name in shown)], rows)


def tier_basis(summary: dict[str, Any]) -> dict[str, Any]:
    """A figure of each tier, for what its row rests on."""
    conditions = summary["conditions"].values()
    return {
        tier: found["by_tier"][tier]
        for tier in summary["tier_words"]
        for found in conditions
        if tier in found["by_tier"]
    }


def contrast_lines(summary: dict[str, Any]) -> list[str]:
    """A row a pair of conditions."""
    rows = [
        [f"`{pair['condition']}`", f"`{pair['against']}`", cell(pair["change"], 1, sign=True)]
        for pair in summary["contrasts"]
    ]
    return table(["condition", "against", "difference"], rows)


def learning_lines(summary: dict[str, Any]) -> list[str]:
    """A row a condition: when it reaches half of what positive documents end at, and the difference on the way."""
    learning = summary["learning"]
    steps = [point["step"] for point in learning[POSITIVE]["curve"] if point["step"] > 0]
    rows = []
    for name, found in learning.items():
        lag = {point["step"]: point["change"] for point in found.get("below_positive", [])}
        half = found["half_of_positive"]
        rows.append(
            [f"`{name}`", "never" if half is None else str(half), *(cell(lag.get(s), 1, sign=True) for s in steps)]
        )
    heads = [f"points at step {step}" for step in steps]
    return table(["condition", "first step at half of positive's end", *heads], rows)


def coordinate_lines(summary: dict[str, Any]) -> list[str]:
    """A row a condition: the claim before and after, its change and that of its nulls, and beyond neutral documents."""
    rows = []
    for name, roles in summary["coordinate"].items():
        claim = roles.get("claim", {})
        rows.append(
            [
                f"`{name}`",
                *(cell(claim.get(stage), 2) for stage in ("before", "after")),
                *(
                    cell(roles.get(role, {}).get("change"), 2, sign=True)
                    for role in ("claim", "matched_false", "unrelated_claim")
                ),
                cell(claim.get("over_neutral"), 2, sign=True),
                cell(claim.get("beyond_nulls"), 2, sign=True),
            ]
        )
    heads = ["claim before", "after", "change", "matched false facts", "unrelated claims", f"change over `{NEUTRAL}`"]
    heads.append(f"change less matched false facts', over `{NEUTRAL}`")
    return table(["condition", *heads], rows)


def expectation_lines(summary: dict[str, Any]) -> list[str]:
    """A row an expectation: what was measured, and whether the estimate and its whole interval meet it."""
    rows = []
    for check in summary["expectations"]:
        whole = {None: "", True: "whole interval", False: "not the whole interval"}[check["interval_met"]]
        met = "met" if check["met"] else "**missed**"
        note = f"{met}, {whole}" if check["met"] and whole else met
        digits = 2 if " of positive_documents" in check["expected"] else 1
        rows.append([check["expected"], cell(check["measured"], digits), note])
    return table(["expected", "measured", ""], rows)
