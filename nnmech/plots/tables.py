"""What a figure asks of a table before it draws: its columns, one row a point, the null beside the curve."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from nnmech.errors import InputError
from nnmech.plots.style import NEGATION, UNRELATED


def check_table(table: pd.DataFrame, columns: Sequence[str], *, unique: Sequence[str] = ()) -> None:
    """Raise InputError where the table is empty, lacks columns, or has two rows for one value of `unique`."""
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise InputError(f"the table lacks the columns {missing}; there are {list(table.columns)}")
    if table.empty:
        raise InputError("the table has no rows: there is nothing to draw")
    repeated = np.flatnonzero(table.duplicated(list(unique))) if unique else np.array([], dtype=int)
    if len(repeated):
        row = table.loc[:, list(unique)].iloc[repeated[0]].to_dict()
        raise InputError(f"two rows for {row}: choose one position, claim or estimator, or average before drawing")


def rows_where(table: pd.DataFrame, **wanted: Any) -> pd.DataFrame:
    """The rows whose columns have the wanted values."""
    chosen = np.ones(len(table), dtype=bool)
    for column, value in wanted.items():
        chosen &= (table[column] == value).to_numpy(dtype=bool)
    return table.loc[chosen]


def claim_rows(
    table: pd.DataFrame, claim: str | None, roles: Sequence[str], *, layer: int | None = None
) -> pd.DataFrame:
    """The rows of a table of coordinates that are of some roles and about a claim.

    Args:
        table: Of `claim_coordinate`, `decomposition` or the like: columns role, claim, polarity, layer.
        claim: Name of the claim; None for statements that are about none.
        roles: Of negations the negated statements are taken, of all others the affirmative ones; unrelated claims
            are taken whatever they are about.
        layer: None for all.
    """
    about = table["claim"].isna() if claim is None else (table["claim"] == claim) | (table["role"] == UNRELATED)
    kept = about & table["role"].isin(list(roles)) & ((table["polarity"] == 1) == (table["role"] != NEGATION))
    if layer is not None:
        kept &= table["layer"] == layer
    return table.loc[kept.to_numpy(dtype=bool)]


def stacked(tables: Mapping[str, pd.DataFrame], column: str) -> pd.DataFrame:
    """Tables one below the other, each named in `column`."""
    return pd.concat([table.assign(**{column: name}) for name, table in tables.items()], ignore_index=True)


def levels_of(table: pd.DataFrame, column: str) -> list[Any]:
    """Distinct values of a column in order of appearance, or of its categories."""
    values = table[column]
    if isinstance(values.dtype, pd.CategoricalDtype):
        return [level for level in values.cat.categories if level in values.tolist()]
    return list(dict.fromkeys(values))


def span(rows: pd.DataFrame, column: str) -> str:
    """The value of a column of counts, as `1,200`, or its range where rows differ."""
    values = [int(value) for value in rows[column].dropna()] or [0]
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def count_text(rows: pd.DataFrame, unit: str = "answers") -> str:
    """`n = 400 answers, 80 questions`, a range where rows differ."""
    questions = f", {counted(span(rows, 'clusters'), 'questions')}" if "clusters" in rows.columns else ""
    return f"n = {counted(span(rows, 'n'), unit)}{questions}"


def counted(number: str, unit: str) -> str:
    """`1 answer`, `400 answers`: a number and its unit, given in the plural."""
    return f"{number} {unit.removesuffix('s') if number == '1' else unit}"


def sample_text(rows: pd.DataFrame) -> str:
    """`n = 600 statements of 150 entities`, a range where rows differ."""
    return f"n = {counted(span(rows, 'n'), 'statements')} of {span(rows, 'entities')} entities"


def require_rows(table: pd.DataFrame, column: str, value: str) -> pd.DataFrame:
    """The rows whose column has the value; raises InputError where there are none."""
    rows = table.loc[(table[column] == value).to_numpy(dtype=bool)]
    if rows.empty:
        raise InputError(f"no row of {column} {value!r}; there are {levels_of(table, column)}")
    return rows


def check_null(table: pd.DataFrame, column: str) -> None:
    """Raise InputError where the column of the null has no value at all."""
    if np.isnan(table[column].to_numpy(dtype=float)).all():
        raise InputError(f"the column {column!r} has no value: a probe is not drawn without its null")


def single(table: pd.DataFrame, column: str) -> Any:
    """The one value of a column; raises InputError where the rows have several."""
    values = levels_of(table, column)
    if len(values) > 1:
        raise InputError(f"rows of several values of {column}, {values}: choose those of one before drawing")
    return values[0]


def chosen_levels(table: pd.DataFrame, column: str, wanted: Sequence[int] | None, most: int) -> list[int]:
    """The wanted values of a column, or at most `most` of them evenly spread; InputError for one that is not there."""
    available = sorted(int(value) for value in table[column].dropna().unique())
    if wanted is None:
        places = np.linspace(0, len(available) - 1, min(most, len(available)))
        return [available[round(place)] for place in places]
    unknown = [value for value in wanted if value not in available]
    if unknown or not wanted:
        raise InputError(f"{column}s {list(wanted)}: expected some of {available}")
    return list(wanted)
