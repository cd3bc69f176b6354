"""What a run directory looks like on disk, for the one who writes it and those who read it.

Every file has a digest (size in bytes and sha256), so that `Run.verify` notices what was damaged since:

- the tables that never change (statements, questions, documents): in `run.json`, under `files`;
- binary files (snapshots, tokens, checkpoints): a line each in `manifest.jsonl`, written after the file;
- the manifest: its own last line, of kind `manifest`, is the digest of what stands above it;
- `run.json` and the logs: in `digests.json`. A log only ever grows: its digest is that of the part that was there, and
  on the disk, at the last checkpoint or at the end; what came since is not covered until the next one.

Digests find damage, not forgery. Runs of older versions have those of binary files alone: they have no `files` in
`run.json`, no last line about itself in the manifest and no `digests.json`.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from nnmech.errors import RunError
from nnmech.files.bounds import MIB, Bounds
from nnmech.files.digests import Digest
from nnmech.files.json_text import parse_rows
from nnmech.files.values import json_lines

SCHEMA_VERSION = 1

INFO_FILE = "run.json"
LOCK_FILE = ".lock"
MANIFEST_FILE = "manifest.jsonl"
DIGESTS_FILE = "digests.json"
STATEMENTS_FILE = "statements.jsonl"
QUESTIONS_FILE = "questions.jsonl"
DOCUMENTS_FILE = "documents.jsonl"
LOG_FILES = {
    "event": "events.jsonl",
    "metrics": "metrics.jsonl",
    "answers": "answers.jsonl",
    "readings": "readings.jsonl",
}
FOLDERS = {"snapshot": "snapshots", "tokens": "tokens", "checkpoint": "checkpoints"}
DROPPED = "drop_checkpoints"
"""Kind of the event of an unfinished run whose checkpoints were deleted on purpose."""
ASIDE_FOLDER = "set_aside"
"""Where `RunWriter.resume` keeps what it cannot account for, a folder each time."""

MANIFEST = Bounds(bytes=64 * MIB, rows=500_000)
MAX_STEP = 10**12
_SHA256 = re.compile(r"[0-9a-f]{64}")
_STEP_FILE = re.compile(r"step_(\d{6,13})\.safetensors")

Entry = dict[str, Any]
"""A line of the manifest: file, kind, step, size, sha256."""


def step_file(kind: str, step: int) -> str:
    """Where in a run a step's file of this kind lies, for example `snapshots/step_000120.safetensors`."""
    return f"{FOLDERS[kind]}/step_{step:06d}.safetensors"


def step_of(kind: str, name: str) -> int | None:
    """The step of the file `name` in the folder of a kind; None where `step_file` gives no such name."""
    found = _STEP_FILE.fullmatch(name)
    step = None if found is None else int(found[1])
    return step if step is not None and step_file(kind, step) == f"{FOLDERS[kind]}/{name}" else None


def manifest_entry(kind: str, step: int, digest: Digest) -> Entry:
    """The manifest's line about a step's file of this kind."""
    return {"file": step_file(kind, step), "kind": kind, "step": step, "size": digest.size, "sha256": digest.sha256}


def manifest_bytes(entries: Iterable[Entry]) -> bytes:
    """The manifest that lists `entries`, the line about itself last."""
    listed = json_lines(entries)
    return listed + _about(listed)


def parse_manifest(data: bytes, place: object, *, sealed: bool) -> dict[str, Entry]:
    """The entries of a manifest by file name; `sealed` says that its last line has to be the one about itself.

    Raises RunError that names the line for a name that the format does not have, for values of other types, and where
    the manifest is not the one that was written.
    """
    rows = parse_rows(data, place, MANIFEST, error=RunError)
    if data and not data.endswith(b"\n"):
        raise _damaged(place, "its last line is cut short")
    listed = data[: data.rfind(b"\n", 0, -1) + 1]
    if rows and rows[-1].get("kind") == "manifest":
        rows.pop()
        if data[len(listed) :] != _about(listed):
            raise _damaged(place, "what it lists is not what was written")
    elif sealed:
        raise _damaged(place, "its last line, which is about itself, is missing")
    entries = [check_entry(row, f"{place}, line {number}") for number, row in enumerate(rows, start=1)]
    return {entry["file"]: entry for entry in entries}


def check_entry(row: Mapping[str, Any], place: str) -> Entry:
    """A line of the manifest as it is; RunError that names `place` where it is not what the format says."""
    missing = {"file", "kind", "step", "size", "sha256"} - row.keys()
    if missing:
        raise RunError(f"{place}: lacks {', '.join(sorted(missing))}. Restore the file from a copy, or resume the run.")
    kind, step = row["kind"], row["step"]
    checks = {
        "kind": (isinstance(kind, str) and kind in FOLDERS, f"one of {', '.join(FOLDERS)}"),
        "step": (is_step(step), "a whole number of training steps"),
        "size": (is_count(row["size"]), "a number of bytes"),
        "sha256": (isinstance(row["sha256"], str) and _SHA256.fullmatch(row["sha256"]), "64 hexadecimal digits"),
    }
    for name, (right, expected) in checks.items():
        if not right:
            raise _unexpected(place, name, row[name], expected)
    if row["file"] != step_file(kind, step):
        raise _unexpected(place, "file", row["file"], f"{step_file(kind, step)!r}, the {kind} of step {step}")
    return dict(row)


def of_kind(manifest: Mapping[str, Entry], kind: str) -> dict[int, Entry]:
    """The manifest's entries of one kind, by step, in order."""
    entries = sorted((entry for entry in manifest.values() if entry["kind"] == kind), key=lambda entry: entry["step"])
    return {entry["step"]: entry for entry in entries}


def is_count(value: object) -> bool:
    """Whether a value is a whole number, 0 or more."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_step(value: object) -> bool:
    """Whether a value can be a training step."""
    return is_count(value) and isinstance(value, int) and value <= MAX_STEP


def _about(listed: bytes) -> bytes:
    """The manifest's line about what stands above it."""
    digest = Digest.of(listed)
    about = {"file": MANIFEST_FILE, "kind": "manifest", "step": 0, "size": digest.size, "sha256": digest.sha256}
    return json_lines([about])


def _damaged(place: object, what: str) -> RunError:
    return RunError(
        f"{place}: damaged, {what}. Restore it from a copy, or resume the run, which lists its files again."
    )


def _unexpected(place: str, name: str, value: object, expected: str) -> RunError:
    shown = repr(value)
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
    return RunError(f"{place}: {name} {shown}, expected {expected}. Restore the file from a copy, or resume the run.")
