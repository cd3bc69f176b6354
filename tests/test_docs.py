"""Every public package and module has its place in the API reference, and every page its place in the navigation."""

import re
from pathlib import Path

import pytest
import yaml

from nnmech.experiments import registry

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
NAVIGATION = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
REFERENCE = "".join(page.read_text(encoding="utf-8") for page in sorted((DOCS / "reference").glob("*.md")))
SHOWN = set(re.findall(r"^::: ([\w.]+)$", REFERENCE, re.MULTILINE))
COMMANDS = {"nnmech.cli", "nnmech.__main__"}
"""What starts the program; its commands explain themselves."""
INNER = {"nnmech.chat_child", "nnmech.model_files", "nnmech.terminal"}
"""Modules whose functions are called by the package alone."""
PUBLIC = sorted(
    {f"nnmech.{path.stem}" for path in (ROOT / "nnmech").glob("*.py") if path.stem != "__init__"}
    | {f"nnmech.{path.parent.name}" for path in (ROOT / "nnmech").glob("*/__init__.py")}
)


def pages(entry: object) -> list[str]:
    """The pages below an entry of the navigation."""
    if isinstance(entry, dict):
        return [page for inner in entry.values() for page in pages(inner)]
    return [page for inner in entry for page in pages(inner)] if isinstance(entry, list) else [str(entry)]


def exists(name: str) -> bool:
    """Whether there is a module of this dotted name."""
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


@pytest.mark.parametrize("name", [name for name in PUBLIC if name not in COMMANDS | INNER])
def test_a_public_package_is_in_the_reference(name):
    assert name in SHOWN, f"{name}: has no place in docs/reference; add a line `::: {name}` to a page there"


@pytest.mark.parametrize("name", sorted(SHOWN | INNER | COMMANDS))
def test_what_the_reference_shows_exists(name):
    assert exists(name)


def test_every_page_is_in_the_navigation_once_and_exists():
    listed = pages(NAVIGATION)
    assert len(listed) == len(set(listed))
    assert set(listed) == {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}


def test_the_changelog_names_modules_and_commands_that_exist():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for name in re.findall(r"`(nnmech(?:\.\w+)+)", text):
        assert exists(name) or (name.count(".") > 1 and exists(name.rpartition(".")[0])), name
    known = {entry.name for entry in registry.COMMANDS}
    known |= {path.parent.name for path in (ROOT / "nnmech").glob("*/__main__.py")}
    for command in re.findall(r"`nnmech ([a-z-]+)", text):
        assert command in known, command
