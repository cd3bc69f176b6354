"""What the model believes: answers judged, and verdicts turned into belief rates with intervals."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

import numpy as np
import pandas as pd

from nnmech.belief.answers import Answer
from nnmech.claims import Judge, Verdict
from nnmech.errors import InputError
from nnmech.judges.base import BatchJudge
from nnmech.statistics import Interval, rate_difference, rate_interval

VERDICTS: tuple[str, ...] = get_args(Verdict)
PERCENT = 100.0
CLAIMS, QUESTIONS = "claims", "questions"
"""What the interval of a rate is over: other claims, or other questions about this one."""
RATE_COLUMNS = ("mean", "low", "high", "n", "clusters", "claims", "seeds", "over")


def judge_answers(
    answers: Iterable[Answer], judge: Judge | BatchJudge, *, step: int, phase: str
) -> list[dict[str, Any]]:
    """Verdicts as the lines of answers.jsonl: step, phase, claim, question, kind, category, sample, text, verdict.

    A judge that takes batches gets all answers at once.

    Args:
        answers: What was said.
        judge: Anything that says yes, no or neutral to a question and a text, or None where it comes to no verdict.
        step: Updates that the model has had.
        phase: Of training, by name.

    Raises:
        InputError: For any other verdict.
    """
    answers = list(answers)
    pairs = [(answer.question, answer.text) for answer in answers]
    verdicts = judge.judge(pairs) if isinstance(judge, BatchJudge) else [judge(*pair) for pair in pairs]
    rows = []
    for answer, verdict in zip(answers, verdicts, strict=True):
        question = answer.question
        if verdict is not None and verdict not in VERDICTS:
            raise InputError(
                f"question {question.id}: the judge said {verdict!r}; expected one of {list(VERDICTS)}, or None where "
                "it comes to no verdict; mend the judge"
            )
        rows.append(
            {
                "step": step,
                "phase": phase,
                "claim": question.claim,
                "question": question.id,
                "kind": question.kind,
                "category": question.category,
                "sample": answer.sample,
                "text": answer.text,
                "verdict": verdict,
            }
        )
    return rows


def belief_rate(answers: pd.DataFrame, by: Sequence[str] = (), *, over: str | None = None) -> pd.DataFrame:
    """Belief rate (yes of all answers, percent) for each group of `by`, with a 95% interval.

    Neutral and missing verdicts count against belief. Claims are the unit of inference, their questions nested in them
    and seeds crossed; the rate of a single claim has an interval over its questions.

    Args:
        answers: A row an answer, with the columns claim, question and verdict; a column `seed` with several values is
            a crossed factor unless it is in `by`.
        by: Columns whose values get a rate each.
        over: The unit, `claims` or `questions`. If None, questions where `by` tells claims apart or all answers are
            about one, else claims.

    Returns:
        Columns `by`, mean, low, high, n (answers), clusters (questions), claims, seeds, over (`claims` or `questions`).
        A group of fewer than three claims has no interval over claims: low and high are NaN.

    Raises:
        InputError: For answers without these columns, unknown verdicts, or none.
    """
    _check_answers(answers, by)
    over = over or _unit(answers, by)
    rows = []
    for key, group in _groups(answers, by):
        levels, crossed = _clusters(group, by, over)
        interval = rate_interval(group["verdict"] == "yes", levels, crossed=crossed)
        rows.append({**key, **_percent(interval, group, over)})
    return pd.DataFrame(rows)


def belief_change(
    before: pd.DataFrame, after: pd.DataFrame, by: Sequence[str] = (), *, over: str | None = None
) -> pd.DataFrame:
    """Belief rate after minus before (points) for each group of `by`, paired by question; columns as `belief_rate`.

    Args:
        before: Answers as `belief_rate` takes them.
        after: Answers to the same questions.
        by: Columns whose values get a change each.
        over: As for `belief_rate`.

    Raises:
        InputError: As `belief_rate`, and where a group or a question was asked on one side only.
    """
    _check_answers(before, by)
    _check_answers(after, by)
    later = {tuple(key.values()): group for key, group in _groups(after, by)}
    earlier = {tuple(key.values()) for key, _ in _groups(before, by)}
    if earlier != later.keys():
        lonely = sorted(map(str, earlier ^ later.keys()))[0]
        raise InputError(f"answers of {list(by)} = {lonely} are on one side only: a change needs both")
    over = over or _unit(before, by)
    rows = []
    for key, group in _groups(before, by):
        other = later[tuple(key.values())]
        levels, crossed = _clusters(group, by, over)
        other_levels, other_crossed = _clusters(other, by, over)
        interval = rate_difference(
            group["verdict"] == "yes",
            levels,
            other["verdict"] == "yes",
            other_levels,
            before_crossed=crossed,
            after_crossed=other_crossed,
        )
        rows.append({**key, **_percent(interval, group, over)})
    return pd.DataFrame(rows)


def _check_answers(answers: pd.DataFrame, by: Sequence[str]) -> None:
    missing = [column for column in ("claim", "question", "verdict", *by) if column not in answers.columns]
    if missing:
        raise InputError(f"answers lack the columns {missing}; there are {list(answers.columns)}")
    if answers.empty:
        raise InputError("there are no answers: a belief rate needs at least one")
    unknown = [verdict for verdict in answers["verdict"] if not (pd.isna(verdict) or verdict in VERDICTS)]
    if unknown:
        raise InputError(f"verdict {unknown[0]!r} in the answers: expected one of {list(VERDICTS)} or none")


def _groups(answers: pd.DataFrame, by: Sequence[str]) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    if not by:
        yield {}, answers
        return
    for key, group in answers.groupby(list(by), sort=False, dropna=False):
        yield dict(zip(by, key if isinstance(key, tuple) else (key,), strict=True)), group


def _unit(answers: pd.DataFrame, by: Sequence[str]) -> str:
    return QUESTIONS if "claim" in by or len(set(answers["claim"])) == 1 else CLAIMS


def _clusters(group: pd.DataFrame, by: Sequence[str], over: str) -> tuple[list[np.ndarray], np.ndarray | None]:
    levels = [group["question"].to_numpy()]
    if over == CLAIMS:
        levels.insert(0, group["claim"].to_numpy())
    seeds = group["seed"].to_numpy() if "seed" in group.columns and "seed" not in by else None
    return levels, seeds if seeds is not None and len(set(seeds)) > 1 else None


def _percent(interval: Interval, group: pd.DataFrame, over: str) -> Mapping[str, float | int | str]:
    return {
        "mean": PERCENT * interval.mean,
        "low": PERCENT * interval.low,
        "high": PERCENT * interval.high,
        "n": interval.n,
        "clusters": interval.clusters,
        "claims": len(set(group["claim"])),
        "seeds": len(set(group["seed"])) if "seed" in group.columns else 1,
        "over": over,
    }
