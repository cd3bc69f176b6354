"""The arrows of the house: who may import whom, and no circles among the packages."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.imports import imports_that_run

ROOT = Path(__file__).resolve().parents[1] / "nnmech"
FILES = sorted(ROOT.rglob("*.py"))
MODULES = {path: "nnmech." + ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in FILES}
# What reads runs, and what it is made of, must do so for every source of claims and every experiment.
BELOW = (
    "probes",
    "drift",
    "training",
    "recording",
    "plots",
    "judges",
    "belief",
    "runs",
    "claims",
    "encoding",
    "models",
)
WORLD_ENTRIES = ("nnmech.experiments.pretrain",)
"""Beside the registry of sources, which opens it by a dotted path."""


def imports(path: Path) -> Iterator[str]:
    """The modules of nnmech that a file imports."""
    for node in imports_that_run(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "nnmech")
        else:
            assert node.level == 0, f"{path}: a relative import hides who imports whom"
            if (node.module or "").split(".")[0] == "nnmech":
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(module: str) -> str:
    """The package, or the module directly in nnmech, that a dotted name lies in."""
    return module.split(".")[1]


GRAPH: dict[str, set[str]] = {}
for file, name in MODULES.items():
    GRAPH.setdefault(room(name), set()).update(room(found) for found in imports(file) if "." in found)
ROOMS = {room(name) for name in MODULES.values()}
GRAPH = {name: (found & ROOMS) - {name} for name, found in GRAPH.items()}


def test_the_graph_is_read():
    assert {"claims", "errors", "runs"} <= GRAPH["experiments"]
    assert GRAPH["errors"] == set()


@pytest.mark.parametrize("name", BELOW)
def test_nothing_below_knows_the_world_or_an_experiment(name):
    assert GRAPH[name].isdisjoint({"world", "authors", "sources", "experiments", "cli"})


def test_only_the_pretraining_command_imports_the_world_and_only_the_registry_names_it():
    importers = {
        MODULES[path]
        for path in FILES
        if room(MODULES[path]) != "world" and any(room(found) == "world" for found in imports(path) if "." in found)
    }
    assert importers == set(WORLD_ENTRIES)
    named = {MODULES[path] for path in FILES if "nnmech.world." in path.read_text(encoding="utf-8")}
    named = {name for name in named if room(name) != "world"}
    assert named == {*WORLD_ENTRIES, "nnmech.sources"}


def test_packages_have_no_circles():
    settled: set[str] = set()
    while left := [name for name in GRAPH if name not in settled]:
        free = [name for name in left if GRAPH[name] <= settled]
        assert free, f"a circle among {', '.join(sorted(left))}: { ({n: sorted(GRAPH[n] - settled) for n in left}) }"
        settled.update(free)
