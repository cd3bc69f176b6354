"""A damaged run as far as it is whole: what is damaged is left out and named, everything else reads as ever."""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from nnmech.errors import RunError
from nnmech.files.bounds import TABLE
from nnmech.files.digests import Digest
from nnmech.files.json_text import parse_rows
from nnmech.files.reading import read_bytes
from nnmech.files.tensors import open_tensors
from nnmech.runs.columns import REQUIRED, STEP, Check, check_rows, table
from nnmech.runs.folder import open_run
from nnmech.runs.format import LOG_FILES, Entry
from nnmech.runs.reader import Run

BESIDE = 3
"""Damaged lines of a log that are named one by one."""
_TENSORS = ("snapshot", "tokens")
"""Kinds of files whose header is looked at."""
_KINDS = {name: kind for kind, name in LOG_FILES.items()}


class DamagedRun(Run):
    """The run in the folder `path` without its damaged parts; `faults` names them, a line each.

    A snapshot or checkpoint whose file is missing or of another size takes its step away, and so does a snapshot whose
    header cannot be read. A damaged line of answers.jsonl takes away all answers of the step that it stands in, since a
    rate of what is left of them would be of other questions; of the other logs it takes itself away. What else is
    damaged is an error as ever.
    """

    @property
    def faults(self) -> tuple[str, ...]:
        """What is left out, and why; () for a run that is whole as far as a look tells (see `verify`)."""
        return (*self.damaged_files, *self.damaged_logs)

    @cached_property
    def damaged_files(self) -> tuple[str, ...]:
        """What is left out of snapshots, token snapshots and checkpoints."""
        return tuple(text for _, text in self._damaged_files())

    @cached_property
    def damaged_logs(self) -> tuple[str, ...]:
        """What is left out of events, metrics and answers."""
        return tuple(text for name in LOG_FILES.values() for text in self._log(name)[1])

    def _finished_files(self) -> dict[str, Entry]:
        gone = {name for name, _ in self._damaged_files()}
        return {name: entry for name, entry in super()._finished_files().items() if name not in gone}

    def _damaged_files(self) -> Iterator[tuple[str, str]]:
        for name, entry in super()._finished_files().items():
            place = f"{self.path / entry['file']}"
            try:
                status = os.stat(place)  # noqa: PTH116 (a run of many steps is asked often)
            except FileNotFoundError:
                yield name, f"{place}: missing; step {entry['step']} is left out"
                continue
            except OSError as error:
                yield name, f"{place}: cannot be read: {error.strerror}; step {entry['step']} is left out"
                continue
            if status.st_size != entry["size"]:
                said = f"{status.st_size:,} bytes, expected {entry['size']:,}"
                yield name, f"{place}: {said}; step {entry['step']} is left out"
            elif entry["kind"] in _TENSORS and _bad_header(self.path, entry["file"], status.st_mtime_ns):
                yield name, f"{place}: its header cannot be read; step {entry['step']} is left out"

    def _table(self, name: str, columns: Mapping[str, Check], digest: Digest | None = None) -> pd.DataFrame:
        if name not in _KINDS:
            return super()._table(name, columns, digest)
        return table(self._log(name)[0], columns, self.path / name)

    def _log(self, name: str) -> tuple[list[dict[str, Any]], list[str]]:
        """The rows of a log that are kept, and what is said of those that are not."""
        place = self.path / name
        with open_run(self.path) as folder:
            try:
                data = read_bytes(name, TABLE.bytes, root=folder, error=RunError)
            except FileNotFoundError:
                return [], []
        rows, bad = _lines(data, place, REQUIRED[_KINDS[name]])
        if not bad:
            return [row for row in rows if row is not None], []
        said = list(bad.values())[:BESIDE]
        if len(bad) > BESIDE:
            said.append(f"{place}: {len(bad) - BESIDE:,} more damaged lines")
        if _KINDS[name] != "answers":
            return [row for row in rows if row is not None], said
        lost = {step for number in bad for step in _steps_around(rows, number)}
        if lost:
            said.append(f"{place}: answers of {_named(sorted(lost))} are left out")
        return [row for row in rows if row is not None and row["step"] not in lost], said


@lru_cache(maxsize=2**14)
def _bad_header(path: Path, name: str, version: int) -> bool:
    """Whether the header of a file of tensors in a run cannot be read; with another `version` it is looked at again."""
    with open_run(path) as folder:
        try:
            with open_tensors(name, root=folder, error=RunError):
                return False
        except (RunError, FileNotFoundError):
            return True


def _lines(data: bytes, place: Path, needed: Sequence[str]) -> tuple[list[dict[str, Any] | None], dict[int, str]]:
    """The rows by line, None for a damaged one, and what is wrong with those, by their place among the rows."""
    rows: list[dict[str, Any] | None] = []
    bad: dict[int, str] = {}
    try:
        rows += parse_rows(data, place, TABLE, error=RunError)
    except RunError:
        for number, line in enumerate(data[: data.rfind(b"\n") + 1].splitlines(keepends=True)):
            try:
                rows += parse_rows(line, place, TABLE, first_line=number + 1, error=RunError)
            except RunError as error:
                rows.append(None)
                bad[number] = str(error)
    return _checked(rows, bad, place, needed)


def _checked(
    rows: list[dict[str, Any] | None], bad: dict[int, str], place: Path, needed: Sequence[str]
) -> tuple[list[dict[str, Any] | None], dict[int, str]]:
    """The same without the rows that lack what every row of the log has."""
    whole = [row for row in rows if row is not None]
    try:
        check_rows(whole, {"step": STEP}, place, needed)
    except RunError:
        for number, row in enumerate(rows):
            try:
                check_rows([] if row is None else [row], {"step": STEP}, place, needed)
            except RunError as error:
                rows[number] = None
                bad[number] = str(error).replace("line 1:", f"line {number + 1}:", 1)
    return rows, dict(sorted(bad.items()))


def _steps_around(rows: Sequence[dict[str, Any] | None], number: int) -> set[int]:
    """The step of the last whole row before a damaged one, and of the first after it: it is of one of them."""
    before = next((row for row in reversed(rows[:number]) if row is not None), None)
    after = next((row for row in rows[number + 1 :] if row is not None), None)
    return {row["step"] for row in (before, after) if row is not None}


def _named(steps: Sequence[int]) -> str:
    return f"step {steps[0]}" if len(steps) == 1 else f"steps {', '.join(map(str, steps))}"
