"""The outcome of a positive control: which readings follow plain documents on fresh facts, and which cannot tell."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nnmech.claims.sources import NEW, OLD
from nnmech.claims.types import MATCHED_FALSE
from nnmech.drift.recall import OUTPUT, scaled_readings
from nnmech.errors import InputError
from nnmech.files.bounds import SMALL
from nnmech.files.json_text import read_json
from nnmech.runs import Run
from nnmech.statistics import mean_interval

MIN_MOVE = 0.2
"""What the new value must gain over matched false ones, on the scale from 0 to 1: the interval has to lie above it."""
CANNOT_TELL = "cannot tell"
OUTCOME_FILE = "control.json"
COLUMNS = ["reading", "layer", "group", "moved", "low", "high", "n", "passes"]
_ROLES = (NEW, OLD, MATCHED_FALSE)
_STAGES = ("before", "after")


def control_outcome(run: Run) -> pd.DataFrame:
    """How far each reading of the new values moved, beside those of matched false ones, by group of people.

    Args:
        run: Of the experiment `control`.

    Returns:
        Columns reading, layer (-1 for the output), group, then p (probability) and z (0 where false values of control
        people lie, 1 where held ones do) of the new, old and matched false values before and after (`new_before`,
        `new_before_p`, …), moved (change of new minus matched false, on that scale) with low and high of its 95%
        interval over people, n (people), passes: whether low is above `MIN_MOVE`.

    Raises:
        InputError: Where the run has no readings of new values.
    """
    rows = scaled_readings(run)
    split = rows["kind"].astype(str).str.split("/", n=1, expand=True) if len(rows) else pd.DataFrame()
    if split.shape[1] < 2 or NEW not in set(split[0]):
        raise InputError(f"{run.path}: no readings of new values; expected a run of the experiment control; give one")
    rows = rows.assign(role=split[0], group=split[1])
    rows = rows.loc[rows["role"].isin(_ROLES).to_numpy(dtype=bool)]
    first, last = rows["step"].min(), rows["step"].max()
    rows = rows.loc[rows["step"].isin([first, last]).to_numpy(dtype=bool)]
    rows = rows.assign(stage=np.where(rows["step"] == first, *_STAGES))
    found = []
    for (reading, layer, group), place in rows.groupby(["reading", "layer", "group"], sort=False):
        means = place.pivot_table(
            index="entity", columns=["role", "stage"], values=["z", "p"], aggfunc="mean", dropna=False
        )
        named: dict[str, Any] = {"reading": reading, "layer": layer, "group": group}
        for role in _ROLES:
            for stage in _STAGES:
                named[f"{role}_{stage}_p"] = float(means["p", role, stage].mean())
                named[f"{role}_{stage}"] = float(means["z", role, stage].mean()) if "z" in means else np.nan
        moved = np.full(len(means), np.nan)
        if "z" in means:
            z = means["z"]
            moved = (
                (z[NEW, "after"] - z[NEW, "before"]) - (z[MATCHED_FALSE, "after"] - z[MATCHED_FALSE, "before"])
            ).to_numpy()
        if np.isnan(moved).any():
            found.append({**named, "moved": np.nan, "low": np.nan, "high": np.nan, "n": len(moved), "passes": False})
            continue
        interval = mean_interval(moved, np.arange(len(moved)))
        ends = {"moved": interval.mean, "low": interval.low, "high": interval.high}
        found.append({**named, **ends, "n": len(moved), "passes": bool(interval.low > MIN_MOVE)})
    return pd.DataFrame(found)


def read_outcome(path: Path | str) -> pd.DataFrame:
    """The outcome that an experiment `control` left in its folder, as a table; InputError where there is none."""
    file = Path(path) / OUTCOME_FILE
    try:
        found = read_json(file, SMALL, error=InputError)
    except FileNotFoundError as error:
        raise InputError(f"{file}: missing; expected the outcome of a control; run nnmech control first") from error
    rows = found.get("readings") if isinstance(found, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) and {*COLUMNS} <= row.keys() for row in rows):
        raise InputError(f"{file}: no table of readings; expected {', '.join(COLUMNS)} a row; run nnmech control again")
    return pd.DataFrame(rows)


def can_tell(outcome: pd.DataFrame, reading: str, layer: int = OUTPUT, group: str = "documents only") -> bool:
    """Whether a reading passed the control, so that its standing still means something; False for one not measured."""
    mask = (outcome["reading"] == reading) & (outcome["layer"] == layer) & (outcome["group"] == group)
    rows = outcome.loc[mask.to_numpy(dtype=bool)]
    return bool(len(rows)) and bool(rows["passes"].all())


_GATES = (
    ("verdict", NEW, 0.7, False),
    ("verdict", OLD, 0.3, True),
    ("verdict", MATCHED_FALSE, 0.1, True),
    ("recall", NEW, 0.9, False),
)
_CELL_BOUND = 0.9
_SILENT = "documents only"


def control_gates(run: Run) -> pd.DataFrame:
    """What a base model has to pass before its silent verdict is published, from a run of the experiment `control`.

    Returns:
        Columns name, value (mean probability), bound, at_most, n (prompts), passed: silent P(True) and recall after
        training by group, and P(right verdict) before it on people in documents only, by truth and polarity.
    """
    rows = run.readings
    split = rows["role"].astype(str).str.split("/", n=1, expand=True)
    rows = rows.assign(kind=split[0], group=split[1])
    gates: list[tuple[str, pd.Series, float, bool]] = []
    after = rows.loc[((rows["step"] == rows["step"].max()) & (rows["polarity"] != -1)).to_numpy(dtype=bool)]
    groups = [str(group) for group in dict.fromkeys(rows["group"].dropna())]
    for reading, kind, bound, at_most in _GATES:
        for group in groups:
            mask = (after["reading"] == reading) & (after["kind"] == kind) & (after["group"] == group)
            named = "silent P(True)" if reading == "verdict" else "recall"
            gates.append((f"{named}, {kind} value, {group}", after.loc[mask.to_numpy(dtype=bool), "p"], bound, at_most))
    mask = (rows["step"] == rows["step"].min()) & (rows["reading"] == "verdict") & (rows["group"] == _SILENT)
    before = rows.loc[mask.to_numpy(dtype=bool)]
    for kind, held in ((OLD, True), (MATCHED_FALSE, False)):
        for polarity in (1, -1):
            p = before.loc[((before["kind"] == kind) & (before["polarity"] == polarity)).to_numpy(dtype=bool), "p"]
            truth = held == (polarity == 1)
            name = f"P(right verdict), {str(truth).lower()} {'stated' if polarity == 1 else 'denied'}, {_SILENT}"
            gates.append((name, p if truth else 1 - p, _CELL_BOUND, False))
    found = []
    for name, p, bound, at_most in gates:
        value = float(p.mean())
        passed = value <= bound if at_most else value >= bound
        found.append({"name": name, "value": value, "bound": bound, "at_most": at_most, "n": len(p), "passed": passed})
    return pd.DataFrame(found)
