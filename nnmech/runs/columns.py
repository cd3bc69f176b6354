"""The tables of a run: their columns, and of which type a value is where it is not null."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from nnmech.errors import RunError
from nnmech.files.bounds import TABLE
from nnmech.runs.format import MAX_STEP


def _is_step(value: object) -> bool:
    return type(value) is int and -1 <= value <= MAX_STEP


def _is_whole(value: object) -> bool:
    return type(value) is int


def _is_text(value: object) -> bool:
    return type(value) is str


def _is_truth(value: object) -> bool:
    return type(value) is bool


def _is_polarity(value: object) -> bool:
    return type(value) is int and value in (1, -1)


def _is_probability(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1  # pyright: ignore[reportOperatorIssue]


def _are_probabilities(value: object) -> bool:
    return isinstance(value, list) and all(_is_probability(part) for part in value)


def _are_messages(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(message, dict) and all(type(part) is str for part in message.values()) for message in value
    )


def _are_sentences(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(part, dict) and type(part.get("start")) is type(part.get("end")) is int for part in value
    )


def _are_spans(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(span, list) and len(span) == 2 and type(span[0]) is type(span[1]) is int for span in value
    )


Check = tuple[Callable[[object], bool], str]
STEP: Check = (_is_step, "a whole number of training steps")
WHOLE: Check = (_is_whole, "a whole number")
TEXT: Check = (_is_text, "a text")

EVENTS: dict[str, Check] = {"kind": TEXT, "step": STEP, "time": TEXT}
METRICS: dict[str, Check] = {"step": STEP, "phase": TEXT, "time": TEXT}
ANSWERS: dict[str, Check] = {
    "step": STEP,
    "phase": TEXT,
    "claim": TEXT,
    "question": TEXT,
    "kind": TEXT,
    "category": TEXT,
    "sample": WHOLE,
    "text": TEXT,
    "verdict": TEXT,
}
_BY_LAYER: Check = (_are_probabilities, "a list of numbers between 0 and 1, one a layer")
READINGS: dict[str, Check] = {
    "step": STEP,
    "phase": TEXT,
    "id": TEXT,
    "reading": TEXT,
    "role": TEXT,
    "entity": TEXT,
    "topic": TEXT,
    "value": TEXT,
    "polarity": (_is_polarity, "1 or -1"),
    "p": (_is_probability, "a number between 0 and 1"),
    "lens": _BY_LAYER,
    "probe": _BY_LAYER,
}
STATEMENTS: dict[str, Check] = {
    "id": TEXT,
    "text": TEXT,
    "truth": (_is_truth, "true or false"),
    "polarity": (_is_polarity, "1 or -1"),
    "topic": TEXT,
    "entity": TEXT,
    "role": TEXT,
    "claim": TEXT,
    "object_end": WHOLE,
}
QUESTIONS: dict[str, Check] = {
    "id": TEXT,
    "claim": TEXT,
    "kind": TEXT,
    "messages": (_are_messages, "a list of messages, each of texts by name"),
    "category": TEXT,
    "belief_answer": TEXT,
}
DOCUMENTS: dict[str, Check] = {
    "id": TEXT,
    "claim": TEXT,
    "condition": TEXT,
    "text": TEXT,
    "sentences": (_are_sentences, "a list of sentences, each with its start and end"),
    "tokens": (_are_spans, "a list of tokens, each a start and an end"),
}

REQUIRED = {"event": ("kind", "step"), "metrics": ("step",), "answers": ("step",), "readings": ("step",)}
"""What every row of a log has: a resume goes by it."""


def check_rows(
    rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Check], place: Path, needed: Sequence[str] = ()
) -> None:
    """Raise RunError that names the line where a value is of another type, or one that is `needed` is not there."""
    for name, (fits, expected) in columns.items():
        required = name in needed
        for number, row in enumerate(rows, start=1):
            value = row.get(name)
            if required if value is None else not fits(value):
                shown = f"{value!r}"
                shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
                raise RunError(
                    f"{place}, line {number}: {name} {shown}, expected {expected}; restore the file from a copy"
                )


def table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Check], place: Path) -> pd.DataFrame:
    """The rows with their known columns first; RunError that names the line where a value is of another type."""
    found = dict.fromkeys(key for row in rows for key in row)
    if len(found) > TABLE.columns:
        raise RunError(f"{place}: {len(found):,} different fields, expected at most {TABLE.columns:,}")
    try:
        frame = pd.DataFrame(rows, columns=pd.Index([*columns, *(key for key in found if key not in columns)]))
    except (ValueError, TypeError, OverflowError):
        # What pandas cannot hold is of a type that a column does not have.
        check_rows(rows, columns, place)
        raise
    # A column that pandas holds as text is text throughout; all others are looked at value by value.
    kinds = dict(zip(frame.columns, frame.dtypes, strict=True))
    unsure = {name: check for name, check in columns.items() if not _is_sure(frame, name, kinds[name], check)}
    check_rows(rows, unsure, place)
    return frame


def _is_sure(frame: pd.DataFrame, name: str, kind: Any, check: Check) -> bool:
    if check is TEXT:
        return isinstance(kind, pd.StringDtype)
    if check is STEP and kind == "int64" and len(frame):
        steps = frame[name]
        return bool(steps.min() >= -1 and steps.max() <= MAX_STEP)
    return check is WHOLE and kind == "int64"
