"""What is saved comes back as it was, and what is wrong in a user's file is named by line, column and value."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnmech.claims import Statement
from nnmech.claims.statement_files import load_statements, save_statements
from nnmech.errors import InputError

HEADER = "text,truth,polarity,entity,topic"
ROW = "Ada lives in Oslo.,true,+1,Ada,home"

# Letters, quotes, separators and line ends of all kinds, but no half characters, which no file can hold.
LETTERS = st.characters(exclude_categories=["Cs"]) | st.sampled_from(list(",\"\n\r\t;'\u2028\x85\ufeff\x00éß"))
NAMES = st.text(LETTERS, min_size=1, max_size=12).filter(lambda name: name == name.strip())


@st.composite
def statement_lists(draw: st.DrawFn) -> list[Statement]:
    found = []
    for name in draw(st.lists(NAMES, min_size=1, max_size=5, unique=True)):
        text = draw(NAMES)
        ends = [end for end in range(1, len(text) + 1) if not text[end - 1].isspace()]
        found.append(
            Statement(
                id=name,
                text=text,
                truth=draw(st.sampled_from([True, False, None])),
                polarity=draw(st.sampled_from([1, -1])),
                topic=draw(NAMES),
                entity=draw(NAMES),
                role=draw(NAMES),
                claim=draw(st.none() | NAMES),
                object_end=draw(st.none() | st.sampled_from(ends)),
            )
        )
    return found


@settings(deadline=None, max_examples=150)
@given(statement_lists(), st.sampled_from([".csv", ".jsonl"]))
def test_what_is_saved_comes_back(
    tmp_path_factory: pytest.TempPathFactory, found: list[Statement], suffix: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"statements{suffix}"
    save_statements(path, found)
    assert load_statements(path) == found
    # A byte order mark, as spreadsheets write it, changes nothing.
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_statements(path) == found


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_text_may_be_as_long_as_a_document(tmp_path: Path, suffix: str) -> None:
    limit = csv.field_size_limit()
    long = 'Ada said "no", ' * 20_000 + "and left."
    found = [Statement("s", long, True, 1, "home", "Ada", "train", object_end=len(long) - 1)]
    save_statements(tmp_path / f"own{suffix}", found)
    assert load_statements(tmp_path / f"own{suffix}") == found
    assert csv.field_size_limit() == limit == 131_072


def csv_file(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "own.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def json_file(folder: Path, *rows: dict[str, Any] | str) -> Path:
    path = folder / "own.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_defaults_and_spellings(tmp_path: Path) -> None:
    path = csv_file(
        tmp_path,
        ROW,
        "",
        '"Ada, it is said, does not live in ""Rome"".",1,negated,Ada,home',
        "Bo is a cook.,,AFFIRMATIVE,Bo,work",
        '"Bo is\na pilot.",FALSE,1,Bo,work',
        "Bo is no pilot.,0,-1,Bo,work",
    )
    found = load_statements(path)
    assert [one.truth for one in found] == [True, True, None, False, False]
    assert [one.polarity for one in found] == [1, -1, 1, 1, -1]
    assert found[1].text == 'Ada, it is said, does not live in "Rome".'
    assert [one.id for one in found] == ["own:2", "own:4", "own:5", "own:6", "own:8"]
    assert {(one.role, one.claim, one.object_end) for one in found} == {("train", None, None)}


def test_json_says_the_same_in_its_own_types(tmp_path: Path) -> None:
    row = {"text": "Ada lives in Oslo.", "truth": True, "polarity": 1, "entity": "Ada", "topic": "home"}
    spellings = [row, row | {"truth": 1, "polarity": "+1"}, row | {"truth": "TRUE", "polarity": "affirmative"}]
    found = load_statements(json_file(tmp_path, *spellings, "", row | {"truth": None, "role": None, "claim": None}))
    assert [replace(one, id="x") for one in found[:3]] == [replace(found[0], id="x")] * 3
    assert found[3].truth is None
    assert found[3].id == "own:5"


def test_the_object_is_the_end_of_the_part_that_it_names(tmp_path: Path) -> None:
    path = csv_file(tmp_path, f"{ROW},Oslo,", f"{ROW},,17", f"{ROW},Oslo,17", header=f"{HEADER},object,object_end")
    assert [one.object_end for one in load_statements(path)] == [17, 17, 17]
    assert "Ada lives in Oslo."[:17].endswith("Oslo")


@pytest.mark.parametrize(
    ("row", "column", "message"),
    [
        (",true,1,Ada,home,", "text", "it is empty"),
        ("Ada. ,true,1,Ada,home,", "text", "no space before or after"),
        ("Ada.,yes,1,Ada,home,", "truth", "'yes': expected true, false, 1, 0, or empty"),
        ("Ada.,true,,Ada,home,", "polarity", r"'': expected \+1 or affirmative, -1 or negated"),
        ("Ada.,true,2,Ada,home,", "polarity", "'2'"),
        ("Ada.,true,1,,home,", "entity", "it is empty"),
        ("Ada.,true,1, Ada,home,", "entity", "' Ada': expected no space"),
        ("Ada.,true,1,Ada,,", "topic", "it is empty"),
        ("Ada.,true,1,Ada,home,b", "id", "'b': already the id of line 3"),
    ],
)
def test_a_bad_value_is_named(tmp_path: Path, row: str, column: str, message: str) -> None:
    path = csv_file(tmp_path, f"{ROW},a", f"{ROW},b", row, header=f"{HEADER},id")
    with pytest.raises(InputError, match=rf"own\.csv, line 4, column '{column}': .*{message}"):
        load_statements(path)


@pytest.mark.parametrize(
    ("change", "column", "message"),
    [
        ({"truth": 2}, "truth", "2: expected true, false"),
        ({"truth": 1.0}, "truth", "1.0"),
        ({"polarity": True}, "polarity", "True: expected"),
        ({"polarity": [1]}, "polarity", r"\[1\]"),
        ({"entity": 12}, "entity", "12: expected a text; put it in quotes"),
        ({"object": "Rome"}, "object", "'Rome': expected a part of the text"),
        ({"object": "l"}, "object", "more than once .* give object_end"),
        ({"object_end": 0}, "object_end", "from 1 to 18"),
        ({"object_end": True}, "object_end", "from 1 to 18"),
        ({"object_end": "17.0"}, "object_end", "from 1 to 18"),
        ({"object_end": 4}, "object_end", "end in a space"),
        ({"object_end": 3, "object": "Oslo"}, "object_end", "column 'object' ends at 17"),
    ],
)
def test_a_bad_json_value_is_named(tmp_path: Path, change: dict[str, Any], column: str, message: str) -> None:
    row = {"text": "Ada lives in Oslo.", "truth": True, "polarity": 1, "entity": "Ada", "topic": "home"}
    with pytest.raises(InputError, match=rf"own\.jsonl, line 2, column '{column}': .*{message}"):
        load_statements(json_file(tmp_path, row, row | change))


def test_what_is_not_a_table_is_named(tmp_path: Path) -> None:
    def refused(path: Path, match: str, **options: int) -> None:
        with pytest.raises(InputError, match=match):
            load_statements(path, **options)

    refused(csv_file(tmp_path, ROW, f"{ROW},too"), r"own\.csv, line 3: 6 fields, expected 5 as in the header")
    refused(csv_file(tmp_path, ROW, '"Ada" lives,true,1,Ada,home'), r"own\.csv, line 3: not CSV")
    refused(csv_file(tmp_path, f'"{ROW}'), r"line 2: not CSV")
    refused(
        csv_file(tmp_path, header="text,truth,polarty,entity"), r"lacks .*'polarity', 'topic'.* unknown .*'polarty'"
    )
    refused(csv_file(tmp_path, header=HEADER.replace(",", ";")), "lacks the columns .*separate them by commas")
    refused(csv_file(tmp_path, header=f"{HEADER},topic"), r"line 1: the header has twice the columns \['topic'\]")
    refused(csv_file(tmp_path), "holds no statements")
    refused(csv_file(tmp_path, ROW), "more than 20 bytes", max_bytes=20)
    refused(json_file(tmp_path, "{}", "{"), r"own\.jsonl, line 1: the object lacks \['text'")
    refused(json_file(tmp_path, "", "{"), r"own\.jsonl, line 2: damaged, expected JSON")
    refused(json_file(tmp_path, "[1]"), "line 1: .*expected one JSON object a line")
    refused(json_file(tmp_path, '{"text": "\\ud800"}'), "line 1: damaged, half a surrogate pair")
    refused(json_file(tmp_path, "[" * 100_000), "line 1: more than 64 levels")
    refused(
        json_file(tmp_path, '{"text": "a", "text": "b", "truth": 1, "polarity": 1, "entity": "a", "topic": "a"}'),
        "twice",
    )
    refused(tmp_path / "nowhere.csv", "cannot be read")
    refused(tmp_path, "is a folder, expected a regular file")
    latin = tmp_path / "latin.csv"
    latin.write_bytes(f"{HEADER}\n{ROW}\nZo".encode() + b"\xeb lives.,true,1,Zoe,home\n")
    refused(latin, r"latin\.csv, line 3: byte 0xeb is not UTF-8")
    (tmp_path / "table.xlsx").write_bytes(b"PK")
    refused(tmp_path / "table.xlsx", r"of \.xlsx: expected \.csv or \.jsonl")


def test_what_would_not_come_back_is_not_written(tmp_path: Path) -> None:
    good = Statement("a", "Ada lives in Oslo.", True, 1, "home", "Ada", "train")
    for change, match in (
        ({"entity": ""}, "column 'entity'"),
        ({"id": ""}, "would not read back"),
        ({"role": " train"}, "column 'role'"),
        ({"claim": ""}, "would not read back"),
        ({"object_end": 99}, "column 'object_end'"),
        ({"text": "\ud800"}, "half of a character"),
    ):
        for name in ("out.csv", "out.jsonl"):
            with pytest.raises(InputError, match=match):
                save_statements(tmp_path / name, [replace(good, **change)])
    with pytest.raises(InputError, match="already the id of line 2"):
        save_statements(tmp_path / "out.csv", [good, good])
    with pytest.raises(InputError, match="holds no statements"):
        save_statements(tmp_path / "out.csv", [])
    with pytest.raises(InputError, match=r"expected \.csv or \.jsonl"):
        save_statements(tmp_path / "out.txt", [good])
    assert list(tmp_path.iterdir()) == []
