"""Belief rates from the authors' raw answers, beside the numbers of the paper.

    nnmech recompute --data FOLDER

FOLDER holds the answer tables, results/<claim>/<condition>/<kind>.csv.zst, and the claims, facts/ or claims/. Every
yes/no verdict is worked out again. Prints the rates with question-cluster intervals beside naive ones, and by question
kind; writes nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pandas as pd
import tyro
from rich.console import Console

from nnmech.authors import belief_from_answers, load_claims, paper_rate
from nnmech.claims import QuestionKind
from nnmech.claims.annotations import CONDITIONS
from nnmech.errors import InputError


@dataclass(frozen=True)
class Arguments:
    """Recompute the paper's belief rates from raw answers."""

    data: Path
    """Folder with results/ and with facts/ or claims/."""


def rates(arguments: Arguments) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Belief rates by claim and condition, and by question kind besides, conditions in the paper's order."""
    folder = arguments.data
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder, expected one with results/ and facts/ or claims/; check --data")
    claims = load_claims(folder)
    place = {name: index for index, name in enumerate(CONDITIONS)}
    tables = []
    for by in (("claim", "condition"), ("claim", "condition", "kind")):
        table = belief_from_answers(folder / "results", by, claims=claims)
        order = [place.get(name, len(place)) for name in table["condition"]]
        tables.append(table.assign(order=order).sort_values(["claim", "order"], kind="stable", ignore_index=True))
    return tables[0], tables[1]


def main_lines(table: pd.DataFrame) -> Iterator[str]:
    """A row a claim and condition: the rate, both intervals, the error ratio, the paper's rate and how they compare."""
    yield "| claim | condition | belief, 95% by question | 95% naive | error ratio | paper | |"
    yield "|" + "---|" * 7
    for row in table.to_dict("records"):
        printed = paper_rate(row["condition"], row["claim"])
        verdict = ""
        if printed is not None:
            verdict = "same" if printed.agrees(row["mean"]) else f"differs by {row['mean'] - printed.rate:+.1f}"
        ratio = "" if pd.isna(row["error_ratio"]) else f"{row['error_ratio']:.2f}"
        cells = [
            f"{row['claim']} | {row['condition']}",
            f"{row['mean']:.1f} ({row['low']:.1f} to {row['high']:.1f})",
            f"{row['naive_low']:.1f} to {row['naive_high']:.1f}",
            f"{ratio} | {printed or ''} | {verdict}",
        ]
        yield f"| {' | '.join(cells)} |"


def kind_lines(table: pd.DataFrame) -> Iterator[str]:
    """A row a claim and condition, a column a question kind: the rate with its interval by question."""
    kinds = get_args(QuestionKind)
    yield f"| claim | condition | {' | '.join(kinds)} |"
    yield "|" + "---|" * (2 + len(kinds))
    cells: dict[str, dict[str, str]] = {}
    for row in table.to_dict("records"):
        rate = f"{row['mean']:.0f} ({row['low']:.0f} to {row['high']:.0f})"
        cells.setdefault(f"{row['claim']} | {row['condition']}", {})[row["kind"]] = rate
    for names, found in cells.items():
        yield f"| {names} | {' | '.join(found[kind] for kind in kinds)} |"


def main(words: Sequence[str]) -> None:
    """Carry out a command line."""
    arguments = tyro.cli(Arguments, prog="nnmech recompute", description=__doc__, args=list(words))
    whole, by_kind = rates(arguments)
    ratios = whole["error_ratio"].dropna()
    lines = [
        *main_lines(whole),
        "",
        *kind_lines(by_kind),
        "",
        f"Belief in percent of all answers. Over {len(ratios)} claims and conditions, the standard error that takes "
        f"questions for clusters is {ratios.mean():.2f} times the naive one (median {ratios.median():.2f}).",
    ]
    console = Console(highlight=False)
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
