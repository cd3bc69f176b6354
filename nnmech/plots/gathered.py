"""Tables of several runs, or of several documents, as one: what the figures that compare them are drawn from."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from nnmech.belief.rates import belief_rate
from nnmech.claims import MATCHED_FALSE
from nnmech.drift import (
    belief_difference,
    belief_over_steps,
    claim_coordinate,
    coordinate_difference,
    phase_ends,
    polarity_coordinate,
    portrait_of,
    token_readings,
)
from nnmech.drift.recording import ProbeName
from nnmech.plots.tables import claim_rows
from nnmech.runs import Run
from nnmech.runs.labels import RunLabels

ROLES = ("claim", MATCHED_FALSE)
"""What is compared of a run, and the null beside it."""
COORDINATES = {"truth": claim_coordinate, "polarity": polarity_coordinate}
"""By probe, the function that places statements between its controls."""
ALL_RUNS = "all runs"
"""What runs are called that have neither arm nor condition."""
PORTRAIT_KEYS = ("run", "condition", "role")
TEXT_KEYS = ["document", "condition", "step"]
"""What names a document at a step."""


def gather_ends(runs: Mapping[str, Run]) -> dict[str, tuple[int | None, int]]:
    """The last step of phase 1 (None for a single phase) and the last step of all, by the name of the run."""
    return {name: phase_ends(run) for name, run in runs.items()}


def gather_beliefs(runs: Mapping[str, Run], *, claim: str | None = None) -> pd.DataFrame:
    """Belief rate (percent) of several runs by step and role, each about its own claim.

    Args:
        runs: By the names that a legend gives them.
        claim: What runs are asked about that name no claim of their own.

    Returns:
        The columns of `belief_over_steps`, and claim, run, and condition (the arm of runs that have arms).
    """
    return labelled({name: run_belief(run, claim) for name, run in runs.items()}, _labels(runs))


def gather_mean_beliefs(runs: Mapping[str, Run], *, claim: str | None = None) -> pd.DataFrame:
    """Belief rate (percent) over all runs of an arm or condition, by step and role: averaged over claims and seeds.

    Args:
        runs: By any names; those of an arm or condition are averaged at the steps that all of them were asked at.
        claim: What runs are asked about that name no claim of their own.

    Returns:
        Columns run (the arm or condition), condition (the same), role, step, and those of `belief_rate`, whose unit of
        inference are claims where there are several, with seeds crossed; no rows where nothing was asked.
    """
    answers: dict[str, list[pd.DataFrame]] = {}
    for run in runs.values():
        own = claim_of(run, claim)
        asked = run.answers
        if own is not None:
            asked = asked.loc[(asked["claim"] == own).to_numpy(dtype=bool)]
        if len(asked):
            role = np.where(asked["category"] == MATCHED_FALSE, MATCHED_FALSE, "claim")
            series = run.labels.series or ALL_RUNS
            answers.setdefault(series, []).append(asked.assign(role=role, seed=run.labels.seed))
    tables = []
    for series, parts in answers.items():
        steps = set.intersection(*(set(part["step"]) for part in parts))
        together = pd.concat(parts, ignore_index=True)
        everywhere = together["step"].isin(sorted(steps)).to_numpy(dtype=bool)
        rates = belief_rate(together.loc[everywhere], ["role", "step"])
        tables.append(rates.sort_values(by=["role", "step"]).assign(run=series, condition=series))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def gather_series_ends(runs: Mapping[str, Run]) -> dict[str, tuple[int | None, int]]:
    """As `gather_ends`, by arm or condition: those of the first of its runs."""
    found: dict[str, tuple[int | None, int]] = {}
    for run in runs.values():
        found.setdefault(run.labels.series or ALL_RUNS, phase_ends(run))
    return found


def gather_coordinates(
    runs: Mapping[str, Run], *, probe: ProbeName = "truth", layer: int, position: str, claim: str | None = None
) -> pd.DataFrame:
    """Coordinate of the affirmative statements of each run's claim by step and role at one place.

    Args:
        runs: By the names that a legend gives them; each has the probe of its own first snapshot.
        probe: Whose coordinate it is.
        layer: Where it is read.
        position: Name of the token position.
        claim: Whose statements are taken of runs that name no claim of their own.

    Returns:
        The columns of `claim_coordinate`, and run and condition (the arm of runs that have arms).
    """
    tables = {}
    for name, run in runs.items():
        found = COORDINATES[probe](run, positions=[position], reference_step=run.steps[0])
        tables[name] = claim_rows(found, claim_of(run, claim), ROLES, layer=layer)
    return labelled(tables, _labels(runs))


def gather_belief_differences(runs: Mapping[str, Run], baseline: Run, *, claim: str | None = None) -> pd.DataFrame:
    """Belief rate in each run minus that in a baseline (points), paired by question, by step and role.

    Args:
        runs: By the names that a legend gives them.
        baseline: The run that is taken off them.
        claim: What runs are asked about that name no claim of their own.

    Returns:
        The columns of `belief_difference`, and role, run and condition.
    """
    return labelled({name: run_belief_difference(run, baseline, claim) for name, run in runs.items()}, _labels(runs))


def gather_coordinate_differences(
    runs: Mapping[str, Run],
    baseline: Run,
    *,
    probe: ProbeName = "truth",
    layer: int,
    position: str,
    claim: str | None = None,
) -> pd.DataFrame:
    """Coordinate of the claim's affirmative statements in each run minus that in a baseline, by step and role.

    Args:
        runs: By the names that a legend gives them; each has the probe of its own first snapshot.
        baseline: The run that is taken off them.
        probe: Whose coordinate it is.
        layer: Where it is read.
        position: Name of the token position.
        claim: Whose statements are taken of runs that name no claim of their own.

    Returns:
        The columns of `coordinate_difference`, and run and condition.
    """
    place = {"probe": probe, "layer": layer, "position": position}
    return labelled(
        {name: run_coordinate_difference(run, baseline, claim=claim, **place) for name, run in runs.items()},
        _labels(runs),
    )


def gather_portraits(runs: Mapping[str, Run], *, layer: int, position: str, claim: str | None = None) -> pd.DataFrame:
    """What each run represents of its claim against what it says, by step and role, at every step of either.

    Args:
        runs: By the names that a legend gives them.
        layer: Where the truth coordinate is read.
        position: Name of the token position.
        claim: Of runs that name no claim of their own.

    Returns:
        The columns of `portrait_of`, and run, condition and role; what a step lacks is interpolated.
    """
    inside = gather_coordinates(runs, layer=layer, position=position, claim=claim)
    return portrait_of(inside, gather_beliefs(runs, claim=claim), by=PORTRAIT_KEYS, between=True)


def gather_readings(
    run: Run,
    texts: Sequence[tuple[str, str, int]],
    *,
    layer: int,
    position: str,
    probe: ProbeName = "truth",
    reference_step: int = 0,
) -> pd.DataFrame:
    """Reading of a probe on every token of some documents, one document after the other.

    Args:
        run: A run that recorded documents.
        texts: Id and condition of each document, and the step at which it is read.
        layer: Where it is read.
        position: The token position that the probe is fitted at.
        probe: Which probe reads.
        reference_step: The step that the probe is fitted at.

    Returns:
        The columns of `token_readings`.
    """
    place = {"layer": layer, "position": position, "probe": probe, "reference_step": reference_step}
    readings = pd.concat([token_readings(run, step=step, **place) for step in dict.fromkeys(text[2] for text in texts)])
    return readings.set_index(TEXT_KEYS).loc[list(texts)].reset_index()


def run_belief(run: Run, claim: str | None = None) -> pd.DataFrame:
    """Belief rate of a run about its own claim, or about `claim` where it names none; columns as `gather_beliefs`."""
    own = claim_of(run, claim)
    return belief_over_steps(run, own).assign(claim=own)


def run_belief_difference(run: Run, baseline: Run, claim: str | None = None) -> pd.DataFrame:
    """Belief in a run minus that in a baseline, beside it that in matched false facts where they were asked about."""
    asked = set(run.answers["category"] == MATCHED_FALSE)
    roles = [role for role, is_null in zip(ROLES, (False, True), strict=True) if is_null in asked]
    own = claim_of(run, claim)
    tables = [belief_difference(run, baseline, claim=own, role=role).assign(role=role) for role in roles]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def run_coordinate_difference(
    run: Run, baseline: Run, *, probe: ProbeName, layer: int, position: str, claim: str | None = None
) -> pd.DataFrame:
    """Coordinate of the claim in a run minus that in a baseline; columns as `gather_coordinate_differences`."""
    found = coordinate_difference(
        run, baseline, probe=probe, layers=[layer], positions=[position], reference_step=run.steps[0]
    )
    return claim_rows(found, claim_of(run, claim), ROLES)


def claim_of(run: Run, claim: str | None = None) -> str | None:
    """The claim that a run was trained on, or `claim` where it names none."""
    return claim if run.labels.claim is None else run.labels.claim


def labelled(tables: Mapping[str, pd.DataFrame], labels: Mapping[str, RunLabels]) -> pd.DataFrame:
    """Tables of runs as one, with the columns by which figures tell runs apart: run, and condition or arm."""
    parts = [table.assign(run=name, condition=labels[name].series) for name, table in tables.items() if len(table)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _labels(runs: Mapping[str, Run]) -> dict[str, RunLabels]:
    return {name: run.labels for name, run in runs.items()}
