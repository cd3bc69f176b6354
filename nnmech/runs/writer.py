"""The one writer of a run directory: what it has written survives a kill, and resume rolls back to a checkpoint."""

import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from torch import Tensor

from nnmech.claims import Question, Statement
from nnmech.errors import InputError, RunError
from nnmech.files.digests import Digest
from nnmech.files.folder import Folder
from nnmech.files.reading import opened
from nnmech.files.tensors import open_tensors
from nnmech.files.values import json_lines, plain
from nnmech.files.writing import disk_errors, json_bytes, save_safetensors_inside, write_bytes_inside
from nnmech.recording.documents import FrozenDocuments
from nnmech.runs.beginning import first_info, now, refuse_existing, tables_of
from nnmech.runs.folder import info_in, is_sealed, read_info
from nnmech.runs.format import (
    DIGESTS_FILE,
    INFO_FILE,
    LOG_FILES,
    MANIFEST_FILE,
    Entry,
    manifest_bytes,
    manifest_entry,
    of_kind,
    step_file,
)
from nnmech.runs.lock import RunLock
from nnmech.runs.logs import Logs, checked_step, event_key
from nnmech.runs.recovery import Recovery, info_digest, is_kept, is_other, look, manifest_copy
from nnmech.runs.sweeping import remove_files, set_aside, sweep, sweep_temporaries


class RunWriter:
    """The only writer of the run at `path`, by `create` or `resume`; a context manager, and closed by `close`.

    `info` is the run's `run.json`, `checkpoint_step` the step of the last checkpoint (None before the first),
    `last_step` the highest step of which anything is written (-1 for nothing), `snapshot_steps` those with a snapshot,
    `token_steps` those with a token snapshot.
    """

    def __init__(self, path: Path, keep_checkpoints: int) -> None:
        if keep_checkpoints < 1:
            raise InputError(f"keep_checkpoints={keep_checkpoints}: expected at least 1.")
        self.path = path
        self.info: dict[str, Any] = {}
        self.last_step = -1
        self._keep_checkpoints = keep_checkpoints
        self._lock = RunLock(path)
        self._manifest: dict[str, Entry] = {}
        self._events: set[str] = set()
        try:
            with disk_errors(path):
                self._folder = Folder(path)
        except RunError:
            self._lock.release()
            raise
        self._logs = Logs(self._folder)
        self._info_digest: Digest | None = None
        # Runs of older versions have no digests, and get none.
        self._sealed = False
        self._seal_due = False

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
        refuse_existing(path)
        writer = cls(path, keep_checkpoints)
        try:
            refuse_existing(path)
            tables = tables_of(statements, questions, documents)
            writer.info = first_info(
                path,
                tables,
                kind=kind,
                config=config,
                model=model,
                weight_convention=weight_convention,
                batch_hash=batch_hash,
                documents_hash=None if documents is None else documents.hash,
            )
            writer._begin(tables)
        except BaseException:
            writer.close()
            raise
        return writer

    @classmethod
    def resume(
        cls, path: Path | str, *, step: int | None = None, keep_checkpoints: int = 1, discard: bool = False
    ) -> "RunWriter":
        """Roll the run at `path` back to its last good checkpoint, to nothing where it has none, and go on writing it.

        What is later than the checkpoint goes: lines, snapshots, half-written files; the event `resume` is added. A
        damaged manifest is made again from the files that are whole. What cannot be accounted for is kept in a folder
        of its own, `set_aside/<time>`; what was done is in the event and in a warning.

        Args:
            path: the folder of the run.
            step: roll back to this step instead, for a training loop that keeps checkpoints of its own.
            keep_checkpoints: how many checkpoints to keep.
            discard: let results go that no checkpoint leads back to, as those of a run that has ended, or go on without
                lines that were lost.

        Raises:
            RunLockedError: where the run is being written.
            RunError: where it is damaged, or results would go without `discard`; nothing was changed.
        """
        path = Path(path)
        read_info(path)
        writer = cls(path, keep_checkpoints)
        try:
            writer.info = info_in(writer._folder)
            found = look(
                writer._folder, writer.info, step=None if step is None else checked_step(step), discard=discard
            )
            writer._roll_back(found)
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
        """Add an event; one that is there already, with the same step and fields, is not added twice."""
        row = {"kind": kind, "step": checked_step(step), **fields}
        key = event_key(row)
        if key not in self._events:
            self._append("event", [row], time=True)
            self._events.add(key)
        if kind == "end":
            self._seal()

    def metrics(self, *, step: int, phase: str, **fields: Any) -> None:
        """Add a line of measurements; a value that is NaN or infinite is written as null."""
        self._append("metrics", [{"step": checked_step(step), "phase": phase, **fields}], time=True)

    def answers(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add a line an answer: step, phase, claim, question id, kind, sample, text, verdict."""
        rows = list(rows)
        for row in rows:
            if "step" not in row:
                raise InputError(f"{self.path}: an answer without a step ({sorted(row)}); give each row its step.")
        self._append("answers", [{**row, "step": checked_step(row["step"])} for row in rows], time=False)

    def readings(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add a line a reading of a value, each with its step; the columns are those of `Run.readings`."""
        self._append("readings", [{**row, "step": checked_step(row.get("step"))} for row in rows], time=False)

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
        if checked_step(step) in of_kind(self._manifest, "checkpoint"):
            return
        self._seal()
        metadata = {"step": str(step), "state": json.dumps(plain(state, finite=False))}
        self._store("checkpoint", step, tensors, metadata)

    def load_checkpoint(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors (on the CPU) and state of the last checkpoint; RunError where there is none or it is damaged."""
        entry = next(reversed(of_kind(self._manifest, "checkpoint").values()), None)
        if entry is None:
            raise RunError(f"{self.path}: has no checkpoint to load. Start training at step 0.")
        try:
            with open_tensors(entry["file"], root=self._folder, error=RunError) as file:
                return {name: file.tensor(name) for name in file.names}, file.json("state", finite=False)
        except FileNotFoundError as error:
            raise RunError(f"{self.path / entry['file']}: missing. Put the file back.") from error

    def close(self) -> None:
        """Let go of the run, so that another process may write it; what is written stays."""
        try:
            if self._seal_due and self._lock.held:
                # Lines without a digest are as good as ever: a disk that is full now must not keep the lock.
                with suppress(RunError):
                    self._seal()
        finally:
            self._logs.close()
            self._folder.close()
            self._lock.release()

    def __enter__(self) -> "RunWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _check_open(self) -> None:
        if not self._lock.held:
            raise RunError(f"{self.path}: this writer is closed. Open the run again with RunWriter.resume.")
        self._lock.check()

    def _begin(self, tables: Mapping[str, bytes]) -> None:
        """Write what a run starts with; `run.json` last, since the run exists from then on."""
        sweep_temporaries(self._folder)
        for name, data in tables.items():
            write_bytes_inside(self._folder, name, data)
        data = json_bytes(self.info)
        self._sealed, self._info_digest = True, Digest.of(data)
        self._write_manifest({})
        self._write_digests({})
        write_bytes_inside(self._folder, INFO_FILE, data)

    def _append(self, kind: str, rows: Sequence[Mapping[str, Any]], *, time: bool) -> None:
        self._check_open()
        self._logs.append(kind, json_lines({**row, "time": now()} if time else row for row in rows))
        self._seal_due = True
        self.last_step = max([self.last_step, *(row["step"] for row in rows)])

    def _seal(self) -> None:
        """Put the logs on the disk, and then their digests: of what a power cut can take there is none."""
        self._check_open()
        digests = self._logs.sync()
        if self._seal_due:
            self._write_digests(digests)
            self._seal_due = False

    def _write_digests(self, logs: Mapping[str, Digest]) -> None:
        if self._sealed:
            digests = {INFO_FILE: self._info_digest, **logs}
            write_bytes_inside(self._folder, DIGESTS_FILE, json_bytes(digests))

    def _store_once(self, kind: str, step: int, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
        if checked_step(step) in of_kind(self._manifest, kind):
            raise RunError(f"{self.path}: step {step} has a snapshot already. Steps count on across phases.")
        self._store(kind, step, tensors, metadata)

    def _store(self, kind: str, step: int, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
        self._check_open()
        name = step_file(kind, step)
        save_safetensors_inside(self._folder, name, tensors, metadata)
        with opened(name, root=self._folder, error=RunError) as file:
            entry = manifest_entry(kind, step, Digest.of_file(file))
        manifest = {**self._manifest, name: entry}
        outdated = list(of_kind(manifest, "checkpoint").values())[: -self._keep_checkpoints]
        for old in outdated:
            del manifest[old["file"]]
        # The list before the files: a kill in between leaves files that nobody lists, and resume sweeps those.
        self._write_manifest(manifest)
        remove_files(self._folder, outdated)
        self.last_step = max(self.last_step, step)

    def _write_manifest(self, manifest: dict[str, Entry]) -> None:
        entries = manifest.values()
        write_bytes_inside(
            self._folder, MANIFEST_FILE, manifest_bytes(entries) if self._sealed else json_lines(entries)
        )
        self._manifest = manifest

    def _roll_back(self, found: Recovery) -> None:
        target, notes = found.target, list(found.notes)
        self._sealed, self._info_digest = is_sealed(self.info), info_digest(self._folder)
        copies = manifest_copy(self._folder) if found.damaged_manifest else {}
        folders = [set_aside(self._folder, found.aside, copies=copies)] if found.aside or copies else []
        self._write_manifest({name: entry for name, entry in found.manifest.items() if entry["step"] <= target})
        if unlisted := sweep(self._folder, self._manifest, target):
            folders.append(set_aside(self._folder, unlisted, copies={}))
            notes.append(f"{len(unlisted)} files were there that nothing lists")
        kept = {kind: [row for row in rows if is_kept(kind, row, target)] for kind, rows in found.logs.items()}
        self._start_logs(kept)
        self._events = {event_key(row) for row in kept["event"]}
        rows = [*kept["event"], *kept["metrics"], *kept["answers"], *kept["readings"], *self._manifest.values()]
        self.last_step = max((row["step"] for row in rows), default=-1)
        row = {"kind": "resume", "step": target}
        if notes:
            where = f"kept in {', '.join(folders)}" if folders else "nothing was set aside"
            row |= {"found": notes, "set_aside": folders}
            warnings.warn(f"{self.path}: resumed at step {target}; {'; '.join(notes)}; {where}", stacklevel=4)
        self._append("event", [row], time=True)

    def _start_logs(self, kept: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Cut the logs to the lines that are kept; the digests of longer ones go first."""
        lines = {kind: json_lines(rows) for kind, rows in kept.items()}
        changed = {kind: is_other(self._folder, LOG_FILES[kind], data) for kind, data in lines.items()}
        if any(changed.values()):
            self._write_digests({})
        for kind, data in lines.items():
            self._logs.start(kind, data, rewrite=changed[kind])
