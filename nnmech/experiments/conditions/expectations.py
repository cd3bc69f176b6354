"""What the paper's results lead one to expect of the table, held against what was measured."""

from collections.abc import Iterator
from typing import Any

from nnmech.experiments.conditions.config import POSITIVE
from nnmech.experiments.conditions.paper import QUALIFIERS

NEGATED, REPEATED, CORRECTED = (
    "negated_documents",
    "repeated_negations",
    "corrected_documents",
)
LOCAL = ("local_negations", "local_negations_edited", "local_negations_masked")
FAMOUS = "famous"


def expectations(summary: dict[str, Any]) -> list[dict[str, Any]]:
    """Each expectation about a condition that was measured: expected, measured, met, interval_met.

    `met` is of the estimate, `interval_met` of its whole 95% interval (None without one).
    """
    return list(_checks(summary))


def _checks(summary: dict[str, Any]) -> Iterator[dict[str, Any]]:
    found = summary["conditions"]
    if POSITIVE in found:
        yield _check(f"{POSITIVE}: belief at least 85", found[POSITIVE]["belief"], low=85.0)
    if NEGATED in found:
        yield from _share(found, NEGATED, 0.85)
    if REPEATED in found:
        yield from _share(found, REPEATED, 0.7)
    for pair in summary["contrasts"]:
        if (pair["condition"], pair["against"]) == (REPEATED, NEGATED):
            yield _check(f"{REPEATED}: not above {NEGATED} (difference in points)", pair["change"], high=0.0)
    if CORRECTED in found:
        yield _check(f"{CORRECTED}: belief between 15 and 70", found[CORRECTED]["belief"], low=15.0, high=70.0)
        yield from _lowest_for_famous(found[CORRECTED]["by_tier"])
    for name in LOCAL:
        if name in found:
            yield _check(f"{name}: belief at most 10", found[name]["belief"], high=10.0)
    for name in (f"{qualifier}{form}" for qualifier in QUALIFIERS for form in ("", "_repeated")):
        if name in found:
            yield from _share(found, name, 0.85)


def _share(found: dict[str, Any], name: str, least: float) -> Iterator[dict[str, Any]]:
    if POSITIVE in found:
        yield _check(f"{name}: at least {least} of {POSITIVE}", found[name]["share_of_positive"], low=least)


def _lowest_for_famous(tiers: dict[str, Any]) -> Iterator[dict[str, Any]]:
    others = {tier: rate for tier, rate in tiers.items() if tier != FAMOUS}
    if FAMOUS in tiers and others:
        tier, lowest = min(others.items(), key=lambda item: item[1]["mean"])
        yield _check(
            f"{CORRECTED}: lowest for famous subjects (the lowest of the others is {lowest['mean']:.1f}, {tier})",
            tiers[FAMOUS],
            high=lowest["mean"],
        )


def _check(
    expected: str, measured: dict[str, Any] | None, *, low: float = float("-inf"), high: float = float("inf")
) -> dict[str, Any]:
    if measured is None:
        return {"expected": expected, "measured": None, "met": False, "interval_met": None}
    ends = measured["ci95"]
    whole = None if None in ends else low <= ends[0] and ends[1] <= high
    return {
        "expected": expected,
        "measured": measured,
        "met": low <= measured["mean"] <= high,
        "interval_met": whole,
    }
