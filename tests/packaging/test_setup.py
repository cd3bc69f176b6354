"""Set-up of an environment: done once, and never taken away from another checkout. Pip and torch are stand-ins."""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What pip does that set-up relies on: an editable install records the folder that it points at.
PIP = """
import json, pathlib, site, sys
here = pathlib.Path(site.getsitepackages()[0])
with open(here / "calls.txt", "a") as calls:
    print(*sys.argv[1:], file=calls)
if "--editable" in sys.argv:
    folder = pathlib.Path.cwd()
    (here / "nnmech.pth").write_text(str(folder))
    record = here / "nnmech-0.1.dist-info"
    record.mkdir(exist_ok=True)
    (record / "METADATA").write_text("Metadata-Version: 2.1\\nName: nnmech\\nVersion: 0.1\\n")
    (record / "direct_url.json").write_text(json.dumps({"url": folder.as_uri(), "dir_info": {"editable": True}}))
"""


class Environment:
    """A virtual environment whose pip writes down what it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv.create(folder, with_pip=False)
        (self.packages,) = folder.glob("lib/python*/site-packages")
        (self.packages / "pip").mkdir()
        (self.packages / "pip" / "__init__.py").touch()
        (self.packages / "pip" / "__main__.py").write_text(PIP)
        (self.packages / "torch.py").touch()

    def installs(self) -> list[str]:
        """What pip was asked to install or remove, in order."""
        calls = self.packages / "calls.txt"
        found = calls.read_text().splitlines() if calls.exists() else []
        return [call for call in found if call.split()[0] in ("install", "uninstall")]

    def points_at(self) -> str:
        return (self.packages / "nnmech.pth").read_text()


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path / "environment of two")


@pytest.fixture
def checkout(tmp_path: Path) -> Callable[[str], Path]:
    """`checkout(name)`: what set-up reads of a clone, and a package to import."""

    def make(name: str) -> Path:
        folder = tmp_path / name
        (folder / "scripts").mkdir(parents=True)
        shutil.copy(ROOT / "scripts" / "setup", folder / "scripts")
        shutil.copy(ROOT / "pyproject.toml", folder)
        (folder / "nnmech").mkdir()
        (folder / "nnmech" / "__init__.py").touch()
        return folder

    return make


def set_up(folder: Path, environment: Environment, **variables: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [folder / "scripts" / "setup"],
        env={**inherited, "VENV": str(environment.folder), "PYTHON": sys.executable, **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_what_is_set_up_is_not_set_up_again(environment, checkout):
    clone = checkout("first clone")
    first = set_up(clone, environment)
    assert first.returncode == 0, first.stderr
    assert environment.points_at() == str(clone)
    assert environment.installs()[-1].endswith("--editable .[dev]")
    installed = environment.installs()
    again = set_up(clone, environment)
    assert (again.returncode, again.stderr) == (0, "")
    assert environment.installs() == installed
    # Other extras, and other things to install, are work to do.
    assert set_up(clone, environment, EXTRAS="peft").returncode == 0
    assert environment.installs()[-1].endswith("--editable .[peft]")
    project = (clone / "pyproject.toml").read_text()
    (clone / "pyproject.toml").write_text(project.replace('"einops', '"a-new-package", "einops'))
    installed = environment.installs()
    assert set_up(clone, environment).returncode == 0
    assert len(environment.installs()) == len(installed) + 1


def test_a_second_clone_does_not_take_the_environment_of_the_first(environment, checkout):
    first, second = checkout("first"), checkout("second")
    assert set_up(first, environment).returncode == 0
    installed = environment.installs()
    refused = set_up(second, environment)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    for words in (f"({first})", "VENV=...", f"point this one at {second} with REPLACE=1"):
        assert words in refused.stderr
    assert environment.installs() == installed
    assert environment.points_at() == str(first)

    assert set_up(second, environment, REPLACE="1").returncode == 0
    assert environment.points_at() == str(second)
    # The first clone's own set-up was complete, and holds no longer.
    assert f"({second})" in set_up(first, environment).stderr
    assert environment.points_at() == str(second)


def test_a_clone_that_was_moved_keeps_its_environment(environment, checkout, tmp_path):
    clone = checkout("clone")
    assert set_up(clone, environment).returncode == 0
    moved = clone.rename(tmp_path / "moved")
    assert set_up(moved, environment).returncode == 0
    assert environment.points_at() == str(moved)


def test_an_installed_package_is_not_replaced(environment, checkout):
    record = environment.packages / "nnmech-0.1.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: nnmech\nVersion: 0.1\n")
    refused = set_up(checkout("clone"), environment)
    assert refused.returncode == 1
    assert "(an installed package)" in refused.stderr
    assert environment.installs() == []


def test_torch_is_kept_unless_another_is_asked_for(environment, checkout):
    clone = checkout("clone")
    kept = set_up(clone, environment)
    assert "keeping the torch that is there" in kept.stderr
    assert not any("torch" in call for call in environment.installs())
    for _ in range(2):
        assert set_up(clone, environment, TORCH="torch==2.6.0", TORCH_INDEX_URL="https://index.invalid").returncode == 0
    asked = [call for call in environment.installs() if "torch" in call]
    assert asked == [
        "uninstall -qq --yes torch",
        "install -qq --no-compile --index-url https://index.invalid torch==2.6.0",
    ]
