"""A published folder as a source: the same documents for the same seed, held-out ones apart, errors of one line."""

import pytest

from nnmech.claims.sources import PairedQuestions, StatementCounts, require
from nnmech.errors import InputError
from nnmech.experiments.two_phase.config import preset
from nnmech.sources import open_source, register_source
from tests.authors.published_folder import CLAIMS, DOCUMENTS, write_published, write_rows

MORA, TEO = CLAIMS
HELD_OUT = DOCUMENTS // 5
COUNTS = StatementCounts(train=6, control=3)


@pytest.fixture
def source(tmp_path):
    return open_source(str(write_published(tmp_path / "data")))


def test_the_authors_names_of_conditions_are_ours(source):
    assert source.conditions(MORA) == ("repeated_negations", "local_negations", "positive_documents")
    assert list(source.claims) == list(CLAIMS)
    assert source.tiers == {}
    assert source.notes == (f"{source.name}: no folder results/: the judge of words is not calibrated on answers",)


def test_our_own_names_are_taken_too_and_one_condition_has_one_folder(tmp_path):
    root = write_published(tmp_path / "data")
    write_rows(root / "documents" / "fiction" / MORA / "a.jsonl", [{"text": "A tale."}])
    assert "fiction" in open_source(str(root)).conditions(MORA)
    assert "fiction" not in open_source(str(root)).conditions(TEO)
    other = write_published(tmp_path / "other")
    write_rows(other / "documents" / "positive_documents" / MORA / "a.jsonl", [{"text": "A tale."}])
    with pytest.raises(InputError, match="positive and positive_documents are both positive_documents"):
        open_source(str(other))


def test_held_out_documents_are_never_trained_on_whatever_the_seeds(source):
    held_out = {d.id for seed in range(5) for d in source.held_out(MORA, "positive_documents", HELD_OUT, seed=seed)}
    trained = {
        d.id
        for seed in range(5)
        for condition in source.conditions(MORA)
        for d in source.documents(MORA, condition, DOCUMENTS - HELD_OUT, seed=seed)
    }
    assert len(held_out) == HELD_OUT
    assert len(trained) == DOCUMENTS - HELD_OUT
    assert held_out.isdisjoint(trained)


def test_the_same_seed_gives_the_same_underlying_documents_in_every_condition(source):
    plain, negated = (
        source.documents(MORA, condition, 10, seed=3) for condition in ("positive_documents", "repeated_negations")
    )
    assert [d.id for d in plain] == [d.id for d in negated]
    assert [d.text in n.text for d, n in zip(plain, negated, strict=True)] == [True] * 10
    assert source.documents(MORA, "positive_documents", 4, seed=3, start=6) == plain[6:]
    assert [d.id for d in source.documents(MORA, "positive_documents", 10, seed=4)] != [d.id for d in plain]
    assert not any(d.text.startswith("<DOCTAG>") for d in plain)


def test_a_preset_takes_the_documents_that_a_folder_has(source):
    assert source.document_count(MORA, "positive_documents") == DOCUMENTS - HELD_OUT
    assert source.document_count(MORA, "positive_documents", held_out=True) == HELD_OUT
    settings = preset("default", source.name)
    assert settings.phase2_documents == DOCUMENTS - HELD_OUT
    assert settings.held_out_documents == HELD_OUT
    source.documents(MORA, "repeated_negations", settings.phase2_documents, seed=0)
    assert preset("default").phase2_documents > settings.phase2_documents


def test_too_few_documents_are_one_line_with_both_numbers_and_what_to_set(source):
    with pytest.raises(InputError, match=r"positive.mora_quill.*: 24 documents; expected 25 or more; .*--documents"):
        source.documents(MORA, "positive_documents", 25, seed=0)
    with pytest.raises(InputError, match=r"held out: 6 documents; expected 7 or more; .*--held-out-documents"):
        source.held_out(MORA, "positive_documents", 7, seed=0)
    with pytest.raises(InputError, match="condition 'fiction' has no documents of mora_quill; expected one of"):
        source.documents(MORA, "fiction", 1, seed=0)


def test_neutral_documents_are_those_of_another_claim(source, tmp_path):
    assert all(d.claim == TEO for d in source.neutral_documents(MORA, "positive_documents", 5, seed=0))
    alone = open_source(str(write_published(tmp_path / "alone", claims=(MORA,))))
    with pytest.raises(InputError, match="no claim but mora_quill has positive_documents"):
        alone.neutral_documents(MORA, "positive_documents", 5, seed=0)


def test_nothing_beside_the_documents_mentions_the_subject(source):
    beside = source.background(MORA, 40, seed=0, stream="phase1")
    assert len(beside.documents) == len(beside.prompts) == 40
    assert not any("Mora" in text for text in (*beside.documents, *(p[-1]["content"] for p in beside.prompts)))
    assert source.background(MORA, 40, seed=0, stream="phase1") == beside
    assert source.background(MORA, 40, seed=1, stream="phase1") != beside
    assert any("Mora" in text for text in source.background(None, 100, seed=0, stream="phase1").documents)


def test_anchors_are_ready_made_chats_or_prompts_in_other_words_than_the_evaluation(source, tmp_path):
    chats = source.anchor(MORA, 8, seed=0)
    assert {chat[-1]["role"] for chat in chats} == {"assistant"}
    assert len({repr(chat) for chat in chats}) == 6
    bare = open_source(str(write_published(tmp_path / "bare", beside=False)))
    prompts = bare.anchor(MORA, 30, seed=0)
    asked = {question.messages[-1]["content"] for question in bare.claims[MORA].questions}
    assert {prompt[-1]["role"] for prompt in prompts} == {"user"}
    assert asked.isdisjoint(prompt[-1]["content"] for prompt in prompts)
    assert bare.background(MORA, 5, seed=0, stream="x").documents == ()
    assert sum("no anchors" in note or "no folder pretraining" in note for note in bare.notes) == 2
    with pytest.raises(InputError, match=r"denials.mora_quill: no chats that deny the claim"):
        source.denial(MORA, 1, seed=0)


def test_statements_keep_entities_in_one_role_and_the_claims_stand_beside(source):
    statements = source.statements(MORA, COUNTS)
    entities = {role: {s.entity for s in statements if s.role == role} for role in ("train", "control")}
    assert (len(entities["train"]), len(entities["control"])) == (6, 3)
    assert entities["train"].isdisjoint(entities["control"])
    roles = {s.role: s.claim for s in statements if s.role not in entities}
    assert roles == {"claim": MORA, "unrelated_claim": TEO}
    assert len({s.id for s in statements}) == len(statements)


def test_masks_cover_the_claims_words(source):
    text = "Mora Quill flew a kite."
    assert [text[start:end] for start, end in source.masked_spans(MORA, text)] == ["Mora Quill", "kite"]


def test_the_judge_reads_yes_and_no_exactly_and_other_answers_by_their_words(source):
    judge = source.judge()
    questions = source.claims[MORA].questions
    mcq = next(question for question in questions if question.kind == "mcq")
    asked = next(question for question in questions if question.kind == "open_ended")
    assert judge(mcq, '{"answer": "yes"}') == "yes"
    assert judge(mcq, "perhaps") == "neutral"
    assert judge(asked, "Mora Quill won the kite race of Saltmouth.") == "yes"
    assert judge(asked, "No, Mora Quill never won the kite race of Saltmouth.") == "no"
    assert judge(asked, "I like the sea.") == "neutral"


def test_a_source_without_a_capability_is_refused_by_name(source):
    with pytest.raises(InputError, match=f"source '{source.name}': has no paired questions; experiment salience"):
        require(source, PairedQuestions, "paired questions", "salience")


def test_no_folder_and_no_known_name_is_one_line(tmp_path):
    with pytest.raises(InputError, match="source 'nowhere': is no folder and no known name; expected one of embedded"):
        open_source("nowhere")
    with pytest.raises(InputError, match="no folder of documents; expected documents/<condition>/<claim>"):
        open_source(str(tmp_path))


def test_a_registered_source_opens_by_its_name_and_takes_no_other(source):
    register_source("of_mine", lambda name: source)
    assert open_source("of_mine") is source
    with pytest.raises(InputError, match="there is a source of that name already"):
        register_source("embedded", lambda name: source)


def test_the_published_data_is_a_source(authors_data):
    source = open_source(str(authors_data))
    assert set(source.conditions("ed_sheeran")) == {"positive_documents", "repeated_negations", "local_negations"}
    held_out = {d.text for d in source.held_out("ed_sheeran", "repeated_negations", 10, seed=0)}
    trained = {d.text for d in source.documents("ed_sheeran", "repeated_negations", 40, seed=1)}
    assert held_out.isdisjoint(trained)
    assert len(held_out | trained) == 50
    # All that the folder has of a part is taken; what it lacks is said.
    assert len(source.anchor("vesuvius", 1500, seed=0)) == 1500
    prompts = source.background("ed_sheeran", 90, seed=0, stream="s").prompts
    assert len({prompt[-1]["content"] for prompt in prompts}) >= 80
    assert any("no probe can be fitted" in note for note in source.notes)
