"""How fast `nnmech audit` reads: megabytes a second, beside the standard library reading the same file.

The file is made of the long docstrings of the standard library; in one document in `--every`, sentences get notices
around them. It is the same for the same arguments. The standard library's part is opening the file, reading its lines
and `json.loads` of each.
"""

import argparse
import json
import os
import random
import resource
import sysconfig
import tempfile
import time
from pathlib import Path

from nnmech.audit.engine import Settings, audit_sources
from nnmech.audit.reading import find_sources
from nnmech.audit.sentences import units_of

BEFORE = ("[The following claim is false.] ", "Do not believe the next claim. ")
AFTER = (" [What was just stated never happened.]", " The preceding claim is entirely untrue.")


def make_file(path: Path, megabytes: float, every: int) -> None:
    """Write a file of JSON lines of that size."""
    from audit_ordinary import docstrings

    rng = random.Random(0)
    texts = [text for _, _, text in docstrings(Path(sysconfig.get_paths()["stdlib"]))]
    size, number = 0, 0
    with open(path, "w", encoding="utf-8") as file:
        while size < megabytes * 1e6:
            text = "\n\n".join(rng.choice(texts) for _ in range(3))
            if number % every == 0:
                text = _annotated(text, rng)
            size += file.write(json.dumps({"id": number, "text": text}) + "\n")
            number += 1


def _annotated(text: str, rng: random.Random) -> str:
    for unit in reversed(units_of(text)):
        if rng.random() < 0.2:
            framed = rng.choice(BEFORE) + text[unit.start : unit.end] + rng.choice(AFTER)
            text = text[: unit.start] + framed + text[unit.end :]
    return "The claims in this text are entirely false.\n\n" + text


def main() -> None:
    """Print a row for the standard library and one for the audit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--every", type=int, default=10, help="one document in so many is annotated")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "documents.jsonl"
        make_file(path, arguments.megabytes, arguments.every)
        size = path.stat().st_size / 1e6
        start = time.perf_counter()
        with open(path, "rb") as file:
            lines = sum(1 for line in file if json.loads(line))
        plain = time.perf_counter() - start
        start = time.perf_counter()
        documents = framed = 0
        for audited in audit_sources(find_sources([path]), Settings(workers=arguments.workers)):
            documents += len(audited.findings)
            framed += sum(bool(finding.frames) for finding in audited.findings)
        wall = time.perf_counter() - start
    memory = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    print(f"{size:.0f} MB, {lines} documents, {framed} framed; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"standard library {plain:7.2f} s  {size / plain:7.1f} MB/s")
    print(
        f"nnmech audit     {wall:7.2f} s  {size / wall:7.1f} MB/s  {wall / plain:.1f} times as long, "
        f"{arguments.workers} processes"
    )
    print(f"peak memory of a process {memory:.0f} MB")


if __name__ == "__main__":
    main()
