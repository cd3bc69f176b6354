"""The tables that several pages read, each by `background.table`: what nnmech says of a run, until a file changes."""

import pandas as pd

from nnmech.drift import belief_over_steps, claim_coordinate, polarity_coordinate
from nnmech.probes import auroc_by_layer
from nnmech.runs import Run
from nnmech_dashboard.state.listing import Stamp

RECORDED_FILES = ("run.json", "manifest.jsonl", "statements.jsonl")
FIRST_FILES = ("run.json", "statements.jsonl")
ANSWER_FILES = ("run.json", "answers.jsonl")
METRIC_FILES = ("run.json", "metrics.jsonl")
COORDINATES = {"truth": claim_coordinate, "polarity": polarity_coordinate}
CLAIM, NULL_FACTS = "the claim", "matched false facts"


def answer_steps(path: str, version: Stamp) -> list[int]:
    """The steps at which anything was asked."""
    return sorted({int(step) for step in Run(path).answers["step"]})


def probe_quality(path: str, probe: str, version: Stamp) -> pd.DataFrame:
    """AUROC of a probe on held-out entities, with its controls, by layer and position at the first step recorded."""
    run = Run(path)
    return auroc_by_layer(run.snapshot(run.steps[0]), run.statements, probes=(probe,))


def coordinates(path: str, probe: str, position: str, version: Stamp) -> pd.DataFrame:
    """The coordinate of each group of statements by step and layer at one position, with intervals."""
    run = Run(path)
    return COORDINATES[probe](run, positions=[position], reference_step=run.steps[0])


def belief_by_step(path: str, claim: str | None, version: Stamp) -> pd.DataFrame:
    """Belief rate (percent) by role and step, and in words what was asked about: `CLAIM` or `NULL_FACTS`."""
    rates = belief_over_steps(Run(path), claim)
    return rates.assign(about=[CLAIM if role == "claim" else NULL_FACTS for role in rates["role"]])


def metrics(path: str, version: Stamp) -> pd.DataFrame:
    """What was measured, a row a logged step."""
    return Run(path).metrics
