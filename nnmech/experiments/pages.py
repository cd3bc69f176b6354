"""Bring the results of finished experiments into the project: tables and figures of its pages, the sample run.

    nnmech publish --two-phase runs/two_phase-full --sample runs/two_phase-sample
    nnmech publish --conditions runs/conditions-full --in-context runs/in_context-full ...

Writes README.md, docs/ and checkpoints/ of the checkout around the working directory.
"""

import json
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import field, make_dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from nnmech.errors import InputError
from nnmech.experiments.drift import SECTION as DRIFT_SECTION
from nnmech.experiments.drift.tables import result_lines as drift_lines
from nnmech.experiments.engine import Section
from nnmech.experiments.registry import EXPERIMENTS
from nnmech.files import write_bytes_atomic
from nnmech.runs import Run, drop_checkpoints

CHECKOUT_FILES = ("README.md", "docs/results.md", "nnmech/__init__.py")
"""What a checkout of the project has and nothing else does."""
SAMPLE_BYTES = 8_000_000
ALIASES = {"two-phase": ("--results",)}
"""Further names of an argument."""


def _folder(text: str, *aliases: str) -> tuple[Any, Any]:
    return Annotated[Path | None, tyro.conf.arg(help=text, aliases=aliases or None)], field(default=None)


Arguments = make_dataclass(
    "Arguments",
    [
        *(
            (entry.attribute, *_folder(f"What `nnmech {entry.name}` wrote.", *ALIASES.get(entry.name, ())))
            for entry in EXPERIMENTS
        ),
        ("drift", *_folder("What `nnmech drift` wrote.")),
        ("sample", *_folder("Two-phase experiment that becomes checkpoints/sample_run, without its checkpoints.")),
    ],
    frozen=True,
)
"""A folder for every experiment of the registry, and for what else has a place in the project."""


def main(words: Sequence[str]) -> None:
    """Carry out a command line."""
    arguments: Any = tyro.cli(Arguments, prog="nnmech publish", description=__doc__, args=list(words))
    root = find_checkout(Path.cwd())
    experiments = {entry.attribute: entry.load() for entry in EXPERIMENTS}
    for name, experiment in experiments.items():
        if (folder := getattr(arguments, name)) is not None:
            experiment.publish(folder)
            write_section(root, experiment.section, folder, experiment.result_lines)
    if arguments.drift is not None:
        write_section(root, DRIFT_SECTION, arguments.drift, drift_lines)
    if arguments.sample is not None:
        experiments["two_phase"].publish(arguments.sample)
        copy_sample(root, arguments.sample)


def find_checkout(start: Path) -> Path:
    """The checkout of the project in or around a folder; InputError outside one."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if all((folder / name).is_file() for name in CHECKOUT_FILES):
            return folder
    raise InputError(
        f"{start}: is in no checkout of nnmech; expected {', '.join(CHECKOUT_FILES)} here or above; change into one"
    )


def write_section(
    root: Path, section: Section, folder: Path, result_lines: Callable[[dict[str, Any]], list[str]]
) -> None:
    """Put the summary in `folder` between the section's markers and its figures into docs/."""
    lines = result_lines(json.loads((folder / "summary.json").read_text()))
    for name in section.shown:
        lines += [f"![{name.replace('_', ' ').capitalize()}]({name}.png)", ""]
    page = root / section.page
    text = replace_section(page, section.name, lines)
    for name in section.figures:
        source = folder / "figures" / f"{name}.png"
        if not source.is_file():
            raise InputError(f"{source}: is missing; expected it for {section.page}; publish an experiment that has it")
        shutil.copyfile(source, root / "docs" / source.name)
    write_bytes_atomic(page, text.encode())


def replace_section(page: Path, name: str, lines: Sequence[str]) -> str:
    """The text of a page with what stands between the markers of a section replaced."""
    text = page.read_text()
    pattern = re.compile(rf"(<!-- {name} -->).*?(<!-- /{name} -->)", flags=re.DOTALL)
    if not pattern.search(text):
        raise InputError(f"{page}: has no section <!-- {name} --> … <!-- /{name} -->; add the markers")
    return pattern.sub(lambda match: "\n".join([match[1], *lines, match[2]]), text)


def copy_sample(root: Path, folder: Path) -> None:
    """Make an experiment the sample run that ships, without checkpoints."""
    target = root / "checkpoints" / "sample_run"
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
