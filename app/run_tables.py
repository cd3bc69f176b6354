"""The tables behind the dashboard's views: what nnmech reads from run directories, kept until a file changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st
from run_listing import Entry, Stamp, stamp

from nnmech.beliefs import belief_change, belief_rate
from nnmech.drift import claim_coordinate, polarity_coordinate
from nnmech.errors import NnmechError
from nnmech.experiments.two_phase.report import LABELS, STAGE_LABELS, belief_table, loss_table, read_results
from nnmech.plots.tables import rows_where
from nnmech.probes import auroc_by_layer
from nnmech.runs import Run

NO_ARM = "run"
"""Stands for the arm of a run that has none."""
NULL_CATEGORY = "matched_false"
CLAIM, NULL_FACTS = "the claim", "matched false facts"
COORDINATES = {"truth": claim_coordinate, "polarity": polarity_coordinate}


@dataclass(frozen=True)
class Member:
    """One training run as the dashboard speaks of it; `boundary` is the last step of its first phase, if it has two."""

    id: str
    path: str
    arm: str
    seed: int | None
    claim: str | None
    claim_text: str | None
    boundary: int | None
    steps: int
    """The last step: the planned one, or as yet the last one that was logged."""
    reached: int
    finished: bool
    two_phase: bool
    """Whether it says everything that the report of a two-phase experiment asks for."""


@dataclass(frozen=True)
class MemberTables:
    """A run's answers and metrics, with columns arm, seed, run and stage."""

    member: Member
    answers: pd.DataFrame
    metrics: pd.DataFrame


@dataclass(frozen=True)
class KeyNumbers:
    """Of finished two-phase runs: belief and null (percent), rebound (points), document loss (nats a token) by arm."""

    belief: pd.DataFrame
    null: pd.DataFrame
    rebound: pd.DataFrame
    loss: pd.DataFrame


@st.cache_data(show_spinner=False, max_entries=512)
def read_member(name: str, path: str, version: Stamp) -> MemberTables:
    """The run at `path`, called `name`; raises RunError where its files are damaged."""
    run = Run(path)
    config, events, metrics, answers = run.config, run.events, run.metrics, run.answers
    logged = [max(int(step) for step in table["step"]) for table in (events, metrics, answers) if len(table)]
    reached = max(logged, default=0)
    boundary = _number(config.get("boundary"))
    if boundary is None:
        starts = sorted(int(step) for step in rows_where(events, kind="phase")["step"])
        boundary = starts[1] - 1 if len(starts) > 1 else None
    member = Member(
        id=name,
        path=path,
        arm=str(config.get("arm", NO_ARM)),
        seed=_number(config.get("seed")),
        claim=_text(config.get("claim")),
        claim_text=_text(config.get("claim_text")),
        boundary=boundary,
        steps=max(_number(config.get("steps")) or 0, reached),
        reached=reached,
        finished=run.finished,
        two_phase={*LABELS, "boundary", "steps"} <= config.keys(),
    )
    stages = {0: "baseline", boundary: "phase1", member.steps: "phase2"} if boundary else {}

    def labelled(table: pd.DataFrame) -> pd.DataFrame:
        stage = [stages.get(step) for step in table["step"]]
        return table.assign(arm=member.arm, seed=member.seed, run=member.id, stage=stage)

    return MemberTables(member, labelled(answers), labelled(metrics))


@st.cache_data(show_spinner="Counting beliefs …", max_entries=16)
def key_numbers(path: str, folders: tuple[str, ...], version: Stamp) -> KeyNumbers:
    """The report of the finished runs `folders`, within the experiment at `path` or that run itself.

    Raises what `read_results` and `belief_rate` do.
    """
    results = read_results(_Selection(path, folders))
    asked = results.stage_answers()
    before, after = (rows_where(asked, stage=stage).drop(columns="stage") for stage in ("phase1", "phase2"))
    null = results.stage_answers(matched_false=True)
    rates = belief_rate(null, ["arm", "stage"]) if len(null) else pd.DataFrame(columns=pd.Index(["arm", "stage"]))
    return KeyNumbers(
        belief=belief_table(results),
        null=rates.assign(phase=[STAGE_LABELS[stage] for stage in rates["stage"]]),
        rebound=belief_change(before, after, ["arm"]),
        loss=loss_table(results),
    )


@st.cache_data(show_spinner="Counting beliefs …", max_entries=128)
def belief_by_step(arm: str, version: Stamp, _answers: pd.DataFrame) -> pd.DataFrame:
    """Belief rate (percent) by step of the runs of one arm: step, mean, low, high, n, clusters, arm, about.

    `about` is CLAIM or NULL_FACTS; `_answers` are those in the files of
    `version`. Raises what `belief_rate` does.
    """
    is_null = (_answers["category"] == NULL_CATEGORY).to_numpy(dtype=bool)
    groups = ((CLAIM, _answers.loc[~is_null]), (NULL_FACTS, _answers.loc[is_null]))
    tables = [belief_rate(asked, ["step"]).assign(arm=arm, about=about) for about, asked in groups if len(asked)]
    return pd.concat(tables, ignore_index=True).sort_values("step") if tables else pd.DataFrame()


@st.cache_data(show_spinner="Fitting probes on the untouched model …", max_entries=64)
def probe_quality(path: str, probe: str, version: Stamp) -> pd.DataFrame:
    """AUROC of a probe on held-out entities, with its controls, by layer and position at the first step recorded.

    Raises InputError where the run's statements do not fit a probe.
    """
    run = Run(path)
    return auroc_by_layer(run.snapshot(run.steps[0]), run.statements, probes=(probe,))


@st.cache_data(show_spinner="Reading snapshots …", max_entries=128)
def coordinates(path: str, probe: str, layer: int, position: str, version: Stamp) -> pd.DataFrame:
    """The coordinate of each group of statements by step; columns of `claim_coordinate`, and what that raises."""
    run = Run(path)
    return COORDINATES[probe](run, layers=[layer], positions=[position], reference_step=run.steps[0])


@st.cache_data(show_spinner=False, max_entries=128)
def recorded_steps(path: str, version: Stamp) -> list[int]:
    """The steps of a run that have a snapshot by now; raises RunError where the list of them is damaged."""
    return Run(path).steps


def read_members(entries: Sequence[Entry]) -> tuple[list[MemberTables], list[str]]:
    """The runs of a listing with their tables, and what is wrong with those that are left out."""
    tables, faults = [], []
    for entry in entries:
        if entry.fault is not None:
            faults.append(entry.fault)
            continue
        try:
            tables.append(read_member(entry.id, str(entry.path), stamp([entry.path])))
        except NnmechError as error:
            faults.append(str(error))
        except (KeyError, TypeError, ValueError) as error:
            faults.append(f"{entry.path}: its files hold what nnmech does not write ({error!r}). Run it anew.")
    return tables, faults


class _Selection(Run):
    """An experiment of which some runs are looked at: `children` are those in `folders`."""

    def __init__(self, path: Path | str, folders: Sequence[str]) -> None:
        super().__init__(path)
        self._folders = tuple(folders)

    def children(self) -> list[Run]:
        return [Run(folder) for folder in self._folders]


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, int | np.integer) and not isinstance(value, bool) else None


def _text(value: object) -> str | None:
    return None if value is None else str(value)
