"""Opening runs, damaged ones among them: what is damaged is left out, and said once on the page."""

import time
from functools import lru_cache

from nnmech.errors import RunError
from nnmech.runs import DamagedRun, Run
from nnmech_dashboard.state.background import table
from nnmech_dashboard.state.listing import stamp

LOGS = ("run.json", "manifest.jsonl", "answers.jsonl", "metrics.jsonl", "events.jsonl")
FRESH_SECONDS = 2
"""How long what the sizes of files say is believed: a page asks for its run many times."""


def faults(path: str) -> tuple[str, ...]:
    """What of the run at `path` is damaged and left out, a line each; RunError where it cannot be read at all."""
    return (*_damaged_files(path, int(time.monotonic() // FRESH_SECONDS)), *(_damaged_logs(path) or ()))


def kind_of_run(path: str) -> type[Run]:
    """The reader of the run at `path`: the strict one where nothing is known to be damaged."""
    try:
        return DamagedRun if faults(path) else Run
    except RunError:
        return Run


def open_run(path: str) -> Run:
    """The run at `path` without its damaged parts; RunError where it cannot be read at all."""
    return kind_of_run(path)(path)


@lru_cache(maxsize=256)
def _damaged_files(path: str, moment: int) -> tuple[str, ...]:
    return DamagedRun(path).damaged_files


def _damaged_logs(path: str) -> tuple[str, ...] | None:
    return table(log_faults, path, stamp([path], LOGS))


def log_faults(path: str, version: object) -> tuple[str, ...]:
    """What of the logs is damaged; by `background.table`, which calls it again when one of them has changed."""
    return DamagedRun(path).damaged_logs
