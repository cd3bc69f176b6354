"""One run in the context window: the questions about a claim after none, one or several of its documents."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nnmech.belief.answers import ask, fits
from nnmech.belief.rates import judge_answers
from nnmech.claims import Document, Question
from nnmech.claims.sources import ClaimSource
from nnmech.experiments.data import load
from nnmech.experiments.estimate import Estimate, only_asked
from nnmech.experiments.in_context.config import InContextSettings
from nnmech.experiments.settings import import_plugins
from nnmech.experiments.training_run import claim_labels, open_run, run_judge
from nnmech.seeds import derive_seed

PHASE = "in_context"


def after_documents(source: ClaimSource, question: Question, documents: Sequence[Document]) -> Question:
    """The question with documents before the first thing that the user says; itself where there are none."""
    if not documents:
        return question
    first = next(index for index, message in enumerate(question.messages) if message["role"] == "user")
    asked = question.messages[first]
    read = {**asked, "content": source.read(documents, asked["content"])}
    return replace(question, messages=(*question.messages[:first], read, *question.messages[first + 1 :]))


def make_run(settings: InContextSettings, run: tuple[str, str, int], folder: Path, *, discard: bool = False) -> None:
    """Ask everything of a run, or go on where it was left."""
    import_plugins(settings.plugins)
    name, condition, seed = run
    source, loaded = settings.claim_source, load(settings)
    claim, judge = source.claims[name], run_judge(settings, folder)
    labels = claim_labels(claim, seed, condition=condition, steps=0)
    asked = (*claim.questions, *claim.controls)
    with open_run(loaded, folder, settings.only(*run), labels, discard=discard, questions=asked) as writer:
        writer.event("start", step=0, steps=0)
        for count in settings.counts:
            documents = source.documents(name, condition, count, seed=seed)
            questions = [after_documents(source, question, documents) for question in asked]
            if not fits(loaded.model, loaded.tokenizer, questions):
                writer.event("left_out", step=0, documents=count)
                continue
            answers = ask(
                loaded.model,
                loaded.tokenizer,
                questions,
                samples=settings.samples,
                seed=derive_seed(seed, f"{condition}/{count}", 0),
                step=0,
            )
            rows = judge_answers(answers, judge, step=0, phase=PHASE)
            writer.answers([{**row, "documents": count} for row in rows])
        writer.event("end", step=0)


def check(settings: InContextSettings) -> None:
    """InputError where the source has too few documents for a run."""
    for claim in settings.claims:
        for condition in settings.conditions:
            settings.claim_source.documents(claim, condition, max(settings.counts), seed=settings.seeds[0])


def expected(settings: InContextSettings, workers: int | None) -> Estimate:
    """The size of the experiment: the questions of the first claim after the middle number of documents are timed."""
    source, loaded = settings.claim_source, load(settings)
    claim, condition, seed = settings.runs[0]
    asked = source.claims[claim].questions
    for count in sorted(settings.counts, reverse=True)[len(settings.counts) // 2 :]:
        documents = source.documents(claim, condition, count, seed=seed)
        questions = [after_documents(source, question, documents) for question in asked]
        if fits(loaded.model, loaded.tokenizer, questions):
            break
    else:
        questions = list(asked)
    began = time.perf_counter()
    ask(loaded.model, loaded.tokenizer, questions, samples=settings.samples, seed=0, step=0)
    seconds = (time.perf_counter() - began) * len(settings.counts) * len(settings.runs)
    return only_asked(settings, len(settings.counts), seconds, workers)
