import os
from pathlib import Path

import pytest

from tests.runs.small_runs import create, train


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed process, unlike a power cut, loses nothing that was written without a sync."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    with create(tmp_path / "whole") as writer:
        train(writer)
    return tmp_path / "whole"
