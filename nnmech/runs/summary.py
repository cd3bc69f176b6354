"""What a listing says of a run, from its settings and the last lines of its logs: cheap for folders of hundreds."""

from dataclasses import dataclass
from pathlib import Path

from nnmech.claims import MATCHED_FALSE
from nnmech.errors import RunError
from nnmech.runs.folder import info_in, last_rows_in, open_run, read_info
from nnmech.runs.format import INFO_FILE, LOG_FILES, MANIFEST_FILE

LAST_BYTES = {"event": 4_096, "metrics": 4_096, "answers": 262_144}
"""Bytes from the end of a log that hold its last rows, and the answers of its last step."""


@dataclass(frozen=True)
class RunSummary:
    """A run at a glance; None is what it does not say."""

    path: Path
    name: str
    kind: str
    experiment: str | None
    model: str
    claim: str | None
    condition: str | None
    """The arm of an experiment that has arms, else the condition of its documents."""
    seed: int | None
    step: int
    """The last step of which anything is logged."""
    steps: int | None
    """The last step that is planned."""
    finished: bool
    belief: float | None
    """Belief rate (percent) at the last step at which anything was asked about the claim."""
    belief_step: int | None
    answers: int
    """How many answers that rate is of."""
    updated: float
    """When anything was written last (seconds since 1970)."""

    @property
    def progress(self) -> float | None:
        """Share of the planned steps that are done."""
        if self.finished:
            return 1.0
        return None if not self.steps else min(self.step / self.steps, 1.0)


def summarise_run(path: Path | str, *, damaged: bool = False) -> RunSummary:
    """The summary of the run at `path`; RunError where it cannot be read.

    Args:
        path: Folder of the run.
        damaged: Go by the whole lines of its logs, as `DamagedRun` does, in place of an error for another one.
    """
    path = Path(path)
    with open_run(path) as folder:
        info = info_in(folder)
        events, metrics, asked = (
            last_rows_in(folder, LOG_FILES[name], limit, damaged=damaged) for name, limit in LAST_BYTES.items()
        )
    config, model = info["config"], info["model"]
    about = [row for row in asked if row.get("category") != MATCHED_FALSE]
    last = _number(about[-1].get("step")) if about else None
    verdicts = [row.get("verdict") for row in about if last is not None and row.get("step") == last]
    reached = [
        row["step"] for rows in (events, metrics, asked) for row in rows[-1:] if isinstance(row.get("step"), int)
    ]
    return RunSummary(
        path=path,
        name=path.resolve().name,
        kind=str(info.get("kind")),
        experiment=_text(config.get("experiment")) or _experiment_around(path),
        model=str(model.get("id", "unnamed")),
        claim=_text(config.get("claim")),
        condition=_text(config.get("arm", config.get("condition"))),
        seed=_number(config.get("seed")),
        step=max(reached, default=0),
        steps=_number(config.get("steps")),
        finished=bool(events) and events[-1].get("kind") == "end",
        belief=100 * verdicts.count("yes") / len(verdicts) if verdicts else None,
        belief_step=last,
        answers=len(verdicts),
        updated=max((_modified(path / name) for name in (INFO_FILE, MANIFEST_FILE, *LOG_FILES.values())), default=0.0),
    )


def _experiment_around(path: Path) -> str | None:
    """The experiment in whose folder `runs` the run lies."""
    around = path.resolve().parent
    if around.name != "runs":
        return None
    try:
        return _text(read_info(around.parent)["config"].get("experiment"))
    except RunError:
        return None


def _modified(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: object) -> str | None:
    return None if value is None else str(value)
