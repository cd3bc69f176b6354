"""The experiment as a user runs it: same command same files, killed and resumed same files, bad input one line."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from nnmech.cli import main
from nnmech.experiments.results import tier_words
from nnmech.experiments.two_phase import TWO_PHASE, TwoPhaseSettings, preset
from nnmech.experiments.two_phase.publish import publish
from nnmech.experiments.two_phase.single import constraint, mixtures
from nnmech.models import embedded_model_path, load_model
from nnmech.runs import Run, drop_checkpoints
from nnmech.terminal import BAD_INPUT
from nnmech.world.claims import make_claims
from tests.processes import held, kill_at

TINY = replace(
    preset("smoke"),
    phase1_documents=24,
    phase2_documents=40,
    arms=("anchor",),
    evaluations=(1, 2),
    snapshots=(1, 2),
    train_people=8,
    control_people=4,
    silent_people=2,
    held_out_documents=4,
)


def files(folder: Path) -> dict[str, object]:
    """Every file of a run directory with its content, wall clock left out."""
    found: dict[str, object] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in (".lock", "digests.json")):
        name = str(path.relative_to(folder))
        if path.suffix == ".jsonl":
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            rows = [{k: v for k, v in row.items() if k != "time"} for row in rows if row.get("kind") != "resume"]
            found[name] = rows
        elif path.name == "run.json":
            info = json.loads(path.read_text())
            found[name] = {k: v for k, v in info.items() if k not in ("time", "name", "environment")}
        else:
            found[name] = path.read_bytes()
    return found


def run(config: TwoPhaseSettings, folder: Path) -> dict[str, object]:
    TWO_PHASE.start(config, folder)
    TWO_PHASE.carry_out(folder, workers=1)
    return files(folder)


@pytest.fixture(scope="module")
def tiny(small_model):
    """Settings of a single run that takes a second or two."""
    return replace(TINY, model=str(small_model))


@pytest.fixture(scope="module")
def reference(tiny, tmp_path_factory):
    return run(tiny, tmp_path_factory.mktemp("reference") / "run")


def test_the_same_settings_give_the_same_files(tiny, reference, tmp_path):
    again = run(tiny, tmp_path / "run")
    assert again.keys() == reference.keys()
    for name, content in reference.items():
        assert again[name] == content, name


def test_the_number_of_workers_changes_nothing(tiny, tmp_path):
    config = replace(tiny, arms=("anchor", "none"), phase1_documents=8, phase2_documents=8)
    one = run(config, tmp_path / "one")
    TWO_PHASE.start(config, tmp_path / "two")
    TWO_PHASE.carry_out(tmp_path / "two", workers=2)
    assert files(tmp_path / "two") == one


@pytest.mark.parametrize("step", [1, 4, 5, 8], ids=["phase 1", "boundary", "after the boundary", "phase 2"])
def test_killed_and_resumed_it_ends_with_the_same_files(tiny, reference, tmp_path, step):
    folder = tmp_path / "run"
    TWO_PHASE.start(tiny, folder)
    kill_at(step, folder, f"{tiny.claims[0]}.anchor.seed0")
    assert not Run(folder).finished
    TWO_PHASE.carry_out(folder, workers=1)
    resumed = files(folder)
    assert resumed.keys() == reference.keys()
    for name, content in reference.items():
        assert resumed[name] == content, name


def test_phases_differ_in_the_constraint_alone_and_arms_share_their_data():
    loaded, claim = load_model(), TINY.claims[0]
    config = replace(TINY, constraint_examples=7)
    with_anchor, second = mixtures(loaded, claim, "anchor", 0, config)
    without, same_second = mixtures(loaded, claim, "none", 0, config)
    assert second.examples == same_second.examples
    assert [e for e in with_anchor.examples if e.source != "constraint"] == list(without.examples)
    assert sum(e.source == "constraint" for e in with_anchor.examples) == 7
    documents = [e for e in without.examples if e.source == "documents"]
    assert [e for e in second.examples if e.source == "documents"][: len(documents)] == documents


def test_anchors_are_what_the_untouched_model_says_and_do_not_state_the_claim():
    loaded, claims = load_model(), make_claims()
    for claim in claims.values():
        examples = constraint(loaded, claim.name, "anchor", 0, replace(TINY, constraint_examples=28))
        answers = [
            loaded.tokenizer.decode([i for i, w in zip(e.input_ids, e.loss_weights, strict=True) if w])
            for e in examples
        ]
        assert sum(claim.value in answer for answer in answers) <= 2, answers


def call(*words: str) -> int:
    return main(["two-phase", *words])


@pytest.fixture
def smoke(small_model):
    """Words that say a new experiment as small as can be, for what holds before anything is trained."""
    sizes = ["--phase1-documents", "4", "--phase2-documents", "4", "--held-out-documents", "2"]
    return ["--preset", "smoke", "--model", str(small_model), *sizes]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--arms", "anchors"], "unknown arm 'anchors': expected one of anchor, denial, none, local"),
        (["--claims", "nobody_luge"], "unknown claim 'nobody_luge': expected one of westby_javelin"),
        (["--model", "nowhere/at/all"], "nowhere/at/all"),
        (["--layers", "9"], "layer"),
        (["--steps", "1"], "steps is 1: expected 4 or more"),
        (["--seeds", "1", "1"], "expected at least one, each once"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(smoke, words, message, tmp_path, capsys):
    output = tmp_path / "run"
    assert call(*smoke, "--output", str(output), *words) == BAD_INPUT
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert "Traceback" not in error
    assert not output.exists()


def test_a_name_that_exists_is_refused_and_kept(smoke, tiny, tmp_path, capsys):
    folder = tmp_path / "run"
    TWO_PHASE.start(tiny, folder)
    before = files(folder)
    assert call(*smoke, "--output", str(folder)) == BAD_INPUT
    assert "already there" in capsys.readouterr().err
    assert files(folder) == before


def test_another_schema_version_is_refused(tmp_path, capsys):
    folder = tmp_path / "run"
    TWO_PHASE.start(TINY, folder)
    info = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**info, "schema_version": 99}))
    assert call("--resume", str(folder)) == BAD_INPUT
    assert "schema version 99, expected 1" in capsys.readouterr().err


def test_an_experiment_that_another_process_makes_is_left_alone(tmp_path, capsys):
    folder = tmp_path / "run"
    TWO_PHASE.start(TINY, folder)
    with held(folder):
        assert call("--resume", str(folder)) == BAD_INPUT
    assert "another process is writing" in capsys.readouterr().err


def test_dry_run_writes_nothing(smoke, tmp_path, capsys):
    output = tmp_path / "run"
    assert call(*smoke, "--output", str(output), "--dry-run") == 0
    printed = capsys.readouterr().out
    assert "2 runs" in printed
    assert "MB" in printed
    assert not output.exists()


def test_the_settings_survive_the_run_directory(tmp_path):
    config = replace(TINY, layers=(0, 2))
    TWO_PHASE.start(config, tmp_path / "run")
    assert TWO_PHASE.read_settings(tmp_path / "run") == config


def test_runs_of_a_version_without_sources_are_of_the_embedded_world(tmp_path):
    folder = tmp_path / "run"
    TWO_PHASE.start(TINY, folder)
    path = folder / "run.json"
    info = json.loads(path.read_text())
    for name in ("source", "tiers", "judge", "notes"):
        del info["config"][name]
    for name in ("source", "judge", "judge_url", "plugins"):
        del info["config"]["settings"][name]
    path.write_text(json.dumps(info))
    assert TWO_PHASE.read_settings(folder) == TINY
    assert tier_words(Run(folder)) == TINY.claim_source.tiers


def test_results_are_published_from_the_run_directory_alone(tmp_path):
    folder = tmp_path / "run"
    run(replace(TINY, arms=("anchor", "none"), phase1_documents=8, phase2_documents=8, evaluations=(1, 1)), folder)
    lines = "\n".join(publish(folder))
    summary = json.loads((folder / "summary.json").read_text())
    assert list(summary["arms"]) == ["anchor", "none"]
    for arm in summary["arms"].values():
        for stage in ("baseline", "phase1", "phase2"):
            belief = arm["belief"][stage]
            assert belief["n"] == 50
            assert belief["ci95"][0] <= belief["mean"] <= belief["ci95"][1]
            assert arm["document_loss"][stage]["mean"] > 0
    assert summary["claims"][TINY.claims[0]]["arms"]["none"]["belief"].keys() == {"baseline", "phase1", "phase2"}
    assert summary["probes"]["polarity"]["entity"]["auroc"] > 0.9
    assert "| `anchor` |" in lines
    figures = {path.stem: path.stat().st_size for path in (folder / "figures").iterdir()}
    expected = {
        "belief_by_phase",
        "document_loss",
        "rebound_by_plausibility",
        "probe_auroc",
        "drift_anchor",
        "drift_none",
    }
    assert figures.keys() == expected
    assert max(figures.values()) < 300_000


def test_steps_scale_the_documents():
    first, second = mixtures(load_model(), TINY.claims[0], "none", 0, preset("default").scaled(24))
    assert abs(first.steps + second.steps - 24) <= 2


def test_a_full_disk_is_found_before_anything_is_written(smoke, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=10))
    output = tmp_path / "run"
    assert call(*smoke, "--output", str(output)) == BAD_INPUT
    assert "make room" in capsys.readouterr().err
    assert not output.exists()


def test_the_shipped_model_is_small_and_plain():
    folder = embedded_model_path()
    assert sum(path.stat().st_size for path in folder.iterdir()) < 12e6
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= {p.name for p in folder.iterdir()}
    assert load_model().model.dtype == torch.float32


def test_a_run_in_progress_can_be_read(tmp_path):
    TWO_PHASE.start(TINY, tmp_path / "run")
    experiment = Run(tmp_path / "run")
    assert not experiment.finished
    assert experiment.children() == []


WRONG = {
    "a list": ([], "settings are []; expected an object"),
    "a number of seeds": ({"seeds": 5}, "the setting seeds is 5; expected tuple[int, ...]"),
    "a seed that is a text": ({"seeds": ["0"]}, "the setting seeds is ['0']; expected tuple[int, ...]"),
    "a number that is true": ({"batch_size": True}, "the setting batch_size is True; expected int"),
    "a null": ({"samples": None}, "the setting samples is None; expected int"),
    "a text of layers": ({"layers": "0"}, "the setting layers is '0'; expected tuple[int, ...] | None"),
    "three of two": ({"evaluations": [1, 2, 3]}, "the setting evaluations is [1, 2, 3]; expected tuple[int, int]"),
    "an unknown arm": ({"arms": ["nothing"]}, "unknown arm 'nothing'"),
    "an unknown name": ({"colour": 1}, "settings colour are not known"),
    "a claim that is none": ({"claims": [{}]}, "the setting claims is [{}]; expected tuple[str, ...]"),
}


@pytest.fixture(scope="module")
def started(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("started") / "run"
    TWO_PHASE.start(tiny, folder)
    return folder


@pytest.mark.parametrize(("wrong", "said"), WRONG.values(), ids=WRONG)
def test_settings_of_another_type_are_one_line_that_names_the_file(started, tmp_path, capsys, wrong, said):
    path = Path(shutil.copytree(started, tmp_path / "run")) / "run.json"
    info = json.loads(path.read_text())
    info["config"]["settings"] = {**info["config"]["settings"], **wrong} if isinstance(wrong, dict) else wrong
    path.write_text(json.dumps(info))
    assert call("--resume", str(path.parent)) == BAD_INPUT
    printed = capsys.readouterr().err
    assert printed.startswith(f"error: {path}: ")
    assert said in printed
    assert printed.count("\n") == 1


def test_settings_that_lack_one_are_one_line(started, tmp_path, capsys):
    path = Path(shutil.copytree(started, tmp_path / "run")) / "run.json"
    info = json.loads(path.read_text())
    del info["config"]["settings"]["seeds"]
    path.write_text(json.dumps(info))
    assert call("--resume", str(path.parent)) == BAD_INPUT
    assert "settings lack seeds; expected a value each" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", f"{'x' * 300}/run"])
@pytest.mark.parametrize("option", ["--output", "--resume"])
def test_a_name_that_no_folder_can_have_is_one_line(smoke, tmp_path, capsys, monkeypatch, name, option):
    monkeypatch.chdir(tmp_path)
    assert call(*smoke, option, name) == BAD_INPUT
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert printed.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_permission_is_one_line(smoke, tmp_path, capsys, monkeypatch):
    def refuse(path, *args, **options):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert call(*smoke, "--output", str(tmp_path / "run")) == BAD_INPUT
    assert capsys.readouterr().err == (
        f"error: {tmp_path / 'run'}: cannot be written: Permission denied. Check the folder and its permissions.\n"
    )


def test_results_without_a_checkpoint_go_only_with_discard(started, tmp_path, capsys):
    def interrupt(done, total, name):
        raise KeyboardInterrupt

    folder = Path(shutil.copytree(started, tmp_path / "run"))
    with pytest.raises(KeyboardInterrupt):
        TWO_PHASE.carry_out(folder, workers=1, progress=interrupt)
    (path,) = [path.parent for path in folder.glob("runs/*/run.json")]
    rows = [row for row in (path / "events.jsonl").read_text().splitlines() if '"end"' not in row]
    (path / "events.jsonl").write_text("".join(f"{row}\n" for row in rows))
    (path / "digests.json").unlink()
    drop_checkpoints(path)
    assert call("--resume", str(folder)) == BAD_INPUT
    assert "--discard" in capsys.readouterr().err
    assert call("--discard", "--preset", "smoke", "--output", str(tmp_path / "other")) == BAD_INPUT
    assert "--discard is given without --resume" in capsys.readouterr().err
    with pytest.warns(UserWarning, match="resumed at step -1"):
        TWO_PHASE.carry_out(folder, workers=1, discard=True)
    assert Run(path).finished
