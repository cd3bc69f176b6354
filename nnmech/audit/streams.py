"""What is asked of a stream of bytes: files, standard streams and (de)compressors all have it."""

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Reads(Protocol):
    """Gives bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; none at the end."""
        ...


@runtime_checkable
class Writes(Protocol):
    """Takes bytes."""

    def write(self, data: Any, /) -> int:
        """Take all bytes and return how many."""
        ...


@runtime_checkable
class WritesText(Protocol):
    """Takes text."""

    def write(self, text: str, /) -> int:
        """Take a text and return its length."""
        ...

    def flush(self) -> None:
        """Hand on what was taken."""
        ...
