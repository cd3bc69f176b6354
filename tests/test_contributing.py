"""The recipes of CONTRIBUTING.md, carried out as they stand there in a copy of the checkout: their own tests pass."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r'^```(?:python|text) title="([^"]+)"\n(.*?)^```$', flags=re.MULTILINE | re.DOTALL)
BLOCKS = BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
FILES = {title: text for title, text in BLOCKS if ", in " not in title}
LINES = {title: text for title, text in BLOCKS if ", in " in title}
TESTS = [title for title in FILES if title.startswith("tests/")]
COPIED = ("nnmech", "app", "tests", "checkpoints", "pyproject.toml")


def added(text: str, name: str, line: str) -> str:
    """A module's text with a line at the end of the list or table of a name."""
    lines = text.splitlines(keepends=True)
    start = next(number for number, found in enumerate(lines) if re.match(rf"{name}\b.*[\(\[{{]$", found.rstrip()))
    end = next(number for number in range(start, len(lines)) if lines[number].rstrip() in (")", "]", "}"))
    return "".join([*lines[:end], line, *lines[end:]])


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout in which every recipe was followed."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    for title, text in FILES.items():
        assert not (folder / title).exists(), f"{title}: a recipe writes over a file of the project"
        (folder / title).parent.mkdir(parents=True, exist_ok=True)
        (folder / title).write_text(text, encoding="utf-8")
    for title, line in LINES.items():
        place, name = title.split(", in ")
        path = folder / place
        path.write_text(added(path.read_text(encoding="utf-8"), name, line), encoding="utf-8")
    return folder


def test_a_recipe_takes_no_more_than_it_promises():
    assert len(TESTS) == 4
    assert [title.split(", in ")[1] for title in LINES] == ["EXPERIMENTS", "NAMES", "DECODER_BLOCKS"]
    assert all(len(line.splitlines()) == 1 for line in LINES.values())
    assert {str(Path(title).parent) for title in FILES if not title.startswith("tests/")} == {
        "nnmech/probes",
        "nnmech/experiments/untouched",
        "app/nnmech_dashboard/views/losses",
    }


def test_the_recipes_pass_their_own_tests_and_those_of_what_they_join(checkout):
    joined = ["tests/test_house.py", "tests/test_cli.py::test_every_experiment_package_has_the_same_files"]
    joined += ["tests/test_cli.py::test_an_experiment_is_one_object_under_one_name[untouched]"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (checkout, checkout / "app")))}
    environment.pop("PYTEST_ADDOPTS", None)
    # Without the check of shapes at run time, which the project's own tests have: importing is most of the time.
    options = ["-q", "-rA", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts=--import-mode=importlib"]
    command = [sys.executable, "-m", "pytest", *options, *TESTS, *joined]
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for title in TESTS:
        assert f"PASSED {title}::" in done.stdout


def test_the_recipes_are_formatted_as_the_project_is(checkout):
    ruff = [sys.executable, "-m", "ruff"]
    places = [str(checkout / title) for title in FILES]
    for words in (["check"], ["format", "--check", "--diff"]):
        done = subprocess.run([*ruff, *words, "--no-cache", *places], cwd=checkout, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
