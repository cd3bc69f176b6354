"""Run directories as data: lazy readers that take a run in progress as it is, and the writer of one."""

import os
import warnings
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from nnmech.errors import RunError
from nnmech.files import json_lines, read_json_lines, write_bytes_atomic
from nnmech.recording.snapshots import Snapshot
from nnmech.runs.format import (
    DOCUMENTS_FILE,
    INFO_FILE,
    LOG_FILES,
    MANIFEST_FILE,
    QUESTIONS_FILE,
    STATEMENTS_FILE,
    fault,
    of_kind,
    read_info,
    read_manifest,
)
from nnmech.runs.labels import RunLabels
from nnmech.runs.lock import lock_run

EVENT_COLUMNS = ("kind", "step", "time")
METRICS_COLUMNS = ("step", "phase", "time")
ANSWER_COLUMNS = ("step", "phase", "claim", "question", "kind", "category", "sample", "text", "verdict")
STATEMENT_COLUMNS = ("id", "text", "truth", "polarity", "topic", "entity", "role", "claim", "object_end")
QUESTION_COLUMNS = ("id", "claim", "kind", "messages", "category", "belief_answer")
DOCUMENT_COLUMNS = ("id", "claim", "condition", "text", "sentences", "tokens")


class Run:
    """The run in the folder `path`, read when asked for and then kept: make a new Run to see what came since.

    Raises RunError where there is no run or one of another schema version; damaged lines are reported when read.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.info: dict[str, Any] = read_info(self.path)
        self._manifest: tuple[tuple[int, int], dict[str, dict[str, Any]]] | None = None

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
        return self._table(LOG_FILES["event"], EVENT_COLUMNS)

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """A row a logged step: step, phase, time, and what was measured."""
        return self._table(LOG_FILES["metrics"], METRICS_COLUMNS)

    @cached_property
    def answers(self) -> pd.DataFrame:
        """A row an answer: step, phase, claim, question, kind, category, sample, text, verdict."""
        return self._table(LOG_FILES["answers"], ANSWER_COLUMNS)

    @cached_property
    def statements(self) -> pd.DataFrame:
        """A row a frozen statement, in the order of the snapshots' statement axis."""
        return self._table(STATEMENTS_FILE, STATEMENT_COLUMNS)

    @cached_property
    def questions(self) -> pd.DataFrame:
        """A row a question that was asked: id, claim, kind, messages (role and content), category, belief_answer."""
        return self._table(QUESTIONS_FILE, QUESTION_COLUMNS)

    @cached_property
    def documents(self) -> pd.DataFrame:
        """A row a document whose tokens are recorded, in the order of the token snapshots; see `FrozenDocuments`."""
        return self._table(DOCUMENTS_FILE, DOCUMENT_COLUMNS)

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
        """The runs of an experiment: those in its folder `runs`."""
        return find_runs(self.path / "runs")

    def verify(self) -> None:
        """Check size and sha256 of every finished binary file; RunError names those that are damaged or missing."""
        # A run in progress may have replaced a checkpoint since its list was read.
        faults = {name: wrong for name, entry in read_manifest(self.path).items() if (wrong := fault(self.path, entry))}
        faults = [wrong for name, wrong in faults.items() if name in read_manifest(self.path)]
        if faults:
            raise RunError("; ".join(faults) + ". Restore the files from a copy, or run it anew.")

    def _snapshot(self, kind: str, step: int, layers: Sequence[int] | None) -> Snapshot:
        entries = of_kind(self._finished_files(), kind)
        if step not in entries:
            raise RunError(f"{self.path}: no {kind} of step {step}. Recorded are the steps {list(entries)}.")
        return Snapshot.load(self.path / entries[step]["file"], layers=layers)

    def _finished_files(self) -> dict[str, dict[str, Any]]:
        """The manifest, parsed anew once it was written: a table of many steps asks for every snapshot by it."""
        try:
            status = (self.path / MANIFEST_FILE).stat()
        except OSError:
            return read_manifest(self.path)
        stamp = (status.st_mtime_ns, status.st_size)
        if self._manifest is None or self._manifest[0] != stamp:
            self._manifest = (stamp, read_manifest(self.path))
        return self._manifest[1]

    def _table(self, name: str, columns: Sequence[str]) -> pd.DataFrame:
        rows = read_json_lines(self.path / name)
        found = dict.fromkeys(key for row in rows for key in row)
        return pd.DataFrame(rows, columns=pd.Index([*columns, *(key for key in found if key not in columns)]))


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

    Everything that readers use stays. Raises RunError where there is no run, RunLockedError where one is being written.
    """
    path = Path(path)
    read_info(path)
    with lock_run(path):
        manifest = read_manifest(path)
        dropped = of_kind(manifest, "checkpoint").values()
        kept = [entry for entry in manifest.values() if entry["kind"] != "checkpoint"]
        write_bytes_atomic(path / MANIFEST_FILE, json_lines(kept))
        for entry in dropped:
            (path / entry["file"]).unlink(missing_ok=True)
    return sum(entry["size"] for entry in dropped)
