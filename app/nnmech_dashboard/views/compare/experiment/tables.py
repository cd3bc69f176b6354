"""The tables of a whole experiment, each by `background.table`: what its finished runs have come to."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from nnmech.errors import NnmechError
from nnmech.experiments.conditions import report as conditions
from nnmech.experiments.two_phase import report as two_phase
from nnmech.runs import Run
from nnmech_dashboard.state.listing import Stamp

READ_FILES = ("run.json", "events.jsonl", "answers.jsonl", "metrics.jsonl")


@dataclass(frozen=True, eq=False)
class KeyNumbers:
    """Of finished two-phase runs: belief and null (percent), rebound (points), document loss (nats a token) by arm."""

    belief: pd.DataFrame
    null: pd.DataFrame
    rebound: pd.DataFrame
    loss: pd.DataFrame
    runs: int
    faults: tuple[str, ...]
    """What is wrong with the runs that are left out."""


@dataclass(frozen=True, eq=False)
class Believed:
    """Belief (percent) after training by condition, and by condition and claim; what the paper reports."""

    belief: pd.DataFrame
    claims: pd.DataFrame
    paper: dict[str, tuple[float, ...]]
    runs: int
    faults: tuple[str, ...]


def key_numbers(path: str, folders: tuple[str, ...], version: Stamp) -> KeyNumbers:
    """The report of the finished runs in `folders` of the two-phase experiment at `path`."""
    runs, faults = _readable(folders)
    results = two_phase.read_results(Run(path), runs)
    return KeyNumbers(
        belief=two_phase.belief_table(results),
        null=two_phase.null_table(results),
        rebound=two_phase.rebound_table(results),
        loss=two_phase.loss_table(results),
        runs=len(results.runs),
        faults=faults,
    )


def believed(path: str, folders: tuple[str, ...], version: Stamp) -> Believed:
    """The table of conditions of the finished runs in `folders` of the experiment at `path`."""
    runs, faults = _readable(folders)
    results = conditions.read_results(Run(path), runs)
    belief, claims = conditions.belief_tables(results)
    paper = {name: tuple(rates) for name, rates in conditions.paper_rates(results.conditions).items()}
    return Believed(belief, claims, paper, len(results.runs), faults)


def _readable(folders: tuple[str, ...]) -> tuple[list[Run], tuple[str, ...]]:
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
            runs.append(run)
    return runs, tuple(faults)
