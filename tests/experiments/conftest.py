"""What experiments are carried out on where nothing depends on the model."""

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def base_model(small_model: Path) -> Iterator[Path]:
    """It stands in the place of the shipped model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NNMECH_BASE_MODEL", str(small_model))
        yield small_model
