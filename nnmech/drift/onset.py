"""When a claim becomes true inside, and when the model begins to say it."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from nnmech.drift.coordinates import draw_coordinates
from nnmech.drift.recording import claim_answers, open_recording
from nnmech.errors import InputError, RunError
from nnmech.probes.estimators import Estimator, LinearEstimator
from nnmech.runs import Run
from nnmech.statistics import interval_bounds, mean_interval, sample_and_draws

HALF = 0.5
REACHED, NEVER, ABOVE, BRIEF = "reached", "never", "above one half before training", "did not last"
OUTCOMES = (REACHED, NEVER, BRIEF, ABOVE)
"""What becomes of one half: reached to stay, not reached, reached and lost again, or there from the start."""
COUNTED = {"never": NEVER, "brief": BRIEF, "above": ABOVE}
PLACE = ["condition", "what", "layer", "position"]

Onsets = Float[np.ndarray, "draw"]


def onset(
    runs: Sequence[Run],
    *,
    layers: Sequence[int] | None = None,
    positions: Sequence[str] | None = None,
    estimator: Estimator | LinearEstimator = "mass_mean",
    reference_step: int = 0,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Step at which the claim coordinate ("inside") and the belief rate ("answers") of each run cross one half to stay.

    Between recorded steps both are interpolated linearly in log(1 + step). What is above one half at the first recorded
    step has no onset, and neither has what is below it again at the last one; `outcome` says so. Rows of what
    "difference" are answers minus inside, in steps: positive where the claim was true inside before the model said it,
    and missing where one of the two has no onset.

    Args:
        runs: each with a `condition` or an `arm` in its config.
        layers: decoder blocks; all that were recorded if None.
        positions: token positions; all that were recorded if None.
        estimator: a name of `nnmech.probes.ESTIMATORS`, or an estimator with settings of its own.
        reference_step: where the probes are fitted.
        draws: of the bootstrap.
        seed: of the draws.

    Returns:
        Columns condition (else the arm), claim, seed, what, layer, position (missing for answers, which have none),
        step, low, high, outcome (one of `OUTCOMES`), reached, n (statements of role `claim`, for answers questions).
        The 95% intervals resample statements, control entities, people of the probe and questions. Without an onset
        step, low and high are NaN and reached False; a bound is NaN where the draws beyond it have none, or nothing
        can be resampled.

    Raises:
        InputError: for no runs, and as `claim_coordinate`.
        RunError: for a run whose config names no condition, or that has no statements of role `claim` or no answers
            about their claim, and as `claim_coordinate`.
    """
    if not runs:
        raise InputError("there are no runs: an onset needs at least one")
    records = []
    for run in runs:
        found = list(_run_onsets(run, layers, positions, estimator, reference_step, draws, seed))
        if not found:
            raise RunError(f"{run.path}: no affirmative statements of role claim: record them to see an onset inside")
        records += found
    return pd.DataFrame(records)


def average_onset(onsets: pd.DataFrame) -> pd.DataFrame:
    """Mean onset over runs by condition, what, layer and position, with a 95% interval over claims.

    Args:
        onsets: a table of `onset`. Only runs with an onset count, so that means of conditions are comparable where
            `reached` is alike; differences, which pair the two onsets of a run, are so anyway.

    Returns:
        Columns condition, what, layer, position, step, low, high, reached (share of the runs), n (claims among those),
        runs (all of them), and how many of these never reached one half, did not stay there, or were there from the
        start: never, brief, above.
    """
    records = []
    for key, group in onsets.groupby(PLACE, sort=False, dropna=False):
        known = group.loc[group["reached"].to_numpy(dtype=bool)]
        record: dict[str, Any] = dict(zip(PLACE, tuple(key), strict=True))  # pyright: ignore[reportArgumentType]
        record |= {"step": np.nan, "low": np.nan, "high": np.nan, "reached": len(known) / len(group), "n": 0}
        if len(known):
            interval = mean_interval(known["step"], known["claim"].to_numpy(), crossed=known["seed"].to_numpy())
            record |= {"step": interval.mean, "low": interval.low, "high": interval.high, "n": interval.units}
        counts = {name: int(np.count_nonzero(group["outcome"] == outcome)) for name, outcome in COUNTED.items()}
        record |= {"runs": len(group), **counts}
        records.append(record)
    return pd.DataFrame(records)


def crossing(steps: np.ndarray, values: Float[np.ndarray, "draw step"]) -> Onsets:
    """Where each row reaches one half to stay, linear in log(1 + step) between `steps` that rise.

    Infinite where it is not there at its last step, minus infinite where it is so from its first. Steps without a value
    are left out.
    """
    place, found = np.log1p(steps), np.full(len(values), np.inf)
    before, value_before = np.full(len(values), np.nan), np.full(len(values), np.nan)
    for here, value in zip(place, values.T, strict=True):
        known, first = ~np.isnan(value), np.isnan(value_before)
        rises = known & (value >= HALF) & ~(value_before >= HALF)
        with np.errstate(divide="ignore", invalid="ignore"):
            between = before + (here - before) * (HALF - value_before) / (value - value_before)
        found = np.where(rises, np.where(first, -np.inf, between), found)
        found = np.where(known & (value < HALF), np.inf, found)
        before, value_before = np.where(known, here, before), np.where(known, value, value_before)
    # Rounded, so that a crossing at a recorded step is that step.
    return np.where(np.isneginf(found), found, np.expm1(found).round(9))


def outcome_of(values: Float[np.ndarray, "step"]) -> str:
    """Which of `OUTCOMES` the values over steps are; steps without one are left out."""
    known = values[~np.isnan(values)] >= HALF
    if not known.any():
        return NEVER
    if known[0]:
        return ABOVE
    return REACHED if known[-1] else BRIEF


def _run_onsets(
    run: Run,
    layers: Sequence[int] | None,
    positions: Sequence[str] | None,
    estimator: Estimator | LinearEstimator,
    reference_step: int,
    draws: int,
    seed: int,
) -> Iterator[dict[str, Any]]:
    labels = run.labels
    if labels.series is None:
        raise RunError(f"{run.path}: its config has neither condition nor arm: write one when the run is created")
    recording = open_recording(run, layers=layers, positions=positions, reference_step=reference_step)
    order = np.argsort(recording.steps)
    steps = np.array(recording.steps)[order]
    for drawn in draw_coordinates(recording, "truth", estimator, draws, seed):
        if drawn.group.role != "claim" or drawn.group.polarity != 1:
            continue
        n = len(drawn.group.members)
        named = {"condition": labels.series, "claim": drawn.group.claim, "seed": labels.seed}
        said, spoken, questions = _said(run, drawn.group.claim, draws, seed)
        nowhere = {"layer": np.nan, "position": None}
        yield {**named, "what": "answers", **nowhere, **_summary(said, spoken, questions), "n": questions}
        for (row, layer), (column, position) in product(enumerate(recording.layers), enumerate(recording.positions)):
            z = drawn.z[:, order, row, column]
            inside, read = crossing(steps, z), outcome_of(z[0])
            place = {"layer": layer, "position": position}
            yield {**named, "what": "inside", **place, **_summary(inside, read, drawn.clusters), "n": n}
            # Infinite less infinite is nothing, and so is what either lacks in the sample itself.
            known = np.isfinite(said) | np.isfinite(inside)
            later = np.subtract(said, inside, out=np.full_like(said, np.nan), where=known)
            both = next((outcome for outcome in (spoken, read) if outcome != REACHED), REACHED)
            clusters = min(questions, drawn.clusters)
            yield {**named, "what": "difference", **place, **_summary(later, both, clusters), "n": n}


def _summary(onsets: Onsets, outcome: str, clusters: int) -> dict[str, Any]:
    """step, low, high, outcome, reached of an onset whose first draw is the sample itself; NaN where not finite."""
    if outcome != REACHED:
        return {"step": np.nan, "low": np.nan, "high": np.nan, "outcome": outcome, "reached": False}
    # Outwards to a draw, since some are infinite.
    ends = (onsets[0], *interval_bounds(onsets, clusters, rounding=("lower", "higher")))
    step, low, high = (float(value) if np.isfinite(value) else np.nan for value in ends)
    return {"step": step, "low": low, "high": high, "outcome": outcome, "reached": True}


def _said(run: Run, claim: Any, draws: int, seed: int) -> tuple[Onsets, str, int]:
    """Onset of belief in answers, questions resampled, the same ones at every step; its outcome; and the questions."""
    answers = claim_answers(run, claim)
    hits = answers.assign(hit=answers["verdict"] == "yes").pivot_table("hit", "question", "step", aggfunc="sum")
    counts = answers.pivot_table("sample", "question", "step", aggfunc="size")
    questions = hits.index.to_numpy()
    # Another seed than those of statements and controls: all three are drawn independently.
    weights = sample_and_draws(questions, draws, seed + 2)
    said, asked = (weights @ table.fillna(0).to_numpy(dtype=np.float64) for table in (hits, counts))
    rates = np.divide(said, asked, out=np.full_like(said, np.nan), where=asked > 0)
    return crossing(hits.columns.to_numpy(), rates), outcome_of(rates[0]), len(questions)
