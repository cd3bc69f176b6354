"""What many intervals side by side do: how many are expected to miss, and how much further they would have to reach."""

from scipy.special import stdtrit

from nnmech.statistics import LEVEL


def simultaneous_factor(count: int, claims: int) -> float:
    """How many times as far `count` intervals over claims reach on the scale of t, if all are to hold at once.

    Bonferroni's bound with the t quantiles of `claims` - 1 degrees of freedom.
    """
    alone, together = (stdtrit(claims - 1, 1 - (1 - LEVEL) / (2 * times)) for times in (1, count))
    return float(together / alone)


def comparison_line(count: int, claims: int) -> str:
    """A sentence on `count` intervals over `claims`; empty where there is nothing to compare."""
    if count < 2 or claims < 3:
        return ""
    missed, one = count * (1 - LEVEL), 1 - LEVEL**count
    return (
        f"{count} rows are {count} comparisons: each interval holds alone in 95 of 100 cases, so that {missed:.1f} of "
        f"them are expected to miss what they estimate (at least one with a chance of {100 * one:.0f}%, were they "
        f"independent). For all to hold at once with 95%, each reach from the estimate, on the scale of t, would have "
        f"to be {simultaneous_factor(count, claims):.1f} times as long (Bonferroni)."
    )
