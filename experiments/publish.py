"""Bring the results of finished experiments into the project: tables and figures of its pages, the sample run.

python experiments/publish.py --results runs/two_phase-full --sample runs/two_phase-sample
python experiments/publish.py --conditions runs/conditions-full --in-context runs/in_context-full ...
"""

import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from nnmech.cli import main_guard
from nnmech.errors import InputError
from nnmech.experiments.behaviors.publish import publish as publish_behaviors
from nnmech.experiments.behaviors.publish import result_lines as behavior_lines
from nnmech.experiments.conditions.publish import publish as publish_conditions
from nnmech.experiments.conditions.tables import result_lines as condition_lines
from nnmech.experiments.drift.publish import result_lines as drift_lines
from nnmech.experiments.in_context.publish import publish as publish_in_context
from nnmech.experiments.in_context.publish import result_lines as in_context_lines
from nnmech.experiments.salience.publish import publish as publish_salience
from nnmech.experiments.salience.publish import result_lines as salience_lines
from nnmech.experiments.two_phase.publish import publish as publish_two_phase
from nnmech.experiments.two_phase.tables import result_lines as two_phase_lines
from nnmech.files import write_bytes_atomic
from nnmech.runs import Run, drop_checkpoints

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
RESULTS = ROOT / "docs" / "results.md"
SAMPLE_BYTES = 8_000_000


@dataclass(frozen=True)
class Section:
    """What a page shows of an experiment, between the markers `<!-- name -->` and `<!-- /name -->`."""

    name: str
    publish: Callable[[Path], object]
    """Writes `summary.json` and the figures into the experiment's folder."""
    lines: Callable[[dict[str, Any]], list[str]]
    """What of the summary is shown."""
    figures: tuple[str, ...]
    """Figures that are copied to docs/."""
    shown: tuple[str, ...] = ()
    """Those of them that stand below the tables, on pages in docs/; the others have their place in the text."""
    page: Path = RESULTS


TWO_PHASE = Section("two-phase", publish_two_phase, two_phase_lines, ("belief_by_phase", "drift_anchor"), page=README)
SECTIONS = {
    "conditions": Section(
        "conditions",
        publish_conditions,
        condition_lines,
        figures=("belief_by_condition", "learning_curves", "coordinate_by_condition"),
        shown=("learning_curves", "coordinate_by_condition"),
    ),
    "in_context": Section(
        "in-context", publish_in_context, in_context_lines, ("belief_in_context",), ("belief_in_context",)
    ),
    "behaviors": Section("behaviors", publish_behaviors, behavior_lines, ("behaviors",), ("behaviors",)),
    "salience": Section("salience", publish_salience, salience_lines, ("salience",), ("salience",)),
    "drift": Section(
        "drift",
        lambda folder: None,
        drift_lines,
        ("alignment", "onset", "phase_portrait", "decomposition", "transfer_matrix", "direction_cosine"),
        ("alignment", "onset", "phase_portrait"),
    ),
}


@dataclass(frozen=True)
class Arguments:
    """Bring finished results into the README and the sample run."""

    results: Path | None = None
    """Two-phase experiment whose tables and figures go into the README."""
    conditions: Path | None = None
    """Table of conditions."""
    in_context: Path | None = None
    """Experiment in the context window."""
    behaviors: Path | None = None
    """Experiment on behaviour."""
    salience: Path | None = None
    """Experiment on salience."""
    drift: Path | None = None
    """What `experiments/drift.py` wrote."""
    sample: Path | None = None
    """Experiment that becomes checkpoints/sample_run, without its checkpoints."""


def replace_section(page: Path, name: str, lines: list[str]) -> str:
    """The text of a page with what stands between the markers of a section replaced."""
    text = page.read_text()
    pattern = re.compile(rf"(<!-- {name} -->).*?(<!-- /{name} -->)", flags=re.DOTALL)
    if not pattern.search(text):
        raise InputError(f"{page}: has no section <!-- {name} --> … <!-- /{name} -->; add the markers")
    return pattern.sub(lambda match: "\n".join([match[1], *lines, match[2]]), text)


def publish_results(section: Section, folder: Path) -> None:
    section.publish(folder)
    lines = section.lines(json.loads((folder / "summary.json").read_text()))
    for name in section.shown:
        lines += [f"![{name.replace('_', ' ').capitalize()}]({name}.png)", ""]
    text = replace_section(section.page, section.name, lines)
    (ROOT / "docs").mkdir(exist_ok=True)
    for name in section.figures:
        shutil.copyfile(folder / "figures" / f"{name}.png", ROOT / "docs" / f"{name}.png")
    write_bytes_atomic(section.page, text.encode())


def publish_sample(folder: Path) -> None:
    publish_two_phase(folder)
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
        publish_results(TWO_PHASE, arguments.results)
    for name, section in SECTIONS.items():
        if (folder := getattr(arguments, name)) is not None:
            publish_results(section, folder)
    if arguments.sample is not None:
        publish_sample(arguments.sample)


if __name__ == "__main__":
    sys.exit(main_guard(lambda: main(tyro.cli(Arguments, description=__doc__))))
