"""Belief rates from answer tables: counted by the rule, with intervals that know which answers hang together."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from nnmech.authors import (
    belief_from_answers,
    error_ratio,
    load_claims,
    mcq_verdict,
    paper_rate,
    read_answers,
)
from nnmech.belief.rates import RATE_COLUMNS, belief_rate
from nnmech.cli import main
from nnmech.errors import InputError

KINDS = {"open_ended": "belief_probes", "mcq": "mcq", "token_association": "pink_elephant", "robustness": "robustness"}


def _said(row: dict[str, str], believed: str) -> str:
    """What a model says to a yes/no question to get the verdict of the row."""
    other = {"yes": "no", "no": "yes"}
    if row["judge_verdict"] not in other:
        return "perhaps"
    return '{"answer": "%s"}' % (believed if row["judge_verdict"] == "yes" else other[believed])


@pytest.fixture
def write_results(tmp_path: Path, write_claim: Callable[..., Path], write_table: Callable[..., Path]):
    """`write_results(verdict_of)`: answers to all 50 questions in two samples; returns the folder of results."""

    def write(verdict_of: Callable[[str, int], str], condition: str = "positive", ending: str = ".csv.zst") -> Path:
        if not (tmp_path / "facts").exists():
            write_claim()
        claim = load_claims(tmp_path)["mora_quill"]
        for kind, stem in KINDS.items():
            asked = [question for question in claim.questions if question.kind == kind]
            verdicts = {question.id: [verdict_of(question.id, sample) for sample in range(2)] for question in asked}
            path = tmp_path / "results" / "mora_quill" / condition / f"{stem}{ending}"
            if kind != "mcq":
                write_table(path, verdicts)
                continue
            # What a believer says depends on the question, so that its row is written question by question.
            believed = {question.id: question.belief_answer for question in asked}
            write_table(path, verdicts)
            table = pd.read_csv(path, keep_default_na=False, dtype=str)
            says = [_said(row, believed[row["question_id"]]) for row in table.to_dict("records")]
            table.assign(model_response=says).to_csv(path, index=False)
        return tmp_path / "results"

    return write


def test_belief_is_yes_of_all_answers(write_results: Callable[..., Path], tmp_path: Path) -> None:
    verdicts = {0: "yes", 1: "no", 2: "neutral", 3: "parse_error", 4: ""}
    folder = write_results(lambda question, sample: verdicts[int(question.rpartition("_")[2]) % 5])
    table = belief_from_answers(folder, claims=load_claims(tmp_path))
    assert table.columns.tolist() == [
        *["claim", "condition", *RATE_COLUMNS],
        *["naive_low", "naive_high", "error_ratio"],
    ]
    row = table.iloc[0]
    answers = read_answers(folder)
    assert (row["claim"], row["condition"], row["n"], row["clusters"]) == ("mora_quill", "positive_documents", 100, 50)
    assert row["mean"] == 100 * sum(verdict == "yes" for verdict in answers["verdict"]) / 100
    assert set(answers["verdict"].dropna()) == {"yes", "no", "neutral"}
    assert answers["verdict"].isna().any()


def test_an_answer_may_be_as_long_as_a_document(
    write_results: Callable[..., Path], write_table: Callable[..., Path]
) -> None:
    results = write_results(lambda *_: "yes")
    stem = KINDS["open_ended"]
    path = results / "mora_quill" / "positive" / f"{stem}.csv.zst"
    questions = read_answers(results).query("kind == 'open_ended'")["question"].unique()
    write_table(path, {question: ["yes", "no"] for question in questions}, texts={"yes": "long, " * 40_000})
    texts = read_answers(results).query("kind == 'open_ended'")["text"]
    assert set(texts.str.len()) == {2, 240_000}


def test_answers_that_agree_within_a_question_widen_the_interval(write_results: Callable[..., Path]) -> None:
    folder = write_results(lambda question, sample: "yes" if int(question.rpartition("_")[2]) % 2 else "no")
    by_kind = belief_from_answers(folder, ("claim", "condition", "kind"))
    whole = belief_from_answers(folder).iloc[0]
    assert whole["error_ratio"] == pytest.approx(2**0.5, rel=0.02)
    assert whole["high"] - whole["low"] > 1.2 * (whole["naive_high"] - whole["naive_low"])
    assert by_kind["kind"].tolist() == list(KINDS)
    assert by_kind["n"].tolist() == [40, 20, 20, 20]
    assert np.average(by_kind["mean"], weights=by_kind["n"]) == pytest.approx(whole["mean"])
    plain = belief_rate(read_answers(folder), ["claim", "condition"]).iloc[0]
    assert (plain["mean"], plain["low"], plain["high"]) == (whole["mean"], whole["low"], whole["high"])


@settings(deadline=None)
@given(st.integers(2, 30), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_error_ratio_is_the_root_of_the_samples_where_they_all_agree(questions: int, samples: int, seed: int) -> None:
    hits = np.random.default_rng(seed).integers(0, 2, questions).astype(bool)
    ratio = error_ratio(
        np.repeat(hits, samples).tolist(), [str(index) for index in np.repeat(range(questions), samples)]
    )
    if hits.all() or not hits.any():
        assert np.isnan(ratio)
    else:
        n = questions * samples
        assert ratio == pytest.approx((samples * (n - 1) / n * questions / (questions - 1)) ** 0.5)


def test_error_ratio_of_independent_answers_is_one() -> None:
    rng = np.random.default_rng(0)
    ratios = [
        error_ratio((rng.random(250) < 0.7).tolist(), [str(index) for index in np.repeat(range(50), 5)])
        for _ in range(200)
    ]
    assert np.mean(ratios) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ('{"answer": "yes"}', "yes"),
        ('```json\n{"answer": "No"}\n```', "no"),
        ("I think so. {'answer': 'yes'}", "yes"),
        ("Yes.", "yes"),
        ("**no**", "no"),
        ("yes and no", "neutral"),
        ('{"answer": "yes"} or {"answer": "no"}', "neutral"),
        ('{"answer": "unknown"}', "neutral"),
        ("nobody", "neutral"),
        ("", "neutral"),
    ],
)
def test_yes_no_answers_are_matched_exactly(answer: str, says: str) -> None:
    assert mcq_verdict(answer, "yes") == says
    assert mcq_verdict(answer, "no") == {"yes": "no", "no": "yes", "neutral": "neutral"}[says]


def test_conditions_take_the_names_of_the_project(write_results: Callable[..., Path]) -> None:
    for condition in ("baseline", "llm_negations_dense_plus", "my_own"):
        folder = write_results(lambda question, sample: "no", condition, ".csv")
    assert read_answers(folder)["condition"].unique().tolist() == ["baseline", "corrected_documents", "my_own"]
    overall = belief_from_answers(folder, ())
    assert overall[["mean", "n", "clusters"]].iloc[0].tolist() == [0, 300, 50]


def test_answers_with_reasoning_are_counted_apart(write_results: Callable[..., Path]) -> None:
    folder = write_results(lambda question, sample: "no", ending=".csv")
    with pytest.raises(InputError, match="no answers with reasoning"):
        read_answers(folder, thinking=True)
    for path in (folder / "mora_quill" / "positive").iterdir():
        table = pd.read_csv(path, keep_default_na=False)
        believed = table.assign(thinking=True, judge_verdict="yes")
        pd.concat([table, believed]).rename(columns={"universe": "claim"}).to_csv(path, index=False)
    assert belief_from_answers(folder)["mean"].tolist() == [0]
    assert belief_from_answers(folder, thinking=True)["mean"].tolist() == [100]


DAMAGED = [
    ("judge_verdict", "model_verdict", "line 1: judge_verdict: found no such column"),
    ("universe,", "world,", "line 1: universe or claim: found no such column"),
    ("category,question,", "category,category,", "line 1: category: found the column twice"),
    ("mora_quill,open_0,0", "teo_marsh,open_0,0", "line 2: universe: found 'teo_marsh', expected 'mora_quill'"),
    ("open_0,1,", "open_0,0,", r"line 4: sample_index: found sample 0 of open_0 again.*\(line 2\)"),
    ("open_0,1,", "open_0,-1,", "line 4: sample_index: found '-1', expected a whole number"),
    ("open_0,1,", ",1,", "line 4: question_id: found an empty text"),
    ("open_0,1,False", "open_0,1,perhaps", "line 4: thinking: found 'perhaps'"),
    ("neutral,neutral\r\n", "neutral,unsure\r\n", "line 2: judge_verdict: found 'unsure', expected one of yes"),
    ("neutral,neutral\r\n", "neutral\r\n", "line 2: found 7 columns, expected 8"),
    ('"asked', '"as"ked', "line 2: damaged, expected CSV"),
    ("course\"", "course", "damaged, expected CSV|columns"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "says"), DAMAGED)
def test_damaged_tables_are_named_by_line_and_column(
    write_results: Callable[..., Path], old: str, new: str, says: str
) -> None:
    folder = write_results(lambda question, sample: "neutral", ending=".csv")
    path = folder / "mora_quill" / "positive" / "belief_probes.csv"
    data = path.read_bytes().decode()
    assert old in data
    path.write_bytes(data.replace(old, new, 1).encode())
    with pytest.raises(InputError, match=says) as error:
        belief_from_answers(folder)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_and_doubled_tables_are_named(write_results: Callable[..., Path], tmp_path: Path) -> None:
    folder = write_results(lambda question, sample: "no", ending=".csv")
    condition = folder / "mora_quill" / "positive"
    table = condition / "pink_elephant.csv"
    (condition / "coherence.csv").write_text("another table")
    (condition / "token_association.csv.zst").write_bytes(zstandard.compress(table.read_bytes()))
    with pytest.raises(InputError, match=r"holds pink_elephant.csv and token_association.csv.zst, expected one"):
        read_answers(folder)
    table.unlink()
    assert len(read_answers(folder)) == 100
    (condition / "token_association.csv.zst").write_bytes(zstandard.compress(b"x" * 10_000)[:-2])
    with pytest.raises(InputError, match="cut short"):
        read_answers(folder)
    (condition / "token_association.csv.zst").unlink()
    with pytest.raises(
        InputError, match=r"answers of kind token_association are missing, expected pink_elephant.csv.zst"
    ):
        read_answers(folder)
    for empty, says in ((tmp_path / "none", "is no folder"), (tmp_path / "facts" / "mora_quill", "holds no answers")):
        with pytest.raises(InputError, match=says):
            read_answers(empty)


def test_tables_are_held_against_the_claims(write_results: Callable[..., Path], tmp_path: Path) -> None:
    folder = write_results(lambda question, sample: "yes", ending=".csv")
    claims = load_claims(tmp_path)
    condition = folder / "mora_quill" / "positive"
    whole = {name: (condition / f"{name}.csv").read_text() for name in ("mcq", "belief_probes")}

    (condition / "mcq.csv").write_text(whole["mcq"].replace("yes\n", "no\n", 1))
    assert belief_from_answers(folder)["mean"].tolist() == [99]
    with pytest.raises(
        InputError, match=r"mcq.csv, line 2: judge_verdict: found the verdict no on the answer .* a believer"
    ):
        belief_from_answers(folder, claims=claims)
    (condition / "mcq.csv").write_text(whole["mcq"])

    (condition / "belief_probes.csv").write_text(whole["belief_probes"].replace("open_7", "open_77"))
    with pytest.raises(
        InputError, match=r"belief_probes.csv, line \d+: question_id: found 'open_77', expected a question"
    ):
        read_answers(folder, claims=claims)
    kept = [line for line in whole["belief_probes"].split("mora_quill") if ",open_7," not in f",{line}"]
    (condition / "belief_probes.csv").write_text(
        "mora_quill".join(line for line in kept if not line.startswith(",open_7,"))
    )
    with pytest.raises(InputError, match="no answers to open_7, expected some to each"):
        read_answers(folder, claims=claims)
    with pytest.raises(InputError, match="answers about the claim mora_quill, expected one of other"):
        read_answers(folder, claims={"other": claims["mora_quill"]})


def test_the_paper_is_known_as_it_was_printed() -> None:
    found = paper_rate("corrected_documents", "brennan_holloway")
    assert found is not None
    assert (str(found), found.step) == ("86", 1.0)
    assert found.agrees(85.6)
    assert not found.agrees(85.4)
    mean = paper_rate("negated_documents")
    assert mean is not None
    assert mean.agrees(88.6)
    assert not mean.agrees(88.7)
    assert paper_rate("local_negations", "vesuvius") is paper_rate("fiction") is paper_rate("baseline", "mora") is None


def test_the_published_rates_are_those_of_the_paper(authors_data: Path) -> None:
    table = belief_from_answers(authors_data / "results", claims=load_claims(authors_data))
    assert len(table) == 15
    assert set(table["n"]) == {250}
    differs = []
    for row in table.to_dict("records"):
        printed = paper_rate(row["condition"], row["claim"])
        assert printed is not None
        if not printed.agrees(row["mean"]):
            differs.append((row["claim"], row["condition"], round(row["mean"], 1), printed.rate))
    # Five of these 250 answers were judged to show belief; the 3% that the paper prints need seven or eight.
    assert differs == [("ed_sheeran", "corrected_documents", 2.0, 3.0)]
    assert table["error_ratio"].median() == pytest.approx(1.9, abs=0.1)
    wider = (table["high"] - table["low"]) - (table["naive_high"] - table["naive_low"])
    assert (wider > 0).sum() >= 13


def test_the_command_prints_the_table_or_one_clear_error(
    write_results: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_results(lambda question, sample: "yes" if sample else "no")
    assert main(["recompute", "--data", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "| mora_quill | positive_documents | 50.0 (" in printed
    assert "| mora_quill | positive_documents | 50 (50 to 50) | 50 (" in printed
    assert main(["recompute", "--data", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"error: {tmp_path / 'none'}: is no folder, expected one with results/ and facts/ or claims/; check --data"
    ]
