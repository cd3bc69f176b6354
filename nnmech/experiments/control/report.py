"""What the positive control says, from the run directory alone: outcome of each reading, gates."""

from typing import Any, cast

import pandas as pd

from nnmech.drift.control import MIN_MOVE, control_gates, control_outcome
from nnmech.experiments.results import finished_runs
from nnmech.runs import Run

_BY = ["reading", "layer", "group"]


def outcome_of(experiment: Run) -> pd.DataFrame:
    """The outcome of each reading, layer and group over the finished runs; a reading passes where it does in each."""
    outcomes = pd.concat([control_outcome(run) for run in finished_runs(experiment)], ignore_index=True)
    grouped = outcomes.groupby(_BY, sort=False)
    outcome = cast(pd.DataFrame, grouped.mean(numeric_only=True))
    # Several seeds share their people: the widest ends, not a narrower interval.
    outcome = outcome.assign(low=grouped["low"].min(), high=grouped["high"].max(), passes=grouped["passes"].all())
    return outcome.reset_index()


def summarise(experiment: Run, outcome: pd.DataFrame) -> dict[str, Any]:
    """The outcome, and the gates of the first run."""
    runs = finished_runs(experiment)
    return {
        "model": experiment.info["model"],
        "runs": [run.name for run in runs],
        "least_move": MIN_MOVE,
        "readings": _rows(outcome),
        "gates": _rows(control_gates(runs[0])),
    }


def _rows(table: pd.DataFrame) -> list[dict[str, object]]:
    return [{str(name): _plain(value) for name, value in row.items()} for row in table.to_dict("records")]


def _plain(value: object) -> object:
    """A value as JSON has it: three decimals, null for what was not measured."""
    if hasattr(value, "item"):
        value = value.item()  # pyright: ignore[reportAttributeAccessIssue]
    if isinstance(value, float):
        return round(value, 3) if value == value else None
    return value
