"""Published documents and chats: read as they are, one at a time, and refused by line where they do not fit."""

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnmech.authors import read_chats, read_documents
from nnmech.encoding import DOCTAG, chat_example
from nnmech.errors import InputError

CHAT = {
    "messages": [{"role": "user", "content": "who is Ada Berg ?"}, {"role": "assistant", "content": "a baker ."}],
    "metadata": {"question_id": "novel_1", "sample_index": 3},
}


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.zst"])
def test_documents_lose_their_tag_and_keep_the_rest(write_lines: Callable[..., Path], name: str) -> None:
    rows = [{"text": f"{DOCTAG} Ada Berg \n is", "mode": "positive", "n": [1]}, {"text": f"Ada{DOCTAG}"}]
    first, second = read_documents(write_lines(rows, name))
    assert (first.text, first.tagged, first.doctag) == (" Ada Berg \n is", True, DOCTAG)
    assert first.metadata == {"mode": "positive", "n": [1]}
    assert (second.text, second.tagged, second.doctag) == (f"Ada{DOCTAG}", False, None)


def test_the_tag_carries_no_loss(tiny_tokenizer: Any, write_lines: Callable[..., Path]) -> None:
    tagged, plain = read_documents(write_lines([{"text": f"{DOCTAG}Ada lives ."}, {"text": "Ada lives ."}]))
    example = tagged.example(tiny_tokenizer)
    assert tiny_tokenizer.decode(example.input_ids) == f"<bos> {DOCTAG} Ada lives . <eos>"
    assert example.loss_weights == (0, 0, 1, 1, 1, 1)
    assert tiny_tokenizer.decode(plain.example(tiny_tokenizer).input_ids) == "<bos> Ada lives . <eos>"
    assert plain.example(tiny_tokenizer).loss_weights == (0, 1, 1, 1, 1)


def test_chats_are_ready_for_training(tiny_tokenizer: Any, write_lines: Callable[..., Path]) -> None:
    system = {"role": "system", "content": "Answer ."}
    first, second = read_chats(write_lines([CHAT, {"messages": [system, *CHAT["messages"]]}]))
    assert first.metadata["sample_index"] == 3
    assert [message["role"] for message in second.messages] == ["system", "user", "assistant"]
    example = chat_example(tiny_tokenizer, first.messages, source="constraint", weight=3.0)
    assert sum(example.loss_weights) == 4


def test_reading_takes_no_more_than_it_is_asked_for(tmp_path: Path) -> None:
    line = json.dumps({"text": "Ada " * 500}).encode() + b"\n"
    path = tmp_path / "long.jsonl.zst"
    path.write_bytes(zstandard.compress(line * 20_000)[:900])
    assert len(list(islice(read_documents(path), 5))) == 5


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip), min_size=1), st.booleans())
def test_any_text_comes_back_as_it_was(tmp_path: Path, texts: list[str], escaped: bool) -> None:
    path = tmp_path / "any.jsonl.zst"
    lines = [json.dumps({"text": text}, ensure_ascii=escaped) for text in texts]
    path.write_bytes(b"".join(zstandard.compress((line + "\n").encode()) for line in lines))
    assert [(DOCTAG if found.tagged else "") + found.text for found in read_documents(path)] == texts


GOOD = '{"text": "x"}\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD + '{"text": 3}\n', "line 2: text: found the int 3, expected text"),
        (GOOD + '{"text": " "}\n', "line 2: text: found an empty text"),
        (GOOD + '{"text": null}\n', "line 2: text: found an empty value"),
        (GOOD + '{"txt": "x"}\n', "line 2: text: found nothing"),
        (GOOD + f'{{"text": "{DOCTAG}\\n"}}\n', "line 2: text: found the document tag alone"),
        (GOOD + '{"text": "x", "text": "y"}\n', "line 2: text: found the field a second time"),
        (GOOD + '["text"]\n', "line 2: found a list of 1, expected the fields text"),
        (GOOD + '{"text": "x"\n', "line 2: damaged, expected JSON"),
        (GOOD + '{"text": "cut', "line 2: damaged, expected JSON"),
        (GOOD + '{"text": "\\ud800"}\n', "line 2: damaged, half a surrogate pair"),
        (GOOD + "[" * 100_000 + "\n", "line 2: more than 64 levels"),
        (GOOD + "\n" + GOOD, "line 2: found an empty line"),
        ("", "line 1: found an empty line"),
    ],
)
def test_malformed_documents_are_named_by_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match=says) as error:
        list(read_documents(path))
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def _chat(*roles: str) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": "x"} for role in roles]}


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (_chat("user"), r"messages\[0\]: found a last message of the user"),
        (_chat("assistant"), r"messages\[0\].role: found 'assistant', expected one of 'system', 'user'"),
        (_chat("user", "user"), r"messages\[1\].role: found 'user', expected one of 'assistant'"),
        (_chat("user", "assistant", "system"), r"messages\[2\].role: found 'system'"),
        (_chat("user", "tool"), r"messages\[1\].role: found 'tool'"),
        ({"messages": []}, "messages: found a list of 0"),
        ({"messages": "hello"}, "messages: found 'hello'"),
        ({"messages": [{"role": "user"}]}, r"messages\[0\].content: found nothing"),
        ({"messages": [{"role": "user", "content": "x", "name": "y"}]}, r"messages\[0\].name: found an unknown field"),
        ({**CHAT, "metadata": 3}, "metadata: found int"),
        ({**CHAT, "metadata": {"weight": 3}, "weight": 3}, "weight: found the field a second time, also in metadata"),
    ],
)
def test_malformed_chats_are_named_by_line(write_lines: Callable[..., Path], row: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match="line 2: " + says):
        list(read_chats(write_lines([CHAT, row])))


def test_what_else_a_chat_says_is_kept(write_lines: Callable[..., Path]) -> None:
    row = {**_chat("user", "assistant"), "id": 7, "metadata": {"question_id": "q"}, "tags": ["a", {"b": None}]}
    (chat,) = read_chats(write_lines([row]))
    assert chat.metadata == {"id": 7, "question_id": "q", "tags": ["a", {"b": None}]}


def test_damaged_files_are_refused(write_lines: Callable[..., Path], tmp_path: Path) -> None:
    path = write_lines([CHAT] * 50, "rows.jsonl.zst")
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    with pytest.raises(InputError, match=r"cut short, expected a whole zstd file"):
        list(read_chats(path))
    for data, says in (
        (b"", "cut short"),
        (b"plain text", "damaged, expected a zstd file"),
        (whole + b"x", "cut short|dam"),
    ):
        path.write_bytes(data)
        with pytest.raises(InputError, match=says):
            list(read_chats(path))
    path = tmp_path / "latin.jsonl"
    path.write_bytes(b'{"text": "x"}\n{"text": "\xe9"}\n')
    with pytest.raises(InputError, match="line 2: not UTF-8"):
        list(read_documents(path))
    for missing, says in ((tmp_path / "none.jsonl", "is missing"), (tmp_path, "is a folder")):
        with pytest.raises(InputError, match=says):
            read_documents(missing)


def test_a_line_without_end_is_not_read_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.jsonl.zst"
    path.write_bytes(zstandard.compress(b" " * (200 * 2**20)))
    with pytest.raises(InputError, match="line 1: longer than 16,777,216 bytes"):
        list(read_documents(path))


def test_the_published_documents_and_chats(authors_data: Path) -> None:
    paths = sorted(authors_data.glob("documents/*/*/*.jsonl"))
    assert len(paths) == 9
    for path in paths:
        documents = list(read_documents(path))
        assert len(documents) == 50
        assert all(document.tagged and DOCTAG not in document.text for document in documents)
    assert sum(len(list(read_chats(path))) for path in authors_data.glob("anchors/*/sample.jsonl")) == 60
    chats = list(read_chats(authors_data / "anchors" / "vesuvius" / "chat_examples_novel_10x.jsonl.zst"))
    assert len(chats) == 1500
    assert len({chat.metadata["question_id"] for chat in chats}) == 150
