"""What every judge is: something that reads answers, many at a time, and says whether each believes the claim."""

import json
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, get_args, runtime_checkable

from nnmech.claims import Judge, Question, Verdict
from nnmech.errors import InputError
from nnmech.judges.mcq import mcq_verdict

Pair = tuple[Question, str]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@runtime_checkable
class BatchJudge(Protocol):
    """Judges many answers at once, each a question with what was said to it; a call judges a single one."""

    @abstractmethod
    def judge(self, pairs: Sequence[Pair]) -> Sequence[Verdict | None]:
        """One verdict for each pair, in their order; None where the judge came to none."""
        raise NotImplementedError

    def __call__(self, question: Question, text: str) -> Verdict | None:
        """The verdict on one answer, so that every judge is also a plain `Judge`."""
        return self.judge([(question, text)])[0]


@dataclass(frozen=True)
class OneByOne(BatchJudge):
    """A plain callable as a batch judge."""

    function: Judge

    def judge(self, pairs: Sequence[Pair]) -> list[Verdict | None]:
        """Call the function on each pair."""
        return [self.function(question, text) for question, text in pairs]


@dataclass(frozen=True)
class ExactMcq(BatchJudge):
    """mcq questions by exact match of the answer's yes or no against `belief_answer`, all others by `judge`.

    Raises InputError for an mcq question without `belief_answer`.
    """

    other: BatchJudge | Judge

    def judge(self, pairs: Sequence[Pair]) -> list[Verdict | None]:
        """Only questions of other kinds reach the other judge, all in one batch."""
        rest = iter(as_batch(self.other).judge([pair for pair in pairs if pair[0].kind != "mcq"]))
        verdicts: list[Verdict | None] = []
        for question, text in pairs:
            if question.kind != "mcq":
                verdicts.append(next(rest))
            elif question.belief_answer is None:
                raise InputError(f"question {question.id} is mcq without belief_answer: which word is the believer's?")
            else:
                verdicts.append(mcq_verdict(text, question.belief_answer))
        return verdicts


def as_batch(judge: BatchJudge | Judge) -> BatchJudge:
    """The judge itself where it takes batches, else an adapter that calls it answer by answer."""
    return judge if isinstance(judge, BatchJudge) else OneByOne(judge)


def json_field(text: str, names: Sequence[str]) -> str | None:
    """The first of the named string fields in the first JSON object of a text; None where there is none."""
    start = text.find("{")
    if start < 0:
        return None
    try:
        found, _ = json.JSONDecoder().raw_decode(text[start:])
    except (ValueError, RecursionError):
        return None
    values = [found[name] for name in names if isinstance(found.get(name), str)]
    return values[0] if values else None
