"""How much a file that is not ours may hold before it is refused."""

from dataclasses import dataclass

KIB, MIB = 2**10, 2**20


@dataclass(frozen=True)
class Bounds:
    """Limits of one file; what goes beyond them is an error that names the file and the limit."""

    bytes: int = 512 * MIB
    """Of the file, once unpacked."""
    line_bytes: int = 16 * MIB
    """Of one line."""
    rows: int = 5_000_000
    """Lines of a table."""
    columns: int = 1_000
    """Different fields of a table's rows."""
    values: int = 2**25
    """Commas of a file of JSON: with the bytes, they bound the memory that its values take."""
    depth: int = 64
    """Levels of lists and objects in one another."""


TABLE = Bounds()
"""A table of JSON lines."""
SMALL = Bounds(bytes=16 * MIB, values=2**20)
"""A single JSON object, such as a run's `run.json`."""
