"""What the README shows is what its code does: snippets run as written, tables are those that are recorded."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nnmech.experiments.registry import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)

RECORDER_PRELUDE = """
import sys
from tests.conftest import build_model, build_tokenizer
from nnmech.claims import Statement
from pathlib import Path
tokenizer = build_tokenizer(Path("tokenizer"))
model = build_model(len(tokenizer))
statements = [Statement("a", "Ada is a baker.", True, 1, "work", "Ada", "train"),
              Statement("b", "Ada is not a baker.", False, -1, "work", "Ada", "train")]
batches = range(12)
def train_on(batch): pass
"""


def run(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}


def section(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", README, flags=re.DOTALL)
    assert found is not None, f"no section {name}"
    return found[1]


def test_the_first_code_prints_what_the_readme_says(tmp_path):
    shown = section("first-output").strip().removeprefix("```\n").removesuffix("\n```")
    assert run(PYTHON[0], tmp_path).rstrip() == shown.rstrip()


def test_the_recorder_snippet_runs_as_written(tmp_path):
    snippet = next(code for code in PYTHON if "Recorder.create" in code)
    run(RECORDER_PRELUDE + snippet, tmp_path)
    snapshots = sorted(path.name for path in (tmp_path / "runs/mine/snapshots").iterdir())
    assert snapshots == ["step_000000.safetensors", "step_000010.safetensors"]


def test_the_table_of_benchmarks_is_the_recorded_one():
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        from recorded import table_lines
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))
    recorded = json.loads((ROOT / "benchmarks" / "results.json").read_text())
    assert section("benchmarks").strip() == "\n".join(table_lines(recorded)).strip()


SHELL = re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
NAMED = sorted(
    {*re.findall(r"`nnmech ([a-z][a-z-]+)", README)}
    | {name for block in SHELL for name in re.findall(r"^nnmech ([a-z][a-z-]+)", block, flags=re.MULTILINE)}
)


@pytest.mark.parametrize("command", NAMED)
def test_every_command_that_is_named_exists(command):
    assert command in {known.name for known in COMMANDS}
