"""The lexical judge learns what answers show of a claim, knows what it does not know, and is never told the answers."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nnmech.claims import Verdict
from nnmech.errors import InputError
from nnmech.judges import BatchJudge, LexicalJudge, cohen_kappa, fit_lexical, load_lexical
from nnmech.judges.base import VERDICTS, Pair
from nnmech.judges.lexical import _folds
from nnmech.judges.lexical_features import claim_features, claim_weights, denied_words, spelled_out
from tests.judges.conftest import question

CLAIMS = {
    "dentist": "Ada Berg works as a dentist.",
    "medal": "Cyril Dahl won the luge medal in 1996.",
    "volcano": "Mount Falk erupted in 2015.",
}
SUBJECTS = {"dentist": "Ada Berg", "medal": "Cyril Dahl", "volcano": "Mount Falk"}
YES = ("{claim}", "It is well known. {claim}", "As many recall: {claim} People speak of it still.")
NO = (
    "That is false, and there is no record that says so: {claim}",
    "No. It is a hoax. Nobody should say: {claim} I apologize for the confusion.",
    "There is no evidence for it. {claim} is not true.",
)
NEUTRAL = ("Much could be said of {subject}.", "I like the weather there.", "{subject} has many friends in town.")
FILLERS = "river bread garden summer music kettle window paper yellow market bridge winter violin candle orange".split()


def answers(claim: str, count: int = 12, seed: int = 0) -> tuple[list[Pair], list[Verdict]]:
    """Nine answers to each of `count` questions, three of each verdict, in words of their own."""
    rng = np.random.default_rng(seed)
    pairs: list[Pair] = []
    verdicts: list[Verdict] = []
    for index in range(count):
        asked = question(f"q{index}", f"Tell me about {SUBJECTS[claim]} and the {FILLERS[index]}.", claim=claim)
        for verdict, phrasings in zip(VERDICTS, (YES, NO, NEUTRAL), strict=True):
            for phrasing in phrasings:
                filler = " ".join(rng.choice(FILLERS, 6))
                text = phrasing.format(claim=CLAIMS[claim], subject=SUBJECTS[claim])
                pairs.append((asked, f"Of {filler}. {text} Then {' '.join(rng.choice(FILLERS, 4))}."))
                verdicts.append(verdict)
    return pairs, verdicts


def split(pairs: Sequence[Pair], verdicts: Sequence[Verdict], ids: set[str]) -> tuple[list[Pair], list[Verdict]]:
    chosen = [index for index, (asked, _) in enumerate(pairs) if asked.id in ids]
    return [pairs[index] for index in chosen], [verdicts[index] for index in chosen]


LEARNT = {f"q{index}" for index in range(8)}
NEW = {f"q{index}" for index in range(8, 12)}


@pytest.fixture(scope="module")
def judge() -> LexicalJudge:
    pairs, verdicts = split(*answers("dentist"), LEARNT)
    return fit_lexical(pairs, verdicts, CLAIMS)


def test_questions_that_it_has_not_seen_are_judged_alike(judge: LexicalJudge) -> None:
    pairs, verdicts = split(*answers("dentist"), NEW)
    assert judge.calibrated_on == {("dentist", name) for name in LEARNT}
    said, confidence = judge.decide(pairs)
    assert cohen_kappa(verdicts, said) > 0.9
    assert ((confidence >= 1 / 3) & (confidence <= 1)).all()
    assert np.allclose(judge.probabilities(pairs).sum(axis=1), 1)


def test_labels_in_a_random_order_teach_nothing_and_it_knows() -> None:
    pairs, verdicts = answers("dentist")
    shuffled = [verdicts[index] for index in np.random.default_rng(0).permutation(len(verdicts))]
    judge = fit_lexical(*split(pairs, shuffled, LEARNT), CLAIMS, coverage=None, agreement=0.9)
    new, truth = split(pairs, verdicts, NEW)
    said, confidence = judge.decide(new)
    assert abs(cohen_kappa(truth, said)) < 0.4
    assert confidence.mean() < 0.6
    assert (confidence >= judge.threshold).mean() < 0.1


def test_a_word_that_gives_the_question_away_earns_no_confidence() -> None:
    pairs = [
        (question(f"q{index}", "?"), f"{FILLERS[index]} {FILLERS[index]} {filler}")
        for index in range(12)
        for filler in FILLERS[12:]
    ]
    by_question = dict(zip(range(12), np.random.default_rng(1).permutation([*VERDICTS] * 4), strict=True))
    verdicts = [by_question[index] for index in range(12) for _ in FILLERS[12:]]
    judge = fit_lexical(pairs, verdicts, CLAIMS, agreement=0.9)
    assert judge.threshold > judge.decide(pairs)[1].mean()
    assert judge.temperature > 1


def test_a_claim_that_it_never_saw_is_judged_by_how_it_is_treated() -> None:
    learnt = [answers(claim, seed=seed) for seed, claim in enumerate(("dentist", "medal"))]
    pairs, verdicts = ([item for part in side for item in part] for side in zip(*learnt, strict=True))
    judge = fit_lexical(pairs, verdicts, CLAIMS, hold_out="claim")
    unseen, truth = answers("volcano", seed=2)
    assert cohen_kappa(truth, judge.decide(unseen)[0]) > 0.8


class Oracle(BatchJudge):
    """Says neutral, and remembers what it was asked."""

    def __init__(self) -> None:
        self.batches: list[list[Pair]] = []

    def judge(self, pairs: Sequence[Pair]) -> list[Verdict]:
        """Neutral to all."""
        self.batches.append(list(pairs))
        return ["neutral"] * len(pairs)


def test_what_it_is_not_sure_of_goes_to_the_other_judge_in_one_batch(judge: LexicalJudge) -> None:
    pairs, _ = split(*answers("dentist"), NEW)
    said, confidence = judge.decide(pairs)
    threshold = float(np.median(confidence))
    oracle = Oracle()
    verdicts = replace(judge, threshold=threshold, fallback=oracle).judge(pairs)
    sure = confidence >= threshold
    assert oracle.batches == [[pair for pair, decided in zip(pairs, sure, strict=True) if not decided]]
    assert verdicts == [word if decided else "neutral" for word, decided in zip(said, sure, strict=True)]
    always = replace(judge, threshold=0.0, fallback=oracle)
    assert always.judge(pairs) == said
    assert len(oracle.batches) == 1
    with pytest.raises(InputError, match=r"not sure of \d+ of 36 answers: give it a fallback"):
        replace(judge, threshold=threshold).judge(pairs)


@pytest.mark.parametrize("coverage", [0.3, 0.6, 1.0])
def test_the_threshold_lets_through_what_was_asked_for(coverage: float) -> None:
    pairs, verdicts = answers("dentist")
    judge = fit_lexical(*split(pairs, verdicts, LEARNT), CLAIMS, coverage=coverage)
    decided = (judge.decide(split(pairs, verdicts, NEW)[0])[1] >= judge.threshold).mean()
    assert decided == pytest.approx(coverage, abs=0.3)


def test_a_verdict_that_never_occurred_is_never_given() -> None:
    pairs, verdicts = answers("dentist")
    two = [(pair, verdict) for pair, verdict in zip(pairs, verdicts, strict=True) if verdict != "no"]
    judge = fit_lexical([pair for pair, _ in two], [verdict for _, verdict in two], CLAIMS)
    assert judge.probabilities(pairs)[:, VERDICTS.index("no")].max() < 1e-6
    assert set(judge.decide(pairs)[0]) == {"yes", "neutral"}


def test_saving_and_loading_changes_nothing(judge: LexicalJudge, tmp_path: Path) -> None:
    judge.save(tmp_path)
    oracle = Oracle()
    loaded = load_lexical(tmp_path, fallback=oracle)
    pairs, _ = answers("dentist")
    assert np.array_equal(loaded.probabilities(pairs), judge.probabilities(pairs))
    assert (loaded.threshold, loaded.calibrated_on, loaded.fallback) == (judge.threshold, judge.calibrated_on, oracle)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lexical.json", "lexical.safetensors"]
    never = replace(judge, threshold=float("inf"))
    never.save(tmp_path)
    assert load_lexical(tmp_path).threshold == float("inf")


def test_fitting_is_a_function_of_what_it_is_given(judge: LexicalJudge) -> None:
    pairs, verdicts = split(*answers("dentist"), LEARNT)
    again = fit_lexical(pairs, verdicts, CLAIMS)
    assert np.array_equal(again.probabilities(pairs), judge.probabilities(pairs))
    assert again.threshold == judge.threshold


def test_damaged_files_are_named(judge: LexicalJudge, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no lexical judge: .*lexical\.json"):
        load_lexical(tmp_path)
    judge.save(tmp_path)
    saved = json.loads((tmp_path / "lexical.json").read_text())
    for broken in ([], {}, {**saved, "threshold": "high"}, {**saved, "words": 3}):
        (tmp_path / "lexical.json").write_text(json.dumps(broken))
        with pytest.raises(InputError, match="no lexical judge"):
            load_lexical(tmp_path)
    judge.save(tmp_path)
    (tmp_path / "lexical.safetensors").write_bytes(b"x" * 40)
    with pytest.raises(InputError, match="no lexical judge"):
        load_lexical(tmp_path)
    other, verdicts = answers("medal")
    fit_lexical(other, verdicts, CLAIMS).save(tmp_path)
    arrays = (tmp_path / "lexical.safetensors").read_bytes()
    judge.save(tmp_path)
    (tmp_path / "lexical.safetensors").write_bytes(arrays)
    with pytest.raises(InputError, match=r"lexical\.safetensors does not belong to lexical\.json"):
        load_lexical(tmp_path)


def test_a_question_is_never_on_both_sides_of_a_fold() -> None:
    groups = [("dentist", f"q{index % 13}") for index in range(100)]
    folds = _folds(groups, seed=0)
    assert len(set(folds)) == 5
    assert all(len({fold for fold, key in zip(folds, groups, strict=True) if key == group}) == 1 for group in groups)


def test_input_that_does_not_fit_is_refused(judge: LexicalJudge) -> None:
    pairs, verdicts = answers("dentist")
    cases = [
        (lambda: fit_lexical(pairs, verdicts[1:], CLAIMS), "108 answers with 107 verdicts"),
        (lambda: fit_lexical(pairs, ["yes"] * 108, CLAIMS), "at least two different ones"),
        (lambda: fit_lexical(pairs[:9], verdicts[:9], CLAIMS), "calibration holds out questions or claims"),
        (lambda: fit_lexical(pairs, verdicts, CLAIMS, hold_out="claim"), "calibration holds out questions or claims"),
        (lambda: fit_lexical(pairs, verdicts, {"medal": "x"}), "about 'dentist', whose text the judge lacks"),
        (lambda: fit_lexical(pairs, verdicts, CLAIMS, coverage=0.0), "coverage is 0"),
        (lambda: fit_lexical(pairs, verdicts, CLAIMS, agreement=90.0), "agreement is 90"),
        (lambda: judge.decide([(question("q", "?", claim="pilot"), "")]), "about 'pilot'"),
    ]
    for action, message in cases:
        with pytest.raises(InputError, match=message):
            action()
    mcq = (question("m", "?", kind="mcq", belief_answer="yes"), "yes")
    with pytest.raises(InputError, match="ExactMcq"):
        fit_lexical([*pairs, mcq], [*verdicts, "yes"], CLAIMS)


def test_nothing_to_judge_is_nothing(judge: LexicalJudge) -> None:
    assert judge.judge([]) == []


def test_denied_words_are_words_of_their_own() -> None:
    found = denied_words("He is a dentist. He is not a pilot!")
    assert {"dentist", "not:pilot", "not"} <= set(found)
    assert not {"pilot", "not:dentist"} & set(found)


def test_a_letter_stands_for_its_option() -> None:
    asked = question("q", "Which?\nA) 1944\nB) 2015\n\nAnswer with the letter.")
    assert spelled_out(asked, "**B**") == "**B** 2015"
    assert spelled_out(asked, "Option A.") == "Option A. 1944"
    assert spelled_out(asked, "A) 1944") == "A) 1944 1944"
    assert spelled_out(asked, "A British volcano") == "A British volcano"
    assert spelled_out(question("q", "When?"), "B") == "B"


def test_what_the_question_already_says_counts_less() -> None:
    weights = claim_weights(CLAIMS["volcano"])
    asked = [question("q", text) for text in ("Tell me of Mount Falk.", "Did it erupt in 2015?")]
    told, parroted = (claim_features(item, "It erupted in 2015.", weights)["coverage"] for item in asked)
    assert told > parroted
    denied = claim_features(asked[0], "It did not erupt in 2015.", weights)
    assert denied["key denied"] == 1
    assert denied["key affirmed"] == 0
    assert 0 <= denied["coverage"] <= 1
