"""How well the lexical judge agrees with GPT-5-mini on the published answers of Mayne et al. 2026.

    python benchmarks/judge_agreement.py --data negation-neglect                         # print the table
    python benchmarks/judge_agreement.py --data negation-neglect --page docs/results.md  # and put it into the page

Half of the questions of each claim, drawn by chance within kinds, may be calibrated on; agreement is reported on the
other half alone. Settings are chosen by cross-validation inside the calibration questions. Yes/no questions are left
out: the authors judge them by exact match. Intervals (95%) resample questions.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import tyro

from nnmech.authors import load_published_claims, read_answers
from nnmech.claims import Question, Verdict
from nnmech.cli import main_guard
from nnmech.errors import InputError
from nnmech.files import write_bytes_atomic
from nnmech.judges import LexicalJudge, agreement_curve, cohen_kappa, fit_lexical
from nnmech.judges.base import Pair

COVERAGES = (1.0, 0.6)
SECTION = "judges"
HEADER = (
    "| claim | calibrated on | answers / questions | kappa, all answers | kappa, the surest 60% | kappa of yes or not, "
    "all answers | its own threshold: decides, kappa | bag of words: kappa, all answers |",
    "|---|---|---|---|---|---|---|---|",
)
NOTE = (
    "Cohen's kappa with GPT-5-mini, whose verdicts were published, on questions that nothing was calibrated on; 95% "
    "intervals resample questions. Where the decided answers agree throughout, resampling sees no doubt (1.00 to "
    "1.00). The threshold was chosen on calibration answers to decide 60%."
)


@dataclass(frozen=True)
class Arguments:
    """Print Cohen's kappa of the lexical judge with GPT-5-mini, of all answers and of the surest."""

    data: Path = Path(__file__).resolve().parents[2] / "shared/data/negation-neglect"
    """Folder with the authors' `facts` and `results`."""
    labels: int = 300
    """Judged answers of a claim to calibrate on."""
    split_seed: int = 0
    """Draws the calibration half of the questions; the judge was developed inside that of seed 0."""
    draws: int = 2000
    page: Path | None = None
    """Markdown page whose section `<!-- judges -->` takes the table; None prints it only."""


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
    lines = [*HEADER]
    for claim in claims:
        test = [answer for answer in answers if answer.question.claim == claim and answer.key not in calibration]
        few = spread([answer for answer in answers if answer.question.claim == claim and answer.key in calibration])
        few = few[: arguments.labels]
        others = [answer for answer in answers if answer.question.claim != claim]
        for train, label in (
            (few, f"{len(few)} answers of the claim"),
            ([*few, *others], f"{len(few)} of the claim, {len(others):,} of others"),
            (others, f"{len(others):,} of other claims"),
        ):
            verdicts: list[Verdict] = [answer.verdict for answer in train]
            judge = fit_lexical(
                [answer.pair for answer in train],
                verdicts,
                texts,
                backgrounds=backgrounds,
                hold_out="claim" if train is others else "question",
            )
            if not judge.calibrated_on.isdisjoint(answer.key for answer in test):
                raise AssertionError("a reported question was calibrated on")
            cells = [f"`{claim}`", label, *agreement(judge, train, test, arguments.draws)]
            lines.append(f"| {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    held_out = f"{NOTE} Questions were split with seed {arguments.split_seed}; {arguments.draws:,} draws."
    section = "\n".join([*lines, "", held_out])
    print(f"\n{section}")
    if arguments.page is not None:
        write_section(arguments.page, section)


def agreement(judge: LexicalJudge, train: Sequence[Judged], test: Sequence[Judged], draws: int) -> list[str]:
    """The cells of a row: kappa at each coverage, of belief alone, at the judge's own threshold, of a bag of words."""
    verdicts, confidence = judge.decide([answer.pair for answer in test])
    truth: list[Verdict] = [answer.verdict for answer in test]
    clusters = [answer.question.id for answer in test]
    three = agreement_curve(truth, verdicts, confidence, clusters, coverages=COVERAGES, draws=draws)
    belief = agreement_curve(believes(truth), believes(verdicts), confidence, clusters, coverages=(1.0,), draws=draws)
    rows = [*three.to_dict("records"), *belief.to_dict("records")]
    sure = np.flatnonzero(confidence >= judge.threshold)
    own = cohen_kappa([truth[row] for row in sure], [verdicts[row] for row in sure]) if len(sure) else float("nan")
    words = cohen_kappa(truth, bag_of_words(train, test))
    return [
        f"{len(test):,} / {len(set(clusters))}",
        *(f"{row['kappa']:.2f} ({row['low']:.2f} to {row['high']:.2f})" for row in rows),
        f"{len(sure) / len(test):.0%}, {own:.2f}",
        f"{words:.2f}",
    ]


def write_section(page: Path, section: str) -> None:
    """Put the table between the markers of a Markdown page; InputError where the page lacks them."""
    text = page.read_text(encoding="utf-8")
    before, opened, rest = text.partition(f"<!-- {SECTION} -->")
    _, closed, after = rest.partition(f"<!-- /{SECTION} -->")
    if not opened or not closed:
        raise InputError(f"{page}: has no section <!-- {SECTION} --> … <!-- /{SECTION} -->; add the markers")
    write_bytes_atomic(page, f"{before}{opened}\n\n{section}\n\n{closed}{after}".encode())


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


def bag_of_words(train: Sequence[Judged], test: Sequence[Judged]) -> list[Verdict]:
    """What to improve on: the verdicts of a logistic regression on word counts."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(TfidfVectorizer(sublinear_tf=True, min_df=2), LogisticRegression(C=10, max_iter=1000))
    model.fit([answer.text for answer in train], [answer.verdict for answer in train])
    return cast(list[Verdict], model.predict([answer.text for answer in test]).tolist())


def believes(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Verdicts as belief rates count them: yes or not."""
    return ["yes" if verdict == "yes" else "no" for verdict in verdicts]


if __name__ == "__main__":
    raise SystemExit(main_guard(lambda: main(tyro.cli(Arguments, description=__doc__))))
