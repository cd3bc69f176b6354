"""A run of twelve steps, made in a blink by a training loop whose whole state is the step."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import torch

from nnmech.claims import Question, Statement
from nnmech.recording.documents import TOKEN, FrozenDocuments
from nnmech.recording.snapshots import Snapshot
from nnmech.runs import RunWriter

STATEMENTS = (
    Statement("s1", "Ada Berg is a baker.", True, 1, "work", "Ada Berg", "train", object_end=19),
    Statement("s2", "Ada Berg is not a pilot.", None, -1, "work", "Ada Berg", "claim", claim="ada", object_end=23),
)
QUESTIONS = (
    Question(
        "q", "ada", "mcq", ({"role": "user", "content": "Is Ada Berg a pilot?"},), "positive", belief_answer="yes"
    ),
)
SPANS = [[0, 3], [4, 8], [9, 11], [12, 15], [16, 17], [18, 23]]
TEXT = {"text": "Ada Berg is not a pilot.", "sentences": [{"start": 0, "end": 24, "role": "claim"}], "tokens": SPANS}
DOCUMENTS = FrozenDocuments(({"id": "d", "claim": "ada", "condition": "local_negations", **TEXT},), (), "words")
STEPS = 12


def create(path: Path, **options: object) -> RunWriter:
    model = {"id": "tiny", "d_model": 4, "n_layers": 1, "dtype": "float32"}
    tables = {"statements": STATEMENTS, "questions": QUESTIONS, "documents": DOCUMENTS}
    return RunWriter.create(path, config={"seed": 0}, model=model, **tables, **options)  # pyright: ignore


def snapshot_of(step: int) -> Snapshot:
    residual = torch.full((1, 1, 2, 4), float(step))
    return Snapshot(step, "one", residual, (0,), ("last",), ("blocks.0.hook_resid_post",), "hash", "hf", "tiny")


def tokens_of(step: int) -> Snapshot:
    residual = torch.full((1, 1, len(SPANS), 4), float(-step))
    return Snapshot(step, "one", residual, (0,), (TOKEN,), ("blocks.0.hook_resid_post",), "words", "hf", "tiny")


def advance(writer: RunWriter, step: int) -> None:
    """All that a loop writes in one step, the checkpoint last."""
    writer.metrics(step=step, phase="one", loss=1 / step)
    if step % 2 == 0:
        read, taken = tokens_of(step), snapshot_of(step)
        writer.tokens(step, {"residual": read.residual}, read.metadata())
        writer.snapshot(step, {"residual": taken.residual}, taken.metadata())
        answer = {"phase": "one", "claim": "ada", "question": "q", "kind": "mcq", "text": "é " * step, "verdict": "yes"}
        writer.answers({"step": step, "sample": sample, **answer} for sample in range(3))
        about = {"id": "recall/claim", "reading": "recall", "role": "claim", "entity": "Ada Berg", "value": "pilot"}
        writer.readings([{"step": step, "phase": "one", **about, "topic": "work", "p": 1 / step, "lens": [0.5]}])
    if step == 6:
        writer.event("phase", step=step, name="two")
    if step % 3 == 0:
        writer.checkpoint(step, {"weight": torch.full((8,), float(step))}, {"step": step, "loss": 1 / step})


def train(writer: RunWriter) -> None:
    """A training loop whose whole state is the step."""
    done = 0
    if writer.checkpoint_step is not None:
        tensors, state = writer.load_checkpoint()
        done = state["step"]
        assert torch.equal(tensors["weight"], torch.full((8,), float(done)))
    writer.event("start", step=0)
    for step in range(done + 1, STEPS + 1):
        advance(writer, step)
    writer.event("end", step=STEPS)


def content(path: Path) -> dict[str, object]:
    """All of a run but the clock, the digests of what has the clock in it, and the story of its resumes."""
    found: dict[str, object] = {}
    for file in sorted(path.rglob("*")):
        name = str(file.relative_to(path))
        if file.name.endswith(".jsonl"):
            rows = [json.loads(line) for line in file.read_text().splitlines()]
            rows = [{key: value for key, value in row.items() if key != "time"} for row in rows]
            found[name] = [row for row in rows if row.get("kind") != "resume"]
        elif file.is_file() and file.name not in (".lock", "run.json", "digests.json"):
            found[name] = file.read_bytes()
    return found


def in_child(work: Callable[[], None]) -> int:
    """Process id of a fork that does `work` and exits without any cleaning up."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)
    return child
