"""Processes and disks: writers and readers at once, kills, full disks."""

import errno
import os
import random
import signal
import time
from pathlib import Path

from nnmech.errors import RunError, RunLockedError
from nnmech.runs import Run, RunWriter
from tests.runs.small_runs import advance, content, create, in_child, train
from tests.torture.loaders import read_run, small_run
from tests.torture.trying import Result, outcome


def two_writers(folder: Path, effort: float) -> Result:
    """Processes that resume one run at once: one of them writes, and the run is as if it had been alone."""
    result = Result()
    for number in range(max(1, int(effort * 20))):
        path = folder / f"run{number}"
        create(path).close()

        def work() -> None:
            try:
                with RunWriter.resume(path) as writer:  # noqa: B023
                    time.sleep(0.05)
                    train(writer)
                os._exit(0)
            except RunLockedError:
                os._exit(3)

        children = [in_child(work) for _ in range(3)]
        codes = sorted(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)
        wrong = outcome(lambda: read_run(path))  # noqa: B023
        steps = list(Run(path).metrics["step"])
        right = set(codes) <= {0, 3} and 0 in codes and wrong is None and steps == sorted(set(steps))
        result.expect(right, f"exit codes {codes}; {wrong}; steps {steps}")
    return result


def reader_beside_writer(folder: Path, effort: float) -> Result:
    """Everything read and verified over and over while another process writes and resumes."""
    result, path = Result(), folder / "run"

    def work() -> None:
        for _ in range(3):
            with RunWriter.resume(path) if (path / "run.json").exists() else create(path) as writer:
                for step in range((writer.checkpoint_step or 0) + 1, (writer.checkpoint_step or 0) + 200):
                    advance(writer, step)
        os._exit(0)

    child = in_child(work)
    until = time.monotonic() + max(1.0, 20 * effort)
    while time.monotonic() < until:
        if (path / "run.json").exists():
            try:
                read_run(path)
                result.expect(True, "")
            except Exception as error:  # noqa: BLE001
                result.expect(False, f"{type(error).__name__}: {error}")
        if os.waitpid(child, os.WNOHANG)[0]:
            return result
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return result


def kills(folder: Path, effort: float) -> Result:
    """SIGKILL, SIGTERM and SIGINT at random moments, again and again: the run ends as an undisturbed one."""
    result, generator = Result(), random.Random(0)
    small_run(folder / "whole")
    expected = content(folder / "whole")
    for number in range(max(1, int(effort * 30))):
        path = folder / f"run{number}"

        def work() -> None:
            with RunWriter.resume(path) if (path / "run.json").exists() else create(path) as writer:  # noqa: B023
                train(writer)
            os._exit(0)

        for _ in range(4):
            child = in_child(work)
            time.sleep(generator.uniform(0.0, 0.08))
            os.kill(child, generator.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGINT)))
            os.waitpid(child, 0)
            if (path / "run.json").exists():
                wrong = outcome(lambda: Run(path).verify())  # noqa: B023
                result.expect(wrong is None, f"run {number}: {wrong}")
        child = in_child(work)
        result.expect(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, f"run {number}: not resumed")
        result.expect(content(path) == expected, f"run {number}: not the undisturbed one")
    return result


def full_disks(folder: Path, effort: float) -> Result:
    """A disk that is full from the n-th write on: one line that says so, and after a resume the same run."""
    result = Result()
    small_run(folder / "whole")
    expected, genuine = content(folder / "whole"), os.write
    for allowed in range(0, 80, max(1, int(1 / effort))):
        path, count = folder / f"run{allowed}", 0

        def write(descriptor: int, data: bytes) -> int:
            nonlocal count
            count += 1
            if count > allowed:  # noqa: B023
                genuine(descriptor, bytes(data)[:5])
                raise OSError(errno.ENOSPC, "No space left on device")
            return genuine(descriptor, data)

        os.write = write
        said = ""
        try:
            with create(path) as writer:
                train(writer)
        except RunError as error:
            said = str(error)
        finally:
            os.write = genuine
        result.expect(not said or "the disk is full" in said, f"after {allowed} writes: {said}")
        with RunWriter.resume(path) if (path / "run.json").exists() else create(path) as writer:
            train(writer)
        result.expect(content(path) == expected, f"after {allowed} writes: not the undisturbed run")
        if not said:
            break
    return result
