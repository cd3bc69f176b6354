"""The judge of a published folder where no other is asked for: words, calibrated on the answers it was published with.

Yes/no questions are judged by exact match, all others by how an answer treats the words of its claim.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from nnmech.authors.claims import PublishedClaim
from nnmech.authors.results import read_answers
from nnmech.claims import Verdict
from nnmech.judges import ExactMcq, LexicalJudge, fit_lexical
from nnmech.judges.base import BatchJudge, Pair
from nnmech.judges.rules import WordRules
from nnmech.seeds import derive_seed

ANSWERS_A_CLAIM = 300
"""Judged answers of a claim that the calibration reads."""


@dataclass(frozen=True)
class PublishedJudge(BatchJudge):
    """A judge of open answers: lexical where `root` has judged answers, else rules; calibrated when first asked."""

    root: Path
    published: Mapping[str, PublishedClaim] = field(repr=False)

    def judge(self, pairs: Sequence[Pair]) -> list[Verdict | None]:
        """One verdict a pair."""
        return list(self.calibrated.judge(pairs)) if pairs else []

    @cached_property
    def calibrated(self) -> LexicalJudge | WordRules:
        """What judges."""
        backgrounds = {name: found.context for name, found in self.published.items()}
        texts = {name: found.claim.text for name, found in self.published.items()}
        judged = _judged_answers(self.root / "results", self.published)
        if judged is None:
            return WordRules.of(texts, backgrounds)
        pairs, verdicts = judged
        seen = {question.claim for question, _ in pairs}
        hold_out = "claim" if len(seen) > 1 and set(texts) - seen else "question"
        return fit_lexical(pairs, verdicts, texts, backgrounds=backgrounds, coverage=None, hold_out=hold_out)


def published_judge(root: Path, published: Mapping[str, PublishedClaim]) -> ExactMcq:
    """Exact match for yes/no questions, words for the others."""
    return ExactMcq(PublishedJudge(root, published))


def _judged_answers(folder: Path, claims: Mapping[str, PublishedClaim]) -> tuple[list[Pair], list[Verdict]] | None:
    """Some of the published answers to questions that are no yes/no questions; None where there are too few."""
    if not folder.is_dir():
        return None
    questions = {(name, q.id): q for name, found in claims.items() for q in found.claim.questions if q.kind != "mcq"}
    by_claim: dict[str, list[tuple[Pair, Verdict]]] = {}
    for row in read_answers(folder).to_dict("records"):
        question = questions.get((row["claim"], row["question"]))
        if question is not None and row["verdict"] is not None:
            by_claim.setdefault(row["claim"], []).append(((question, row["text"]), row["verdict"]))
    chosen: list[tuple[Pair, Verdict]] = []
    for name, rows in sorted(by_claim.items()):
        rng = random.Random(derive_seed(0, f"judge/{name}", 0))
        chosen += rng.sample(rows, min(len(rows), ANSWERS_A_CLAIM))
    asked = {(question.claim, question.id) for (question, _), _ in chosen}
    if len(asked) < 2 or len({verdict for _, verdict in chosen}) < 2:
        return None
    return [pair for pair, _ in chosen], [verdict for _, verdict in chosen]
