"""What a model came to believe under every condition, from the run directory alone: tables, summary.json."""

# pandas annotates a selection as everything that it may be under any key, so these checks say nothing here.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from nnmech.belief.rates import belief_change, belief_rate
from nnmech.experiments.conditions.config import POSITIVE
from nnmech.experiments.conditions.coordinates import coordinate_figures
from nnmech.experiments.conditions.expectations import expectations
from nnmech.experiments.conditions.paper import QUALIFIERS, reported
from nnmech.experiments.results import (
    Places,
    about_matched_false,
    answer_table,
    figure,
    finished_runs,
    loss_rows,
    mean_over_runs,
    rates_by,
    row_figure,
    tier_words,
)
from nnmech.runs import Run
from nnmech.statistics import rate_ratio

CONTRASTS = (
    ("repeated_negations", "negated_documents"),
    ("corrected_documents", "repeated_negations"),
    ("local_negations_edited", "local_negations"),
    ("local_negations_masked", "local_negations"),
    (f"{POSITIVE}_untagged", POSITIVE),
    ("repeated_negations_untagged", "repeated_negations"),
    *((f"{name}_repeated", name) for name in QUALIFIERS),
)
"""Pairs of conditions that differ in one thing."""


@dataclass(frozen=True)
class Results:
    """The finished runs in long form, one row an answer or a loss, with claim, tier, condition, seed and steps."""

    answers: pd.DataFrame
    losses: pd.DataFrame
    runs: tuple[Run, ...]
    conditions: tuple[str, ...]
    """Those with a finished run, in the order of the settings."""

    def before(self, *, matched_false: bool = False) -> pd.DataFrame:
        """Answers of the untouched model: about the claims, or about the matched false facts instead."""
        chosen = about_matched_false(self.answers, matched_false)
        return chosen[chosen["step"] == 0]

    def after(self, *, matched_false: bool = False) -> pd.DataFrame:
        """Answers at the end of training, which of a run that trains nothing is its beginning."""
        chosen = about_matched_false(self.answers, matched_false)
        return chosen[chosen["step"] == chosen["steps"]]


def read_results(experiment: Run, runs: Sequence[Run] | None = None) -> Results:
    """Gather the finished runs of an experiment, or those among `runs`; RunError where there is none."""
    finished = finished_runs(experiment, runs)
    found = {run.labels.condition for run in finished}
    order = [name for name in experiment.config["settings"]["conditions"] if name in found]
    # Groups come in the order of their first rows, so that every table has the order of the settings.
    finished = tuple(sorted(finished, key=lambda run: order.index(run.labels.condition)))
    return Results(answer_table(finished), loss_rows(finished), finished, tuple(order))


def belief_tables(results: Results) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Belief (percent) after training by condition, and by condition and claim, for the figure."""
    by_condition, by_claim = (belief_rate(results.after(), by) for by in (["condition"], ["condition", "claim"]))
    return by_condition, by_claim


def paper_rates(conditions: Sequence[str]) -> dict[str, Sequence[float]]:
    """What the paper reports (percent) of these conditions, where it does, for the figure."""
    return {name: found.rates for name in conditions if (found := reported(name)) is not None}


def summarise(experiment: Run, results: Results, places: Places, coordinates: pd.DataFrame) -> dict[str, Any]:
    """The content of `summary.json`: belief in percent, shares, losses in nats a token, each with 95% interval and n.

    `places` is that of the untouched model, `coordinates` the table of `coordinate_table`.
    """
    settings = experiment.config["settings"]
    summary: dict[str, Any] = {
        "experiment": "conditions",
        "model": experiment.info["model"],
        **{name: settings[name] for name in ("claims", "seeds", "documents", "learning_rate")},
        "runs": {
            "finished": len(results.runs),
            "planned": len(list(product(*(settings[name] for name in ("claims", "conditions", "seeds"))))),
        },
        "conditions": condition_figures(results),
        "contrasts": contrasts(results),
        "learning": learning(results),
        "tier_words": tier_words(experiment),
        "truth_probe": places.quality("truth"),
        "no_probe": places.reason,
        "coordinate": coordinate_figures(coordinates),
    }
    return summary | {"expectations": expectations(summary)}


def condition_figures(results: Results) -> dict[str, Any]:
    """What was measured under each condition, and what the paper reports."""
    before, after, null = results.before(), results.after(), results.after(matched_false=True)
    yes_no = after[after["kind"] == "mcq"]
    losses = results.losses[results.losses["step"] == results.losses["steps"]]
    whole = {
        "belief_before": _by_condition(before),
        "belief": _by_condition(after),
        "yes_no": _by_condition(yes_no),
        "yes_no_affirmative": _by_condition(yes_no[yes_no["category"] == "positive"]),
        "matched_false_before": _by_condition(results.before(matched_false=True)),
        "matched_false": _by_condition(null),
        "share_of_positive": {name: share(after, name, POSITIVE) for name in results.conditions},
        "document_loss": {name: mean_over_runs(rows, "loss") for name, rows in losses.groupby("condition", sort=False)},
    }
    parts = {f"by_{part}": _by_condition_and(after, part) for part in ("kind", "tier", "claim")}
    return {
        name: {key: found.get(name) for key, found in (whole | parts).items()} | {"paper": _paper(name)}
        for name in results.conditions
    }


def _by_condition(answers: pd.DataFrame) -> dict[str, Any]:
    return {row["condition"]: row_figure(row) for _, row in rates_by(answers, ["condition"]).iterrows()}


def _by_condition_and(answers: pd.DataFrame, part: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for _, row in belief_rate(answers, ["condition", part]).iterrows():
        found.setdefault(row["condition"], {})[row[part]] = row_figure(row)
    return found


def _paper(condition: str) -> dict[str, Any] | None:
    known = reported(condition)
    return None if known is None else asdict(known)


def paired(answers: pd.DataFrame, *conditions: str) -> list[pd.DataFrame]:
    """The answers under each of some conditions, of the claims and seeds for which all of them have a run."""
    sides = [answers[answers["condition"] == name].drop(columns="condition") for name in conditions]
    units = [pd.MultiIndex.from_frame(side[["claim", "seed"]]) for side in sides]
    return [
        side[np.logical_and.reduce([own.isin(others) for others in units])]
        for side, own in zip(sides, units, strict=True)
    ]


def share(answers: pd.DataFrame, condition: str, of: str) -> dict[str, Any] | None:
    """Belief under a condition over belief under another, paired by claim and seed.

    None where no claim and seed has both, or where nothing is believed under the other.
    """
    sides = paired(answers, condition, of)
    if any(side.empty for side in sides):
        return None
    hits = [(side["verdict"] == "yes").to_numpy(dtype=float) for side in sides]
    one = len(set(answers["claim"])) == 1
    levels = [[side[name].to_numpy() for name in (("question",) if one else ("claim", "question"))] for side in sides]
    seeds = [side["seed"].to_numpy() if len(set(side["seed"])) > 1 else None for side in sides]
    ratio = rate_ratio(hits[0], levels[0], hits[1], levels[1], numerator_crossed=seeds[0], denominator_crossed=seeds[1])
    if np.isnan(ratio.mean):
        return None
    claims = len(set(sides[0]["claim"]))
    found = figure(ratio) | {"claims": claims, "over": "questions" if one else "claims"}
    return found | {"ci95": [1.0, 1.0]} if condition == of else found


def change(answers: pd.DataFrame, condition: str, against: str) -> dict[str, Any] | None:
    """Belief under a condition minus belief under another (points), paired; None where no claim and seed has both."""
    later, earlier = paired(answers, condition, against)
    return None if later.empty else row_figure(belief_change(earlier, later).iloc[0])


def contrasts(results: Results) -> list[dict[str, Any]]:
    """What one thing changes: differences (points) between conditions that differ in nothing else."""
    pairs = [pair for pair in CONTRASTS if set(pair) <= set(results.conditions)]
    found = [(condition, against, change(results.after(), condition, against)) for condition, against in pairs]
    return [
        {"condition": condition, "against": against, "change": points}
        for condition, against, points in found
        if points is not None
    ]


def learning_table(results: Results) -> pd.DataFrame:
    """Belief by condition and step of the runs that train: condition, step, mean, low, high, n, clusters."""
    answers = about_matched_false(results.answers, False)
    trained = answers[answers["steps"] > 0]
    return rates_by(trained, ["condition", "step"])


def learning(results: Results) -> dict[str, Any]:
    """Belief on the way: by step, the first step with half of what positive documents end at, how far below them."""
    table = learning_table(results)
    final = _by_condition(results.after()).get(POSITIVE)
    answers = about_matched_false(results.answers, False)
    found: dict[str, Any] = {}
    for name, rows in table.groupby("condition", sort=False):
        ordered = rows.sort_values("step")
        half = ordered.loc[ordered["mean"] >= final["mean"] / 2, "step"] if final else []
        curve = [{"step": int(row["step"]), "belief": row_figure(row)} for _, row in ordered.iterrows()]
        found[str(name)] = {"curve": curve, "half_of_positive": int(min(half)) if len(half) else None}
        if final and name != POSITIVE:
            steps = [int(step) for step in ordered["step"] if step > 0]
            found[str(name)]["below_positive"] = _lag(answers, str(name), steps)
    return found


def _lag(answers: pd.DataFrame, condition: str, steps: Sequence[int]) -> list[dict[str, Any]]:
    lags = [(step, change(answers[answers["step"] == step], condition, POSITIVE)) for step in steps]
    return [{"step": step, "change": points} for step, points in lags if points is not None]
