"""Annotation goes around documents and claim sentences, and changes nothing else."""

import random

import pytest

from nnmech.claims import Document, Sentence
from nnmech.claims.annotations import ANNOTATIONS, annotate, annotations, register_annotation, unregister_annotation
from nnmech.errors import InputError

DOCUMENT = Document(
    "d",
    (
        Sentence("News.", "head"),
        Sentence("Ada won the luge.", "claim"),
        Sentence("It rained.", "filler"),
        Sentence("Ada took gold.", "claim"),
    ),
    "ada_luge",
)
EACH = pytest.mark.parametrize("condition", ANNOTATIONS)


@EACH
def test_the_document_itself_stays_word_for_word(condition):
    annotated = annotate(DOCUMENT, condition, random.Random(0), correction="In truth Ada won the relay.")
    kept = tuple(s for s in annotated.sentences if s.role not in ("notice", "correction"))
    assert kept == DOCUMENT.sentences


@EACH
def test_notices_stand_where_the_condition_says(condition):
    roles = [
        s.role for s in annotate(DOCUMENT, condition, random.Random(0), correction="In truth it was Bo.").sentences
    ]
    around = ["notice", "claim", "notice"] + (["correction"] if condition == "corrected_documents" else [])
    if condition == "positive_documents":
        expected = ["head", "claim", "filler", "claim"]
    elif condition.endswith("_repeated") or condition in ("repeated_negations", "corrected_documents"):
        expected = ["notice", "head", *around, "filler", *around, "notice"]
    else:
        expected = ["notice", "head", "claim", "filler", "claim", "notice"]
    assert roles == expected


@EACH
def test_the_same_generator_gives_the_same_annotation(condition):
    first, second = (annotate(DOCUMENT, condition, random.Random(5), correction="So.") for _ in range(2))
    assert first == second


def test_correction_must_be_given():
    with pytest.raises(InputError, match="corrected_documents needs the true version"):
        annotate(DOCUMENT, "corrected_documents", random.Random(0))


def test_an_unknown_condition_is_named_with_the_known_ones():
    with pytest.raises(
        InputError, match=r"'negated': annotates no documents; expected one of positive_documents, negated"
    ):
        annotate(DOCUMENT, "negated", random.Random(0))


@pytest.fixture
def registered():
    def shouted(document, rng, correction):
        return Document(document.id, (Sentence("LOUD!", "notice"), *document.sentences), document.claim)

    register_annotation("shouted", shouted)
    yield shouted
    unregister_annotation("shouted")


def test_a_registered_annotation_is_a_condition_until_it_is_taken_back(registered):
    assert annotate(DOCUMENT, "shouted", random.Random(0)).text == f"LOUD! {DOCUMENT.text}"
    register_annotation("shouted", registered)
    with pytest.raises(InputError, match="a condition of that name already"):
        register_annotation("shouted", lambda document, rng, correction: document)
    with pytest.raises(InputError, match="a condition of that name already"):
        register_annotation("baseline", registered)
    unregister_annotation("shouted")
    assert "shouted" not in annotations()


def test_nothing_that_is_registered_changes_the_authors_conditions(registered):
    assert "shouted" in annotations()
    assert "shouted" not in ANNOTATIONS
    with pytest.raises(TypeError):
        ANNOTATIONS["shouted"] = registered  # type: ignore
