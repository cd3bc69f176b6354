"""Random draws as functions of (seed, stream, step), so that a run which was killed resumes to the same numbers."""

import hashlib


def derive_seed(seed: int, stream: str, step: int) -> int:
    """Seed in [0, 2**63) for one step of a named stream: the head of the SHA-256 of `seed/stream/step`."""
    digest = hashlib.sha256(f"{seed}/{stream}/{step}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
