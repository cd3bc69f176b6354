"""The tables of the page Compare, each by `background.table`: a run by itself, and against the baseline."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from nnmech.claims import MATCHED_FALSE
from nnmech.drift import belief_difference, coordinate_difference, portrait_of
from nnmech.drift.recording import ProbeName
from nnmech.errors import RunError
from nnmech.runs import Run
from nnmech_dashboard.state.background import table
from nnmech_dashboard.state.listing import Stamp, stamp
from nnmech_dashboard.state.selection import Selection
from nnmech_dashboard.state.tables import ANSWER_FILES, RECORDED_FILES, belief_by_step, coordinates
from nnmech_dashboard.views.compare.runs import Compared, Gathered, gather

ROLES = ("claim", MATCHED_FALSE)
"""What is drawn of a run, and the null beside it."""
PORTRAIT_KEYS = ("run", "condition", "role")
DIFFERENCE_FILES = ("run.json", "manifest.jsonl", "statements.jsonl", "events.jsonl")


def said(run: Compared) -> pd.DataFrame | None:
    """Belief rate of a run by step and role; no rows where nothing was asked, None while it is being counted."""
    rates = table(belief_by_step, run.path, run.claim, stamp([run.path], ANSWER_FILES))
    return None if rates is None else rates.drop(columns="about")


def represented(run: Compared, selection: Selection) -> pd.DataFrame | None:
    """Coordinate of the affirmative statements of a run's claim by step and role, at the chosen place."""
    if not run.recorded:
        raise RunError("it has no snapshots, so that what it represents is not known")
    found = table(coordinates, run.path, selection.probe, selection.position, stamp([run.path], RECORDED_FILES))
    return None if found is None else _shown(found, run, selection)


def portraits(runs: Sequence[Compared], selection: Selection) -> Gathered:
    """What the runs represent against what they say, by step and role."""
    recorded = [run for run in runs if run.recorded]
    inside = gather(recorded, lambda run: represented(run, selection))
    says = gather(recorded, lambda run: _about(said(run), run))
    # What is wrong with either half is said where that is drawn.
    if inside.table.empty or says.table.empty:
        return Gathered(pd.DataFrame(), max(inside.waiting, says.waiting), ())
    joined = portrait_of(inside.table, says.table, by=PORTRAIT_KEYS)
    return Gathered(joined, max(inside.waiting, says.waiting), ())


def said_apart(run: Compared, baseline: Compared) -> pd.DataFrame | None:
    """Belief in a run minus belief in the baseline, by step and role."""
    paths = (run.path, baseline.path)
    return table(belief_apart, *paths, run.claim, stamp(paths, (*ANSWER_FILES, "events.jsonl")))


def represented_apart(run: Compared, baseline: Compared, selection: Selection) -> pd.DataFrame | None:
    """Coordinate in a run minus that in the baseline, by step and role, at the chosen place."""
    if not run.recorded:
        return pd.DataFrame()
    if not baseline.recorded:
        raise RunError("the baseline has no snapshots, so that what it represents is not known")
    paths, place = (run.path, baseline.path), (selection.probe, selection.layer, selection.position)
    found = table(coordinate_apart, *paths, *place, stamp(paths, DIFFERENCE_FILES))
    return None if found is None else _shown(found, run, selection)


def belief_apart(path: str, baseline: str, claim: str | None, version: Stamp) -> pd.DataFrame:
    """Belief in a run minus that in a baseline, matched false facts behind where they were asked about."""
    run, other = Run(path), Run(baseline)
    asked = set(run.answers["category"] == MATCHED_FALSE)
    roles = [role for role, is_null in zip(ROLES, (False, True), strict=True) if is_null in asked]
    tables = [belief_difference(run, other, claim=claim, role=role).assign(role=role) for role in roles]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def coordinate_apart(
    path: str, baseline: str, probe: ProbeName, layer: int, position: str, version: Stamp
) -> pd.DataFrame:
    """The coordinate of each group of statements in a run minus that in a baseline, at one place."""
    run = Run(path)
    return coordinate_difference(
        run, Run(baseline), probe=probe, layers=[layer], positions=[position], reference_step=run.steps[0]
    )


def _about(rates: pd.DataFrame | None, run: Compared) -> pd.DataFrame | None:
    return None if rates is None else rates.assign(claim=run.claim)


def _shown(found: pd.DataFrame, run: Compared, selection: Selection) -> pd.DataFrame:
    here = (found["layer"] == selection.layer) & (found["polarity"] == 1) & (found["claim"] == run.claim)
    return found.loc[here.to_numpy(dtype=bool) & np.isin(found["role"].to_numpy(dtype=str), ROLES)]
