"""The one writer of a run directory: what it has written survives a kill, and resume rolls back to a checkpoint."""

import json
import operator
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock
from safetensors import SafetensorError, safe_open
from torch import Tensor

from nnmech.claims import Question, Statement
from nnmech.errors import InputError, RunError, RunExistsError
from nnmech.files import (
    disk_errors,
    json_lines,
    plain,
    read_json_lines,
    save_safetensors_atomic,
    sha256_file,
    write_all,
    write_bytes_atomic,
    write_json_atomic,
)
from nnmech.recording.documents import FrozenDocuments
from nnmech.runs.environment import describe_environment
from nnmech.runs.format import (
    DOCUMENTS_FILE,
    FOLDERS,
    INFO_FILE,
    LOG_FILES,
    MANIFEST_FILE,
    QUESTIONS_FILE,
    SCHEMA_VERSION,
    STATEMENTS_FILE,
    fault,
    of_kind,
    read_info,
    read_manifest,
    step_file,
)
from nnmech.runs.lock import lock_run


class RunWriter:
    """The only writer of the run at `path`, by `create` or `resume`; a context manager, and closed by `close`.

    `info` is the run's `run.json`, `checkpoint_step` the step of the last checkpoint (None before the first),
    `last_step` the highest step of which anything is written (-1 for nothing), `snapshot_steps` those with a snapshot,
    `token_steps` those with a token snapshot.
    """

    def __init__(self, path: Path, lock: FileLock, keep_checkpoints: int) -> None:
        if keep_checkpoints < 1:
            lock.release()
            raise InputError(f"keep_checkpoints={keep_checkpoints}: expected at least 1.")
        self.path = path
        self.info: dict[str, Any] = {}
        self.last_step = -1
        self._keep_checkpoints = keep_checkpoints
        self._lock = lock
        self._manifest: dict[str, dict[str, Any]] = {}
        self._told: set[str] = set()
        self._logs: dict[str, int] = {}

    @classmethod
    def create(
        cls,
        path: Path | str,
        *,
        config: Mapping[str, Any],
        model: Mapping[str, Any],
        statements: Sequence[Statement] = (),
        batch_hash: str | None = None,
        questions: Sequence[Question] = (),
        documents: FrozenDocuments | None = None,
        weight_convention: str = "hf",
        kind: str = "training",
        keep_checkpoints: int = 1,
    ) -> "RunWriter":
        """Start a run in the folder `path`; it exists from the moment that its `run.json` does.

        `questions` are those that its answers answer, `documents` those whose tokens it records.
        Raises RunExistsError where a run, or the logs of one, are there, and RunLockedError where one is being written.
        """
        path = Path(path)
        _refuse_existing(path)
        writer = cls(path, lock_run(path), keep_checkpoints)
        try:
            _refuse_existing(path)
            writer.info = plain(
                {
                    "schema_version": SCHEMA_VERSION,
                    "kind": kind,
                    "name": path.resolve().name,
                    "time": _now(),
                    "config": config,
                    "model": model,
                    "weight_convention": weight_convention,
                    "batch_hash": batch_hash,
                    "documents_hash": None if documents is None else documents.hash,
                    "environment": describe_environment(),
                }
            )
            writer._sweep(())
            write_bytes_atomic(path / STATEMENTS_FILE, json_lines(asdict(statement) for statement in statements))
            if questions:
                write_bytes_atomic(path / QUESTIONS_FILE, json_lines(asdict(question) for question in questions))
            if documents is not None:
                write_bytes_atomic(path / DOCUMENTS_FILE, json_lines(documents.rows))
            write_json_atomic(path / INFO_FILE, writer.info)
        except BaseException:
            writer.close()
            raise
        return writer

    @classmethod
    def resume(cls, path: Path | str, *, step: int | None = None, keep_checkpoints: int = 1) -> "RunWriter":
        """Roll the run at `path` back to its last checkpoint, to nothing where it has none, and go on writing it.

        What is later than the checkpoint goes: lines, snapshots, half-written files; the event `resume` is added.
        `step` rolls back to that step instead, for a training loop that keeps checkpoints of its own.
        Raises RunLockedError where the run is being written, RunError where it or its checkpoint is damaged.
        """
        path = Path(path)
        read_info(path)
        writer = cls(path, lock_run(path), keep_checkpoints)
        try:
            writer.info = read_info(path)
            writer._roll_back(None if step is None else _step(step))
        except BaseException:
            writer.close()
            raise
        return writer

    @property
    def checkpoint_step(self) -> int | None:
        return max(of_kind(self._manifest, "checkpoint"), default=None)

    @property
    def snapshot_steps(self) -> list[int]:
        return list(of_kind(self._manifest, "snapshot"))

    @property
    def token_steps(self) -> list[int]:
        return list(of_kind(self._manifest, "tokens"))

    def event(self, kind: str, *, step: int, **fields: Any) -> None:
        """Add an event; one that is there already, with the same step and fields, is not told twice."""
        row = {"kind": kind, "step": _step(step), **fields}
        told = _told(row)
        if told not in self._told:
            self._append("event", [row], time=True)
            self._told.add(told)

    def metrics(self, *, step: int, phase: str, **fields: Any) -> None:
        """Add a line of measurements; a value that is NaN or infinite is written as null."""
        self._append("metrics", [{"step": _step(step), "phase": phase, **fields}], time=True)

    def answers(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add a line an answer: step, phase, claim, question id, kind, sample, text, verdict."""
        rows = list(rows)
        for row in rows:
            if "step" not in row:
                raise InputError(f"{self.path}: an answer without a step ({sorted(row)}); give each row its step.")
        self._append("answers", [{**row, "step": _step(row["step"])} for row in rows], time=False)

    def snapshot(self, step: int, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
        """Store the snapshot of a step, float tensors by name; RunError where the step has one."""
        self._store_once("snapshot", step, tensors, metadata)

    def tokens(self, step: int, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
        """Store the token snapshot of a step, as `snapshot` does."""
        self._store_once("tokens", step, tensors, metadata)

    def checkpoint(self, step: int, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Store what training needs to go on from `step`, after every line of that step; a second one is not stored.

        `state` is JSON: tuples come back as lists, keys as text. The oldest checkpoints beyond `keep_checkpoints` go.
        """
        if _step(step) in of_kind(self._manifest, "checkpoint"):
            return
        for kind, descriptor in self._logs.items():
            with disk_errors(self.path / LOG_FILES[kind]):
                os.fsync(descriptor)
        metadata = {"step": str(step), "state": json.dumps(plain(state, finite=False))}
        self._store("checkpoint", step, tensors, metadata)

    def load_checkpoint(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors (on the CPU) and state of the last checkpoint; RunError where there is none or it is damaged."""
        entry = self._last_checkpoint()
        if entry is None:
            raise RunError(f"{self.path}: has no checkpoint to load. Start training at step 0.")
        file = self.path / entry["file"]
        try:
            with safe_open(file, framework="pt") as opened:
                state = json.loads((opened.metadata() or {})["state"])
                return {name: opened.get_tensor(name) for name in sorted(opened.keys())}, state
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise RunError(f"{file}: not a checkpoint that nnmech wrote: {error}.") from error

    def close(self) -> None:
        """Let go of the run, so that another process may write it; what is written stays."""
        for descriptor in self._logs.values():
            os.close(descriptor)
        self._logs.clear()
        self._lock.release()

    def __enter__(self) -> "RunWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _check_open(self) -> None:
        if not self._lock.is_locked:
            raise RunError(f"{self.path}: this writer is closed. Open the run again with RunWriter.resume.")

    def _append(self, kind: str, rows: Sequence[Mapping[str, Any]], *, time: bool) -> None:
        self._check_open()
        file = self.path / LOG_FILES[kind]
        data = json_lines({**row, "time": _now()} if time else row for row in rows)
        with disk_errors(file):
            if kind not in self._logs:
                self._logs[kind] = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            descriptor = self._logs[kind]
            size = os.fstat(descriptor).st_size
            try:
                write_all(descriptor, data)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
        self.last_step = max([self.last_step, *(row["step"] for row in rows)])

    def _store_once(self, kind: str, step: int, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
        if _step(step) in of_kind(self._manifest, kind):
            raise RunError(f"{self.path}: step {step} has a snapshot already. Steps count on across phases.")
        self._store(kind, step, tensors, metadata)

    def _store(self, kind: str, step: int, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
        self._check_open()
        name = step_file(kind, step)
        file = self.path / name
        save_safetensors_atomic(file, tensors, metadata)
        entry = {"file": name, "kind": kind, "step": step, "size": file.stat().st_size, "sha256": sha256_file(file)}
        manifest = {**self._manifest, name: entry}
        outdated = list(of_kind(manifest, "checkpoint").values())[: -self._keep_checkpoints]
        for old in outdated:
            del manifest[old["file"]]
        # The list before the files: a kill in between leaves files that nobody lists, and resume sweeps those.
        self._write_manifest(manifest)
        for old in outdated:
            (self.path / old["file"]).unlink(missing_ok=True)
        self.last_step = max(self.last_step, step)

    def _write_manifest(self, manifest: dict[str, dict[str, Any]]) -> None:
        write_bytes_atomic(self.path / MANIFEST_FILE, json_lines(manifest.values()))
        self._manifest = manifest

    def _last_checkpoint(self) -> dict[str, Any] | None:
        entry = next(reversed(of_kind(self._manifest, "checkpoint").values()), None)
        if entry is not None and (wrong := fault(self.path, entry)):
            raise RunError(f"{wrong}. Put the file back, or delete the run and start anew.")
        return entry

    def _roll_back(self, step: int | None) -> None:
        manifest = read_manifest(self.path)
        logs = {kind: read_json_lines(self.path / name) for kind, name in LOG_FILES.items()}
        if step is None:
            self._manifest = manifest
            checkpoint = self._last_checkpoint()
            target = -1 if checkpoint is None else int(checkpoint["step"])
            if target == -1 and manifest and any(row.get("kind") == "end" for row in logs["event"]):
                raise RunError(
                    f"{self.path}: has ended and has no checkpoint, so resuming would delete it. Give the step to "
                    "which to roll back, or delete the run and start anew."
                )
        else:
            target = step
        self._write_manifest({name: entry for name, entry in manifest.items() if entry["step"] <= target})
        self._sweep(FOLDERS.values())
        kept = {kind: [row for row in rows if _keep(kind, row, target)] for kind, rows in logs.items()}
        for kind, rows in kept.items():
            file = self.path / LOG_FILES[kind]
            data = json_lines(rows)
            if file.exists() and file.read_bytes() != data:
                write_bytes_atomic(file, data)
        self._told = {_told(row) for row in kept["event"]}
        rows = [*kept["event"], *kept["metrics"], *kept["answers"], *self._manifest.values()]
        self.last_step = max((row["step"] for row in rows), default=-1)
        self._append("event", [{"kind": "resume", "step": target}], time=True)

    def _sweep(self, folders: Iterable[str]) -> None:
        """Remove half-written files, and from `folders` whatever is not in the manifest."""
        names = (INFO_FILE, STATEMENTS_FILE, QUESTIONS_FILE, DOCUMENTS_FILE, MANIFEST_FILE, *LOG_FILES.values())
        leftovers = [file for name in names for file in self.path.glob(f".{name}.*.tmp")]
        for folder in folders:
            leftovers += [
                file
                for file in (self.path / folder).glob("*")
                if file.is_file() and f"{folder}/{file.name}" not in self._manifest
            ]
        for file in leftovers:
            with disk_errors(file):
                file.unlink(missing_ok=True)


def _refuse_existing(path: Path) -> None:
    found = next((name for name in (INFO_FILE, *LOG_FILES.values()) if (path / name).exists()), None)
    if found is not None:
        raise RunExistsError(f"{path}: a run is already there ({found}). Resume it, or choose another name.")


def _keep(kind: str, row: Mapping[str, Any], step: int) -> bool:
    if kind == "event" and row.get("kind") == "start":
        return True
    # A run that goes on has not ended.
    return row["step"] <= step and not (kind == "event" and row.get("kind") == "end")


def _told(row: Mapping[str, Any]) -> str:
    return json.dumps(plain({key: value for key, value in row.items() if key != "time"}), sort_keys=True)


def _step(step: Any) -> int:
    try:
        number = operator.index(step)
    except TypeError:
        number = -1
    if number < 0:
        raise InputError(f"step {step!r}: expected a whole number of training steps, 0 or more.")
    return number


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
