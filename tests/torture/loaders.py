"""The loaders of files that may come from anybody, a line each, and mutants of what they read."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from nnmech.authors.fields import read_yaml
from nnmech.claims.statement_files import load_statements, save_statements
from nnmech.files import open_tensors, parse_yaml, read_json, read_text, save_safetensors_atomic, text_lines
from nnmech.models import load_model
from nnmech.probes.storage import read_fitted, write_fitted
from nnmech.runs import Run
from nnmech.runs.summary import summarise_run
from tests.conftest import build_model, build_tokenizer
from tests.runs.small_runs import STATEMENTS, create, train
from tests.runs.test_safety import as_older


@dataclass(frozen=True)
class Loader:
    """What reads the file `name` of a folder that `make` fills; `read` is given the folder."""

    name: str
    make: Callable[[Path], object]
    read: Callable[[Path], object]


def small_run(folder: Path) -> None:
    """A finished run of twelve steps."""
    with create(folder) as writer:
        train(writer)


def older_run(folder: Path) -> None:
    """The same without digests, so that a mutant gets further than those."""
    small_run(folder)
    as_older(folder)


def read_run(folder: Path) -> None:
    """All that a run says."""
    summarise_run(folder)
    run = Run(folder)
    _ = run.labels, run.name, run.finished, run.checkpoint_steps
    for name in ("events", "metrics", "answers", "statements", "questions", "documents"):
        getattr(run, name).to_dict("records")
    for steps, get in ((run.steps, run.snapshot), (run.token_steps, run.tokens)):
        for step in steps[:2]:
            get(step).residual.sum()
    run.verify()


def file_of(text: str) -> Callable[[Path], object]:
    """A folder with the file `input` that holds a text."""

    def make(folder: Path) -> None:
        folder.mkdir()
        (folder / "input").write_text(text, encoding="utf-8")

    return make


def tensors(folder: Path) -> None:
    """A folder with a safetensors file that has metadata."""
    save_safetensors_atomic(folder / "input", {"x": torch.ones(2, 3)}, {"layers": "[0, 1]", "step": "2"})


def read_tensors(folder: Path) -> None:
    with open_tensors(folder / "input") as opened:
        _ = opened.json("layers"), opened.text("step"), [opened.tensor(name).sum() for name in opened.names]


def own_statements(name: str) -> Callable[[Path], object]:
    """A folder with a user's own statements."""
    return lambda folder: save_statements(folder / name, [replace(row, role="train") for row in STATEMENTS])


def fitted(folder: Path) -> None:
    """A folder with a fitted object."""
    write_fitted(folder, "a", {"direction": torch.ones(4)}, {"probe": "truth", "layers": [1, 2]})


def model_folder(folder: Path, shard: str = "20KB") -> None:
    """A folder with a model in six shards, or in what `shard` says, and its tokenizer."""
    build_model(len(build_tokenizer(folder))).save_pretrained(folder, max_shard_size=shard)


SHARD = "model-00001-of-00006.safetensors"
JSON = json.dumps({"a": [1, 2.5, None, True], "b": {"text": "é\u2028", "n": {"deep": [[[]]]}}}, ensure_ascii=False)
YAML = "claim: a text\nquestions:\n  - id: q1\n    text: 'is it?'\n    tags: [a, b, 1, yes]\nn: {deep: [[x]]}\n"

LOADERS = [
    *(Loader(name, older_run, read_run) for name in ("run.json", "manifest.jsonl", "answers.jsonl", "metrics.jsonl")),
    *(Loader(name, older_run, read_run) for name in ("events.jsonl", "statements.jsonl", "questions.jsonl")),
    *(Loader(name, older_run, read_run) for name in ("documents.jsonl", "snapshots/step_000002.safetensors")),
    *(Loader(name, small_run, read_run) for name in ("run.json", "manifest.jsonl", "digests.json", "answers.jsonl")),
    Loader("input", file_of(JSON), lambda folder: read_json(folder / "input")),
    Loader("input", file_of(YAML), lambda folder: parse_yaml(read_text(folder / "input", 2**20), "input")),
    Loader("input", file_of("a,b\n1,2\n" * 20), lambda folder: list(text_lines(folder / "input"))),
    Loader("input", tensors, read_tensors),
    Loader("input", file_of(YAML), lambda folder: read_yaml(folder / "input")),
    Loader("own.csv", own_statements("own.csv"), lambda folder: load_statements(folder / "own.csv")),
    Loader("own.jsonl", own_statements("own.jsonl"), lambda folder: load_statements(folder / "own.jsonl")),
    *(Loader(name, model_folder, load_model) for name in ("config.json", "model.safetensors.index.json", SHARD)),
    *(Loader(name, model_folder, load_model) for name in ("generation_config.json", "tokenizer_config.json")),
    *(Loader(name, model_folder, load_model) for name in ("tokenizer.json", "chat_template.jinja")),
    *(Loader(f"a.{ending}", fitted, lambda folder: read_fitted(folder, "a")) for ending in ("json", "safetensors")),
]
"""Add one by a line: the file that is mutated, what makes a folder with it, what reads it."""

TOKENS = [
    *(b"null", b"true", b"{}", b"[]", b'""', b"-1", b"0", b"1e999", b"NaN", b"-Infinity", b"9" * 30, b"9" * 5_000),
    *(b'"\\ud800"', b"\xff\xfe", b"\x00", b"\x1b[31m", b"\n", b'"', b"\\", b",", b":", b"]" * 3, b"[" * 2_000),
    *(b'{"a":' * 100, b"&a [*a]", b"!!python/object:os.system", b"../../victim", b"/etc/passwd", b"a" * 10_000),
]


def mutant(data: bytes, generator: random.Random) -> bytes:
    """The data with one to three things done to it."""
    changed = bytearray(data)
    for _ in range(generator.randint(1, 3)):
        start = generator.randrange(len(changed) + 1)
        stop = min(len(changed), start + generator.choice((1, 2, 8, 64, 512)))
        kind = generator.randrange(7)
        if kind == 0 and changed:
            changed[start % len(changed)] ^= 1 << generator.randrange(8)
        elif kind == 1:
            del changed[start:]
        elif kind == 2:
            del changed[start:stop]
        elif kind == 3:
            changed[start:start] = changed[start:stop] * generator.choice((1, 1, 30))
        elif kind == 4:
            changed[start:start] = generator.choice(TOKENS)
        elif kind == 5:
            changed = _value_replaced(changed, generator)
        else:
            lines = bytes(changed).splitlines(keepends=True)
            generator.shuffle(lines)
            changed = bytearray(b"".join(lines))
    return bytes(changed)


def _value_replaced(data: bytearray, generator: random.Random) -> bytearray:
    """A value of JSON is replaced by another one: what is left is JSON, of the wrong types."""
    lines = bytes(data).splitlines(keepends=True)
    index = generator.randrange(len(lines)) if lines else 0
    try:
        whole = json.loads(bytes(data))
        index = -1
    except (ValueError, RecursionError):
        try:
            whole = json.loads(lines[index])
        except (ValueError, IndexError, RecursionError):
            return data
    at = whole
    while isinstance(at, dict | list) and at:
        key = generator.choice(list(at) if isinstance(at, dict) else list(range(len(at))))
        if not isinstance(at[key], dict | list) or not at[key] or generator.random() < 0.4:
            at[key] = generator.choice([None, True, -1, 10**17, 0.5, "", "\ud800", "x" * 300, [], {}, [[1]], {"a": []}])
            break
        at = at[key]
    said = json.dumps(whole).encode() + b"\n"
    return bytearray(said if index < 0 else b"".join([*lines[:index], said, *lines[index + 1 :]]))
