"""How well the lexical judge agrees with GPT-5-mini on the published answers of Mayne et al. 2026.

    python benchmarks/judge_agreement.py --data negation-neglect

Half of the questions of each claim, drawn by chance within kinds, may be calibrated on; agreement is reported on the
other half alone. Settings are chosen by cross-validation inside the calibration questions. Yes/no questions are left
out: the authors judge them by exact match. Intervals (95%) resample questions.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import tyro

from nnmech.authors import load_published_claims, read_answers
from nnmech.claims import Question, Verdict
from nnmech.cli import main_guard
from nnmech.judges import agreement_curve, cohen_kappa, fit_lexical
from nnmech.judges.base import Pair

COVERAGES = (1.0, 0.8, 0.6, 0.4)


@dataclass(frozen=True)
class Arguments:
    """Print Cohen's kappa with GPT-5-mini against the share of answers that a lexical judge decides."""

    data: Path = Path(__file__).resolve().parents[2] / "shared/data/negation-neglect"
    """Folder with the authors' `facts` and `results`."""
    labels: int = 300
    """Judged answers of a claim to calibrate on."""
    split_seed: int = 0
    """Draws the calibration half of the questions; the judge was developed inside that of seed 0."""
    draws: int = 2000


@dataclass(frozen=True)
class Judged:
    """An answer with GPT-5-mini's verdict."""

    question: Question
    text: str
    verdict: Verdict

    @property
    def key(self) -> tuple[str, str]:
        """Claim and id of the question."""
        return self.question.claim, self.question.id

    @property
    def pair(self) -> Pair:
        """What a judge is shown."""
        return self.question, self.text


def main(arguments: Arguments) -> None:
    """Fit and report every way to calibrate, claim by claim."""
    if not (arguments.data / "results").is_dir():
        print(
            f"skipped: {arguments.data} has no folder results; pass --data FOLDER with the authors' facts and results"
        )
        return
    claims = load_published_claims(arguments.data / "facts")
    texts = {name: found.claim.text for name, found in claims.items()}
    backgrounds = {name: "\n".join([found.context, *found.subclaims]) for name, found in claims.items()}
    questions = {(name, question.id): question for name, found in claims.items() for question in found.claim.questions}
    answers = [
        Judged(questions[row["claim"], row["question"]], row["text"], row["verdict"])
        for row in read_answers(arguments.data / "results").to_dict("records")
        if row["kind"] != "mcq" and row["verdict"] is not None
    ]
    calibration = calibration_half(answers, arguments.split_seed)
    for claim in claims:
        test = [answer for answer in answers if answer.question.claim == claim and answer.key not in calibration]
        few = spread([answer for answer in answers if answer.question.claim == claim and answer.key in calibration])
        few = few[: arguments.labels]
        others = [answer for answer in answers if answer.question.claim != claim]
        print(f"\n{claim}: {len(test)} answers to {len({answer.key for answer in test})} questions", flush=True)
        for train, label in (
            (few, f"{len(few)} answers"),
            ([*few, *others], f"{len(few)} answers and {len(others)} of other claims"),
            (others, f"{len(others)} answers of other claims alone"),
        ):
            judge = fit_lexical(
                [answer.pair for answer in train],
                [answer.verdict for answer in train],
                texts,
                backgrounds=backgrounds,
                hold_out="claim" if train is others else "question",
            )
            if not judge.calibrated_on.isdisjoint(answer.key for answer in test):
                raise AssertionError("a reported question was calibrated on")
            print(f" bag of words calibrated on {label}")
            verdicts, confidence = bag_of_words(train, test)
            print("\n".join(report(test, verdicts, confidence, arguments.draws)), flush=True)
            print(f" lexical judge calibrated on {label}")
            verdicts, confidence = judge.decide([answer.pair for answer in test])
            print("\n".join(report(test, verdicts, confidence, arguments.draws)), flush=True)
            sure = np.flatnonzero(confidence >= judge.threshold)
            kappa = (
                cohen_kappa([test[row].verdict for row in sure], [verdicts[row] for row in sure]) if len(sure) else 0.0
            )
            print(
                f"  at the threshold chosen for 60%: decides {len(sure) / len(test):.0%}, kappa {kappa:.2f}", flush=True
            )


def calibration_half(answers: Sequence[Judged], seed: int) -> set[tuple[str, str]]:
    """The questions that may be calibrated on: half of those of each claim and kind, drawn by chance."""
    rng = np.random.default_rng(seed)
    half: set[tuple[str, str]] = set()
    for group in sorted({(answer.question.claim, answer.question.kind) for answer in answers}):
        keys = sorted({answer.key for answer in answers if (answer.question.claim, answer.question.kind) == group})
        half |= {keys[index] for index in rng.permutation(len(keys))[: len(keys) // 2]}
    return half


def spread(answers: Sequence[Judged]) -> list[Judged]:
    """The answers in a random order in which every question comes up equally often from the start."""
    shuffled = [answers[index] for index in np.random.default_rng(0).permutation(len(answers))]
    seen: Counter[tuple[str, str]] = Counter()
    rounds = []
    for answer in shuffled:
        rounds.append(seen[answer.key])
        seen[answer.key] += 1
    return [shuffled[index] for index in np.argsort(rounds, kind="stable")]


def bag_of_words(train: Sequence[Judged], test: Sequence[Judged]) -> tuple[list[Verdict], np.ndarray]:
    """What to improve on: verdicts and confidence of a logistic regression on word counts."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(TfidfVectorizer(sublinear_tf=True, min_df=2), LogisticRegression(C=10, max_iter=1000))
    model.fit([answer.text for answer in train], [answer.verdict for answer in train])
    probabilities = model.predict_proba([answer.text for answer in test])
    return cast(list[Verdict], model.classes_[probabilities.argmax(axis=1)].tolist()), probabilities.max(axis=1)


def report(test: Sequence[Judged], verdicts: Sequence[Verdict], confidence: np.ndarray, draws: int) -> Iterator[str]:
    """Kappa with its interval at each coverage: of three verdicts, and of yes against the rest (as belief rates do)."""
    truth: list[Verdict] = [answer.verdict for answer in test]
    clusters = [answer.question.id for answer in test]
    for label, first, second in (
        ("three verdicts", truth, verdicts),
        ("yes or not", believes(truth), believes(verdicts)),
    ):
        curve = agreement_curve(first, second, confidence, clusters, coverages=COVERAGES, draws=draws)
        cells = [
            f"{100 * row['coverage']:3.0f}%: {row['kappa']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
            for row in curve.to_dict("records")
        ]
        yield f"  {label:14} {'  '.join(cells)}"


def believes(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Verdicts as belief rates count them: yes or not."""
    return ["yes" if verdict == "yes" else "no" for verdict in verdicts]


if __name__ == "__main__":
    raise SystemExit(main_guard(lambda: main(tyro.cli(Arguments, description=__doc__))))
