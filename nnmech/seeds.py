"""Random draws as functions of (seed, stream, step), so that a run which was killed resumes to the same numbers."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager


def derive_seed(seed: int, stream: str, step: int) -> int:
    """Seed in [0, 2**63) for one step of a named stream: the head of the SHA-256 of `seed/stream/step`."""
    digest = hashlib.sha256(f"{seed}/{stream}/{step}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


@contextmanager
def random_state_kept(seed: int | None = None) -> Iterator[None]:
    """torch's random state, on the CPU and on every GPU, is afterwards what it was before.

    Args:
        seed: What the generators start from inside; None leaves them where they are.
    """
    import torch

    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        if seed is not None:
            torch.manual_seed(seed)
        yield
