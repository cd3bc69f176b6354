"""Lines of JSON: each is an object of its own, however fast they are read."""

import json

import pytest

from nnmech.errors import InputError
from nnmech.files.json_text import parse_rows


def test_plain_lines_are_what_they_say():
    rows = [{"a": number, "b": ["é", {"c": None}], "": '}{"],['} for number in range(500)]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    assert parse_rows(text.encode(), "file") == rows
    assert parse_rows((text + "{").encode(), "file") == rows
    assert parse_rows(b' {"a": 1} \n{"a": 1, "a": 2}\n', "file") == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    "lines",
    [
        ['{"a":1},{"b":2}', '{"c":[{}', "{}]}"],
        ['{"a":1}],[{"b":2}', '{"c":[[1', "2]]}"],
        ['{"a":1}, "1":{"b":2}', '{"c":1', '"d":2}'],
        ['{"a":1},\n{"b":2}', '{"c":1}}, {{"d":2}'],
    ],
)
def test_lines_that_are_objects_only_together_are_refused(lines):
    with pytest.raises(InputError, match=r"file, line [12]: damaged"):
        parse_rows(("\n".join(lines) + "\n").encode(), "file")
