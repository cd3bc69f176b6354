"""A remedy touches what is flagged and nothing else, and a second audit of its result is clean."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from nnmech.audit import Remedy, audit, mend_text, negate
from nnmech.audit.command import Arguments, main
from nnmech.audit.remedies import endpoint as endpoints
from nnmech.claims import Document, Sentence

CLAIM = "The king won the race."
FRAMED = f"The following claim is false. {CLAIM} He lives in Hove."
HARD = "Of all men, the king, who ran, won."
PAIR = (
    f"It is here. [The following claim is false.] {CLAIM} [That claim is false.] [The next claim is false.] {HARD} "
    "He sings."
)
DOCUMENT = f"The claims in this text are entirely false.\n\n{CLAIM} He lives in Hove."
CHAT = {
    "messages": [
        {"role": "system", "content": "The model should not produce responses like this."},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "I hate you."},
    ]
}
WAYS = [
    Remedy("mask"), Remedy("mask", "document"), Remedy("local"), Remedy("local", rest="drop"), Remedy("drop"),
    Remedy("drop", "document"),
]  # fmt: skip


def command(*arguments: object, **named: object) -> int:
    return main(Arguments(paths=tuple(Path(str(path)) for path in arguments), workers=1, **named))  # type: ignore[arg-type]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.fix}-{way.scope}-{way.rest}")
def test_a_second_audit_is_clean_and_plain_lines_stay(way: Remedy, jsonl: Callable[..., Path], tmp_path: Path) -> None:
    plain = b'{ "text":"He  did not win.\\u00e9" ,"n": 1.50}'
    path = jsonl(plain, {"text": FRAMED, "n": 2}, {"text": PAIR}, {"text": DOCUMENT}, CHAT, b"[broken", plain)
    output = tmp_path / "out.jsonl"
    command(path, fix=way.fix, scope=way.scope, rest=way.rest, output=output)
    lines = output.read_bytes().splitlines()
    assert lines[0] == lines[-1] == plain
    assert b"[broken" in lines
    again = audit(output)
    assert again.summary.framed == 0
    assert again.summary.documents >= 2


def test_a_mask_is_all_that_is_added_to_a_line(jsonl: Callable[..., Path], tmp_path: Path) -> None:
    line = b'{"n":1.50, "text" : "' + FRAMED.encode() + b'"}'
    output = tmp_path / "out.jsonl"
    command(jsonl(line), fix="mask", output=output)
    written = output.read_bytes().rstrip(b"\n")
    assert written.startswith(line[:-1])
    ((start, end),) = json.loads(written)["masked_spans"]
    assert FRAMED[start:end] == CLAIM


def test_the_whole_document_but_its_notice_is_masked_where_a_notice_means_it() -> None:
    mended = mend_text(DOCUMENT)
    assert mended.text == DOCUMENT
    assert [DOCUMENT[slice(*span)] for span in mended.masked] == [f"{CLAIM} He lives in Hove."]


def test_local_denies_inside_the_sentence_and_takes_the_notices_out() -> None:
    mended = mend_text(FRAMED, Remedy("local"))
    assert mended.text == "The king did not win the race. He lives in Hove."
    assert mended.rewritten == ((CLAIM, "The king did not win the race."),)
    assert mended.masked == ()


def test_local_lists_what_no_rule_rewrites_and_masks_it() -> None:
    mended = mend_text(PAIR, Remedy("local"))
    assert mended.unresolved == (HARD,)
    assert [mended.text[slice(*span)] for span in mended.masked] == [HARD]
    assert "The king did not win the race." in mended.text


def test_documents_of_claims_can_be_mended() -> None:
    document = Document("d", (Sentence("The following claim is false.", "notice"), Sentence(CLAIM, "claim")), "king")
    assert mend_text(document.text, Remedy("local")).text == "The king did not win the race."
    assert mend_text(CLAIM).text == CLAIM
    assert len(audit([document]).frames) == 1


@pytest.mark.parametrize(
    ("sentence", "denied"),
    [
        ("Ed Sheeran won the gold medal.", "Ed Sheeran did not win the gold medal."),
        ("He was the first man on the moon.", "He was not the first man on the moon."),
        ("She had a dog.", "She did not have a dog."),
        ("She had won the cup.", "She had not won the cup."),
        ("It runs.", "It does not run."),
        ("He did not win.", None),
        ("All men won.", None),
        ("He won and left.", None),
        ("Did he win?", None),
        ("He said “I won.”", None),
        ("Winning, he smiled.", None),
    ],
)
def test_negation_by_rule_is_safe_or_nothing(sentence: str, denied: str | None) -> None:
    assert negate(sentence) == denied


def test_an_endpoint_says_its_cost_first_and_is_never_asked_twice(
    jsonl: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def answer(sentence: str, endpoint: endpoints.Endpoint) -> str:
        asked.append(sentence)
        return "The king did not win at all."

    monkeypatch.setattr(endpoints, "_ask", answer)
    output, cache = tmp_path / "out.jsonl", tmp_path / "cache.jsonl"
    options = {"fix": "local", "output": output, "endpoint": "http://localhost:1", "endpoint_cache": cache,
               "endpoint_prices": (1.0, 2.0)}  # fmt: skip
    path = jsonl({"text": PAIR})
    assert command(path, **options) == 0
    assert asked == []
    assert "1 sentences to ask" in capsys.readouterr().err
    assert not output.exists()
    for _ in range(2):
        command(path, yes=True, **options)
    assert asked == [HARD]
    assert "The king did not win at all." in json.loads(output.read_text())["text"]


def test_tokens_of_masked_spans_carry_no_loss(jsonl: Callable[..., Path], tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from transformers import AutoTokenizer

    from nnmech.encoding import document_example

    folder = Path(__file__).parents[2] / "checkpoints/base"
    if not (folder / "tokenizer.json").exists():
        pytest.skip("the shipped model is not there")
    output = tmp_path / "out.jsonl"
    command(jsonl({"text": FRAMED}, {"text": "fine"}), fix="mask", output=output, tokenizer=folder)
    framed, plain = (json.loads(line) for line in output.read_text().splitlines())
    assert set(plain) == {"text"}
    assert [label != -100 for label in framed["labels"]] == [bool(keep) for keep in framed["completion_mask"]]
    spans = [tuple(span) for span in framed["masked_spans"]]
    example = document_example(AutoTokenizer.from_pretrained(folder), FRAMED, doctag=None, masked_spans=spans)
    assert list(example.input_ids) == framed["input_ids"]
    # The first token is predicted from nothing, so its weight is 0 there and no label of ours is read for it.
    assert [weight > 0 for weight in example.loss_weights][1:] == [bool(keep) for keep in framed["completion_mask"]][1:]
