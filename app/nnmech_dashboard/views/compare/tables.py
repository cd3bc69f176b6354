"""The tables of the page Compare: each run by itself, and against the baseline, made beside the page."""

from collections.abc import Sequence

import pandas as pd

from nnmech.drift import portrait_of
from nnmech.errors import RunError
from nnmech.plots.gathered import (
    PORTRAIT_KEYS,
    ROLES,
    run_belief,
    run_belief_difference,
    run_coordinate_difference,
)
from nnmech.plots.recipes import call
from nnmech.plots.tables import claim_rows
from nnmech_dashboard.state.background import made
from nnmech_dashboard.state.calls import ANSWER_FILES, RECORDED_FILES, coordinates, opened
from nnmech_dashboard.state.selection import Selection
from nnmech_dashboard.views.compare.runs import Compared, Gathered, gather


def said(run: Compared) -> pd.DataFrame | None:
    """Belief rate of a run by step and role; no rows where nothing was asked, None while it is being counted."""
    return made(call("table", run_belief, run.opened, run.claim), ANSWER_FILES)


def represented(run: Compared, selection: Selection) -> pd.DataFrame | None:
    """Coordinate of the affirmative statements of a run's claim by step and role, at the chosen place."""
    if run.first is None:
        raise RunError("it has no snapshots, so that what it represents is not known")
    placed = coordinates(opened(run.path), selection.probe, selection.position, run.first)
    found = made(placed, RECORDED_FILES)
    return None if found is None else claim_rows(found, run.claim, ROLES, layer=selection.layer)


def portraits(runs: Sequence[Compared], selection: Selection) -> Gathered:
    """What the runs represent against what they say, by step and role."""
    inside = gather(runs, lambda run: represented(run, selection))
    says = gather(runs, said)
    waiting = max(inside.waiting, says.waiting)
    # What is wrong with either half is said where that is drawn.
    if inside.table.empty or says.table.empty:
        return Gathered(pd.DataFrame(), waiting, ())
    return Gathered(portrait_of(inside.table, says.table, by=PORTRAIT_KEYS, between=True), waiting, ())


def said_apart(run: Compared, baseline: Compared) -> pd.DataFrame | None:
    """Belief in a run minus belief in the baseline, by step and role."""
    difference = call("table", run_belief_difference, run.opened, baseline.opened, run.claim)
    return made(difference, (*ANSWER_FILES, "events.jsonl"))


def represented_apart(run: Compared, baseline: Compared, selection: Selection) -> pd.DataFrame | None:
    """Coordinate in a run minus that in the baseline, by step and role, at the chosen place."""
    if run.first is None:
        return pd.DataFrame()
    if baseline.first is None:
        raise RunError("the baseline has no snapshots, so that what it represents is not known")
    place = {"probe": selection.probe, "layer": selection.layer, "position": selection.position}
    difference = call("table", run_coordinate_difference, run.opened, baseline.opened, **place, claim=run.claim)
    return made(difference, (*RECORDED_FILES, "events.jsonl"))
