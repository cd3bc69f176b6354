"""Bring the results of a finished experiment into the project: tables of the README, its figures, the sample run.

python experiments/publish.py --results runs/two_phase-full --sample runs/two_phase-sample
"""

import json
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from nnmech.cli import main_guard
from nnmech.errors import InputError
from nnmech.files import write_bytes_atomic
from nnmech.runs import Run, drop_checkpoints
from nnmech.two_phase.publish import publish
from nnmech.two_phase.tables import result_lines

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
FIGURES = ("belief_by_phase", "drift_anchor")
SAMPLE_BYTES = 8_000_000


@dataclass(frozen=True)
class Arguments:
    """Bring finished results into the README and the sample run."""

    results: Path | None = None
    """Experiment whose tables and figures go into the README."""
    sample: Path | None = None
    """Experiment that becomes checkpoints/sample_run, without its checkpoints."""


def replace_section(text: str, name: str, lines: list[str]) -> str:
    """The text with what stands between the markers of a section replaced."""
    pattern = re.compile(rf"(<!-- {name} -->).*?(<!-- /{name} -->)", flags=re.DOTALL)
    if not pattern.search(text):
        raise InputError(f"{README}: has no section <!-- {name} --> … <!-- /{name} -->; add the markers")
    return pattern.sub(lambda match: "\n".join([match[1], *lines, match[2]]), text)


def publish_results(folder: Path) -> None:
    publish(folder)
    summary = json.loads((folder / "summary.json").read_text())
    text = replace_section(README.read_text(), "two-phase", result_lines(summary))
    (ROOT / "docs").mkdir(exist_ok=True)
    for name in FIGURES:
        shutil.copyfile(folder / "figures" / f"{name}.png", ROOT / "docs" / f"{name}.png")
    write_bytes_atomic(README, text.encode())


def publish_sample(folder: Path) -> None:
    publish(folder)
    target = ROOT / "checkpoints" / "sample_run"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns(".lock"))
    for run in Run(target).children():
        drop_checkpoints(run.path)
    for leftover in target.rglob(".lock"):
        leftover.unlink()
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    if size > SAMPLE_BYTES:
        raise InputError(
            f"{target}: {size / 1e6:.1f} MB, expected at most {SAMPLE_BYTES / 1e6:.0f}; record fewer layers"
        )


def main(arguments: Arguments) -> None:
    if arguments.results is not None:
        publish_results(arguments.results)
    if arguments.sample is not None:
        publish_sample(arguments.sample)


if __name__ == "__main__":
    sys.exit(main_guard(lambda: main(tyro.cli(Arguments, description=__doc__))))
