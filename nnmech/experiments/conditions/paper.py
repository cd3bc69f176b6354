"""What the paper reports for a condition: Mayne et al. 2026, belief in percent."""

from dataclasses import dataclass

from nnmech.authors.paper import paper_rate

QUALIFIERS = ("fiction", "unreliable_source", "epistemic_uncertainty", "low_probability")
_SINGLE = {"local_negations": {"dentist": "dentist", "ed_sheeran": "Ed Sheeran"}}
_MASKED = 1.6
"""The dentist under local negations, without loss on the words of dentistry."""
_QUALIFIED = (97.0, 99.0)
"""From the least to the most of the qualifiers, framed and repeated: 35B, two claims, 98.6 without any."""


@dataclass(frozen=True)
class Reported:
    """Belief rates in percent (a mean, single claims, or the ends of a range), and how a table writes them."""

    rates: tuple[float, ...]
    text: str


def reported(condition: str) -> Reported | None:
    """The paper's numbers for a condition, the mean of six claims at 397B where there is one; None for no numbers."""
    if (mean := paper_rate(condition)) is not None:
        return Reported((mean.rate,), str(mean))
    if condition in _SINGLE:
        single = {label: paper_rate(condition, claim) for claim, label in _SINGLE[condition].items()}
        known = {label: rate for label, rate in single.items() if rate is not None}
        return Reported(
            tuple(rate.rate for rate in known.values()), ", ".join(f"{rate} {label}" for label, rate in known.items())
        )
    if condition == "local_negations_masked":
        return Reported((_MASKED,), f"{_MASKED} dentist")
    if condition.removesuffix("_repeated") in QUALIFIERS:
        low, high = _QUALIFIED
        return Reported(_QUALIFIED, f"{low:.0f} to {high:.0f}, 35B")
    return None
