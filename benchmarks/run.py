"""Measure what the README says about speed and memory.

    python benchmarks/run.py           # measure, record, print the README's table
    python benchmarks/run.py --show    # print the table of what is recorded

Writes `benchmarks/results.json`, with the machine that the numbers are from. A machine
with nothing else to do gives numbers worth quoting; nothing fails because something is slow. On the CPU; needs the
extra `peft` (accelerate for the Trainer, and psutil with it), and compares with TransformerLens where the extra
`analysis` is installed.
"""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import tyro
from dashboard_speed import DashboardLoad, measure_dashboard
from experiment_cost import measure_experiment
from machine import describe_machine
from probe_speed import ProbeGrid, measure_probes
from recorded import NAMES, Name, table_lines
from snapshot_speed import measure_snapshot
from timing import Row, say
from training_speed import measure_snapshot_overhead, measure_training
from transformers.utils import logging
from workload import Workload, make_workload

from nnmech.cli import main_guard
from nnmech.errors import InputError
from nnmech.experiments.two_phase import preset
from nnmech.files import write_json_atomic
from nnmech.models import EMBEDDED

SNAPSHOT_ROUNDS = 4
"""Repeats of a snapshot, which takes a fraction of a second, for each of a training run."""


@dataclass(frozen=True)
class Arguments:
    """Measure what the README says about speed and memory."""

    only: tuple[Name, ...] = NAMES
    """experiment: time and memory of the two-phase experiment. training: tokens a second against a bare loop and the
    Trainer. overhead: training with snapshots against without. snapshot: one snapshot against a forward pass.
    probes: logistic probes of all layers, steps and folds against a loop over scikit-learn. dashboard: seconds until a
    page is there, in a Chromium, with a large run and a folder of 50."""
    model: str = EMBEDDED
    """The embedded model, a local folder or a hub id in the local cache."""
    repeats: int = 5
    """Timed rounds after the warm-up; the experiment is run once."""
    preset: Literal["smoke", "default", "full"] = "default"
    """Whose experiment, data and statements are measured."""
    threads: int = 1
    """Of torch; the experiment has one for each of the runs that it makes side by side."""
    probe_threads: int = 2
    """Of torch for `fit_many`, which shares the layers among them; loops over scikit-learn are fastest on one."""
    show: bool = False
    """Measure nothing: print the table of what is recorded."""
    outright: bool = False
    """Also train the paper's 625 updates with snapshots and without; many minutes."""
    output: Path = Path(__file__).resolve().parent / "results.json"
    """Where the numbers go; what it has of other benchmarks stays."""


def main(arguments: Arguments) -> None:
    for name in ("repeats", "threads", "probe_threads"):
        if getattr(arguments, name) < 1:
            raise InputError(f"{name} is {getattr(arguments, name)}: expected 1 or more")
    results = _read(arguments.output)
    if not arguments.show:
        _measure(arguments, results)
    print("\n".join(table_lines(results)))


def _measure(arguments: Arguments, results: dict[str, Any]) -> None:
    torch.set_num_threads(arguments.threads)
    logging.disable_progress_bar()
    machine = describe_machine()
    for name in dict.fromkeys(arguments.only):
        say(f"{name}:")
        rows, settings = _MEASURES[name](arguments)
        results[name] = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine,
            "settings": {"model": arguments.model, "preset": arguments.preset, **settings},
            "rows": [row.to_json() for row in rows],
        }
        # After each, so that a later failure loses nothing.
        write_json_atomic(arguments.output, results)


@cache
def _workload(model: str, preset_name: str) -> Workload:
    say("  building the data")
    return make_workload(replace(preset(preset_name), model=model))


def _experiment(arguments: Arguments) -> tuple[list[Row], dict[str, Any]]:
    config = preset(arguments.preset)
    return measure_experiment(arguments.preset, arguments.model), {"experiment": asdict(config)}


def _probes(arguments: Arguments) -> tuple[list[Row], dict[str, Any]]:
    grid, threads = ProbeGrid(), arguments.probe_threads
    return measure_probes(grid, threads), {"probes": asdict(grid), "threads": threads}


def _dashboard(arguments: Arguments) -> tuple[list[Row], dict[str, Any]]:
    load = DashboardLoad(rounds=arguments.repeats + 2)
    return measure_dashboard(load), {"dashboard": asdict(load)}


def _on_workload(
    measure: Callable[[Workload, Arguments], list[Row]],
) -> Callable[[Arguments], tuple[list[Row], dict[str, Any]]]:
    def measured(arguments: Arguments) -> tuple[list[Row], dict[str, Any]]:
        workload = _workload(arguments.model, arguments.preset)
        return measure(workload, arguments), {"repeats": arguments.repeats, "workload": workload.summary()}

    return measured


_MEASURES: dict[Name, Callable[[Arguments], tuple[list[Row], dict[str, Any]]]] = {
    "experiment": _experiment,
    "training": _on_workload(lambda workload, arguments: measure_training(workload, arguments.repeats)),
    "overhead": _on_workload(
        lambda workload, arguments: measure_snapshot_overhead(workload, arguments.repeats, outright=arguments.outright)
    ),
    "snapshot": _on_workload(
        lambda workload, arguments: measure_snapshot(workload, SNAPSHOT_ROUNDS * arguments.repeats)
    ),
    "probes": _probes,
    "dashboard": _dashboard,
}


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        results = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON: {error}; delete it, or choose another --output") from error
    if not isinstance(results, dict) or not set(results) <= set(NAMES):
        raise InputError(f"{path}: holds something else than results of benchmarks; choose another --output")
    return results


if __name__ == "__main__":
    sys.exit(main_guard(lambda: main(tyro.cli(Arguments, description=__doc__))))
