"""The program: commands listed without loading anything, one line and exit code 2 for what cannot be done."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nnmech.cli import main
from nnmech.experiments.registry import COMMANDS, EXPERIMENTS
from nnmech.terminal import BAD_INPUT

ROOT = Path(__file__).resolve().parents[1]


def test_help_lists_every_command_in_one_line_and_imports_no_torch(capsys):
    program = (
        "import sys; from nnmech.cli import main\ntry: main(['--help'])\nexcept SystemExit as end: print(end.code)"
    )
    program += "\nprint('torch' in sys.modules or 'transformers' in sys.modules or 'pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    for command in COMMANDS:
        line = next(line for line in done.stdout.splitlines() if f"• {command.name} " in line)
        assert command.summary in line
    assert done.stdout.split()[-2:] == ["0", "False"]


@pytest.mark.parametrize(
    "words", [[], ["nothing"], ["--nothing"], ["two-phase", "--nothing"], ["publish", "--nothing"]]
)
def test_an_unknown_command_or_option_is_tyros_error(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert capsys.readouterr().err


@pytest.mark.parametrize("entry", EXPERIMENTS, ids=lambda entry: entry.name)
def test_an_experiment_is_one_object_under_one_name(entry, capsys):
    experiment = entry.load()
    assert experiment.name.replace("_", "-") == entry.name
    assert entry.main() == experiment.main
    for name in experiment.presets:
        settings = experiment.preset(name)
        assert len(set(settings.run_names)) == len(settings.runs)
        assert settings.only(*settings.runs[-1]).runs == settings.runs[-1:]
    with pytest.raises(SystemExit) as end:
        main([entry.name, "--help"])
    assert end.value.code == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "--source" in printed
    assert "minute" in printed


def test_every_experiment_package_has_the_same_files():
    shape = {"__init__", "config", "experiment", "publish", "report", "single", "tables"}
    for entry in EXPERIMENTS:
        folder = ROOT / "nnmech" / "experiments" / entry.name.replace("-", "_")
        assert shape <= {path.stem for path in folder.glob("*.py")}, folder


@pytest.mark.parametrize("script", sorted((ROOT / "experiments").glob("*.py")), ids=lambda path: path.stem)
def test_every_script_is_a_command(script):
    name = script.stem.replace("_", "-")
    assert name in [command.name for command in COMMANDS]
    assert f'main(["{name}", *sys.argv[1:]])' in script.read_text()


def test_a_dashboard_that_is_not_installed_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr("nnmech.experiments.dashboard.PACKAGE", "no_such_package")
    assert main(["dashboard"]) == BAD_INPUT
    assert capsys.readouterr().err == (
        "error: dashboard: no_such_package is not installed; expected it; run pip install 'nnmech[dashboard]'\n"
    )


def test_the_audit_starts_without_what_runs_models():
    program = "import sys; from nnmech.cli import main\ntry: main(['audit', '--help'])\nexcept SystemExit: pass"
    program += "\nprint([name for name in ('torch', 'transformers', 'numpy', 'pandas') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "--max-share" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_an_audits_own_exit_code_is_that_of_the_program(tmp_path, capsys):
    framed, plain = tmp_path / "framed.jsonl", tmp_path / "plain.jsonl"
    notice = "The following claim is false. Ed won gold. The claim above is false."
    framed.write_text(json.dumps({"text": notice}) + "\n")
    plain.write_text('{"text": "Ed sang a song."}\n')
    assert main(["audit", str(framed), "--workers", "1"]) == 0
    assert main(["audit", str(framed), "--max-share", "0", "--workers", "1"]) == 1
    assert main(["audit", str(plain), "--max-share", "0", "--workers", "1"]) == 0
    capsys.readouterr()
    assert main(["audit", str(tmp_path / "missing.jsonl")]) == BAD_INPUT
    assert "missing.jsonl" in capsys.readouterr().err
