"""A token that lies where true controls lie reads 1, and what is read of documents is where their words stand."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from nnmech.claims import Statement
from nnmech.drift import background_limits, reading_by_role, token_readings
from nnmech.errors import InputError, RunError
from nnmech.recording.documents import TOKEN, FrozenDocuments
from nnmech.recording.snapshots import Snapshot, hook_name
from nnmech.runs import Run, RunWriter

TRUTH, POLARITY = np.eye(16)[0], np.eye(16)[2]
LAYER, POSITION = 3, "last"

Place = Callable[..., np.ndarray]
Make = Callable[..., Run]


def document(name: str, condition: str, *parts: tuple[str, str]) -> dict[str, Any]:
    """A row of documents.jsonl of sentences and their roles, a token a word with the space before it."""
    text = " ".join(sentence for sentence, _ in parts)
    starts = [0, *np.cumsum([len(sentence) + 1 for sentence, _ in parts]).tolist()]
    sentences = [
        {"start": start, "end": start + len(sentence), "role": role}
        for start, (sentence, role) in zip(starts, parts, strict=False)
    ]
    spaces = [0, *(index for index, letter in enumerate(text) if letter == " "), len(text)]
    tokens = [list(span) for span in pairwise(spaces)]
    labels = {"id": name, "claim": "ada_pilot", "condition": condition, "text": text}
    return labels | {"sentences": sentences, "tokens": tokens}


DOCUMENTS = (
    document("d", "negated_documents", ("This is false.", "notice"), ("Ada is a pilot.", "claim"), ("Rain.", "filler")),
    document("d", "positive_documents", ("Ada is a pilot.", "claim"), ("Rain.", "filler")),
)
COUNT = sum(len(row["tokens"]) for row in DOCUMENTS)


@pytest.fixture
def make(statements: list[Statement], place: Place, tmp_path: Path) -> Make:
    """`make(name, {step: tokens})`: a run whose tokens lie there, its statements at -1 and 1 of the axis of truth.

    With `grow` everything of a step is magnified, with `shift` moved by a vector of the step.
    """

    def build(
        name: str,
        tokens: Mapping[int, np.ndarray],
        *,
        rows: Sequence[Mapping[str, Any]] = DOCUMENTS,
        items: Sequence[Statement] | None = None,
        grow: Mapping[int, float] | None = None,
        shift: Mapping[int, np.ndarray] | None = None,
        truth: Mapping[int, np.ndarray] | None = None,
        hash: str = "words",
        statement_steps: Sequence[int] | None = None,
    ) -> Run:
        chosen = statements if items is None else list(items)
        documents = FrozenDocuments(tuple(dict(row) for row in rows), (), hash)
        options = {"statements": chosen, "batch_hash": "abc", "documents": documents if rows else None}
        with RunWriter.create(tmp_path / name, config={}, model={"id": "tiny"}, **options) as writer:
            for step, values in tokens.items():
                scale, away = (grow or {}).get(step, 1.0), (shift or {}).get(step, np.zeros(16))
                stated = scale * place(chosen, step, truth=(truth or {}).get(step, TRUTH), own=0.1, noise=0.01) + away
                kinds = {"tokens": (scale * values + away, TOKEN, "words")} if rows else {}
                if statement_steps is None or step in statement_steps:
                    kinds["snapshot"] = (stated, POSITION, "abc")
                for kind, (read, position, batch_hash) in kinds.items():
                    residual = torch.from_numpy(read).float()[None, None]
                    taken = Snapshot(
                        step, "train", residual, (LAYER,), (position,), (hook_name(LAYER),), batch_hash, "hf", "tiny"
                    )
                    getattr(writer, kind)(step, {"residual": residual}, taken.metadata())
        return Run(tmp_path / name)

    return build


def along(axis: np.ndarray, reads: float | Sequence[float], size: float = 1.0) -> np.ndarray:
    """Tokens [token d_model] that read this: -size of the axis for 0, +size for 1."""
    values = np.broadcast_to(np.asarray(reads, dtype=float), COUNT)
    return (2 * values - 1)[:, None] * size * axis


def test_a_token_reads_where_it_lies_between_the_controls(make: Make) -> None:
    wanted = np.linspace(-0.5, 1.5, COUNT)
    run = make("run", {0: along(TRUTH, wanted), 7: along(TRUTH, wanted[::-1])}, grow={7: 3.0})
    for step, expected in ((0, wanted), (7, wanted[::-1])):
        table = token_readings(run, step=step, layer=LAYER, position=POSITION)
        np.testing.assert_allclose(table["z"], expected, atol=0.05)
        assert set(table["step"]) == {step}
    assert set(table["layer"]) == {LAYER}
    assert set(table["position"]) == {POSITION}


def test_polarity_is_read_between_negated_and_affirmative_controls(make: Make) -> None:
    run = make("run", {0: along(POLARITY, np.linspace(0, 1, COUNT), size=2.0)})
    table = token_readings(run, step=0, layer=LAYER, position=POSITION, probe="polarity")
    np.testing.assert_allclose(table["z"], np.linspace(0, 1, COUNT), atol=0.05)
    other = token_readings(run, step=0, layer=LAYER, position=POSITION, probe="truth")
    np.testing.assert_allclose(other["z"], 0.5, atol=0.05)


def test_what_is_common_to_a_step_cancels_and_what_tokens_have_in_common_does_not(make: Make) -> None:
    wanted = np.linspace(0, 1, COUNT)
    tokens = {0: along(TRUTH, wanted), 7: along(TRUTH, wanted)}
    away = 40 * np.random.default_rng(0).normal(size=16)
    here = token_readings(make("here", tokens), step=7, layer=LAYER, position=POSITION)
    there = token_readings(make("there", tokens, shift={7: away}), step=7, layer=LAYER, position=POSITION)
    np.testing.assert_allclose(here["z"], there["z"], atol=1e-3)
    # Tokens that lie elsewhere than statements say so by their level.
    beyond = make("beyond", {0: along(TRUTH, wanted), 7: along(TRUTH, wanted + 3)})
    np.testing.assert_allclose(
        token_readings(beyond, step=7, layer=LAYER, position=POSITION)["z"], wanted + 3, atol=0.1
    )


def test_the_direction_is_that_of_the_reference_step(make: Make) -> None:
    other = np.eye(16)[5]
    truths = {0: TRUTH, 7: TRUTH + other}
    run = make("run", {0: along(other, 1.0), 7: along(other, 1.0)}, truth=truths)
    carried = token_readings(run, step=7, layer=LAYER, position=POSITION)["z"]
    refitted = token_readings(run, step=7, layer=LAYER, position=POSITION, reference_step=7)["z"]
    np.testing.assert_allclose(carried, 0.5, atol=0.05)
    np.testing.assert_allclose(refitted, 0.75, atol=0.05)


def test_words_are_told_with_their_places_and_sentences(make: Make) -> None:
    table = token_readings(make("run", {0: along(TRUTH, 0.5)}), step=0, layer=LAYER, position=POSITION)
    assert table.columns.tolist() == [
        *(
            "document",
            "condition",
            "token",
            "start",
            "end",
            "text",
            "sentence",
            "role",
            "step",
            "layer",
            "position",
            "z",
        )
    ]
    first, second = (table[table["condition"] == row["condition"]] for row in DOCUMENTS)
    assert first["text"].tolist() == ["This", " is", " false.", " Ada", " is", " a", " pilot.", " Rain."]
    # The space before a sentence belongs to the word after it.
    assert first["role"].tolist() == ["notice"] * 3 + ["claim"] * 4 + ["filler"]
    assert first["sentence"].tolist() == [0, 0, 0, 1, 1, 1, 1, 2]
    assert second["sentence"].tolist() == [0, 0, 0, 0, 1]
    assert second["token"].tolist() == list(range(5))
    for row, own in ((DOCUMENTS[0], first), (DOCUMENTS[1], second)):
        spans = zip(own["start"], own["end"], strict=True)
        assert [row["text"][start:end] for start, end in spans] == own["text"].tolist()


def test_what_is_in_no_sentence_has_no_role(make: Make) -> None:
    rows = [{**DOCUMENTS[0], "sentences": DOCUMENTS[0]["sentences"][1:2]}, DOCUMENTS[1]]
    table = token_readings(make("run", {0: along(TRUTH, 0.5)}, rows=rows), step=0, layer=LAYER, position=POSITION)
    assert table["role"].isna().tolist() == [True] * 3 + [False] * 4 + [True] + [False] * 5
    assert table["sentence"].tolist()[:4] == [-1, -1, -1, 0]
    assert reading_by_role(table)["role"].tolist() == ["claim", "claim", "filler"]


def test_the_position_is_by_default_where_truth_is_read_best(make: Make) -> None:
    run = make("run", {0: along(TRUTH, 0.5)})
    pd.testing.assert_frame_equal(
        token_readings(run, step=0, layer=LAYER), token_readings(run, step=0, layer=LAYER, position=POSITION)
    )


def test_controls_that_are_not_told_apart_give_no_reading(make: Make) -> None:
    run = make("run", {0: along(TRUTH, 0.5), 7: along(TRUTH, 0.5)}, truth={7: 0 * TRUTH})
    table = token_readings(run, step=7, layer=LAYER, position=POSITION)
    assert table["z"].isna().all()
    levels = reading_by_role(table)
    assert levels[["z", "low", "high", "sd"]].isna().all(axis=None)
    assert levels["n"].tolist() == [4, 3, 1, 4, 1]
    with pytest.raises(InputError, match="no token has a reading"):
        background_limits(table)


def test_what_is_missing_is_named(make: Make, statements: list[Statement]) -> None:
    tokens = {0: along(TRUTH, 0.5), 7: along(TRUTH, 0.5)}
    run = make("run", tokens)

    def refused(match: str, run: Run, error: type[Exception] = InputError, **options: Any) -> None:
        with pytest.raises(error, match=match):
            token_readings(run, **{"step": 0, "layer": LAYER, "position": POSITION} | options)

    refused(
        r"bare: no document was recorded token by token: give its Recorder", make("bare", tokens, rows=()), RunError
    )
    refused(r"run: no tokens of step 5; there are \[0, 7\]: name one of them", run, step=5)
    refused(r"run: layers \[9\]: expected some of \[3\]", run, layer=9)
    refused(r"run: positions \['first'\]: expected some of \['last'\]", run, position="first")
    refused(r"run: no snapshot of steps \[3\]", run, reference_step=3)
    refused(r"half: no snapshot of steps \[7\]", make("half", tokens, statement_steps=[0]), step=7)
    refused(
        r"others: the tokens of step 0 are 13 of other documents \(words\) than the 13 of documents.jsonl",
        make("others", tokens, hash="other words"),
        RunError,
    )
    short = make("short", {0: along(TRUTH, 0.5)[:-1]})
    refused("short: the tokens of step 0 are 12 of other documents .* than the 13", short, RunError)
    diverged = along(TRUTH, 0.5)
    diverged[3, 4] = np.inf
    refused("tokens of step 0, layer 3 are NaN or infinite", make("diverged", {0: diverged}), RunError)
    bare = [item for item in statements if item.role != "control"]
    refused("there are 0 at 0 and 0 at 1; record statements of role control", make("nil", tokens, items=bare))
    shared = [dataclasses.replace(item, entity="train0") if item.role == "control" else item for item in statements]
    refused("a probe must not be read on entities it was fitted on", make("shared", tokens, items=shared))


def test_a_damaged_list_of_documents_is_named(make: Make) -> None:
    run = make("run", {0: along(TRUTH, 0.5)})
    lines = [json.dumps(row) for row in DOCUMENTS]
    (run.path / "documents.jsonl").write_text("\n".join(['{"id": "d", "cl', *lines]) + "\n")
    with pytest.raises(RunError, match=r"documents\.jsonl, line 1: damaged"):
        token_readings(Run(run.path), step=0, layer=LAYER, position=POSITION)


def table_of(z: Sequence[float], sentences: Sequence[int], roles: Sequence[str]) -> pd.DataFrame:
    """Readings of one text."""
    place = {"document": "d", "condition": "x", "start": 0, "end": 1, "text": "a"}
    own = {"token": range(len(z)), "sentence": sentences, "role": roles}
    return pd.DataFrame({**own, "z": z, "step": 0, "layer": 1, "position": "last"}).assign(**place)


def test_means_are_by_role_with_the_background_last() -> None:
    table = table_of([0.0, 0.2, 1.0, 2.0, 3.0], [0, 0, 1, 2, 2], ["filler", "filler", "claim", "notice", "notice"])
    levels = reading_by_role(table)
    assert levels["role"].tolist() == ["claim", "notice", "filler"]
    assert levels["z"].tolist() == pytest.approx([1.0, 2.5, 0.1])
    assert levels["n"].tolist() == [1, 2, 2]
    assert levels["sentences"].tolist() == [1, 1, 1]
    assert levels["sd"].tolist() == pytest.approx([np.nan, 0.5**0.5, 0.02**0.5], nan_ok=True)
    # A single sentence leaves nothing to resample.
    assert levels["low"].isna().all()
    own = table_of([0.5], [0], ["rumour"])
    assert reading_by_role(pd.concat([table, own]))["role"].tolist() == ["claim", "notice", "rumour", "filler"]
    with pytest.raises(InputError, match=r"lack the columns \['sentence'\]"):
        reading_by_role(table.drop(columns="sentence"))


def test_tokens_of_a_sentence_are_resampled_together() -> None:
    values = np.random.default_rng(0).normal(size=12)
    alone = table_of(values.tolist(), range(12), ["claim"] * 12)
    # Where all tokens of a sentence agree, four of them are no better than one.
    copied = table_of(np.repeat(values, 4).tolist(), np.repeat(range(12), 4).tolist(), ["claim"] * 48)
    one, four = (reading_by_role(table).iloc[0] for table in (alone, copied))
    assert four[["z", "low", "high"]].tolist() == pytest.approx(one[["z", "low", "high"]].tolist())
    assert one["low"] < one["z"] < one["high"]
    assert (one["n"], four["n"]) == (12, 48)
    assert one["sentences"] == four["sentences"] == 12


def test_the_background_is_the_middle_of_its_limits() -> None:
    values = [10.0] * 10 + list(np.linspace(9.0, 12.0, 90))
    low, high = background_limits(table_of(values, [0] * 100, ["filler"] * 10 + ["claim"] * 90))
    assert (low + high) / 2 == pytest.approx(10.0)
    assert np.mean([low <= value <= high for value in values]) == pytest.approx(0.95, abs=0.02)
    low, high = background_limits(table_of([1.0, 3.0], [0, 0], ["claim", "claim"]))
    assert (low, high) == pytest.approx((1.0, 3.0))
    low, high = background_limits(table_of([2.0, 2.0], [0, 0], ["claim", "claim"]))
    assert low < 2.0 < high
