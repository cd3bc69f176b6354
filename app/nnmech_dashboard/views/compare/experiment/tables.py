"""The tables of a whole experiment, each by `background.table`: what its finished runs have come to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import getitem
from pathlib import Path
from typing import Any

import pandas as pd

from nnmech import plots
from nnmech.errors import NnmechError
from nnmech.experiments.conditions import report as conditions
from nnmech.experiments.two_phase import report as two_phase
from nnmech.plots.recipes import Call, Recipe, call
from nnmech.plots.tables import stacked
from nnmech.runs import Run
from nnmech.runs.format import INFO_FILE
from nnmech_dashboard.state.listing import Stamp

READ_FILES = ("run.json", "events.jsonl", "answers.jsonl", "metrics.jsonl")


@dataclass(frozen=True, eq=False)
class KeyNumbers:
    """Of finished two-phase runs: belief and null (percent), rebound (points), document loss (nats a token) by arm."""

    belief: pd.DataFrame
    null: pd.DataFrame
    rebound: pd.DataFrame
    loss: pd.DataFrame
    by_phase: Recipe
    """Of belief, null and rebound in one table."""
    losses: Recipe
    known: Mapping[Call, Any]
    """What the calls of both recipes gave."""
    runs: int
    faults: tuple[str, ...]
    """What is wrong with the runs that are left out."""


@dataclass(frozen=True, eq=False)
class Believed:
    """Belief (percent) after training by condition, and by condition and claim; what the paper reports."""

    belief: pd.DataFrame
    claims: pd.DataFrame
    paper: Mapping[str, Sequence[float]]
    recipe: Recipe
    known: Mapping[Call, Any]
    """What the calls of the recipe gave."""
    runs: int
    faults: tuple[str, ...]


def key_numbers(path: str, folders: tuple[str, ...], version: Stamp) -> KeyNumbers:
    """The report of the finished runs in `folders` of the two-phase experiment at `path`."""
    results, faults = _results(two_phase.read_results, path, folders)
    belief = call("belief", two_phase.belief_table, results)
    null = call("null", two_phase.null_table, results)
    rebound = call("rebound", two_phase.rebound_table, results)
    parts = {"the claim": belief, "matched false facts": null, "rebound": rebound}
    by_phase = Recipe(call("table", stacked, parts, "about"), call("figure", plots.belief_by_phase, belief))
    losses = Recipe.drawn(call("table", two_phase.loss_table, results), plots.document_loss)
    known = _known(results, belief, null, rebound, by_phase.table, losses.table)
    return KeyNumbers(
        belief=known[belief],
        null=known[null],
        rebound=known[rebound],
        loss=known[losses.table],
        by_phase=by_phase,
        losses=losses,
        known=known,
        runs=len(known[results].runs),
        faults=faults,
    )


def believed(path: str, folders: tuple[str, ...], version: Stamp) -> Believed:
    """The table of conditions of the finished runs in `folders` of the experiment at `path`."""
    results, faults = _results(conditions.read_results, path, folders)
    tables = call("tables", conditions.belief_tables, results)
    table, claims = call("table", getitem, tables, 0), call("claims", getitem, tables, 1)
    paper = call("paper", conditions.paper_rates, call(None, getattr, results, "conditions"))
    known = _known(results, tables, table, claims, paper)
    recipe = Recipe.drawn(table, plots.belief_by_condition, claims, reference=paper)
    return Believed(known[table], known[claims], known[paper], recipe, known, len(known[results].runs), faults)


def _results(read: Callable[..., Any], path: str, folders: tuple[str, ...]) -> tuple[Call, tuple[str, ...]]:
    """The results of an experiment, of the runs that can be read, and what is wrong with the others."""
    readable, faults = _readable(folders)
    # Runs that go on or are damaged must not be read again: then those that are read are named one by one.
    everything = {str(file.parent) for file in Path(path).glob(f"runs/*/{INFO_FILE}")}
    chosen = [] if everything == set(readable) else [[call(None, Run, folder) for folder in readable]]
    return call("results", read, call("experiment", Run, path), *chosen), faults


def _known(*calls: Call) -> dict[Call, Any]:
    """What calls give, each taking the results of those before it."""
    known: dict[Call, Any] = {}
    for one in calls:
        known[one] = one.run(known)
    return known


def _readable(folders: tuple[str, ...]) -> tuple[list[str], tuple[str, ...]]:
    """The runs whose files can be read, and what is wrong with the others."""
    runs, faults = [], []
    for folder in folders:
        try:
            run = Run(Path(folder))
            # Read here, so that a damaged file costs its own run alone.
            _ = (run.events, run.answers, run.metrics)
        except NnmechError as error:
            faults.append(str(error))
        else:
            runs.append(folder)
    return runs, tuple(faults)
