"""Processes of their own that begin at once: forked from one that has imported what experiments need.

A process that is started from nothing imports torch and transformers first, which takes longer than what these tests
do in it. The one that is forked from begins before the first test that needs it, and ends with the tests.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from nnmech.runs import Run, RunWriter

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "nnmech.experiments.conditions.experiment",
        "nnmech.experiments.two_phase.experiment",
        "nnmech.judges.local",
        "transformers.generation.utils",
        "transformers.models.llama.modeling_llama",
    ]
)


def begin(function: Callable[..., object], *arguments: object) -> BaseProcess:
    """A process that calls a function of a module with the environment of now; it does not outlive the tests."""
    process = _CONTEXT.Process(target=_call, args=(function, arguments, dict(os.environ)), daemon=True)
    process.start()
    return process


def carry_out(experiment: str, folder: Path) -> None:
    """Go on with an experiment, one run at a time."""
    from nnmech.experiments.registry import EXPERIMENTS

    (entry,) = [entry for entry in EXPERIMENTS if entry.attribute == experiment]
    entry.load().carry_out(folder, workers=1)


def _call(function: Callable[..., object], arguments: tuple[Any, ...], environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    function(*arguments)


def kill_at(step: int, folder: Path, run: str) -> None:
    """Go on with the experiment in `folder` in a process of its own, and kill that when a run comes to a step."""
    metrics = folder / "runs" / run / "metrics.jsonl"
    process = begin(carry_out, Run(folder).labels.experiment, folder)
    while process.is_alive():
        if metrics.exists() and f'"step": {step},' in metrics.read_text():
            process.kill()
            break
        time.sleep(0.002)
    process.join()
    assert process.exitcode == -signal.SIGKILL


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Another process writes the run in `folder`."""
    ours, theirs = _CONTEXT.Pipe()
    process = begin(_hold, folder, theirs)
    try:
        assert ours.poll(60)
        ours.recv()
        yield
    finally:
        process.kill()
        process.join()


def _hold(folder: Path, ready: Connection) -> None:
    with RunWriter.resume(folder):
        ready.send(None)
        signal.pause()
