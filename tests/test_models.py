"""Models: blocks are found whatever wraps them, folders load to equal bits, what does not fit is refused in a line."""

import hashlib
import json
import shutil
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import nn

from nnmech.belief.answers import ask
from nnmech.claims import Question, Statement
from nnmech.errors import InputError
from nnmech.models import (
    ALIGNMENT,
    BASE_MODEL_VARIABLE,
    DECODER_BLOCKS,
    add_lora,
    base_module,
    embedded_model_path,
    embedding_rows,
    find_decoder_blocks,
    in_mode,
    load_model,
    uncompiled,
)
from nnmech.recording.snapshots import capture
from nnmech.recording.statements import freeze_statements
from nnmech.seeds import derive_seed

SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "vocab_size": 64,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
GROUPED = {"num_key_value_heads": 2, "head_dim": 8}
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "Llama": SIZES,
    "GPT2": {"n_embd": 32, "n_layer": 3, "n_head": 4, "vocab_size": 64, "bos_token_id": 1, "eos_token_id": 2},
    "GPTNeoX": SIZES,
    "Qwen2": SIZES | {"num_key_value_heads": 2},
    "Qwen3": SIZES | GROUPED,
    "Gemma2": SIZES | GROUPED,
    # As many experts as layers: theirs is a ModuleList of the same length in every block of older versions.
    "Mixtral": SIZES | {"num_key_value_heads": 2, "num_local_experts": 3},
}


def tiny(architecture: str) -> Any:
    config = getattr(transformers, f"{architecture}Config")(**ARCHITECTURES[architecture])
    return transformers.AutoModelForCausalLM.from_config(config)


@pytest.fixture
def folder(tmp_path: Path, tiny_model: Any, tiny_tokenizer: Any) -> Path:
    path = tmp_path / "model"
    tiny_model.save_pretrained(path)
    tiny_tokenizer.save_pretrained(path)
    return path


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_decoder_blocks_are_those_that_run_one_after_the_other(architecture: str) -> None:
    model = tiny(architecture)
    blocks = find_decoder_blocks(model)
    called: list[nn.Module] = []
    for block in blocks:
        block.register_forward_hook(lambda module, *_: called.append(module))
    model(input_ids=torch.arange(5)[None])
    assert called == list(blocks)
    assert len(blocks) == 3
    wrapped = add_lora(model, 2)
    assert find_decoder_blocks(wrapped) is blocks
    assert base_module(wrapped) is model


class Elsewhere(transformers.LlamaForCausalLM):
    """A model with two lists of as many modules as it has layers."""

    def __init__(self, config: transformers.LlamaConfig) -> None:
        super().__init__(config)
        self.model.memory = nn.ModuleList([nn.Linear(2, 2) for _ in range(config.num_hidden_layers)])


def test_blocks_that_lie_elsewhere_take_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Elsewhere(transformers.LlamaConfig(**SIZES))
    with pytest.raises(
        InputError, match=r"found 2 \(layers, memory\); say .* nnmech\.models\.DECODER_BLOCKS\['Elsewhere'\]"
    ):
        find_decoder_blocks(model)
    monkeypatch.setitem(DECODER_BLOCKS, "Elsewhere", "model.layers")
    assert find_decoder_blocks(model) is model.model.layers
    assert find_decoder_blocks(add_lora(model, 2)) is model.model.layers
    monkeypatch.setitem(DECODER_BLOCKS, "Elsewhere", "model.lairs")
    with pytest.raises(
        InputError, match=r"DECODER_BLOCKS\['Elsewhere'\]: found 'model.lairs', where Elsewhere has no ModuleList"
    ):
        find_decoder_blocks(model)


@pytest.mark.parametrize("wrap", [torch.compile, nn.DataParallel, lambda model: nn.DataParallel(torch.compile(model))])
@pytest.mark.parametrize("lora", [False, True])
def test_wrappers_are_looked_through(wrap: Callable[[Any], Any], lora: bool) -> None:
    model = tiny("Llama")
    blocks = find_decoder_blocks(model)
    inner = add_lora(model, 2) if lora else model
    wrapped = wrap(inner)
    assert uncompiled(wrapped) is inner
    assert base_module(wrapped) is model
    assert find_decoder_blocks(wrapped) is blocks
    assert embedding_rows(wrapped) == 64


def test_model_without_recognisable_blocks_is_refused(tiny_model: Any) -> None:
    tiny_model.config.num_hidden_layers = 7
    with pytest.raises(InputError, match="expected one list of 7 decoder blocks, found 0"):
        find_decoder_blocks(tiny_model)
    with pytest.raises(InputError, match="no Hugging Face model"):
        find_decoder_blocks(nn.Linear(2, 2))


@pytest.mark.parametrize("architecture", ["Llama", "GPT2", "Gemma2"])
def test_lora_starts_as_the_model_trains_little_and_spares_tied_unembeddings(architecture: str) -> None:
    model = tiny(architecture).eval()
    tied = model.get_output_embeddings().weight is model.get_input_embeddings().weight
    ids = torch.arange(6)[None]
    before = model(input_ids=ids).logits
    state = torch.get_rng_state()
    wrapped = add_lora(model, 4).eval()
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(wrapped(input_ids=ids).logits, before)
    trainable = {name for name, parameter in wrapped.named_parameters() if parameter.requires_grad}
    assert trainable
    assert all("lora_" in name for name in trainable)
    head = wrapped.get_output_embeddings()
    assert any(parameter.requires_grad for parameter in head.parameters()) is not tied


def test_lora_is_a_function_of_its_seed() -> None:
    def adapters(seed: int) -> torch.Tensor:
        wrapped = add_lora(tiny("Llama"), 2, seed=seed)
        return torch.cat([p.flatten() for p in wrapped.parameters() if p.requires_grad])

    assert torch.equal(adapters(0), adapters(0))
    assert not torch.equal(adapters(0), adapters(1))
    with pytest.raises(InputError, match="lora_rank is 0"):
        add_lora(tiny("Llama"), 0)


def test_folder_loads_to_the_same_bits_aligned_and_offline(
    folder: Path, tiny_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a local folder needs no network"))
    loaded = load_model(folder)
    assert not loaded.model.training
    assert loaded.sha256 == hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    for name, parameter in loaded.model.named_parameters():
        assert torch.equal(parameter, tiny_model.get_parameter(name))
        assert parameter.data_ptr() % ALIGNMENT == 0
    info = loaded.describe()
    assert json.loads(json.dumps(info)) == info
    assert (info["d_model"], info["n_layers"], info["dtype"], info["lora_rank"]) == (32, 2, "float32", None)
    assert load_model(folder, lora_rank=3, dtype=torch.bfloat16).describe()["lora_rank"] == 3


def test_embedded_model_is_where_the_variable_says(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BASE_MODEL_VARIABLE, str(folder))
    assert embedded_model_path() == folder
    assert load_model().id == "embedded"
    monkeypatch.setenv(BASE_MODEL_VARIABLE, str(folder / "nowhere"))
    with pytest.raises(InputError, match=f"nowhere is not a folder.*{BASE_MODEL_VARIABLE}"):
        load_model()


def lacks(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def damaged(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text("{ half a fi")


def foreign_weights(folder: Path) -> None:
    tiny("GPT2").save_pretrained(folder.parent / "other")
    shutil.copy(folder.parent / "other" / "model.safetensors", folder / "model.safetensors")


def one_tensor_less(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.norm.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def other_shape(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 96}))


def fewer_rows(folder: Path) -> None:
    config = transformers.LlamaConfig(**(SIZES | {"vocab_size": 40}))
    transformers.LlamaForCausalLM(config).save_pretrained(folder)


def code_of_its_own(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    own = {"model_type": "unheard_of", "auto_map": {"AutoModelForCausalLM": "own.Model", "AutoConfig": "own.Config"}}
    (folder / "config.json").write_text(json.dumps(config | own))
    (folder / "own.py").write_text("raise SystemExit('code of a model was run')\n")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (shutil.rmtree, "is not a folder"),
        (lacks("config.json"), "config.json is missing"),
        (lacks("model.safetensors"), "model.safetensors is missing"),
        (lacks("tokenizer.json"), "tokenizer.json is missing"),
        (damaged("config.json"), "config.json: damaged, expected JSON"),
        (damaged("model.safetensors"), "model.safetensors: damaged"),
        (damaged("tokenizer.json"), "tokenizer.json could not be loaded"),
        (foreign_weights, "weights do not fit"),
        (one_tensor_less, "weights do not fit config.json: 1 tensors .*model.norm.weight"),
        (other_shape, "weights do not fit|could be loaded"),
        (code_of_its_own, "no causal LM could be loaded"),
    ],
)
def test_folder_that_does_not_fit_is_refused_in_one_line(
    folder: Path, change: Callable[[Path], None], says: str
) -> None:
    change(folder)
    with pytest.raises(InputError, match=says) as caught:
        load_model(folder)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_tokenizer_may_have_tokens_that_no_text_uses(folder: Path) -> None:
    fewer_rows(folder)
    loaded = load_model(folder)
    known = [word for word, id in loaded.tokenizer.get_vocab().items() if 9 <= id < 40]
    inside = Statement("in", " ".join(known[:3]), True, 1, "t", "e", "train")
    outside = replace(inside, id="out", text=f"{known[0]} race {known[1]}")
    assert loaded.tokenizer.get_vocab()["race"] >= 40
    loaded.tokenizer.pad_token = "race"
    frozen = freeze_statements(
        loaded.tokenizer, [inside, replace(inside, id="short", text=known[0])], prompt="{statement}"
    )
    assert capture(loaded.model, frozen).isfinite().all()
    assert loaded.pad_id == 0
    question = Question("q", "c", "open_ended", ({"role": "user", "content": inside.text},), "direct")
    longer = replace(question, id="r", messages=({"role": "user", "content": " ".join(known[:9])},))
    assert len(ask(loaded.model, loaded.tokenizer, [question, longer], samples=2, seed=0, step=0)) == 4

    says = "the model's embedding has 40 rows; expected ids below 40; use the tokenizer that belongs to the model"
    with pytest.raises(InputError, match=f"a prompt or document: found token .*{says}"):
        capture(loaded.model, freeze_statements(loaded.tokenizer, [outside], prompt="{statement}"))
    asked = replace(question, messages=({"role": "user", "content": outside.text},))
    with pytest.raises(InputError, match=rf"question q: found token .* \('race'\), {says}"):
        ask(loaded.model, loaded.tokenizer, [asked], seed=0, step=0)


@pytest.mark.parametrize("name", ["nobody/nothing-of-the-sort", "./not/here", "/not/here"])
def test_name_of_nothing_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(InputError, match=r"not a folder|allow_download") as caught:
        load_model(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("device", ["no-such-device", "cuda:99"])
def test_device_that_is_not_there_is_refused(folder: Path, device: str) -> None:
    with pytest.raises(InputError, match=f"device '{device}'") as caught:
        load_model(folder, device=device)
    assert "\n" not in str(caught.value)


def test_modes_of_every_submodule_come_back(tiny_model: Any) -> None:
    tiny_model.train()
    tiny_model.model.norm.eval()

    def watch_and_fail() -> None:
        assert not any(module.training for module in tiny_model.modules())
        raise KeyError

    with pytest.raises(KeyError), in_mode(tiny_model, training=False):
        watch_and_fail()
    assert tiny_model.training
    assert not tiny_model.model.norm.training


def test_seeds_differ_by_each_argument() -> None:
    seeds = {derive_seed(s, stream, step) for s in range(3) for stream in ("a", "b") for step in range(3)}
    assert len(seeds) == 18
    assert all(0 <= seed < 2**63 for seed in seeds)
    # Of runs that exist already: another value would resume them to other numbers.
    assert derive_seed(0, "answers", 0) == 6645234929673166879
