"""Rows of CSV come whole however long their fields are, and the limit of the process stays what it was."""

import csv
import io

import pytest

from nnmech.claims.csv_records import csv_records


def test_fields_longer_than_pythons_limit_are_read_and_the_limit_stays() -> None:
    limit = csv.field_size_limit()
    rows = [["id", "text"], ["a", 'said "no",\n' * 20_000], ["b", "x" * 200_000]]
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows(rows)
    lines = buffer.getvalue().splitlines(keepends=True)
    found = []
    # Two readers in turn, as two threads would have it.
    for one, other in zip(csv_records(lines), csv_records(lines), strict=True):
        assert one == other
        assert csv.field_size_limit() == limit
        found.append(one)
    assert [fields for _, fields in found] == rows
    assert [line for line, _ in found] == [1, 20_002, 20_003]


def test_damaged_quotes_are_an_error_and_the_limit_stays() -> None:
    limit = csv.field_size_limit()
    with pytest.raises(csv.Error):
        list(csv_records(['a,"b" c\n']))
    assert csv.field_size_limit() == limit
