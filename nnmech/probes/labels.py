"""The statements of a run as a table whose row numbers are those of the snapshot, and what probes learn of them."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd
from jaxtyping import Int

from nnmech.claims import Statement
from nnmech.errors import InputError
from nnmech.probes.fitting import Labelled
from nnmech.probes.inputs import check_crossed
from nnmech.recording.snapshots import Snapshot

COLUMNS = ("id", "truth", "polarity", "topic", "entity", "role", "claim")


def statement_table(statements: pd.DataFrame | Sequence[Statement], columns: Sequence[str]) -> pd.DataFrame:
    """Statements as a table indexed 0 to n - 1; raises InputError where one of `columns` is missing."""
    if isinstance(statements, pd.DataFrame):
        table = statements.reset_index(drop=True)
    else:
        table = pd.DataFrame([asdict(statement) for statement in statements])
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise InputError(f"the statements lack the columns {missing}; there are {list(table.columns)}")
    return table


def label_table(statements: pd.DataFrame | Sequence[Statement], snapshot: Snapshot) -> pd.DataFrame:
    """Statements in snapshot order, indexed 0 to n - 1; raises InputError where columns or rows are missing."""
    table = statement_table(statements, COLUMNS)
    if len(table) != snapshot.residual.shape[2]:
        raise InputError(
            f"{len(table)} statements, but the snapshot of step {snapshot.step} holds {snapshot.residual.shape[2]}: "
            "give all statements of the run, in their order"
        )
    return table


def training_table(table: pd.DataFrame) -> pd.DataFrame:
    """The statements of role `train`; raises InputError unless truth and polarity are crossed in them."""
    train = table.loc[table["role"].to_numpy() == "train"]
    for truth, name in zip(train["truth"], train["id"], strict=True):
        if not isinstance(truth, bool | np.bool_):
            raise InputError(f"statement {name} has role train and truth {truth}: expected True or False")
    check_crossed(
        train["truth"].to_numpy(dtype=bool), train["polarity"].to_numpy(dtype=np.int64) > 0, "statement of role train"
    )
    return train.astype({"truth": bool, "polarity": int})


def labelled(table: pd.DataFrame, probe: str) -> Labelled:
    """What a probe of `truth` or `polarity` is validated on: columns truth and entity, polarity and topic if known.

    Raises InputError where an entity or a topic is missing, or the polarity for a polarity probe.
    """
    truth = table["truth"].to_numpy(dtype=bool)
    affirmative = table["polarity"].to_numpy(dtype=np.int64) > 0 if "polarity" in table else None
    if probe == "polarity" and affirmative is None:
        raise InputError("a polarity probe needs the polarity of the statements: give +1 or -1 for each of them")
    labels, other = (truth, affirmative) if probe == "truth" else (affirmative, truth)
    assert labels is not None
    topics = _codes(table, "topic") if "topic" in table else None
    return Labelled(labels, _codes(table, "entity"), other, affirmative, topics, probe)


def _codes(table: pd.DataFrame, column: str) -> Int[np.ndarray, "n"]:
    codes = pd.factorize(table[column])[0].astype(np.int64)
    if (codes < 0).any():
        raise InputError(f"the {column} of {(codes < 0).sum()} statements is missing: give one for each of them")
    return codes
