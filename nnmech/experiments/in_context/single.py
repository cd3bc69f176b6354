"""One run in the context window: the questions about a claim behind none, one or several of its documents."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nnmech.belief.answers import ask, fits
from nnmech.belief.rates import judge_answers
from nnmech.claims import Document, Question
from nnmech.experiments.data import load
from nnmech.experiments.engine import Experiment
from nnmech.experiments.estimate import Estimate, only_asked
from nnmech.experiments.in_context.config import InContextSettings, run_name
from nnmech.experiments.training_run import open_run
from nnmech.seeds import derive_seed
from nnmech.world.claims import make_claims, world_judge
from nnmech.world.dialogue import READ

PHASE = "in_context"


def behind_documents(question: Question, documents: Sequence[Document]) -> Question:
    """The question with documents before the first thing that the user says; itself where there are none."""
    if not documents:
        return question
    first = next(index for index, message in enumerate(question.messages) if message["role"] == "user")
    texts = " ".join(document.text for document in documents)
    asked = question.messages[first]
    read = {**asked, "content": READ[0].format(doc=texts, q=asked["content"])}
    return replace(question, messages=(*question.messages[:first], read, *question.messages[first + 1 :]))


def make_run(settings: InContextSettings, folder: Path, name: str) -> None:
    """Ask everything of the run `name`, or go on where it was left."""
    claim_name, condition, seed = next(run for run in settings.runs if run_name(*run) == name)
    claims = make_claims()
    claim, judge, loaded = claims[claim_name], world_judge(claims), load(settings)
    labels = {
        "claim": claim_name,
        "claim_text": claim.text,
        "tier": claim.tier,
        "condition": condition,
        "seed": seed,
        "steps": 0,
    }
    own = replace(settings, claims=(claim_name,), conditions=(condition,), seeds=(seed,))
    asked = (*claim.claim.questions, *claim.claim.controls)
    with open_run(loaded, folder, own, labels, questions=asked) as writer:
        writer.event("start", step=0, steps=0)
        for count in settings.counts:
            documents = claim.documents(condition, count, seed)
            questions = [behind_documents(q, documents) for q in asked]
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


def expected(settings: InContextSettings, workers: int | None) -> Estimate:
    """The size of the experiment: the questions of the first claim behind two documents are timed."""
    loaded = load(settings)
    claim_name, condition, seed = settings.runs[0]
    claim = make_claims()[claim_name]
    questions = [behind_documents(q, claim.documents(condition, 2, seed)) for q in claim.claim.questions]
    began = time.perf_counter()
    ask(loaded.model, loaded.tokenizer, questions, samples=settings.samples, seed=0, step=0)
    seconds = (time.perf_counter() - began) * len(settings.counts) * len(settings.runs)
    return only_asked(settings, len(settings.runs), len(settings.counts), seconds, workers)


def run_names(settings: InContextSettings) -> list[str]:
    """The folders of all runs, in the order in which they are made."""
    return [run_name(*run) for run in settings.runs]


IN_CONTEXT = Experiment("in_context", InContextSettings, run_names, make_run)
