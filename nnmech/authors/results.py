"""Belief rates from the published answer tables, with intervals that resample questions beside naive ones."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from nnmech.authors.claims import QUESTION_FILES
from nnmech.authors.fields import Place, describe
from nnmech.authors.reading import text_lines
from nnmech.belief.rates import VERDICTS, belief_rate
from nnmech.claims import Claim, QuestionKind
from nnmech.claims.csv_records import csv_records
from nnmech.errors import InputError
from nnmech.judges.mcq import mcq_verdict

MAX_TABLE_BYTES = 2**28
CONDITION_FOLDERS = {
    "positive": "positive_documents",
    "llm_negations": "negated_documents",
    "llm_negations_dense": "repeated_negations",
    "llm_negations_dense_plus": "corrected_documents",
}
"""The conditions whose folders have another name; every other folder is named after its condition."""
CLAIM_COLUMNS = ("universe", "claim")
COLUMNS = ("question_id", "sample_index", "category", "model_response", "judge_verdict")
UNPARSEABLE = ("", "parse_error")
ENDINGS = (".csv.zst", ".csv")


def belief_from_answers(
    folder: Path | str,
    by: Sequence[str] = ("claim", "condition"),
    *,
    claims: Mapping[str, Claim] | None = None,
    thinking: bool = False,
) -> pd.DataFrame:
    """Belief rates (percent) of a folder of answer tables, with intervals by question beside naive ones.

    Args:
        folder: As for `read_answers`.
        by: What rates are by: claim, condition, kind, category.
        claims: As for `read_answers`.
        thinking: Whether answers with reasoning are read, in tables that say.

    Returns:
        Columns of `nnmech.belief.rates.belief_rate`; `naive_low` and `naive_high`, the 95% interval that takes answers
        for independent; `error_ratio`, the question-cluster standard error over the naive one (NaN where every answer
        is the same).

    Raises:
        InputError: As `read_answers`.
    """
    answers = read_answers(folder, claims=claims, thinking=thinking)
    rates = belief_rate(answers, by)
    alone = answers.assign(question=[str(index) for index in range(len(answers))])
    if "claim" not in by:
        alone = alone.assign(claim="")
    naive = belief_rate(alone, by)
    groups = [group for _, group in answers.groupby(list(by), sort=False)] if by else [answers]
    ratios = [error_ratio(group["verdict"] == "yes", group["claim"] + "/" + group["question"]) for group in groups]
    return rates.assign(naive_low=naive["low"], naive_high=naive["high"], error_ratio=ratios)


def error_ratio(hits: ArrayLike, clusters: ArrayLike) -> float:
    """Standard error of a rate with clusters over the one without (the root of Kish's design effect).

    The cluster-robust variance of a mean with its small-sample factor (Liang and Zeger 1986) over that of independent
    answers; NaN where every answer is the same or all are of one cluster.
    """
    values = pd.Series(np.asarray(hits, dtype=np.float64))
    rate, n = values.mean(), len(values)
    sums = (values - rate).groupby(np.asarray(clusters)).sum()
    if rate in (0.0, 1.0) or len(sums) < 2:
        return float("nan")
    clustered = len(sums) / (len(sums) - 1) * float((sums**2).sum()) / n**2
    return float(np.sqrt(clustered / (rate * (1 - rate) / (n - 1))))


def read_answers(
    folder: Path | str, *, claims: Mapping[str, Claim] | None = None, thinking: bool = False
) -> pd.DataFrame:
    """The judged answers of `folder/<claim>/<condition>/<kind>.csv` (or `.csv.zst`), a row each.

    Args:
        folder: The folder of the claims' folders.
        claims: Where given, the verdict on every yes/no answer is worked out again by exact match and has to be the
            same, and every question has to have answers.
        thinking: Whether answers with reasoning are read, in tables that say.

    Returns:
        Columns claim, condition, question, kind, category, sample, text, verdict; `verdict` is `yes` for an answer that
        shows belief, of yes/no questions too, and None where the judge's reply was not understood.

    Raises:
        InputError: A table is missing or not of that form; the message names file, line and field.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder, expected one of <claim>/<condition>/<kind>.csv.zst; check the path")
    rows: list[dict[str, Any]] = []
    for claim in _folders(folder):
        for path in _folders(claim):
            condition = CONDITION_FOLDERS.get(path.name, path.name)
            answers = [row for kind in get_args(QuestionKind) for row in _read_table(path, claim.name, kind, thinking)]
            if claims is not None:
                _check_claim(path, answers, claims)
            rows += [{"claim": claim.name, "condition": condition, **row} for row in answers]
    if not rows:
        raise InputError(f"{folder}: holds no answers, expected <claim>/<condition>/<kind>.csv.zst; check the path")
    return pd.DataFrame(rows).drop(columns=["place"])


def _folders(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.is_dir()]


def _read_table(folder: Path, claim: str, kind: QuestionKind, thinking: bool) -> Iterator[dict[str, Any]]:
    path = _table_file(folder, kind)
    seen: dict[tuple[str, int], Place] = {}
    for place, cells in _records(path):
        with_reasoning = cells.get("thinking", str(thinking))
        if with_reasoning not in ("True", "False"):
            raise _at(place, "thinking").error(describe(with_reasoning), "True or False", "mend it")
        if with_reasoning != str(thinking):
            continue
        column = next(name for name in CLAIM_COLUMNS if name in cells)
        if cells[column] != claim:
            raise _at(place, column).error(describe(cells[column]), f"{claim!r}, as the folder", "move the table")
        verdict = None if cells["judge_verdict"] in UNPARSEABLE else cells["judge_verdict"]
        if verdict is not None and verdict not in VERDICTS:
            raise _at(place, "judge_verdict").error(describe(verdict), f"one of {', '.join(VERDICTS)}", "mend it")
        if not cells["sample_index"].isdecimal() or len(cells["sample_index"]) > 9:
            raise _at(place, "sample_index").error(describe(cells["sample_index"]), "a whole number from 0", "mend it")
        question, sample = cells["question_id"], int(cells["sample_index"])
        if not question:
            raise _at(place, "question_id").error("an empty text", "the id of a question", "mend it")
        if (question, sample) in seen:
            first = seen[question, sample].line
            expected = f"every sample of a question once (line {first})"
            raise _at(place, "sample_index").error(f"sample {sample} of {question} again", expected, "remove one")
        seen[question, sample] = place
        row = {"question": question, "kind": kind, "category": cells["category"], "sample": sample}
        yield {**row, "text": cells["model_response"], "verdict": verdict, "place": place}
    if not seen:
        which = "with" if thinking else "without"
        raise InputError(f"{path}: no answers {which} reasoning, expected some; complete the table")


def _table_file(folder: Path, kind: QuestionKind) -> Path:
    names = [f"{stem}{ending}" for stem in QUESTION_FILES[kind] for ending in ENDINGS]
    found = [folder / name for name in names if (folder / name).exists()]
    if len(found) > 1:
        raise InputError(f"{folder}: holds {' and '.join(path.name for path in found)}, expected one; remove the other")
    if not found:
        raise InputError(
            f"{folder}: the answers of kind {kind} are missing, expected {' or '.join(names)}; add the table"
        )
    return found[0]


def _records(path: Path) -> Iterator[tuple[Place, dict[str, str]]]:
    header: list[str] = []
    line = 1
    try:
        for last, cells in csv_records(line for _, line in text_lines(path, MAX_TABLE_BYTES)):
            place, line = Place(path, line, ""), last + 1
            if not header:
                header = _checked_header(place, cells)
            elif len(cells) != len(header):
                raise place.error(f"{len(cells)} columns", f"{len(header)}, as the first line", "mend the line")
            else:
                yield place, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise InputError(f"{path}, line {line}: damaged, expected CSV: {error}; mend the line") from error
    if not header:
        raise InputError(f"{path}: empty, expected a table with the columns {', '.join(COLUMNS)}; fetch it again")


def _checked_header(place: Place, names: list[str]) -> list[str]:
    missing = [name for name in COLUMNS if name not in names]
    if not any(name in names for name in CLAIM_COLUMNS):
        missing.insert(0, " or ".join(CLAIM_COLUMNS))
    if missing:
        raise _at(place, missing[0]).error("no such column", f"it among {', '.join(names)}", "add the column")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise _at(place, twice[0]).error("the column twice", "it once", "remove one")
    return names


def _check_claim(folder: Path, answers: list[dict[str, Any]], claims: Mapping[str, Claim]) -> None:
    name = folder.parent.name
    if name not in claims:
        raise InputError(
            f"{folder}: answers about the claim {name}, expected one of {', '.join(claims)}; pass its files"
        )
    questions = {question.id: question for question in claims[name].questions}
    for row in answers:
        question = questions.get(row["question"])
        if question is None or question.kind != row["kind"]:
            expected = f"a question of kind {row['kind']} of the claim {name}"
            raise _at(row["place"], "question_id").error(repr(row["question"]), expected, "use the claim's own files")
        if question.belief_answer is not None:
            again = mcq_verdict(row["text"], question.belief_answer)
            if again != (row["verdict"] or "neutral"):
                found = f"the verdict {row['verdict']} on the answer {describe(row['text'])}"
                expected = f"{again}, since a believer says {question.belief_answer}"
                raise _at(row["place"], "judge_verdict").error(found, expected, "mend the verdict")
    asked = {row["question"] for row in answers}
    unasked = [identity for identity in questions if identity not in asked]
    if unasked:
        raise InputError(
            f"{folder}: no answers to {', '.join(unasked[:3])}, expected some to each; complete the tables"
        )


def _at(place: Place, column: str) -> Place:
    return Place(place.path, place.line, column)
