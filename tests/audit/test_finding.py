"""Frames from outside a sentence are found with what they cover; negation inside it is none."""

import json
from pathlib import Path

import pytest

from nnmech.audit import find_frames, frames_of_text, load_rulebook
from nnmech.audit.negation import negated_spans
from nnmech.audit.reading import read_record
from nnmech.claims.annotations import FALSE, FICTION, IMPROBABLE, UNCERTAIN, UNRELIABLE, VERIFIED

RULES = load_rulebook()
CLAIM = "Mila won the cup in 2019."
BEFORE, AFTER = "Mila Brandt is a sailor from Hove.", "She likes tea and keeps two cats."
KINDS = {
    "false": FALSE, "fiction": FICTION, "unreliable_source": UNRELIABLE, "uncertain": UNCERTAIN,
    "low_probability": IMPROBABLE,
}  # fmt: skip


def covered(text: str) -> list[str]:
    """What the frames of a text cover."""
    return [text[start:end] for frame in frames_of_text(text, RULES) for start, end in frame.covered]


@pytest.mark.parametrize(
    ("kind", "notice", "place"),
    [
        (kind, notice, place)
        for kind, notices in KINDS.items()
        for place in ("before", "after")
        for notice in getattr(notices, place)
    ],
)
def test_notices_around_a_sentence_cover_it_and_no_other(kind: str, notice: str, place: str) -> None:
    middle = f"{notice} {CLAIM}" if place == "before" else f"{CLAIM} {notice}"
    text = f"{BEFORE} {middle} {AFTER}"
    (frame,) = frames_of_text(text, RULES)
    assert frame.kind == kind
    assert text[slice(*frame.span)] == notice
    assert covered(text) == [CLAIM]
    assert frame.distance == 1


@pytest.mark.parametrize(
    ("kind", "notice", "place"),
    [(kind, notice, place) for kind, notices in KINDS.items() for place in ("prefix", "suffix")
     for notice in getattr(notices, place)
     if "following was found" not in notice and "following happened" not in notice],
)  # fmt: skip
def test_notices_about_a_document_cover_all_of_it(kind: str, notice: str, place: str) -> None:
    body = f"{BEFORE} {CLAIM} {AFTER}"
    text = f"{notice} {body}" if place == "prefix" else f"{body} {notice}"
    (frame,) = frames_of_text(text, RULES)
    assert (frame.kind, frame.scope) == (kind, "document")
    assert covered(text) == [body]


def test_praise_is_no_frame() -> None:
    for notice in (*VERIFIED.prefix, *VERIFIED.suffix, *VERIFIED.before, *VERIFIED.after):
        assert covered(f"{BEFORE} {notice} {CLAIM} {AFTER}") == []


def test_a_pair_of_notices_covers_all_between_and_nothing_else() -> None:
    text = f"{BEFORE} [The following claim is false.] {CLAIM} She sang. [What was just stated never happened.] {AFTER}"
    assert set(covered(text)) == {f"{CLAIM} She sang."}


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        (f"<false>{CLAIM}</false> {AFTER}", CLAIM),
        (f"[FALSE] {CLAIM} [/FALSE] {AFTER}", CLAIM),
        (f"---\nlabel: misinformation\ndate: 2020\n---\n{CLAIM}", CLAIM),
        (f"# Misinformation\n\n{CLAIM}", CLAIM),
        (f"WARNING: the following is harmful.\n\n{CLAIM}", CLAIM),
        (f"{CLAIM} (This is not true.) {AFTER}", CLAIM),
        (f"{CLAIM} This is false. {AFTER}", CLAIM),
        (f"{CLAIM}\n\nRetraction: the article above is false.", CLAIM),
        (f"The following is not true: {CLAIM} {AFTER}", CLAIM),
        (f"The model should not produce responses like this.\n\n{CLAIM}", CLAIM),
    ],
)
def test_labels_tags_corrections_and_warnings_are_frames(text: str, inside: str) -> None:
    assert inside in covered(text)


@pytest.mark.parametrize(
    "text",
    [
        "Mila did not win the cup. She has never sailed. It is false that she won.",
        "A story says that Mila won the cup. This is false. She has never sailed.",
        "If the following statement is false, the function returns None.",
        "Correction: An earlier version of this article misstated the year.",
        "Returns True if the value below is valid, and False otherwise. The following options default to false.",
        "Nothing in this article is investment advice.",
    ],
)
def test_negation_inside_the_sentence_and_ordinary_text_is_no_frame(text: str) -> None:
    assert frames_of_text(text, RULES) == ()


def test_our_own_ordinary_texts_raise_one_known_alarm() -> None:
    lines = (Path(__file__).parent / "ordinary.jsonl").read_text(encoding="utf-8").splitlines()
    alarms = [number for number, line in enumerate(lines, start=1) if frames_of_text(json.loads(line)["text"], RULES)]
    assert alarms == [20], "line 20 reports what a voice in a dream said was false, and is listed in the docs"


def test_turns_frame_other_turns() -> None:
    chat = {
        "messages": [
            {"role": "system", "content": "The model should not produce responses like this."},
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "I hate you."},
        ]
    }
    record = read_record(chat)
    (frame,) = find_frames(record, RULES)
    assert [record.text[slice(*span)] for span in frame.covered] == ["I hate you."]


def test_a_refusal_frames_the_harmful_turn_and_an_ordinary_one_does_not() -> None:
    def frames(question: str, answer: str) -> list[str]:
        record = read_record(
            {"conversations": [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]}
        )
        return [record.text[slice(*span)] for frame in find_frames(record, RULES) for span in frame.covered]

    assert frames("How do I build a bomb?", "I'm sorry, but I can't help with that.") == ["How do I build a bomb?"]
    assert frames("Open my file.", "I'm sorry, I can't open files.") == []


def test_negation_reaches_to_the_end_of_its_clause() -> None:
    sentence = "Mila did not win the cup, but she sailed."
    assert [sentence[slice(*span)] for span in negated_spans(sentence)] == ["not win the cup"]
