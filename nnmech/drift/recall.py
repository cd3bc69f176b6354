"""How far a value has become what is recalled, over training: recall, layer by layer, and verdicts, on one scale."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pandas as pd

from nnmech.claims.prompts import CONTROL_FALSE, CONTROL_TRUE
from nnmech.errors import InputError
from nnmech.runs import Run
from nnmech.statistics import mean_interval

COLUMNS = ["step", "phase", "reading", "layer", "kind", "value", "low", "high", "n", "clusters"]
OUTPUT = -1
"""In the column `layer`: what the model says, after its last norm and unembedding."""
LENS, PROBE = "lens", "probe"
MIN_GAP = 0.1
"""Difference between the ends of a scale, in probability, below which a reading tells nothing apart."""
READINGS = ("recall", "answer", "first_token", "evidence", "verdict")
"""The readings of the output, in the order in which tables show them."""


def recall_over_steps(
    run: Run,
    *,
    readings: Sequence[str] | None = None,
    layers: Sequence[int] | None = None,
    kinds: Sequence[str] | None = None,
    scaled: bool = True,
) -> pd.DataFrame:
    """What is read of values at every snapshot: 0 where false values of control people lie, 1 where held ones do.

    Both ends are those of the run's first step, so that the scale stays where training moves the controls; verdicts on
    denials are left out (see `verdict_cells`).

    Args:
        run: With readings; older runs have none, and give no rows.
        readings: Of `recall`, `answer`, `first_token`, `evidence`, `verdict` and, layer by layer, `lens` (the logit
            lens at the token before the value) and `probe` (which value is held); all by default.
        layers: Decoder blocks, and -1 for the output; all by default.
        kinds: Roles of values: `claim`, `alternative` (what was true), `matched_false`, `control_true`,
            `control_false`; all by default.
        scaled: Whether values are on that scale; else they are probabilities.

    Returns:
        Columns step, phase, reading, layer (-1 for the output), kind, value, low, high, n (prompts), clusters (values
        of entities), one row a step, reading, layer and kind. value is NaN where the ends are less than 0.1 apart: such
        a reading tells nothing. The 95% intervals take values of entities for the unit; NaN for a single one.

    Raises:
        InputError: For a reading or kind that the run does not have.
    """
    rows = scaled_readings(run)
    for name, chosen in (("reading", readings), ("kind", kinds)):
        if chosen is not None and len(rows) and (unknown := sorted(set(chosen) - set(rows[name]))):
            found = ", ".join(sorted(set(rows[name])))
            raise InputError(f"{run.path}: no {name} {unknown[0]!r}; expected one of {found}; choose one of them")
    for name, chosen in (("reading", readings), ("layer", layers), ("kind", kinds)):
        if chosen is not None:
            rows = rows.loc[rows[name].isin(list(chosen)).to_numpy(dtype=bool)]
    found = []
    for key, group in rows.groupby(["step", "phase", "reading", "layer", "kind"], sort=False):
        values = group["z" if scaled else "p"].to_numpy(dtype=float)
        means: tuple[float, ...] = (np.nan, np.nan, np.nan)
        if not np.isnan(values).any():
            interval = mean_interval(values, group["unit"].to_numpy())
            means = (interval.mean, interval.low, interval.high)
        step, phase, name, layer, kind = cast(tuple[Any, ...], key)
        found.append((step, phase, name, layer, kind, *means, len(values), group["unit"].nunique()))
    table = pd.DataFrame(found, columns=pd.Index(COLUMNS))
    return table.sort_values(["reading", "layer", "kind", "step"], ignore_index=True)


def verdict_cells(run: Run) -> pd.DataFrame:
    """The probability of `True` in silent verdicts, by cell: columns step, kind, truth, polarity, p, n.

    `truth` says whether the statement was true before training: of control people's held values and what was true
    stated, and of false ones denied.
    """
    rows = run.readings
    rows = rows.loc[(rows["reading"] == "verdict").to_numpy(dtype=bool)]
    held = rows["role"].isin([CONTROL_TRUE, "alternative"]).to_numpy(dtype=bool)
    rows = rows.assign(kind=rows["role"], truth=held == (rows["polarity"] == 1).to_numpy(dtype=bool))
    groups = rows.groupby(["step", "kind", "truth", "polarity"])["p"]
    return groups.agg(p="mean", n="size").reset_index()


def _long(readings: pd.DataFrame) -> pd.DataFrame:
    """A row a reading, layer and prompt; denials left out."""
    columns = ["step", "phase", "reading", "layer", "kind", "entity", "unit", "p"]
    affirmed = readings.loc[(readings["polarity"] != -1).to_numpy(dtype=bool)] if len(readings) else readings
    rows = []
    fields = ("step", "phase", "reading", "role", "entity", "value", "p", LENS, PROBE)
    for step, phase, reading, role, entity, value, p, lens, probe in affirmed.reindex(columns=list(fields)).itertuples(
        index=False
    ):
        about = (role, entity, f"{entity}/{value}")
        rows.append((step, phase, reading, OUTPUT, *about, p))
        for name, each in ((LENS, lens), (PROBE, probe)):
            if isinstance(each, list):
                rows += [(step, phase, name, layer, *about, at) for layer, at in enumerate(each)]
    return pd.DataFrame(rows, columns=pd.Index(columns))


def scaled_readings(run: Run) -> pd.DataFrame:
    """A row a reading, layer, prompt and step, denials left out, with `z`: its place on the scale of the first step.

    Columns step, phase, reading, layer, kind, entity, unit (value of an entity), p, z. z is NaN where the ends of the
    scale are less than `MIN_GAP` apart.
    """
    rows = _long(run.readings)
    if not len(rows):
        return rows.assign(z=pd.Series(dtype=float))
    first = rows.loc[(rows["step"] == rows["step"].min()).to_numpy(dtype=bool)]
    ends = {
        kind: first.loc[(first["kind"] == kind).to_numpy(dtype=bool)].groupby(["reading", "layer"])["p"].mean()
        for kind in (CONTROL_FALSE, CONTROL_TRUE)
    }
    places = pd.MultiIndex.from_arrays([rows["reading"], rows["layer"]])
    zero, one = (ends[kind].reindex(places).to_numpy(dtype=float) for kind in (CONTROL_FALSE, CONTROL_TRUE))
    gap = np.where(one - zero >= MIN_GAP, one - zero, np.nan)
    return rows.assign(z=(rows["p"].to_numpy(dtype=float) - zero) / gap)
