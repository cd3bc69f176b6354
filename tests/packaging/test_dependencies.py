"""What pyproject.toml declares is what the code imports: nothing less, nothing more."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.imports import imports_that_run

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
OWN = {"nnmech", "nnmech_dashboard"}
# What our dependencies import for us: transformers' Trainer and peft need the first, its chat templates the second.
INDIRECT = {"accelerate", "jinja2"}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(requirements: Iterable[str]) -> set[str]:
    """The names of requirements, without versions, extras and markers."""
    return {canonical(re.split(r"[\[<>=!~; ]", requirement)[0]) for requirement in requirements}


def imported(*folders: str) -> set[str]:
    """The distributions that the modules in these folders import when they run; as a module where none is known."""
    modules: set[str] = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in imports_that_run(path):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif node.level == 0 and node.module:
                modules.add(node.module.split(".")[0])
    own = OWN | {path.stem for folder in folders for path in (ROOT / folder).rglob("*.py")}
    known = distributions()
    return {canonical(known.get(module, [module])[0]) for module in modules - own - sys.stdlib_module_names}


distributions = cache(packages_distributions)
CORE = declared(PROJECT["dependencies"])
OPTIONAL = declared(requirement for extra in ("judge", "peft") for requirement in EXTRAS[extra])


def test_what_the_package_imports_is_declared():
    assert sorted(imported("nnmech") - CORE - OPTIONAL) == []


def test_what_is_declared_is_imported():
    assert sorted((CORE | OPTIONAL) - imported("nnmech") - INDIRECT) == []


@pytest.mark.parametrize(("folder", "extras"), [("app", ["dashboard"]), ("benchmarks", ["benchmarks"])])
def test_what_an_extra_is_for_imports_what_it_declares(folder, extras):
    own = declared(requirement for extra in extras for requirement in EXTRAS[extra])
    used = imported(folder)
    assert used <= CORE | own
    assert own <= used


def test_the_scripts_need_no_extra():
    assert imported("experiments") <= CORE


def test_no_dependency_lets_in_a_version_with_a_known_hole():
    floors = dict(re.split(r">=", requirement) for requirement in PROJECT["dependencies"] if "," not in requirement)
    assert tuple(map(int, floors["pillow"].split("."))) >= (10, 3)
    assert tuple(map(int, floors["filelock"].split("."))) >= (3, 20, 1)
