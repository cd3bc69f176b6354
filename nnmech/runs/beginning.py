"""What a run starts with: its `run.json`, and the tables of what it records."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nnmech.claims import Question, Statement
from nnmech.errors import RunExistsError
from nnmech.files.digests import Digest
from nnmech.files.values import json_lines, plain
from nnmech.files.writing import disk_errors
from nnmech.recording.documents import FrozenDocuments
from nnmech.runs.environment import describe_environment
from nnmech.runs.format import DOCUMENTS_FILE, INFO_FILE, LOG_FILES, QUESTIONS_FILE, SCHEMA_VERSION, STATEMENTS_FILE


def tables_of(
    statements: Sequence[Statement], questions: Sequence[Question], documents: FrozenDocuments | None
) -> dict[str, bytes]:
    """The files of what a run records, by name."""
    tables = {STATEMENTS_FILE: json_lines(asdict(statement) for statement in statements)}
    if questions:
        tables[QUESTIONS_FILE] = json_lines(asdict(question) for question in questions)
    if documents is not None:
        tables[DOCUMENTS_FILE] = json_lines(documents.rows)
    return tables


def first_info(path: Path, tables: Mapping[str, bytes], *, kind: str, **described: Any) -> dict[str, Any]:
    """The `run.json` of a run in the folder `path`.

    Args:
        path: Its last part is the name of the run.
        tables: The files of what it records.
        kind: Of the run.
        described: Configuration, model, weight convention and hashes, as `RunWriter.create` takes them.
    """
    return plain(
        {
            "schema_version": SCHEMA_VERSION,
            "kind": kind,
            "name": path.resolve().name,
            "time": now(),
            **described,
            "environment": describe_environment(),
            "files": {name: Digest.of(data) for name, data in tables.items()},
        }
    )


def now() -> str:
    """The time as rows and `run.json` have it, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def refuse_existing(path: Path) -> None:
    """RunExistsError where a run, or the logs of one, are in the folder."""
    with disk_errors(path):
        found = next((name for name in (INFO_FILE, *LOG_FILES.values()) if _is_there(path / name)), None)
    if found is not None:
        raise RunExistsError(f"{path}: a run is already there ({found}). Resume it, or choose another name.")


def _is_there(path: Path) -> bool:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
