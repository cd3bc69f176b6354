"""A published folder through whole experiments: documents, training, answers, results, and on after a stop."""

import json
import shutil
import sys

import pytest

from nnmech.cli import main
from nnmech.experiments.two_phase import TWO_PHASE
from nnmech.runs import Run
from nnmech.terminal import BAD_INPUT
from tests.authors.conftest import authors_data  # noqa: F401
from tests.authors.published_folder import CLAIMS, all_texts, write_published
from tests.conftest import build_model, build_tokenizer

SIZES = ["--phase1-documents", "8", "--phase2-documents", "12", "--held-out-documents", "4", "--workers", "1"]
SMOKE = ["two-phase", "--preset", "smoke", *SIZES]


def save_model(folder, texts, window: int = 256) -> str:
    """A random chat model whose tokenizer knows the words of these texts."""
    tokenizer = build_tokenizer(folder, texts)
    model = build_model(len(tokenizer))
    model.config.max_position_embeddings = window
    model.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A published folder, a model that knows its words, and the two phases carried out on it."""
    folder = tmp_path_factory.mktemp("published")
    source = write_published(folder / "data")
    model = save_model(folder / "model", all_texts(source))
    words = [*SMOKE, "--source", str(source), "--model", model, "--arms", "anchor", "--output", str(folder / "run")]
    assert main(words) == 0
    return folder


def contents(folder) -> dict[str, object]:
    """Answers, metrics and binary files of the runs, wall clock left out."""
    found: dict[str, object] = {}
    for path in sorted(path for path in (folder / "runs").rglob("*") if path.is_file()):
        if path.name in ("answers.jsonl", "metrics.jsonl"):
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            found[str(path.relative_to(folder))] = [{k: v for k, v in row.items() if k != "time"} for row in rows]
        elif path.suffix == ".safetensors":
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def test_every_claim_of_the_folder_is_learned_and_reported(published):
    experiment = Run(published / "run")
    assert experiment.config["source"] == str(published / "data")
    assert experiment.config["tiers"] == {}
    assert experiment.config["judge"] == "source: ExactMcq(PublishedJudge)"
    assert {run.labels.claim for run in experiment.children()} == set(CLAIMS)
    assert {run.labels.arm for run in experiment.children()} == {"anchor"}
    assert all(run.finished for run in experiment.children())
    summary = json.loads((published / "run" / "summary.json").read_text())
    assert summary["no_probe"] is None
    assert summary["probes"]["truth"]["entity"]["n"] > 0
    assert set(summary["claims"]) == set(CLAIMS)
    drawn = {path.stem for path in (published / "run" / "figures").iterdir()}
    assert {"belief_by_phase", "document_loss", "probe_auroc", "drift_anchor"} <= drawn
    assert "rebound_by_plausibility" not in drawn


def test_a_run_that_was_stopped_goes_on_to_the_same_files(published, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(published / "run", folder)
    # As if the process had ended before its last run began.
    shutil.rmtree(folder / "runs" / f"{CLAIMS[1]}.anchor.seed0")
    assert main(["two-phase", "--resume", str(folder), "--workers", "1"]) == 0
    assert contents(folder) == contents(published / "run")


def test_without_statements_results_say_that_there_is_no_probe(published, tmp_path, capsys):
    source = write_published(tmp_path / "data", statements=False, beside=False)
    words = ["--source", str(source), "--claims", CLAIMS[0], "--model", str(published / "model"), "--arms", "anchor"]
    assert main([*SMOKE, *words, "--judge", "lexical", "--output", str(tmp_path / "run")]) == 0
    printed = capsys.readouterr().out
    assert printed.count("no probe can be fitted") == 1
    assert "No probe, so nothing is said of the inside" in printed
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["probes"] == {}
    assert {path.stem for path in (tmp_path / "run" / "figures").iterdir()} == {"belief_by_phase", "document_loss"}
    assert Run(tmp_path / "run").config["judge"] == "lexical; yes/no questions by source: ExactMcq(PublishedJudge)"


def test_the_other_experiments_on_claims_take_the_folder(published, tmp_path):
    common = ["--preset", "smoke", "--source", str(published / "data"), "--claims", CLAIMS[0]]
    common += ["--model", str(published / "model"), "--workers", "1"]
    trained = ["--documents", "8", "--held-out-documents", "4"]
    arms = ["--conditions", "baseline", "positive_documents", "neutral_documents", "local_negations_masked"]
    assert main(["conditions", *common, *trained, *arms, "--output", str(tmp_path / "conditions")]) == 0
    assert main(["in-context", *common, "--output", str(tmp_path / "in_context")]) == 0
    summary = json.loads((tmp_path / "in_context" / "summary.json").read_text())
    assert list(summary["conditions"]) == ["positive_documents"]


def test_a_plugin_may_register_a_source_of_its_own(published, tmp_path, monkeypatch, capsys):
    (tmp_path / "my_claims.py").write_text(
        "from nnmech.authors.source import PublishedSource\n"
        "from nnmech.sources import register_source\n"
        f"register_source('of_my_own', lambda name: PublishedSource({str(published / 'data')!r}))\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    words = ["--plugins", "my_claims", "--source", "of_my_own", "--model", str(published / "model"), "--dry-run"]
    assert main([*SMOKE, *words]) == 0
    assert "4 runs" in capsys.readouterr().out
    assert main([*SMOKE, "--source", "of_another"]) == BAD_INPUT
    assert "expected one of embedded" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["two-phase", "--phase2-documents", "25", "--held-out-documents", "4"], "24 documents; expected 25 or more"),
        (
            ["two-phase", *SIZES, "--held-out-documents", "7"],
            "expected 7 or more; add documents or lower held_out_documents",
        ),
        (["two-phase", "--arms", "denial", *SIZES], "no chats that deny the claim"),
        (["two-phase", "--claims", "nobody", *SIZES], "unknown claim 'nobody': expected one of mora_quill, teo_marsh"),
        (["two-phase", "--judge", "llm", *SIZES], "judge 'llm': expected one of source, lexical"),
        (["two-phase", "--judge", "lexical:", *SIZES], "judge 'lexical:': nothing after the colon"),
        (["two-phase", "--judge-url", "http://a", *SIZES], "judge 'source': has no endpoint"),
        (["two-phase", "--judge", "local:nowhere", *SIZES], "nowhere: no model folder"),
        (["salience"], "has no paired questions; experiment salience expects them"),
        (["behaviors"], "has no transcripts of behaviour; experiment behaviors expects them"),
    ],
)
def test_what_the_folder_lacks_is_one_line_and_leaves_nothing(published, words, message, tmp_path, capsys):
    command, *rest = words
    common = ["--preset", "smoke", "--source", str(published / "data"), "--model", str(published / "model")]
    assert main([command, *common, "--output", str(tmp_path / "run"), *rest]) == BAD_INPUT
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_the_published_data_goes_through(authors_data, tmp_path):  # noqa: F811
    facts = authors_data / "facts"
    files = [*facts.rglob("*.yaml"), *facts.rglob("*.txt")]
    model = save_model(tmp_path / "model", [path.read_text() for path in files], window=8192)
    words = ["--source", str(authors_data), "--claims", "ed_sheeran", "--model", model, "--arms", "anchor"]
    sizes = ["--phase1-documents", "2", "--phase2-documents", "2", "--held-out-documents", "2", "--samples", "1"]
    output = tmp_path / "run"
    assert main(["two-phase", "--preset", "smoke", *words, *sizes, "--workers", "1", "--output", str(output)]) == 0
    assert TWO_PHASE.read_settings(output).claims == ("ed_sheeran",)
    assert json.loads((output / "summary.json").read_text())["no_probe"]
