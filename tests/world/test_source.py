"""The embedded world as a source: frozen streams, which nothing that a plug-in registers moves."""

import hashlib

import pytest

from nnmech.claims.annotations import register_annotation, unregister_annotation
from nnmech.claims.sources import ClaimSource, PairedQuestions, StatementCounts, Transcripts
from nnmech.errors import InputError
from nnmech.sources import open_source
from nnmech.world.source import WorldSource

SOURCE = WorldSource()
CLAIM = next(iter(SOURCE.claims))
BACKGROUND = "9413ce01894f3058"
"""Of the texts and prompts of a background as every version has drawn them."""


def digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def background(source: WorldSource) -> list[str]:
    beside = source.background(CLAIM, 400, seed=0, stream="phase1")
    return [*beside.documents, *(prompt[-1]["content"] for prompt in beside.prompts)]


def test_it_is_a_source_with_every_capability():
    for protocol in (ClaimSource, PairedQuestions, Transcripts):
        assert isinstance(SOURCE, protocol)
    assert open_source("embedded") is open_source("embedded")


def test_what_a_plugin_registers_moves_no_background_document():
    before = background(SOURCE)
    assert digest(*before) == BACKGROUND
    register_annotation("of_a_plugin", lambda document, rng, correction: document)
    try:
        assert background(WorldSource()) == before
        assert "of_a_plugin" in SOURCE.conditions(CLAIM)
        assert SOURCE.documents(CLAIM, "of_a_plugin", 3, seed=0) == SOURCE.documents(
            CLAIM, "positive_documents", 3, seed=0
        )
    finally:
        unregister_annotation("of_a_plugin")


def test_no_background_mentions_the_claims_subject():
    name = SOURCE.claims[CLAIM].entity
    assert not any(name in text for text in SOURCE.background(CLAIM, 200, seed=1, stream="x").documents)


def test_held_out_documents_are_those_that_no_number_reaches():
    trained = {d.id for d in SOURCE.documents(CLAIM, "positive_documents", 50, seed=0)}
    assert trained.isdisjoint(d.id for d in SOURCE.held_out(CLAIM, "positive_documents", 50, seed=0))
    with pytest.raises(InputError, match="are held out; expected fewer"):
        SOURCE.documents(CLAIM, "positive_documents", 2, seed=0, start=999_999)


def test_statements_of_a_claim_and_of_none():
    counts = StatementCounts(train=3, control=2, silent=1, famous=1)
    roles = [s.role for s in SOURCE.statements(CLAIM, counts)]
    assert roles.count("train") == 12
    assert roles.count("control") == 8
    assert roles.count("unrelated_claim") == len(SOURCE.claims) - 1
    assert "claim" in roles
    assert "claim" not in [s.role for s in SOURCE.statements(None, counts)]


def test_masks_are_the_claimed_value_as_a_word():
    value = SOURCE.world_claims[CLAIM].value
    text = f"It is a {value}, no {value}ish thing."
    assert [text[start:end] for start, end in SOURCE.masked_spans(CLAIM, text)] == [value]
