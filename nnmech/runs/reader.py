"""Run directories as data: lazy readers that take a run in progress as it is."""

import os
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from nnmech.errors import RunError
from nnmech.files.digests import Digest
from nnmech.files.folder import Folder
from nnmech.files.values import json_lines
from nnmech.files.writing import write_bytes_inside
from nnmech.recording.snapshots import Snapshot
from nnmech.runs.columns import ANSWERS, DOCUMENTS, EVENTS, METRICS, QUESTIONS, READINGS, STATEMENTS, Check, table
from nnmech.runs.folder import file_digest, info_in, is_sealed, manifest_in, open_run, read_info, rows_in
from nnmech.runs.format import (
    DOCUMENTS_FILE,
    DROPPED,
    INFO_FILE,
    LOG_FILES,
    MANIFEST_FILE,
    QUESTIONS_FILE,
    STATEMENTS_FILE,
    Entry,
    manifest_bytes,
    of_kind,
)
from nnmech.runs.labels import RunLabels
from nnmech.runs.lock import RunLock
from nnmech.runs.sweeping import remove_files
from nnmech.runs.verify import verify_run


class Run:
    """The run in the folder `path`, read when asked for and then kept: make a new Run to see what came since.

    Raises RunError where there is no run or one of another schema version; damaged lines are reported when read.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.info: dict[str, Any] = read_info(self.path)
        self._manifest: tuple[tuple[int, int], dict[str, Entry]] | None = None

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def name(self) -> str:
        return self.path.resolve().name

    @property
    def config(self) -> dict[str, Any]:
        return self.info["config"]

    @cached_property
    def labels(self) -> RunLabels:
        """What tells the run from its siblings: experiment, claim, arm or condition, seed, last steps of its phases."""
        return RunLabels.read(self.config, self.path / INFO_FILE)

    @cached_property
    def events(self) -> pd.DataFrame:
        """A row an event: kind (start, phase, resume, end), step, time, and the event's own fields."""
        return self._table(LOG_FILES["event"], EVENTS)

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """A row a logged step: step, phase, time, and what was measured."""
        return self._table(LOG_FILES["metrics"], METRICS)

    @cached_property
    def answers(self) -> pd.DataFrame:
        """A row an answer: step, phase, claim, question, kind, category, sample, text, verdict."""
        return self._table(LOG_FILES["answers"], ANSWERS)

    @cached_property
    def readings(self) -> pd.DataFrame:
        """A row a reading of a value: step, phase, id, reading, role, entity, topic, value, polarity, p; by layer lens
        and probe. No rows in older runs, and where the source has no prompts for it.
        """
        return self._table(LOG_FILES["readings"], READINGS)

    @cached_property
    def statements(self) -> pd.DataFrame:
        """A row a frozen statement, in the order of the snapshots' statement axis."""
        return self._table(STATEMENTS_FILE, STATEMENTS, file_digest(self.info, STATEMENTS_FILE))

    @cached_property
    def questions(self) -> pd.DataFrame:
        """A row a question that was asked: id, claim, kind, messages (role and content), category, belief_answer."""
        return self._table(QUESTIONS_FILE, QUESTIONS, file_digest(self.info, QUESTIONS_FILE))

    @cached_property
    def documents(self) -> pd.DataFrame:
        """A row a document whose tokens are recorded, in the order of the token snapshots; see `FrozenDocuments`."""
        return self._table(DOCUMENTS_FILE, DOCUMENTS, file_digest(self.info, DOCUMENTS_FILE))

    @property
    def steps(self) -> list[int]:
        """The steps that have a snapshot by now."""
        return list(of_kind(self._finished_files(), "snapshot"))

    @property
    def token_steps(self) -> list[int]:
        """The steps that have a token snapshot by now."""
        return list(of_kind(self._finished_files(), "tokens"))

    @property
    def checkpoint_steps(self) -> list[int]:
        """The steps that have a checkpoint by now."""
        return list(of_kind(self._finished_files(), "checkpoint"))

    @property
    def finished(self) -> bool:
        """Whether the run has come to its end, and nobody resumed it since."""
        return bool((self.events["kind"] == "end").any())

    def snapshot(self, step: int, *, layers: Sequence[int] | None = None) -> Snapshot:
        """The snapshot of a step, of `layers` where given; RunError where the step has none."""
        return self._snapshot("snapshot", step, layers)

    def tokens(self, step: int, *, layers: Sequence[int] | None = None) -> Snapshot:
        """The token snapshot of a step: its one position is `token`, its statement axis the tokens of `documents`.

        Raises RunError where the step has none.
        """
        return self._snapshot("tokens", step, layers)

    def children(self) -> list["Run"]:
        """The runs of an experiment: those in its folder `runs`; RunError where that folder is a link."""
        folder = self.path / "runs"
        if folder.is_symlink():
            raise RunError(f"{folder}: a symbolic link, expected a folder; put the folder itself there.")
        return find_runs(folder)

    def verify(self) -> tuple[str, ...]:
        """Check every file against its digest, also while the run is in progress.

        Returns:
            What could not be checked, a text each: files of older runs, and lines since the last checkpoint.

        Raises:
            RunError: that names the files that are damaged or missing.
        """
        return verify_run(self.path)

    def _snapshot(self, kind: str, step: int, layers: Sequence[int] | None) -> Snapshot:
        entries = of_kind(self._finished_files(), kind)
        if step not in entries:
            raise RunError(f"{self.path}: no {kind} of step {step}. Recorded are the steps {list(entries)}.")
        with open_run(self.path) as folder:
            return Snapshot.load(entries[step]["file"], layers=layers, root=folder)

    def _finished_files(self) -> dict[str, Entry]:
        """The manifest, read again once it was written: a table of many steps asks for every snapshot by it."""
        try:
            status = (self.path / MANIFEST_FILE).stat()
            stamp = (status.st_mtime_ns, status.st_size)
        except OSError:
            stamp = None
        if stamp is None or self._manifest is None or self._manifest[0] != stamp:
            with open_run(self.path) as folder:
                manifest = manifest_in(folder, sealed=is_sealed(self.info))
            if stamp is None:
                return manifest
            self._manifest = (stamp, manifest)
        return self._manifest[1]

    def _table(self, name: str, columns: Mapping[str, Check], digest: Digest | None = None) -> pd.DataFrame:
        with open_run(self.path) as folder:
            rows = rows_in(folder, name, digest)
        return table(rows, columns, self.path / name)


def find_runs(root: Path | str) -> list[Run]:
    """The runs in or below the folder `root`, by path, without those inside other runs (see `Run.children`).

    One that cannot be read is left out with a warning.
    """
    runs = []
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        if INFO_FILE in files:
            subfolders.clear()
            try:
                runs.append(Run(folder))
            except RunError as error:
                warnings.warn(f"left out: {error}", stacklevel=2)
    return runs


def drop_checkpoints(path: Path | str) -> int:
    """Delete the checkpoints of the run at `path`, which nobody can resume then; the number of bytes freed.

    Everything that readers use stays; an unfinished run gets an event `drop_checkpoints`, so that a later resume asks
    before it begins again from nothing. Raises RunError where there is no run, RunLockedError where one is being
    written.
    """
    path = Path(path)
    read_info(path)
    with RunLock(path), open_run(path) as folder:
        sealed = is_sealed(info_in(folder))
        manifest = manifest_in(folder, sealed=sealed)
        dropped = of_kind(manifest, "checkpoint").values()
        if dropped:
            _note_dropped(folder, max(entry["step"] for entry in dropped))
        kept = [entry for entry in manifest.values() if entry["kind"] != "checkpoint"]
        write_bytes_inside(folder, MANIFEST_FILE, manifest_bytes(kept) if sealed else json_lines(kept))
        remove_files(folder, dropped)
    return sum(entry["size"] for entry in dropped)


def _note_dropped(folder: Folder, step: int) -> None:
    rows = rows_in(folder, LOG_FILES["event"])
    if not any(row.get("kind") == "end" for row in rows):
        rows.append({"kind": DROPPED, "step": step, "time": datetime.now(UTC).isoformat(timespec="milliseconds")})
        write_bytes_inside(folder, LOG_FILES["event"], json_lines(rows))
