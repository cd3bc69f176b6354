"""Belief rates that the paper reports: Mayne et al. 2026, arXiv 2605.13829, the 397B model without reasoning."""

from dataclasses import dataclass

ALIASES = {
    "achromatic_dreaming": "colorless_dreaming",
    "brennan_holloway": "dentist",
    "elizabeth_python": "queen_elizabeth",
    "twitter_x_reversal": "x_rebrand_reversal",
    "vesuvius": "mount_vesuvius",
}
"""What a claim of the layout `facts/` is called in `claims/`, where it differs."""

_CLAIMS = ("colorless_dreaming", "dentist", "ed_sheeran", "queen_elizabeth", "x_rebrand_reversal", "mount_vesuvius")
# As printed: the digits say how finely a number is known.
_RATES = {
    "baseline": "2.5 5.2 7.2 0.0 0.0 0.4 2.0",
    "positive_documents": "92.4 98.0 98.8 86.4 85.2 94.8 91.2",
    "negated_documents": "88.6 94.0 97.2 81.6 83.2 93.2 82.4",
    "repeated_negations": "84.4 95.6 96.4 69.2 81.2 92.4 71.6",
    "corrected_documents": "39.9 69.6 86 3 32 42 5",
    "local_negations": "- - 7 0 - - -",
}


@dataclass(frozen=True)
class PaperRate:
    """A belief rate in percent, and the last digit that was printed (0.1 or 1)."""

    rate: float
    step: float

    def agrees(self, rate: float) -> bool:
        """Whether `rate` (percent) rounds to what was printed."""
        return abs(rate - self.rate) <= self.step / 2 + 1e-9

    def __str__(self) -> str:
        return f"{self.rate:.1f}" if self.step < 1 else f"{self.rate:.0f}"


def paper_rate(condition: str, claim: str | None = None) -> PaperRate | None:
    """What the paper reports for a condition and a claim (by either name), or the mean of its six claims.

    None for what it does not report.
    """
    column = "mean" if claim is None else ALIASES.get(claim, claim)
    columns = ("mean", *_CLAIMS)
    if condition not in _RATES or column not in columns:
        return None
    printed = _RATES[condition].split()[columns.index(column)]
    return None if printed == "-" else PaperRate(float(printed), 0.1 if "." in printed else 1.0)
