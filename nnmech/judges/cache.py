"""Verdicts that were paid for once: a file each, safe for any number of processes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnmech.claims import Verdict
from nnmech.errors import InputError, RunError
from nnmech.files import SMALL, read_bytes, write_json_atomic
from nnmech.files.json_text import parse_document
from nnmech.judges.base import VERDICTS


def cache_key(model: str, prompt: str, sampling: Mapping[str, Any]) -> str:
    """SHA-256 of all that decides a reply."""
    return hashlib.sha256(json.dumps([model, prompt, dict(sampling)], sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class VerdictCache:
    """A folder with one small JSON file a verdict, written whole or not at all; a damaged file counts as absent.

    The files are for their owner alone to read.
    """

    folder: Path

    def get(self, key: str) -> Verdict | None:
        """The verdict under `key`, None where there is none; RunError where the folder cannot be read."""
        try:
            found = parse_document(read_bytes(self._path(key), SMALL.bytes, error=RunError), self._path(key))
        except (FileNotFoundError, InputError):
            return None
        said = found.get("verdict") if isinstance(found, dict) else None
        return next((verdict for verdict in VERDICTS if verdict == said), None)

    def put(self, key: str, verdict: Verdict, reply: str | None, model: str) -> None:
        """Keep a verdict, with the reply that it was read from where there is one to keep.

        Raises:
            RunError: Where the disk does not take it.
        """
        said = {} if reply is None else {"reply": reply}
        write_json_atomic(self._path(key), {"verdict": verdict, "model": model, **said}, private=True)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"
