"""Rows of CSV whose fields may be as long as a document: Python's own limit is 131,072 characters."""

import csv
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

LONGEST_FIELD = 2**31 - 1
# The limit is one for the whole process.
_LIMIT = threading.RLock()


@contextmanager
def longest_field(characters: int) -> Iterator[None]:
    """Inside, a field of CSV may have this many characters; afterwards as many as before."""
    with _LIMIT:
        before = csv.field_size_limit(characters)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def csv_records(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """The fields of each row, with the number of its last line from 1.

    Args:
        lines: The lines of the table, each with its ending.

    Raises:
        csv.Error: Where the quotes are not those of RFC 4180.
    """
    reader = csv.reader(lines, strict=True)
    while True:
        with longest_field(LONGEST_FIELD):
            fields = next(reader, None)
        if fields is None:
            return
        yield reader.line_num, fields
