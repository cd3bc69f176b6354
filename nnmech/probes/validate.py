"""How good a probe is at one place on entities it never saw, beside what it is to be held against."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike

from nnmech.claims import Statement
from nnmech.errors import InputError
from nnmech.probes.controls import random_direction_scores
from nnmech.probes.estimators import Estimator, LinearEstimator, find_estimator
from nnmech.probes.fitting import Labelled
from nnmech.probes.inputs import as_bool, check_counts, check_crossed, names_of, statement_rows
from nnmech.probes.kinds import PROBES
from nnmech.probes.labels import label_table, labelled, statement_table, training_table
from nnmech.probes.measures import Collector
from nnmech.probes.report import MEASURES, RELIABILITY, TOPICS, ValidationReport, split_words
from nnmech.probes.splits import (
    SPLITS,
    Split,
    Trial,
    held_out_scores,
    make_trials,
)
from nnmech.recording.snapshots import Snapshot
from nnmech.statistics import sample_and_draws

__all__ = ["own_statements", "validation_report"]


def validation_report(
    source: Snapshot | ArrayLike | torch.Tensor,
    statements: pd.DataFrame | Sequence[Statement],
    *,
    layer: int | None = None,
    position: str | None = None,
    probe: str = "truth",
    estimators: Sequence[Estimator | LinearEstimator] = ("mass_mean", "mass_mean_covariance"),
    log_probs: ArrayLike | torch.Tensor | None = None,
    folds: int = 5,
    shuffles: int = 10,
    random_directions: int = 20,
    bins: int = 10,
    draws: int = 1000,
    device: str | None = None,
    seed: int = 0,
) -> ValidationReport:
    """Validate a probe of `truth` or `polarity` on held-out entities, with controls and intervals over entities.

    Args:
        source: a snapshot, read on its statements of role `train`, or activations [n d_model] of one's own.
        statements: all statements of the snapshot, or a table of one's own statements with columns truth and entity
            and, where known, polarity, topic, text and role (`own_statements` makes one of arrays). What is not known
            is reported as not measured.
        layer: decoder block of a snapshot.
        position: token position of a snapshot.
        probe: `truth` or `polarity`.
        estimators: names or estimators, each kind once.
        log_probs: the model's own log-probabilities [n] of the statements in nats, as `capture(with_log_probs=True)`
            gives them.
        folds: of the entities.
        shuffles: permutations of the labels.
        random_directions: drawn as a control.
        bins: of the reliability table.
        draws: of the bootstrap.
        device: where probes are fitted; the CPU if None.
        seed: of folds, shuffles, random directions and draws.

    Raises:
        InputError: for statements that do not fit, NaN, one class, truth not crossed with polarity, fewer than two
            entities, unknown names, and where an estimator cannot be fitted at all.
    """
    if probe not in PROBES:
        raise InputError(f"probe {probe!r}: expected one of {list(PROBES)}")
    names = [find_estimator(estimator).name for estimator in estimators]
    if not names or len(set(names)) < len(names):
        raise InputError(f"estimators {names}: expected at least one, each once")
    if min(folds, shuffles, random_directions, bins) < 1 or draws < 2:
        raise InputError("folds, shuffles, random_directions and bins must be at least 1, and draws at least 2")
    activations, table = _read(source, statements, layer, position, log_probs)
    data = labelled(table, probe)
    if data.labels.all() or not data.labels.any():
        raise InputError(f"all {len(table)} labels are of one class: a probe needs statements of both")
    trials, impossible = _all_trials(data, folds, shuffles, seed)
    skipped = [f"{split_words(split, probe)}: {reason}" for split, reason in impossible.items()]
    collector = Collector(data, sample_and_draws(data.groups, draws, seed))
    entity = trials["entity"][0]
    for estimator, name in zip(estimators, names, strict=True):
        for split, members in trials.items():
            try:
                found = held_out_scores(activations[None], data, members, estimator, device=device, seed=seed)
            except InputError as error:
                if split == "entity":
                    raise
                skipped.append(f"{name}, {split_words(split, probe)}: {error}")
                continue
            scores = [one[0] for one in found]
            collector.discrimination(name, split, scores, members)
            if split == "topic":
                collector.by_topic(name, scores[0], members[0], table["topic"].to_numpy())
            if split != "entity":
                continue
            if find_estimator(estimator).of(probe).log_odds:
                collector.calibration(name, scores[0], entity, bins, draws, seed)
            else:
                skipped.append(f"{name}, calibration: its score is no log-odds, so that it has no probabilities")
            collector.correlation(name, scores[0], entity, table)
    directions = random_direction_scores(activations, entity, directions=random_directions, seed=seed)
    collector.discrimination("random_direction", "entity", list(directions), [entity] * random_directions)
    skipped += collector.baselines(
        table, {split: members[0] for split, members in trials.items() if split != "shuffled"}
    )
    return ValidationReport(
        probe,
        layer,
        position,
        len(table),
        len(np.unique(data.groups)),
        pd.DataFrame(collector.measures, columns=MEASURES),
        pd.DataFrame(collector.topics, columns=TOPICS),
        pd.DataFrame(collector.reliability, columns=RELIABILITY),
        tuple(skipped),
    )


def own_statements(
    labels: ArrayLike | torch.Tensor,
    groups: Sequence[Any] | np.ndarray,
    *,
    polarity: ArrayLike | torch.Tensor | None = None,
    topics: Sequence[Any] | np.ndarray | None = None,
    texts: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Arrays of one's own, one entry a row of activations, as the table that `validation_report` reads.

    Args:
        labels: bool, 0/1 or -1/+1.
        groups: the entities that must not be in training and test at once.
        polarity: bool, 0/1 or -1/+1.
        topics: any names.
        texts: the statements as text.

    Raises:
        InputError: for other values or counts that differ.
    """
    columns: dict[str, Any] = {"truth": as_bool(labels), "entity": names_of(groups)}
    if polarity is not None:
        columns["polarity"] = np.where(as_bool(polarity, "polarity"), 1, -1)
    if topics is not None:
        columns["topic"] = names_of(topics)
    if texts is not None:
        columns["text"] = list(texts)
    counts = {name: len(column) for name, column in columns.items()}
    if len(set(counts.values())) > 1:
        raise InputError(f"columns of different lengths, {counts}: expected one entry of each for every statement")
    return pd.DataFrame(columns)


def _read(
    source: Snapshot | ArrayLike | torch.Tensor,
    statements: pd.DataFrame | Sequence[Statement],
    layer: int | None,
    position: str | None,
    log_probs: ArrayLike | torch.Tensor | None,
) -> tuple[Float[np.ndarray, "n d_model"], pd.DataFrame]:
    """Activations and statements of role `train`, with the column `log_prob` where it is known."""
    if isinstance(source, Snapshot):
        if layer is None or position is None:
            raise InputError(
                f"layer {layer!r}, position {position!r}: name both; the snapshot has the layers "
                f"{list(source.layers)} and the positions {list(source.positions)}"
            )
        table, rows = label_table(statements, source), statement_rows(source.at(layer, position))
    else:
        table, rows = statement_table(statements, ("truth", "entity")), statement_rows(source)
        check_counts(len(rows), statements=len(table))
    if log_probs is not None:
        table = table.assign(log_prob=_log_probs(log_probs, len(table)))
    table = training_table(table) if isinstance(source, Snapshot) else _own_training_table(table)
    return rows[table.index.to_numpy()], table.reset_index(drop=True)


def _log_probs(log_probs: ArrayLike | torch.Tensor, n: int) -> Float[np.ndarray, "n"]:
    numbers = log_probs.detach().cpu() if isinstance(log_probs, torch.Tensor) else log_probs
    values = np.asarray(numbers, dtype=np.float64)
    if values.shape != (n,) or not np.isfinite(values).all():
        raise InputError(f"log_probs of shape {values.shape}: expected one finite number for each of {n} statements")
    return values


def _own_training_table(table: pd.DataFrame) -> pd.DataFrame:
    """As `training_table`, but polarity and role need not be known, and one polarity alone will do."""
    if "role" in table:
        table = table.loc[table["role"].to_numpy() == "train"]
    if table.empty:
        raise InputError("there are no statements of role train to validate on; give some")
    truth = as_bool(table["truth"].to_numpy(), "truth")
    if "polarity" in table:
        affirmative = as_bool(table["polarity"].to_numpy(), "polarity")
        if affirmative.any() and not affirmative.all():
            check_crossed(truth, affirmative)
    return table.assign(truth=truth)


def _all_trials(
    data: Labelled, folds: int, shuffles: int, seed: int
) -> tuple[dict[Split, list[Trial]], dict[Split, str]]:
    """The fits of every split that the statements allow, and why they do not allow the others."""
    trials, skipped = {}, {}
    for split in SPLITS:
        try:
            trials[split] = make_trials(data, split, folds=folds, shuffles=shuffles, seed=seed)
        except InputError as error:
            if split == "entity":
                raise
            skipped[split] = str(error)
    return trials, skipped
