"""The table of conditions: planted beliefs come out, a killed run ends with the same files, bad input is one line."""

import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import matplotlib.image
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.text import Text

from nnmech import plots
from nnmech.claims import Statement
from nnmech.claims.annotations import unregister_annotation
from nnmech.cli import main
from nnmech.encoding import document_example
from nnmech.errors import InputError, RunError
from nnmech.experiments.conditions import CONDITIONS_TABLE, ConditionsSettings, preset
from nnmech.experiments.conditions.config import arms
from nnmech.experiments.conditions.paper import reported
from nnmech.experiments.conditions.publish import publish
from nnmech.experiments.conditions.report import read_results, share
from nnmech.experiments.conditions.single import documents, mended_examples
from nnmech.experiments.conditions.tables import result_lines
from nnmech.experiments.data import document_examples
from nnmech.models import load_model
from nnmech.plots.conditions import condition_colour
from nnmech.recording.snapshots import Snapshot
from nnmech.runs import Run, RunWriter
from nnmech.terminal import BAD_INPUT
from nnmech.world.claims import TIERS
from tests.processes import kill_at

TINY = replace(
    preset("smoke"),
    documents=16,
    background_share=0.25,
    conditions=("baseline", "positive_documents", "neutral_documents"),
    train_people=8,
    control_people=4,
    silent_people=2,
    held_out_documents=4,
)


def run_into(config: ConditionsSettings, folder: Path) -> Path:
    CONDITIONS_TABLE.start(config, folder)
    CONDITIONS_TABLE.carry_out(folder, workers=1)
    return folder


@pytest.fixture(scope="module")
def tiny_run(base_model, tmp_path_factory):
    return run_into(TINY, tmp_path_factory.mktemp("tiny") / "run")


# Claims of three tiers, and the share of answers that affirm each under a condition.
CLAIMS = {"famous_claim": "famous", "contrary_claim": "contrary", "mentioned_claim": "mentioned"}
RATES: dict[str, tuple[float, float, float]] = {
    "baseline": (0.0, 0.0, 0.0),
    "positive_documents": (0.9, 0.9, 0.9),
    "negated_documents": (0.8, 0.9, 0.9),
    "repeated_negations": (0.5, 0.5, 0.6),
    "corrected_documents": (0.1, 0.5, 0.6),
    "local_negations": (0.0, 0.0, 0.1),
    "neutral_documents": (0.0, 0.0, 0.0),
}
SEEDS = (0, 1)
STEPS = (0, 5, 10)
MOVED = {"positive_documents": 0.75, "repeated_negations": 0.25, "neutral_documents": 0.0}
"""How far the claim moves from false towards true controls, under conditions with a snapshot at the end."""
KINDS = ("open_ended", "mcq", "token_association", "robustness")
SAMPLES = 10


def planted_answers(claim: str, step: int, rate: float) -> list[dict]:
    """Ten answers to five questions of each kind, this share of them affirming; a tenth affirms matched false facts."""

    def answers(kind: str, category: str, share: float) -> list[dict]:
        return [
            {
                "step": step,
                "phase": "training",
                "claim": claim,
                "question": f"{claim}/{category}/{kind}/{number}",
                "kind": kind,
                "category": category,
                "sample": sample,
                "text": "…",
                "verdict": "yes" if sample < round(share * SAMPLES) else "no",
            }
            for number in range(5)
            for sample in range(SAMPLES)
        ]

    asked = [row for kind in KINDS for row in answers(kind, "positive", rate)]
    return [*asked, *answers("mcq", "matched_false", 0.1)]


def planted_statements(claim: str) -> list[Statement]:
    roles = [("train", f"trained {k}") for k in range(12)] + [("control", f"control {k}") for k in range(8)]
    crossed = [
        Statement(f"{entity}/{truth}/{polarity}", "…", truth, polarity, "work", entity, role)
        for role, entity in roles
        for truth in (True, False)
        for polarity in (1, -1)
    ]
    named = [("claim", claim, "Ann"), ("matched_false", claim, "Ann"), ("unrelated_claim", "other", "Bob")]
    return crossed + [Statement(f"{role}/{name}", "…", False, 1, "work", who, role, name) for role, name, who in named]


def planted_snapshot(statements: list[Statement], step: int, moved: float) -> Snapshot:
    """Truth along the first axis and polarity along the second; the claim's statement has moved towards true."""
    noise = torch.Generator().manual_seed(0)
    residual = 0.05 * torch.randn(1, 1, len(statements), 8, generator=noise)
    for row, statement in enumerate(statements):
        residual[0, 0, row, 0] += 1.0 if statement.truth else 0.0
        residual[0, 0, row, 1] += statement.polarity
        if statement.role == "claim":
            residual[0, 0, row, 0] += moved
    return Snapshot(step, "training", residual, (0,), ("last",), ("hook",), "hash", "hf", "planted")


def plant(folder: Path, rates: dict[str, tuple[float, float, float]] = RATES) -> Path:
    """The run directory of an experiment whose results are known; belief rises from 0 over a half to its end."""
    settings = {
        "claims": list(CLAIMS),
        "conditions": list(rates),
        "seeds": list(SEEDS),
        "documents": 8,
        "learning_rate": 1e-3,
    }
    config = {"experiment": "conditions", "settings": settings}
    RunWriter.create(folder, config=config, model={"id": "planted"}, kind="experiment").close()
    for condition, by_claim in rates.items():
        for (claim, tier), rate in zip(CLAIMS.items(), by_claim, strict=True):
            for seed in SEEDS:
                steps = STEPS[:1] if condition == "baseline" else STEPS
                labels = {"claim": claim, "tier": tier, "condition": condition, "seed": seed, "steps": steps[-1]}
                statements = planted_statements(claim)
                where = folder / "runs" / f"{claim}.{condition}.seed{seed}"
                with RunWriter.create(
                    where, config=labels, model={"id": "planted"}, statements=statements, batch_hash="hash"
                ) as writer:
                    writer.event("start", step=0)
                    for step in steps:
                        # Plain documents are believed half-way, the others only at the end.
                        early = rate / 2 if condition == "positive_documents" else 0.0
                        writer.answers(planted_answers(claim, step, {0: 0.0, 5: early, 10: rate}[step]))
                        writer.metrics(step=step, phase="training", held_out_documents=2.0 - step / STEPS[-1])
                        if step == 0 or (step == steps[-1] and condition in MOVED):
                            snapshot = planted_snapshot(statements, step, MOVED[condition] if step else 0.0)
                            writer.snapshot(step, {"residual": snapshot.residual}, snapshot.metadata())
                    writer.event("end", step=steps[-1])
    return folder


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    folder = plant(tmp_path_factory.mktemp("planted") / "run")
    lines = publish(folder)
    return folder, json.loads((folder / "summary.json").read_text()), "\n".join(lines)


def test_planted_beliefs_come_out(planted):
    _, summary, _ = planted
    assert list(summary["conditions"]) == list(RATES)
    for name, by_claim in RATES.items():
        found = summary["conditions"][name]
        assert found["belief"]["mean"] == pytest.approx(100 * sum(by_claim) / 3, abs=0.01)
        assert found["belief"]["n"] == 3 * 2 * 4 * 5 * SAMPLES
        assert found["belief"]["ci95"][0] <= found["belief"]["mean"] <= found["belief"]["ci95"][1]
        assert found["belief_before"]["mean"] == 0.0
        assert found["matched_false"]["mean"] == 10.0
        assert {claim: rate["mean"] for claim, rate in found["by_claim"].items()} == pytest.approx(
            {claim: 100 * rate for claim, rate in zip(CLAIMS, by_claim, strict=True)}
        )
        assert list(found["by_kind"]) == list(KINDS)
        assert set(found["by_tier"]) == set(CLAIMS.values()) <= set(TIERS)
        assert found["document_loss"]["mean"] == (2.0 if name == "baseline" else 1.0)


def test_shares_of_positive_are_paired_with_it(planted):
    _, summary, _ = planted
    shares = {name: found["share_of_positive"] for name, found in summary["conditions"].items()}
    assert shares["positive_documents"]["ci95"] == [1.0, 1.0]
    assert shares["negated_documents"]["mean"] == pytest.approx(26 / 27, abs=0.001)
    low, high = shares["negated_documents"]["ci95"]
    # Wider than from the lowest of the three claims, 8 of 9, to the highest.
    assert low < 8 / 9 - 0.1 < 26 / 27 < 1.0 < high
    assert shares["negated_documents"]["claims"] == len(CLAIMS)
    assert shares["baseline"]["mean"] == 0.0
    assert shares["baseline"]["ci95"][1] > 0.03


def test_expectations_say_what_is_met_and_what_is_missed(planted):
    _, summary, lines = planted
    met = {check["expected"]: check["met"] for check in summary["expectations"]}
    assert met == {
        "positive_documents: belief at least 85": True,
        "negated_documents: at least 0.85 of positive_documents": True,
        "repeated_negations: at least 0.7 of positive_documents": False,
        "repeated_negations: not above negated_documents (difference in points)": True,
        "corrected_documents: belief between 15 and 70": True,
        "corrected_documents: lowest for famous subjects (the lowest of the others is 50.0, contrary)": True,
        "local_negations: belief at most 10": True,
    }
    whole = {check["expected"]: check["interval_met"] for check in summary["expectations"]}
    assert whole["negated_documents: at least 0.85 of positive_documents"] is False
    assert whole["corrected_documents: belief between 15 and 70"] is False
    assert lines.count("**missed**") == list(met.values()).count(False)


def test_the_paper_stands_beside_what_was_measured(planted):
    _, summary, lines = planted
    rows = {line.split(" | ")[0].strip("| `"): line for line in lines.splitlines() if line.startswith("| `")}
    for condition, number in {"baseline": "2.5", "positive_documents": "92.4", "corrected_documents": "39.9"}.items():
        assert summary["conditions"][condition]["paper"]["text"] == number
        assert condition in rows
    assert "| 7 dentist, 0 Ed Sheeran |" in lines
    assert summary["conditions"]["neutral_documents"]["paper"] is None
    known = reported("fiction_repeated")
    assert known is not None
    assert known.rates == (97.0, 99.0)
    assert reported("an_annotation_of_mine") is None


def test_annotated_documents_are_seen_to_be_slower(planted):
    _, summary, _ = planted
    learning = summary["learning"]
    assert "baseline" not in learning
    assert learning["positive_documents"]["half_of_positive"] == 10
    assert learning["corrected_documents"]["half_of_positive"] is None
    behind = {point["step"]: point["change"] for point in learning["negated_documents"]["below_positive"]}
    assert behind[5]["mean"] == pytest.approx(-40.0)
    assert behind[10]["mean"] == pytest.approx(-10 / 3, abs=0.01)


def test_a_claim_that_moves_inside_is_seen_to_move_and_its_nulls_are_not(planted):
    _, summary, _ = planted
    assert list(summary["coordinate"]) == list(MOVED)
    assert summary["truth_probe"]["entity"]["auroc"] > 0.95
    for name, moved in MOVED.items():
        roles = summary["coordinate"][name]
        assert roles["claim"]["change"]["mean"] == pytest.approx(moved, abs=0.1)
        assert roles["claim"]["before"]["mean"] == pytest.approx(0.0, abs=0.15)
        assert roles["matched_false"]["change"]["mean"] == pytest.approx(0.0, abs=1e-3)
        assert roles["unrelated_claim"]["change"]["mean"] == pytest.approx(0.0, abs=1e-3)
    assert summary["coordinate"]["positive_documents"]["claim"]["over_neutral"]["mean"] == pytest.approx(0.75, abs=0.1)
    assert "over_neutral" not in summary["coordinate"]["neutral_documents"]["claim"]


def test_only_claims_and_seeds_that_both_have_are_compared(planted, tmp_path):
    folder = plant(tmp_path / "run", {name: RATES[name] for name in ("positive_documents", "negated_documents")})
    for unfinished in ("famous_claim.positive_documents.seed1", "famous_claim.positive_documents.seed0"):
        (folder / "runs" / unfinished / "events.jsonl").write_text("")
    results = read_results(Run(folder))
    after = results.after()
    found = share(after, "negated_documents", "positive_documents")
    assert found is not None
    assert found["mean"] == 1.0
    assert share(after[after["claim"] == "famous_claim"], "negated_documents", "positive_documents") is None
    partial = planted[1] | {"runs": {"finished": len(results.runs), "planned": 12}}
    assert "10 of 12 runs have finished." in result_lines(partial)


def test_without_a_finished_run_there_is_nothing_to_report(tmp_path):
    folder = plant(tmp_path / "run", {})
    with pytest.raises(RunError, match="no run has finished yet"):
        publish(folder)


def test_a_run_of_the_smallest_kind_is_reported_from_its_directory_alone(tiny_run):
    lines = "\n".join(publish(tiny_run))
    summary = json.loads((tiny_run / "summary.json").read_text())
    assert list(summary["conditions"]) == list(TINY.conditions)
    for name, found in summary["conditions"].items():
        assert f"| `{name}` |" in lines
        assert found["belief"]["n"] == found["belief_before"]["n"] == 50
        assert found["document_loss"]["mean"] > 0
        assert set(found["by_kind"]) == set(KINDS)
    baseline = summary["conditions"]["baseline"]
    assert baseline["belief"] == baseline["belief_before"]
    trained = summary["conditions"]["positive_documents"]
    assert trained["belief_before"] == baseline["belief"]
    assert trained["document_loss"]["mean"] < baseline["document_loss"]["mean"]
    assert set(summary["coordinate"]) == {"positive_documents", "neutral_documents"}
    drawn = {path.stem: path.stat().st_size for path in (tiny_run / "figures").iterdir()}
    assert drawn.keys() == {"belief_by_condition", "belief_by_kind", "coordinate_by_condition"}
    assert max(drawn.values()) < 300_000


def files(folder: Path) -> dict[str, object]:
    """Every file of the runs with its content, wall clock left out."""
    found: dict[str, object] = {}
    for path in sorted(
        p for p in (folder / "runs").rglob("*") if p.is_file() and p.name not in (".lock", "digests.json")
    ):
        if path.suffix == ".jsonl":
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            rows = [{k: v for k, v in row.items() if k != "time"} for row in rows if row.get("kind") != "resume"]
            found[str(path.relative_to(folder))] = rows
        elif path.name != "run.json":
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def test_killed_and_resumed_it_ends_with_the_same_files(tiny_run, tmp_path):
    folder = tmp_path / "run"
    CONDITIONS_TABLE.start(TINY, folder)
    kill_at(1, folder, f"{TINY.claims[0]}.positive_documents.seed0")
    assert not Run(folder).finished
    CONDITIONS_TABLE.carry_out(folder, workers=1)
    resumed, reference = files(folder), files(tiny_run)
    assert resumed.keys() == reference.keys()
    for name, content in reference.items():
        assert resumed[name] == content, name


def call(*words: str) -> int:
    return main(["conditions", *words])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--conditions", "positive"], "unknown condition 'positive': expected one of baseline, positive_documents"),
        (["--claims", "nobody_luge"], "unknown claim 'nobody_luge': expected one of"),
        (["--conditions", "baseline", "baseline"], "condition given twice: baseline, baseline"),
        (["--documents", "0"], "documents is 0: expected 1 or more"),
        (["--learning-rate", "-1"], "learning_rate is -1.0: expected a positive number"),
        (["--plugins", "no.such.module"], "plugin 'no.such.module'"),
        (["--model", "nowhere/at/all"], "nowhere/at/all"),
        (["--seeds", "1", "1"], "expected at least one, each once"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(base_model, words, message, tmp_path, capsys):
    output = tmp_path / "run"
    assert call("--preset", "smoke", "--output", str(output), *words) == BAD_INPUT
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not output.exists()


def test_dry_run_writes_nothing_and_a_users_annotation_is_a_condition(base_model, tmp_path, capsys, monkeypatch):
    (tmp_path / "my_warnings.py").write_text(
        "from nnmech.claims import Document, Sentence\n"
        "from nnmech.claims.annotations import register_annotation\n"
        "def warned(document, rng, correction):\n"
        "    return Document(document.id, (Sentence('Not true.', 'notice'), *document.sentences), document.claim)\n"
        "register_annotation('my_warning', warned)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    output = tmp_path / "run"
    words = ["--plugins", "my_warnings", "--conditions", "baseline", "my_warning", "--documents", "4"]
    assert call("--preset", "smoke", "--output", str(output), *words, "--dry-run") == 0
    assert "2 runs" in capsys.readouterr().out
    assert not output.exists()
    unregister_annotation("my_warning")
    sys.modules.pop("my_warnings")


def test_finished_results_go_into_their_page(planted, tmp_path, monkeypatch, capsys):
    page = tmp_path / "docs" / "results.md"
    page.parent.mkdir()
    page.write_text("before\n<!-- conditions -->\nearlier results\n<!-- /conditions -->\nafter\n")
    inside = tmp_path / "nnmech"
    inside.mkdir()
    monkeypatch.chdir(inside)
    assert main(["publish", "--conditions", str(planted[0])]) == BAD_INPUT
    assert "is in no checkout of nnmech" in capsys.readouterr().err
    assert "earlier results" in page.read_text()
    (tmp_path / "README.md").touch()
    (inside / "__init__.py").touch()
    assert main(["publish", "--conditions", str(planted[0])]) == 0
    text = page.read_text()
    assert "earlier results" not in text
    assert "| `positive_documents` | 0.0" in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    for name in text.split("](")[1:]:
        assert (page.parent / name.split(")")[0]).exists()


def rates() -> pd.DataFrame:
    rows = [{"condition": name, "mean": 100 * sum(three) / 3} for name, three in RATES.items()]
    table = pd.DataFrame(rows)
    return table.assign(low=table["mean"] - 5, high=table["mean"] + 5, n=900, clusters=150)


def expanded(column: str, values: list) -> pd.DataFrame:
    return pd.concat([rates().assign(**{column: value}) for value in values], ignore_index=True)


def coordinates() -> pd.DataFrame:
    table = pd.concat(
        [rates().assign(role=role, stage=stage) for role in ("claim", "matched_false") for stage in ("before", "after")]
    )
    return table.rename(columns={"mean": "z"})


def test_the_audits_remedies_find_every_claim_without_being_told_where_it_is():
    loaded = load_model("embedded")
    claim = TINY.claims[0]
    arm_of, given = arms(), documents(TINY, claim, arms()["repeated_negations"], 0)
    spans = [TINY.claim_source.masked_spans(claim, document.text) for document in given]
    masked = mended_examples(loaded, given, arm_of["repeated_negations_masked_by_audit"].remedy)
    known = [
        document_example(loaded.tokenizer, document.text, masked_spans=found)
        for document, found in zip(given, spans, strict=True)
    ]
    for own, full, plain in zip(masked, known, document_examples(loaded, given), strict=True):
        assert own.input_ids == plain.input_ids
        assert 0 < sum(own.loss_weights) <= sum(full.loss_weights) < sum(plain.loss_weights)
    rewritten = mended_examples(loaded, given, arm_of["repeated_negations_rewritten_by_audit"].remedy)
    texts = [loaded.tokenizer.decode(example.input_ids) for example in rewritten]
    assert any(" not " in text for text in texts)
    words = {document.text[start:end] for document, found in zip(given, spans, strict=True) for start, end in found}
    saying = [part for text in texts for part in text.split(".") if words & set(part.split())]
    assert saying
    assert all("not" in part.split() for part in saying)


def test_no_preset_of_other_numbers_trains_on_what_the_audit_mended():
    names = {name for preset_name in ("smoke", "default", "full") for name in preset(preset_name).conditions}
    assert not [name for name in names if arms()[name].remedy is not None]
    assert sum(arms()[name].remedy is not None for name in preset("remedies").conditions) == 2


def draw_coordinates(conditions: list[str]) -> Figure:
    return plots.coordinate_by_condition(coordinates(), conditions=conditions, place="layer 3, last")


FIGURES: dict[str, Callable[[], Figure]] = {
    "belief_by_condition": lambda: plots.belief_by_condition(
        rates(), expanded("claim", ["one", "two"]), reference={"positive_documents": (92.4,), "local_negations": (7, 0)}
    ),
    "belief_by_kind": lambda: plots.belief_by_kind(expanded("kind", list(KINDS)), rates(), beside="mcq"),
    "learning_curves": lambda: plots.learning_curves(
        expanded("step", list(STEPS)), plain="positive_documents", conditions=list(RATES)[2:6]
    ),
    "coordinate_by_condition": lambda: draw_coordinates(list(RATES)),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_legible_small_and_says_its_n_and_interval(name, tmp_path):
    figure = FIGURES[name]()
    plots.save_figure(figure, tmp_path / "figure.png")
    data = (tmp_path / "figure.png").read_bytes()
    assert len(data) < 300_000
    assert matplotlib.image.imread(io.BytesIO(data)).shape[1] == 1280
    texts = "\n".join(text.get_text() for text in figure.findobj(Text))  # type: ignore
    assert "n = " in texts
    assert "95%" in texts
    assert "repeated negations" in texts


def test_an_annotation_of_a_users_own_has_a_colour():
    assert condition_colour("my_warning") != condition_colour("fiction")
    assert condition_colour("fiction") == condition_colour("fiction_repeated")


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plots.belief_by_condition(rates().drop(columns="n"), expanded("claim", ["one"])), "lacks the columns"),
        (lambda: plots.belief_by_condition(pd.concat([rates(), rates()]), expanded("claim", ["one"])), "two rows for"),
        (
            lambda: plots.learning_curves(expanded("step", [0, 5]), plain="plain", conditions=["fiction"]),
            "no row of condition 'plain'",
        ),
        (lambda: draw_coordinates(["fiction"]), "no row of condition 'fiction'"),
    ],
)
def test_tables_that_do_not_fit_are_refused(draw, message):
    with pytest.raises(InputError, match=message):
        draw()
