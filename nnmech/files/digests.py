"""Digests of files: how many bytes they have, and the sha256 of those."""

import hashlib
import re
from dataclasses import dataclass
from typing import Any, BinaryIO

PIECE = 2**20
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Digest:
    """What tells whether a file, or its first `size` bytes, is as it was."""

    size: int
    sha256: str

    @classmethod
    def of(cls, data: bytes) -> "Digest":
        """The digest of bytes."""
        return cls(len(data), hashlib.sha256(data).hexdigest())

    @classmethod
    def of_file(cls, file: BinaryIO, size: int | None = None) -> "Digest":
        """The digest of what is left of an opened file, of its first `size` bytes where given."""
        state, done = hashlib.sha256(), 0
        while size is None or done < size:
            piece = file.read(PIECE if size is None else min(PIECE, size - done))
            if not piece:
                break
            state.update(piece)
            done += len(piece)
        return cls(done, state.hexdigest())

    @classmethod
    def read(cls, value: Any) -> "Digest | None":
        """The digest in a value of JSON; None where it is none."""
        size, sha256 = (value.get("size"), value.get("sha256")) if isinstance(value, dict) else (None, None)
        if isinstance(size, bool) or not isinstance(size, int) or size < 0:
            return None
        return cls(size, sha256) if isinstance(sha256, str) and _SHA256.fullmatch(sha256) else None
