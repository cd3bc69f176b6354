"""The wheel, built and installed beside the checkout: what a user types works there, from any folder."""

import ast
import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

import pytest

import nnmech

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "notebooks" / "probes.ipynb"
LARGEST = 20e6
QUIETLY = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation")


@dataclass(frozen=True)
class Installed:
    """An environment with nnmech from the wheel, and the packages of this one behind it."""

    folder: Path
    elsewhere: Path
    """A folder that is no checkout, where commands run."""

    def run(self, *command: object, limit: float = 240, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of the environment; its return code is for the caller to look at."""
        program, *arguments = map(str, command)
        inherited = {
            name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "NNMECH_BASE_MODEL")
        }
        return subprocess.run(
            [self.folder / "bin" / program, *arguments],
            cwd=self.elsewhere,
            env={**inherited, **variables},
            capture_output=True,
            text=True,
            timeout=limit,
        )

    def python(self, code: str, **options: float) -> str:
        """What a piece of Python prints."""
        done = self.run("python", "-c", code, **options)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "pip", "wheel", *QUIETLY, "-w", folder, ROOT]
    subprocess.run(command, check=True, timeout=240)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return HeaderParser().parsestr(archive.read(name).decode())


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder, elsewhere = tmp_path_factory.mktemp("environment"), tmp_path_factory.mktemp("elsewhere")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(pip, check=True, timeout=240)
    (packages,) = folder.glob("lib/python*/site-packages")
    # The folder alone: what its own .pth files point at, such as this checkout, stays out of sight.
    (packages / "behind.pth").write_text(sysconfig.get_path("purelib"))
    return Installed(folder, elsewhere)


def test_a_wheel_is_small_and_has_all_that_a_user_needs(wheel, metadata):
    assert wheel.stat().st_size < LARGEST
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for name in ("base", "sample_run"):
        shipped = ROOT / "checkpoints" / name
        tracked = {
            str(path.relative_to(shipped)) for path in shipped.rglob("*") if path.is_file() and path.name != ".lock"
        }
        assert {f"nnmech/_shipped/{name}/{path}" for path in tracked} <= names
    assert {"nnmech/py.typed", "nnmech_dashboard/__init__.py"} <= names
    tops = {name.split("/")[0] for name in names}
    assert tops == {"nnmech", "nnmech_dashboard", f"nnmech-{nnmech.__version__}.dist-info"}
    assert metadata["Version"] == nnmech.__version__
    assert {"dashboard", "judge", "notebook", "peft"} <= set(metadata.get_all("Provides-Extra", []))


def test_a_source_distribution_builds_the_same_wheel(wheel, tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path]
    subprocess.run(build, cwd=ROOT, check=True, timeout=240, stdout=subprocess.DEVNULL)
    (source,) = tmp_path.glob("*.tar.gz")
    command = [sys.executable, "-m", "pip", "wheel", *QUIETLY, "-w", tmp_path, source]
    subprocess.run(command, check=True, timeout=240)
    (again,) = tmp_path.glob("*.whl")
    contents = []
    for built in (wheel, again):
        with zipfile.ZipFile(built) as archive:
            contents.append({info.filename: info.CRC for info in archive.infolist()})
    assert contents[0] == contents[1]


def test_it_is_the_wheel_that_is_imported_and_it_brings_its_model_and_a_run(installed):
    printed = installed.python(
        "import json, nnmech, nnmech_dashboard\n"
        "from nnmech.models import embedded_model_path, load_model\n"
        "from nnmech.probes import TruthProbe\n"
        "from nnmech.runs import Run\n"
        "from nnmech.shipped import shipped\n"
        "run = Run(shipped('sample_run')).children()[0]\n"
        "start = run.snapshot(0)\n"
        "probe = TruthProbe.fit_snapshot(start, run.statements, layer=start.layers[-1], position='assistant')\n"
        "files = [nnmech.__file__, nnmech_dashboard.__file__, str(embedded_model_path()), str(run.path)]\n"
        "print(json.dumps([files, probe.direction.shape[0], load_model().model.config.hidden_size]))"
    )
    files, width, d_model = json.loads(printed)
    assert all(Path(file).is_relative_to(installed.folder) for file in files), files
    assert width == d_model


def test_the_imports_of_the_notebook_work(installed):
    cells = [cell["source"] for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    lines = [line for cell in cells for line in "".join(cell).splitlines() if not line.startswith("%")]
    found = [node for node in ast.parse("\n".join(lines)).body if isinstance(node, ast.Import | ast.ImportFrom)]
    ours = [node for node in found if isinstance(node, ast.ImportFrom) and str(node.module).startswith("nnmech")]
    assert len(ours) >= 3
    installed.python("\n".join(ast.unparse(node) for node in ours))


@pytest.mark.parametrize("words", [(), ("two-phase",), ("dashboard",)])
def test_every_command_has_its_help(installed, words):
    done = installed.run("nnmech", *words, "--help")
    assert done.returncode == 0, done.stderr
    assert "usage: nnmech" in done.stdout


def test_the_smallest_experiment_runs(installed):
    smallest = ("--steps", "8", "--arms", "anchor", "--layers", "4", "--workers", "1")
    done = installed.run("nnmech", "two-phase", "--preset", "smoke", *smallest, "--output", "results")
    assert done.returncode == 0, done.stderr
    results = installed.elsewhere / "results"
    assert (results / "summary.json").is_file()
    assert {path.name for path in installed.elsewhere.iterdir()} == {"results"}


@pytest.fixture
def without(installed: Installed, tmp_path: Path) -> Callable[..., dict[str, str]]:
    """`without("streamlit")`: the environment variables under which a package is as if it were not there."""

    def hide(*names: str) -> dict[str, str]:
        # A module that is None in sys.modules cannot be imported.
        (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules.update(dict.fromkeys({names!r}))\n")
        return {"PYTHONPATH": str(tmp_path)}

    return hide


def test_without_its_extra_the_dashboard_says_what_to_install(installed, without):
    done = installed.run("nnmech", "dashboard", **without("streamlit"))
    assert done.returncode != 0
    assert done.stderr.count("\n") == 1
    assert "pip install 'nnmech[dashboard]'" in done.stderr


def test_without_any_extra_the_experiments_are_there(installed, without):
    missing = without("streamlit", "altair", "pyarrow", "nupunkt", "openai", "peft", "accelerate", "IPython")
    sizes = ("--phase1-documents", "4", "--phase2-documents", "4", "--held-out-documents", "2")
    done = installed.run("nnmech", "two-phase", "--preset", "smoke", *sizes, "--dry-run", **missing)
    assert done.returncode == 0, done.stderr
