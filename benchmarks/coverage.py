"""How often nominal 95% intervals hold what they estimate, by simulation.

    python benchmarks/coverage.py                            # print the table
    python benchmarks/coverage.py --page docs/intervals.md   # and put it into the page, and record it in coverage.json

Six claims of 50 questions each, asked of three seeds, as in the tables of results. Each setting is simulated from a
population whose mean is known; methods were chosen with other random numbers than those that are reported here. Beside
them stand percentiles of the nested bootstrap over claims, questions and seeds, which the package used before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from jaxtyping import Float
from scipy.special import betaincinv, ndtr

from nnmech.cli import main_guard
from nnmech.files import write_bytes_atomic, write_json_atomic
from nnmech.statistics import (
    Interval,
    bootstrap_weights,
    cluster_bootstrap,
    mean_interval,
    middle,
    rate_difference,
    rate_interval,
    rate_ratio,
    weighted_auroc,
    weighted_mean,
)

CLAIMS, QUESTIONS, SEEDS = 6, 50, 3
RECORD = Path(__file__).with_name("coverage.json")
SECTION = "coverage"
HEADER = (
    "| simulated | n claims, questions, seeds | coverage | mean width | wanted | percentiles of the bootstrap |",
    "|---|---|---|---|---|---|",
)

Generator = np.random.Generator
Values = Float[np.ndarray, "claim question seed"]


@dataclass(frozen=True)
class Arguments:
    """Print the coverage of intervals."""

    samples: int = 2000
    """Simulated experiments a setting."""
    percentiles: int = 200
    """How many of them are bootstrapped besides."""
    seed: int = 20
    """Of the simulation; methods were chosen with 1, 5 and 7."""
    page: Path | None = None
    """Markdown page whose section `<!-- coverage -->` takes the table; None prints it only."""


@dataclass(frozen=True)
class Sample:
    """One simulated experiment: the interval, what it should hold, and that of bootstrap percentiles, if asked for."""

    found: Interval
    truth: float
    percentiles: Callable[[], tuple[float, float]] | None = None


@dataclass(frozen=True)
class Setting:
    """A population, and what one experiment of it gives."""

    name: str
    draw: Callable[[Generator], Sample]
    wanted: float | None = 0.93
    """Least coverage; None for what cannot be had from six claims."""
    counts: str = f"{CLAIMS}, {QUESTIONS}, {SEEDS}"


def labels(claims: int = CLAIMS) -> tuple[list[np.ndarray], np.ndarray]:
    """Claim and question of each answer, and its seed."""
    claim, question, seed = (
        grid.ravel() for grid in np.meshgrid(range(claims), range(QUESTIONS), range(SEEDS), indexing="ij")
    )
    return [claim, question], seed


def hits(rng: Generator, rates: Float[np.ndarray, "claim seed"]) -> Values:
    """Answers to questions, some of which are easier than others for all seeds."""
    shape = (len(rates), QUESTIONS, SEEDS)
    ease = np.sqrt(0.5) * (rng.standard_normal((*shape[:2], 1)) + rng.standard_normal(shape))
    return (ndtr(ease) < rates[:, None, :]).astype(float)


def alike(rates: Float[np.ndarray, "claim"]) -> Float[np.ndarray, "claim seed"]:
    """Rates of claims that are the same for all seeds."""
    return np.repeat(rates[:, None], SEEDS, axis=1)


def percentiles(values: Float[np.ndarray, "n"], levels: Sequence[np.ndarray], seeds: np.ndarray) -> tuple[float, float]:
    """The middle 95% of means of the nested bootstrap, seeds crossed."""
    low, high = middle(weighted_mean(values, bootstrap_weights(levels, draws=300, crossed=seeds)))
    return float(low), float(high)


def means(claims: float, seeds: float, both: float) -> Callable[[Generator], Sample]:
    """Gaussian effects with these standard deviations, and noise of questions."""

    def draw(rng: Generator) -> Sample:
        effects = claims * rng.standard_normal((CLAIMS, 1, 1)) + seeds * rng.standard_normal((1, 1, SEEDS))
        effects = effects + both * rng.standard_normal((CLAIMS, 1, SEEDS))
        values = (effects + rng.standard_normal((CLAIMS, QUESTIONS, SEEDS))).ravel()
        levels, seed = labels()
        return Sample(mean_interval(values, levels, crossed=seed), 0.0, lambda: percentiles(values, levels, seed))

    return draw


def rates(of: Callable[[Generator], Float[np.ndarray, "claim seed"]], truth: float) -> Callable[[Generator], Sample]:
    """Rates of claims from a distribution with this mean."""

    def draw(rng: Generator) -> Sample:
        values = hits(rng, of(rng)).ravel()
        levels, seed = labels()
        return Sample(rate_interval(values, levels, crossed=seed), truth, lambda: percentiles(values, levels, seed))

    return draw


def beta(mean: float, size: float) -> Callable[[Generator], Sample]:
    """Rates of claims that follow a beta distribution; the smaller its size, the more claims differ."""
    return rates(lambda rng: alike(rng.beta(mean * size, (1 - mean) * size, CLAIMS)), mean)


def seeds_too(mean: float, middle_of: float) -> Callable[[Generator], Sample]:
    """Rates that seeds shift more than claims do, on the scale of the normal quantile."""

    def of(rng: Generator) -> np.ndarray:
        shift = 0.5 * rng.standard_normal((CLAIMS, 1)) + 0.8 * rng.standard_normal((1, SEEDS))
        return ndtr(middle_of + shift + 0.3 * rng.standard_normal((CLAIMS, SEEDS)))

    return rates(of, mean)


def either(share: float, low: float = 0.0, high: float = 1.0) -> Callable[[Generator], Sample]:
    """Claims that are believed at one of two rates."""
    of = lambda rng: alike(np.where(rng.random(CLAIMS) < share, high, low))  # noqa: E731
    return rates(of, share * high + (1 - share) * low)


def pair(first: tuple[float, float], second: tuple[float, float], correlation: float) -> Callable[[Generator], Any]:
    """Answers under two conditions, of claims with correlated rates of these means and sizes."""

    def draw(rng: Generator) -> list[np.ndarray]:
        one, other = rng.standard_normal((2, CLAIMS))
        normal = (one, correlation * one + np.sqrt(1 - correlation**2) * other)
        found = zip((first, second), normal, strict=True)
        return [
            hits(rng, alike(betaincinv(mean * size, (1 - mean) * size, ndtr(z)))).ravel() for (mean, size), z in found
        ]

    return draw


def difference(first: tuple[float, float], second: tuple[float, float], correlation: float) -> Callable[..., Sample]:
    """Rate under the second condition less that under the first."""
    both = pair(first, second, correlation)

    def draw(rng: Generator) -> Sample:
        before, after = both(rng)
        levels, seed = labels()
        found = rate_difference(before, levels, after, levels, before_crossed=seed, after_crossed=seed)
        return Sample(found, second[0] - first[0], lambda: percentiles(after - before, levels, seed))

    return draw


def ratio(first: tuple[float, float], second: tuple[float, float], correlation: float) -> Callable[..., Sample]:
    """Rate under the first condition over that under the second."""
    both = pair(first, second, correlation)

    def draw(rng: Generator) -> Sample:
        above, below = both(rng)
        levels, seed = labels()
        found = rate_ratio(above, levels, below, levels, numerator_crossed=seed, denominator_crossed=seed)
        return Sample(found, first[0] / second[0])

    return draw


def coordinates(rng: Generator) -> Sample:
    """A drift table: claims, seeds, and people of probe and controls that all runs share."""
    z = 0.3 * rng.standard_normal((CLAIMS, 1)) + 0.05 * rng.standard_normal((1, SEEDS))
    z = z + 0.05 * rng.standard_normal((CLAIMS, SEEDS)) + 0.1 * rng.standard_normal()
    claim, seed = (grid.ravel() for grid in np.meshgrid(range(CLAIMS), range(SEEDS), indexing="ij"))
    shared = 0.1**2 * rng.chisquare(9) / 9
    found = mean_interval(z.ravel(), claim, crossed=seed, shared=shared, shared_df=9.0)
    return Sample(found, 0.0, lambda: percentiles(z.ravel(), [claim], seed))


def tier(claims: int) -> Callable[[Generator], Sample]:
    """A tier of so few claims: rates with mean 0.85."""

    def draw(rng: Generator) -> Sample:
        values = hits(rng, alike(rng.beta(2.55, 0.45, claims))).ravel()
        levels, seed = labels(claims)
        return Sample(rate_interval(values, levels, crossed=seed), 0.85, lambda: percentiles(values, levels, seed))

    return draw


def own_rate(rng: Generator) -> Sample:
    """One claim, and its own rate: questions are the unit."""
    rate = float(rng.beta(2.55, 0.45))
    values = hits(rng, alike(np.array([rate]))).ravel()
    levels, seed = labels(1)
    return Sample(rate_interval(values, levels[1], crossed=seed), rate)


def areas(apart: float, truth: float, people: int = 20) -> Callable[[Generator], Sample]:
    """AUROC of two true and two false statements about each person."""

    def draw(rng: Generator) -> Sample:
        true, person = np.tile([True, True, False, False], people), np.repeat(np.arange(people), 4)
        scores = apart * true + 0.7 * rng.standard_normal(people)[person] + 0.7 * rng.standard_normal(4 * people)

        def statistic(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
            return weighted_auroc(values, true, weights)

        def drawn() -> tuple[float, float]:
            low, high = middle(statistic(scores, bootstrap_weights([person], draws=300)))
            return float(low), float(high)

        return Sample(cluster_bootstrap(scores, person, statistic=statistic, share=True, draws=200), truth, drawn)

    return draw


WIDE, MIDDLE = 1.0, 3.0
SETTINGS = (
    Setting("Gaussian claim effects", means(1.0, 0.2, 0.2)),
    Setting("seeds dominate", means(0.3, 1.0, 0.3)),
    Setting("rates near 0.85, claims believed at nearly 1 but for one or two", beta(0.85, WIDE)),
    Setting("rates near 0.85, claims more alike", beta(0.85, MIDDLE)),
    Setting("rates near 0.5", beta(0.5, 4.0)),
    Setting("rates near 0.02, most of it by one claim", beta(0.02, 5.0)),
    Setting("rates near 0.02, claims more alike", beta(0.02, 25.0)),
    Setting("rates near 0.80, seeds dominate", seeds_too(float(ndtr(1.2 / np.sqrt(1.98))), 1.2)),
    Setting("rates near 0.04, seeds dominate", seeds_too(float(ndtr(-2.4 / np.sqrt(1.98))), -2.4)),
    *(Setting(f"claims believed wholly or not at all, {share:.0%}", either(share), 0.9) for share in (0.5, 0.8, 0.9)),
    Setting("tier of one claim, other claims", tier(1), None, f"1, {QUESTIONS}, {SEEDS}"),
    Setting("tier of two claims, other claims", tier(2), None, f"2, {QUESTIONS}, {SEEDS}"),
    Setting("one claim, its own rate over questions", own_rate, 0.93, f"1, {QUESTIONS}, {SEEDS}"),
    Setting("drift table, people shared", coordinates, 0.93, f"{CLAIMS}, –, {SEEDS}"),
    Setting("difference, 0.95 and 0.85", difference((0.95, WIDE), (0.85, WIDE), 0.8)),
    Setting("difference, 0.85 and 0.85, claims more alike", difference((0.85, MIDDLE), (0.85, MIDDLE), 0.5)),
    Setting("difference, 0.02 and 0.20", difference((0.02, 5.0), (0.2, 2.0), 0.5)),
    Setting("difference, 0.98 and 0.02", difference((0.98, 10.0), (0.02, 5.0), 0.0)),
    Setting("ratio, 0.85 over 0.95", ratio((0.85, WIDE), (0.95, WIDE), 0.8)),
    Setting("AUROC of 1.00 nearly always, truly 0.9998", areas(5.0, float(ndtr(5 / 1.4))), 0.93, "20 people"),
    Setting("AUROC of 1.00 at times, truly 0.994", areas(3.5, float(ndtr(3.5 / 1.4))), 0.93, "20 people"),
    Setting("AUROC of 0.92", areas(2.0, float(ndtr(2 / 1.4))), 0.93, "20 people"),
    Setting("claims believed at 0.98 or 0.02, 80% (a limit)", either(0.8, 0.02, 0.98), None),
)


def measured(setting: Setting, arguments: Arguments, number: int) -> dict[str, Any]:
    """Coverage, mean width and how many samples had an interval at all."""
    rng = np.random.default_rng([arguments.seed, number])
    held, widths, before = [], [], []
    for sample in range(arguments.samples):
        one = setting.draw(rng)
        if np.isfinite(one.found.mean) and not np.isnan(one.found.low):
            held.append(one.found.low <= one.truth <= one.found.high)
            widths.append(one.found.high - one.found.low)
        if sample < arguments.percentiles and one.percentiles is not None:
            low, high = one.percentiles()
            before.append(low <= one.truth <= high)
    return {
        "setting": setting.name,
        "counts": setting.counts,
        "wanted": setting.wanted,
        "with_interval": len(held),
        "coverage": round(float(np.mean(held)), 3) if held else None,
        "mean_width": round(float(np.mean(widths)), 3) if held else None,
        "percentile_coverage": round(float(np.mean(before)), 3) if before else None,
    }


def line(found: dict[str, Any]) -> str:
    """A row of the table."""
    shown = (
        ["no interval", ""] if found["coverage"] is None else [f"{found['coverage']:.3f}", f"{found['mean_width']:.3f}"]
    )
    wanted, before = ("" if found[key] is None else f"{found[key]:.2f}" for key in ("wanted", "percentile_coverage"))
    return f"| {' | '.join([found['setting'], found['counts'], *shown, wanted, before])} |"


def main(arguments: Arguments) -> None:
    """Simulate every setting."""
    rows, lines = [], [*HEADER]
    print("\n".join(HEADER))
    for number, setting in enumerate(SETTINGS):
        rows.append(measured(setting, arguments, number))
        lines.append(line(rows[-1]))
        print(lines[-1], flush=True)
    counts = f"{arguments.samples:,} simulated experiments a row (percentiles: {arguments.percentiles})"
    note = f"{counts}, seed {arguments.seed}."
    print(f"\n{note}")
    if arguments.page is not None:
        write_json_atomic(RECORD, {"samples": arguments.samples, "seed": arguments.seed, "rows": rows})
        page = arguments.page.read_text(encoding="utf-8")
        before, rest = page.split(f"<!-- {SECTION} -->", 1)
        after = rest.split(f"<!-- /{SECTION} -->", 1)[1]
        text = "\n".join([f"<!-- {SECTION} -->", "", *lines, "", note, "", f"<!-- /{SECTION} -->"])
        write_bytes_atomic(arguments.page, f"{before}{text}{after}".encode())


if __name__ == "__main__":
    raise SystemExit(main_guard(lambda: main(tyro.cli(Arguments, description=__doc__))))
