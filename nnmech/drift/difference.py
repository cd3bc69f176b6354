"""How a run differs from a baseline at the same moments of training: in what it says and in what it represents."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from nnmech.belief.rates import belief_change
from nnmech.drift.coordinates import draw_coordinates
from nnmech.drift.recording import ProbeName, Recording, claim_answers, open_recording
from nnmech.errors import InputError, RunError, located
from nnmech.probes.estimators import Estimator, LinearEstimator
from nnmech.runs import Run
from nnmech.statistics import interval_bounds

COORDINATE_COLUMNS = [
    *("step", "baseline_step", "phase", "layer", "position", "role", "claim", "polarity"),
    *("difference", "low", "high", "n"),
]
BELIEF_COLUMNS = ["step", "baseline_step", "phase", "difference", "low", "high", "n", "clusters"]

StepPairs = Sequence[tuple[int, int]]


def phase_ends(run: Run) -> tuple[int | None, int]:
    """Last step of the first of two phases, None for a single phase, and last step of all.

    Both as the run's labels plan them (`boundary`, `steps`); where they say nothing, as they are recorded by now.
    """
    planned, boundary = run.labels.steps, run.labels.boundary
    asked = () if planned is not None else (int(step) for step in run.answers["step"])
    last = max([planned or 0, *run.steps, *asked])
    if boundary is None:
        starts = sorted(int(step) for step in run.events.loc[(run.events["kind"] == "phase").to_numpy(), "step"])
        boundary = starts[1] - 1 if len(starts) > 1 else None
    return (boundary if boundary is not None and 0 < boundary < last else None), last


def paired_steps(run: Run, baseline: Run, steps: Sequence[int], baseline_steps: Sequence[int]) -> list[tuple[int, int]]:
    """The steps of a run that correspond to steps of a baseline, each with that step, in order.

    The ends of a phase correspond, whatever their steps, and so do steps as far into the same phase. Runs whose phases
    are equally long are so paired step by step. A baseline that trains nothing is the untouched model at every step.
    """
    if phase_ends(baseline)[1] == 0 and 0 in baseline_steps:
        return [(step, 0) for step in sorted(set(steps))]
    own, other = (_moments(phase_ends(side), given) for side, given in ((run, steps), (baseline, baseline_steps)))
    found: dict[int, int] = {}
    # The ends of phases first: a step is paired once.
    for moment in sorted(own.keys() & other.keys(), key=lambda moment: moment[1] != "end"):
        if own[moment] not in found and other[moment] not in found.values():
            found[own[moment]] = other[moment]
    return sorted(found.items())


def coordinate_difference(
    run: Run,
    baseline: Run,
    *,
    probe: ProbeName = "truth",
    layers: Sequence[int] | None = None,
    positions: Sequence[str] | None = None,
    steps: StepPairs | None = None,
    estimator: Estimator | LinearEstimator = "mass_mean",
    reference_step: int = 0,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Coordinate of each group of statements in a run minus that in a baseline, at the same moments of training.

    Coordinates, groups and null as in `claim_coordinate` and `polarity_coordinate`; each run has the probe of its own
    reference step.

    Args:
        run: that differs.
        baseline: of the same statements.
        probe: `truth` or `polarity`.
        layers: decoder blocks; all that were recorded if None.
        positions: token positions; all that were recorded if None.
        steps: pairs of a step of the run and one of the baseline; those of `paired_steps` if None.
        estimator: a name of `nnmech.probes.ESTIMATORS`, or an estimator with settings of its own.
        reference_step: where the probes are fitted.
        draws: of the bootstrap.
        seed: of the draws.

    Returns:
        Columns step, baseline_step, phase (of the run), layer, position, role, claim, polarity, difference, low, high,
        n (statements); the 95% intervals resample statements and control entities, the same ones in both runs. NaN
        where the controls of either are not separated.

    Raises:
        InputError: for runs that recorded different statements, layers or positions, and as `claim_coordinate`.
        RunError: where no moment was recorded in both, and as `claim_coordinate`.
    """
    for side in (run, baseline):
        if not side.steps:
            raise RunError(f"{side.path}: the run has no snapshots: give its Recorder statements and steps to record")
    pairs = paired_steps(run, baseline, run.steps, baseline.steps) if steps is None else list(steps)
    _check_pairs(run, baseline, pairs, "snapshots")
    sides = [
        open_recording(side, layers=layers, positions=positions, steps=list(own), reference_step=reference_step)
        for side, own in zip((run, baseline), zip(*pairs, strict=True), strict=True)
    ]
    _check_alike(*sides)
    # The steps of the run come in the order of the pairs; several may have the same one of the baseline.
    places = [sides[1].steps.index(step) for _, step in pairs]
    tables = []
    for own, other in zip(*(draw_coordinates(side, probe, estimator, draws, seed) for side in sides), strict=True):
        # The statements are the same and so is the seed: a draw of one run is that of the other.
        difference = own.z[:, list(sides[0].shown)] - other.z[:, places]
        low, high = interval_bounds(difference, own.clusters)
        values = {"difference": difference[0], "low": low, "high": high, "n": len(own.group.members)}
        tables.append(sides[0].table(own.group.labels, values))
    table = pd.concat(tables, ignore_index=True)
    return table.assign(baseline_step=_of_baseline(pairs, table)).loc[:, COORDINATE_COLUMNS]


def belief_difference(
    run: Run,
    baseline: Run,
    *,
    claim: str | None = None,
    role: str = "claim",
    steps: StepPairs | None = None,
) -> pd.DataFrame:
    """Belief rate in a run minus that in a baseline (points) at the same moments of training, paired by question.

    Args:
        run: that differs.
        baseline: that was asked the same questions.
        claim: whose questions; those of the run's own claim if None, or every claim's where it names none.
        role: `claim`, or as its null `matched_false`.
        steps: pairs of a step of the run and one of the baseline; those of `paired_steps` if None.

    Returns:
        Columns step, baseline_step, phase (of the run), difference, low, high, n (answers), clusters (questions); the
        95% intervals are over questions, the same ones in both runs.

    Raises:
        InputError: for runs that were asked different questions.
        RunError: where one has no answers about the claim, or no moment was asked about in both.
    """
    named = run.labels.claim if claim is None else claim
    claims = list(dict.fromkeys(run.answers["claim"])) if named is None else [named]
    asked = [pd.concat([claim_answers(side, name, role) for name in claims]) for side in (run, baseline)]
    recorded = [sorted({int(step) for step in answers["step"]}) for answers in asked]
    pairs = paired_steps(run, baseline, *recorded) if steps is None else list(steps)
    _check_pairs(run, baseline, pairs, "answers")
    own = asked[0].loc[np.isin(asked[0]["step"], [step for step, _ in pairs])]
    other = pd.concat(
        [asked[1].loc[(asked[1]["step"] == theirs).to_numpy()].assign(step=step) for step, theirs in pairs]
    )
    with located(f"{run.path} and its baseline {baseline.path}"):
        table = belief_change(other, own, ["step"])
    table = table.rename(columns={"mean": "difference"}).sort_values("step", ignore_index=True)
    phases = dict(zip(own["step"], own["phase"], strict=True))
    table = table.assign(baseline_step=_of_baseline(pairs, table), phase=[phases[step] for step in table["step"]])
    return table.loc[:, BELIEF_COLUMNS]


def _of_baseline(pairs: StepPairs, table: pd.DataFrame) -> list[int]:
    """The baseline's step of each row."""
    steps = dict(pairs)
    return [steps[int(step)] for step in table["step"]]


def _moments(ends: tuple[int | None, int], steps: Sequence[int]) -> dict[tuple[int, int | str], int]:
    """Steps by phase and steps into it, and by phase where they are its end."""
    boundary, last = ends
    moments: dict[tuple[int, int | str], int] = {}
    for step in steps:
        phase = 1 if boundary is None or step <= boundary else 2
        moments[phase, step if phase == 1 else step - (boundary or 0)] = step
        if step > 0 and step in (boundary, last):
            moments[phase, "end"] = step
    return moments


def _check_pairs(run: Run, baseline: Run, pairs: StepPairs, what: str) -> None:
    if not pairs:
        raise RunError(
            f"{run.path} and its baseline {baseline.path} have {what} at no common moment of training: record both at "
            "the same steps, or at the ends of their phases"
        )


def _check_alike(own: Recording, other: Recording) -> None:
    """Raise InputError unless both recorded the same statements, tokens, layers and positions."""
    names = ["id", "text", "role", "claim", "truth", "polarity", "entity"]
    hashes = [side.run.snapshot(side.steps[0], layers=side.layers[:1]).batch_hash for side in (own, other)]
    if hashes[0] != hashes[1] or not own.statements[names].equals(other.statements[names]):
        raise InputError(
            f"{own.run.path} and its baseline {other.run.path} recorded different statements or tokens "
            f"({hashes[0][:12]}, {hashes[1][:12]}): a difference pairs the same ones; choose a baseline of the same "
            "experiment and claim"
        )
    for what, mine, theirs in (("layers", own.layers, other.layers), ("positions", own.positions, other.positions)):
        if mine != theirs:
            raise InputError(
                f"{own.run.path} recorded {what} {list(mine)}, its baseline {other.run.path} {list(theirs)}: name some "
                "that both have"
            )
