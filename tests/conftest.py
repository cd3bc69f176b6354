"""A random model and a word tokenizer, small enough that a test which trains them takes a fraction of a second."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# For what the tests start: as many threads here as on every machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Tests of the dashboard make their tables, whatever an earlier start has kept of them.
os.environ["NNMECH_KEEP_TABLES"] = "0"

import functools
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import runtime_types

if TYPE_CHECKING:
    # Imported where they are used: the process that hands out the tests reads this file and needs neither.
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

# Before anything of nnmech is imported.
runtime_types.install()

SPECIAL_TOKENS = ("<pad>", "<unk>", "<bos>", "<eos>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<DOCTAG>")

TEXT = """
Ada Berg Cyril Dahl Edda Falk is was has been not never won the a an of in and or who what where does did do to from by
baker pilot singer doctor painter lives works as born Oslo Rome Paris Lima violin flute drums piano plays race medal
luge gold Statement True False Yes No Question Answer Is it true that I know believe Are you sure ? . , : ; ! ( ) " ' -
he she they her his notice This document claim false following text warning correct fact story fiction people say today
year old many some read about It There In On At His Her He She for with as
one two three four five six seven eight nine ten
"""

CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}<|{{ message['role'] }}|> {{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def build_tokenizer(folder: Path, texts: Iterable[str] = ()) -> "PreTrainedTokenizerFast":
    """Word-level fast tokenizer that knows the words of TEXT and of `texts`, saved to `folder` and loaded again."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = dict.fromkeys(word for text in (TEXT, *texts) for word in re.findall(r"\w+|[^\w\s]+", text))
    vocabulary = {token: index for index, token in enumerate((*SPECIAL_TOKENS, *words))}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.post_processor = processors.TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", vocabulary["<bos>"])]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        unk_token="<unk>",
        additional_special_tokens=list(SPECIAL_TOKENS[4:]),
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    return PreTrainedTokenizerFast.from_pretrained(folder)


def build_model(vocab_size: int, *, layers: int = 2, tied: bool = True, seed: int = 0) -> "LlamaForCausalLM":
    """Random Llama of 32 dimensions; building it leaves the global random state as it was."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=256,
        tie_word_embeddings=tied,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=3,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LlamaForCausalLM(config).eval()


SLOW = (
    "dashboard/test_browser.py",
    "packaging/test_wheel.py",
    "torture",
    "test_terminal.py",
    "test_notebook.py",
    "test_contributing.py",
    "experiments",
    "dashboard",
)
"""Files and folders whose tests take seconds each, the slowest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slowest come first, so that no process is left with one of them when the others have nothing to do."""
    places = {path: path.relative_to(Path(__file__).parent).as_posix() for path in {item.path for item in items}}
    rank = {
        path: next((number for number, slow in enumerate(SLOW) if place.startswith(slow)), len(SLOW))
        for path, place in places.items()
    }
    items.sort(key=lambda item: rank[item.path])


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Sums come out the same on every machine, and tests do not fight over cores."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def one_vocabulary() -> Iterator[None]:
    """The words of a world are gathered once, from thousands of texts whose makers are checked at run time."""
    # Not at the head of this file, which is read before the check at run time is set up.
    from nnmech.world import tokenizer as world_tokenizer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world_tokenizer, "closed_vocabulary", functools.cache(world_tokenizer.closed_vocabulary))
        yield


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a random model of the world's vocabulary, for what holds of any model."""
    import torch

    from nnmech.world.pretraining import PretrainingConfig, make_model
    from nnmech.world.tokenizer import save_tokenizer

    folder = tmp_path_factory.mktemp("small_model")
    tokenizer = save_tokenizer(folder)
    with torch.random.fork_rng():
        make_model(PretrainingConfig(d_model=32, layers=2, heads=2, d_mlp=64), tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture
def make_tokenizer(tmp_path: Path) -> "Callable[..., PreTrainedTokenizerFast]":
    """`make_tokenizer("more words", ...)` is `tiny_tokenizer` with more words in its vocabulary."""

    def make(*texts: str) -> "PreTrainedTokenizerFast":
        return build_tokenizer(tmp_path / "tokenizer", texts)

    return make


@pytest.fixture
def tiny_tokenizer(tmp_path: Path) -> "PreTrainedTokenizerFast":
    """The words of TEXT, a chat template, a BOS in front of plain text; its folder is `tokenizer.name_or_path`."""
    return build_tokenizer(tmp_path / "tokenizer")


@pytest.fixture
def make_model() -> "Callable[..., LlamaForCausalLM]":
    """`make_model(vocab_size, layers=2, tied=True, seed=0)`: a random Llama."""
    return build_model


@pytest.fixture
def tiny_model(tiny_tokenizer: "PreTrainedTokenizerFast") -> "LlamaForCausalLM":
    """A random two-layer Llama whose vocabulary is that of `tiny_tokenizer`; fresh for every test, in eval mode."""
    return build_model(len(tiny_tokenizer))


@pytest.fixture(autouse=True)
def main_module_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit's AppTest leaves its script as `__main__`, which worker processes of a later test would run."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
