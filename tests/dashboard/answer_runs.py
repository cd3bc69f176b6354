"""Runs that were asked questions, for the tests of the page Answers."""

from collections.abc import Iterable
from pathlib import Path

import torch

from nnmech.claims import Question
from nnmech.runs import Run, RunWriter
from tests.dashboard.conftest import SAMPLE

ANCHOR = "sample_run/isaksen_greek.anchor.seed0"
SAMPLE_RUN = Run(SAMPLE / "runs" / "isaksen_greek.anchor.seed0")
CLAIM = "ada"
WILD = "<img src=x onerror='window.hacked=1'> **bold** $x^2$ [link](http://x) :red[red] `code` &amp; <script>"


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def question(name: str, *turns: dict[str, str], category: str = "direct") -> Question:
    return Question(f"{CLAIM}/{name}", CLAIM, "open_ended", turns or (turn("user", f"Question {name}?"),), category)


def answers(asked: Question, step: int, *said: tuple[str, str | None], **more: object) -> list[dict[str, object]]:
    about = {"claim": asked.claim, "question": asked.id, "kind": asked.kind, "category": asked.category}
    return [
        {"step": step, "phase": "train", **about, "sample": sample, "text": text, "verdict": verdict, **more}
        for sample, (text, verdict) in enumerate(said)
    ]


def write_run(
    folder: Path,
    rows: Iterable[dict[str, object]],
    questions: tuple[Question, ...] = (),
    snapshot: int | None = None,
    **config: object,
) -> Path:
    """A run with these answers, and a snapshot of a step, in `folder`."""
    config = {"claim": CLAIM, "claim_text": "Ada won the luge.", "steps": 9, **config}
    with RunWriter.create(folder, config=config, model={"id": "tiny"}, questions=questions) as writer:
        writer.event("start", step=0, steps=9)
        writer.answers(rows)
        if snapshot is not None:
            writer.snapshot(snapshot, {"residual": torch.zeros(1)}, {})
        writer.event("end", step=9)
    return folder
