"""What two runs were started with, side by side where it is not the same."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from nnmech.runs.reader import Run

NOT_SET = "not set"
"""Stands where a run says nothing of a setting."""


def settings_difference(one: Run, other: Run) -> tuple[pd.DataFrame, int]:
    """The settings of two runs that differ, and how many are the same.

    Args:
        one: A run.
        other: The run that it is held against.

    Returns:
        A row a setting that differs, by name: `setting` (parts of a nested one joined by dots; `model.` for what the
        run says of its model), `one` and `other` as text. Then the number of settings that are the same.
    """
    first, second = (dict(_settings(run)) for run in (one, other))
    names = sorted(first.keys() | second.keys())
    rows = [(name, first.get(name, NOT_SET), second.get(name, NOT_SET)) for name in names]
    differing = [row for row in rows if row[1] != row[2]]
    return pd.DataFrame(differing, columns=pd.Index(["setting", "one", "other"])), len(rows) - len(differing)


def _settings(run: Run) -> Iterator[tuple[str, str]]:
    yield from _parts("", run.config)
    yield from _parts("model.", run.info["model"])


def _parts(prefix: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _parts(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", ", ".join(map(str, value)) if isinstance(value, list) else str(value)
