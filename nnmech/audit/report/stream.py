"""The JSON report, written as documents come, so that it can be larger than memory."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nnmech.audit.findings import Finding, Summary
from nnmech.audit.streams import Writes
from nnmech.errors import InputError

SCHEMA = 1


@contextmanager
def replaced(path: Path) -> Iterator[Writes]:
    """A file that is complete or absent: written under another name beside it, renamed at the end."""
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            yield file
        temporary.replace(path)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written: {error.strerror or error}; check the folder and its space"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


class JsonWriter:
    """Writes `documents`, an entry a document, then `bad_lines` and `summary`."""

    def __init__(self, file: Writes) -> None:
        self._file = file
        self._first = True
        file.write(f'{{"schema": {SCHEMA}, "documents": ['.encode())

    def add(self, finding: Finding) -> None:
        """Write the entry of a document."""
        start = "\n" if self._first else ",\n"
        self._first = False
        entry = json.dumps(finding.as_json(), ensure_ascii=False).encode("utf-8", "surrogatepass")
        self._file.write(start.encode() + entry)

    def finish(self, summary: Summary) -> None:
        """Write what is known when all documents have come."""
        bad = [line._asdict() for line in summary.bad_lines]
        left = [{"file": f, "line": n, "sentence": s} for f, n, s in summary.unresolved]
        rest = {"bad_lines": bad, "not_rewritten": left, "summary": summary.as_json()}
        self._file.write(b"\n], " + json.dumps(rest, ensure_ascii=False).encode("utf-8", "replace")[1:] + b"\n")
