"""Bytes that are not what was written: mutants, cuts and flipped bits."""

import contextlib
import random
import shutil
import warnings
from pathlib import Path

from nnmech.errors import RunError
from nnmech.runs import Run, RunWriter
from tests.runs.small_runs import content, train
from tests.torture.loaders import LOADERS, mutant, read_run, small_run
from tests.torture.trying import Result, bytes_of, outcome


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
    before = bytes_of(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            writer = RunWriter.resume(path)
    except RunError:
        return bytes_of(path) == before
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
