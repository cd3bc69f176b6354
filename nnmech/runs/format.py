"""What a run directory looks like on disk, for the one who writes it and those who read it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnmech.errors import RunError
from nnmech.files import read_json_lines, sha256_file

SCHEMA_VERSION = 1

INFO_FILE = "run.json"
LOCK_FILE = ".lock"
MANIFEST_FILE = "manifest.jsonl"
STATEMENTS_FILE = "statements.jsonl"
QUESTIONS_FILE = "questions.jsonl"
DOCUMENTS_FILE = "documents.jsonl"
LOG_FILES = {"event": "events.jsonl", "metrics": "metrics.jsonl", "answers": "answers.jsonl"}
FOLDERS = {"snapshot": "snapshots", "tokens": "tokens", "checkpoint": "checkpoints"}


def step_file(kind: str, step: int) -> str:
    """Where in a run a step's file of this kind lies, for example `snapshots/step_000120.safetensors`."""
    return f"{FOLDERS[kind]}/step_{step:06d}.safetensors"


def read_info(path: Path) -> dict[str, Any]:
    """`run.json` of the run at `path`; RunError where there is none, it is damaged, or its schema is another one."""
    file = path / INFO_FILE
    try:
        info = json.loads(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RunError(f"{path}: not a run, it has no {INFO_FILE}. Give the folder of a run.") from error
    except OSError as error:
        raise RunError(f"{file}: cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise RunError(f"{file}: damaged, expected JSON: {error}.") from error
    version = info.get("schema_version") if isinstance(info, dict) else None
    if version != SCHEMA_VERSION:
        raise RunError(
            f"{file}: schema version {version}, expected {SCHEMA_VERSION}. Read it with the nnmech that wrote it."
        )
    return info


def read_manifest(path: Path) -> dict[str, dict[str, Any]]:
    """The finished binary files of the run at `path`: file name to its kind, step, size in bytes and sha256."""
    manifest = {}
    for number, entry in enumerate(read_json_lines(path / MANIFEST_FILE), start=1):
        missing = {"file", "kind", "step", "size", "sha256"} - entry.keys()
        if missing:
            raise RunError(f"{path / MANIFEST_FILE}, line {number}: lacks {', '.join(sorted(missing))}.")
        manifest[entry["file"]] = entry
    return manifest


def of_kind(manifest: Mapping[str, dict[str, Any]], kind: str) -> dict[int, dict[str, Any]]:
    """The manifest's entries of one kind, by step, in order."""
    entries = sorted((entry for entry in manifest.values() if entry["kind"] == kind), key=lambda entry: entry["step"])
    return {entry["step"]: entry for entry in entries}


def fault(path: Path, entry: Mapping[str, Any]) -> str | None:
    """What is wrong with a file that the manifest of the run at `path` lists; None where nothing is."""
    file = path / entry["file"]
    if not file.is_file():
        return f"{file}: missing, though {MANIFEST_FILE} lists it"
    size = file.stat().st_size
    if size != entry["size"]:
        return f"{file}: {size} bytes, expected {entry['size']}"
    if sha256_file(file) != entry["sha256"]:
        return f"{file}: damaged, its sha256 is not the one in {MANIFEST_FILE}"
    return None
