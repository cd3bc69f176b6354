"""Lines of a stream of bytes, each of bounded length: a longer one is read past, never into memory."""

from collections.abc import Iterator

from nnmech.audit.streams import Reads

_CHUNK = 1 << 20


def bounded_lines(stream: Reads, max_bytes: int) -> Iterator[tuple[int, bytes | None, int]]:
    """Number, bytes and length of every line, with its line end; None for the bytes of a line that is too long."""
    number, held, dropped = 1, bytearray(), 0
    while chunk := stream.read(_CHUNK):
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            piece = chunk[start : end + 1]
            start = end + 1
            length = dropped + len(held) + len(piece)
            if length > max_bytes:
                yield number, None, length
            else:
                yield number, bytes(held) + piece if held else piece, length
            number, dropped = number + 1, 0
            held.clear()
        rest = chunk[start:]
        if dropped or len(held) + len(rest) > max_bytes:
            dropped += len(held) + len(rest)
            held.clear()
        else:
            held += rest
    if dropped or held:
        yield number, None if dropped else bytes(held), dropped + len(held)
