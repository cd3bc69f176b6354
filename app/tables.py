"""The tables that several pages read, each by `background.table`: what nnmech says of a run, until a file changes."""

from collections.abc import Sequence

import pandas as pd
from listing import Stamp

from nnmech.beliefs import belief_rate
from nnmech.claims import MATCHED_FALSE
from nnmech.drift import claim_coordinate, polarity_coordinate
from nnmech.probes import auroc_by_layer
from nnmech.runs import Run

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
    """Belief rate (percent) by step: step, mean, low, high, n, clusters, about (`CLAIM` or `NULL_FACTS`)."""
    answers = Run(path).answers
    if claim is not None:
        answers = answers.loc[(answers["claim"] == claim).to_numpy(dtype=bool)]
    is_null = (answers["category"] == MATCHED_FALSE).to_numpy(dtype=bool)
    groups = ((CLAIM, answers.loc[~is_null]), (NULL_FACTS, answers.loc[is_null]))
    tables = [belief_rate(asked, ["step"]).assign(about=about) for about, asked in groups if len(asked)]
    return pd.concat(tables, ignore_index=True).sort_values("step") if tables else pd.DataFrame()


def metrics(path: str, version: Stamp) -> pd.DataFrame:
    """What was measured, a row a logged step."""
    return Run(path).metrics


def roles(table: pd.DataFrame) -> Sequence[str]:
    """The roles of a table of coordinates, in its order."""
    return list(dict.fromkeys(table["role"]))
