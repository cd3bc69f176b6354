"""A model so small that a whole experiment on it takes seconds."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from nnmech.world.pretraining import PretrainingConfig, make_model
from nnmech.world.tokenizer import save_tokenizer


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a random model of the world's vocabulary, for what holds of any model."""
    folder = tmp_path_factory.mktemp("small_model")
    tokenizer = save_tokenizer(folder)
    with torch.random.fork_rng():
        make_model(PretrainingConfig(d_model=32, layers=2, heads=2, d_mlp=64), tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def base_model(small_model: Path) -> Iterator[Path]:
    """It stands in the place of the shipped model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NNMECH_BASE_MODEL", str(small_model))
        yield small_model
