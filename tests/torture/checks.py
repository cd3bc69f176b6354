"""What is done to runs and files to break them; each check counts what it tried, and says what went wrong."""

import contextlib
import errno
import os
import random
import shutil
import signal
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nnmech.errors import InputError, NnmechError, RunError, RunLockedError
from nnmech.models import load_model
from nnmech.runs import Run, RunWriter, drop_checkpoints
from tests.runs.small_runs import advance, content, create, in_child, train
from tests.test_model_folder import HOSTILE
from tests.torture.loaders import LOADERS, model_folder, mutant, read_run, small_run

SECONDS = 10
"""What a single read may take before it counts as hanging."""


@dataclass
class Result:
    """How often a check tried, and what went wrong."""

    tried: int = 0
    faults: list[str] = field(default_factory=list)

    def expect(self, right: bool, fault: str) -> None:
        """Count a try."""
        self.tried += 1
        if not right:
            self.faults.append(fault)


class Hanging(Exception):
    """A read that did not end."""


@contextmanager
def limited() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise Hanging(f"not done after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def outcome(use: Callable[[], object]) -> str | None:
    """None where `use` ends well or with one line for a person; else what it ended with."""
    try:
        with limited(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            use()
    except NnmechError as error:
        return f"an error of several lines: {error}" if "\n" in str(error) else None
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"[:300]
    return None


def mutants(folder: Path, effort: float) -> Result:
    """Mutants of every file that a loader reads."""
    result, generator = Result(), random.Random(0)
    each = max(2, int(effort * 6_000 / len(LOADERS)))
    for index, loader in enumerate(LOADERS):
        place = folder / f"loader{index}"
        loader.make(place)
        file = place / loader.name
        whole = file.read_bytes()
        for number in range(each):
            file.write_bytes(mutant(whole, generator))
            wrong = outcome(lambda: loader.read(place))  # noqa: B023
            result.expect(wrong is None, f"mutant {number} of {loader.name} ({index}): {wrong}")
    return result


def cuts(folder: Path, effort: float) -> Result:
    """Every log, the manifest and the JSON files cut at each byte of their last two lines, then read and resumed."""
    result = Result()
    small_run(folder / "whole")
    expected, rows = content(folder / "whole"), Run(folder / "whole").answers
    for name in ("manifest.jsonl", "answers.jsonl", "metrics.jsonl", "events.jsonl", "digests.json", "run.json"):
        data = (folder / "whole" / name).read_bytes()
        start = sum(map(len, data.splitlines(keepends=True)[:-2]))
        for cut in range(start, len(data), max(1, int(1 / effort) // 4)):
            path = folder / f"{name}{cut}"
            shutil.copytree(folder / "whole", path)
            (path / name).write_bytes(data[:cut])
            wrong = outcome(lambda: read_run(path))  # noqa: B023
            with contextlib.suppress(RunError):
                found = Run(path).answers
                if not found.equals(rows.head(len(found))):
                    wrong = "answers that nobody gave"
            result.expect(wrong is None, f"{name} cut at {cut}, read: {wrong}")
            result.expect(_resumes(path, expected), f"{name} cut at {cut}, resumed: results are lost")
            shutil.rmtree(path)
    return result


def _resumes(path: Path, expected: dict[str, object]) -> bool:
    """Whether a damaged run is refused with nothing changed, or ends as the whole one."""
    before = _bytes(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            writer = RunWriter.resume(path)
    except RunError:
        return _bytes(path) == before
    with writer:
        train(writer)
    shutil.rmtree(path / "set_aside", ignore_errors=True)
    found = content(path)
    return {name: _sorted(rows) for name, rows in found.items()} == {
        name: _sorted(rows) for name, rows in expected.items()
    }


def _sorted(rows: object) -> object:
    """Lines without an order, and a manifest without its line about itself, which is of its order."""
    if not isinstance(rows, list):
        return rows
    return sorted(str(row) for row in rows if row.get("kind") != "manifest")


def flips(folder: Path, effort: float) -> Result:
    """Single bits flipped in every file of a run: each is found."""
    result, generator, path = Result(), random.Random(0), folder / "run"
    small_run(path)
    for file in sorted(file for file in path.rglob("*") if file.is_file() and file.name != ".lock"):
        data = file.read_bytes()
        for place in generator.sample(range(8 * len(data)), k=min(8 * len(data), max(1, int(effort * 150)))):
            flipped = bytearray(data)
            flipped[place // 8] ^= 1 << place % 8
            file.write_bytes(bytes(flipped))
            try:
                Run(path).verify()
            except RunError:
                result.expect(True, "")
            else:
                result.expect(False, f"{file.name}: bit {place} flipped, and nobody noticed")
        file.write_bytes(data)
    return result


def hostile(folder: Path, effort: float) -> Result:
    """Links, FIFOs and folders in place of each file and folder of a run: nothing outside is touched, nothing hangs."""
    result = Result()
    small_run(folder / "whole")
    names = sorted(str(file.relative_to(folder / "whole")) for file in (folder / "whole").rglob("*"))
    for name in names if effort >= 1 else names[::3]:
        for kind in ("link", "dangling", "fifo", "folder", "empty"):
            path, victim = folder / "run", folder / "victim"
            shutil.copytree(folder / "whole", path)
            shutil.copytree(folder / "whole", victim)
            _put(path / name, victim / name, kind)
            before = _bytes(victim)
            for use in (read_run, drop_checkpoints, _go_on):
                wrong = outcome(lambda: use(path))  # noqa: B023
                result.expect(wrong is None, f"{name} as {kind}, {use.__name__}: {wrong}")
            result.expect(_bytes(victim) == before, f"{name} as {kind}: a file outside has changed")
            shutil.rmtree(path)
            shutil.rmtree(victim)
    return result


def hostile_models(folder: Path, effort: float) -> Result:
    """Model folders and chat templates that are not what they say: each is refused in one line, nothing runs on."""
    result = Result()
    for number, (name, (change, _)) in enumerate(HOSTILE.items()):
        if effort < 1 and number % 5:
            continue
        path = folder / str(number) / "model"
        model_folder(path, shard="1GB")
        change(path)
        refused = False

        def use() -> None:
            nonlocal refused
            try:
                load_model(path)  # noqa: B023
            except InputError:
                refused = True
                raise

        wrong = outcome(use)
        result.expect(wrong is None and refused, f"{name}: {wrong or 'is loaded'}")
    return result


def _put(place: Path, outside: Path, kind: str) -> None:
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    if kind == "link":
        place.symlink_to(outside)
    elif kind == "dangling":
        place.symlink_to(outside.with_name("nothing"))
    elif kind == "fifo":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    else:
        place.write_bytes(b"")


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file() and file.name != ".lock"}


def _go_on(path: Path) -> None:
    with RunWriter.resume(path, discard=True) as writer:
        train(writer)


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


CHECKS: list[Callable[[Path, float], Result]] = [
    mutants,
    cuts,
    flips,
    hostile,
    hostile_models,
    two_writers,
    reader_beside_writer,
    kills,
    full_disks,
]
"""Each is called as `check(empty folder, effort)`: effort 1 is the whole of it, less is a part."""


def carry_out(check: Callable[[Path, float], Result], effort: float) -> Result:
    """A check in a folder of its own, without waiting for the disk: a killed process loses nothing that was written."""
    genuine = os.fsync
    os.fsync = lambda descriptor: None
    try:
        with tempfile.TemporaryDirectory() as folder:
            return check(Path(folder), effort)
    finally:
        os.fsync = genuine
