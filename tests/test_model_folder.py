"""Folders of models from strangers: what is hashed is what is loaded, and what does not fit is refused before that."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from nnmech.errors import InputError
from nnmech.model_folder import INDEX, Weights, check_folder
from nnmech.models import load_model
from nnmech.shipped import shipped

FIRST = "model.layers.1.input_layernorm.weight"


@pytest.fixture
def folder(tmp_path: Path, tiny_model: Any, tiny_tokenizer: Any) -> Path:
    path = tmp_path / "model"
    tiny_model.save_pretrained(path)
    tiny_tokenizer.save_pretrained(path)
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def config(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return change


def text(name: str, content: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(content) and None


def index(shard: Any) -> Callable[[Path], None]:
    """The weights lie in `weights.bin` of the folder and in the folder above it; an index names `shard`."""

    def change(folder: Path) -> None:
        file = folder / "model.safetensors"
        names = list(load_file(file))
        (folder.parent / "outside.safetensors").write_bytes(file.read_bytes())
        file.rename(folder / "weights.bin")
        (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": dict.fromkeys(names, shard)}))

    return change


def no_shards(folder: Path) -> None:
    index("x")(folder)
    (folder / INDEX).write_text('{"weight_map": {}}')


def deep_index(folder: Path) -> None:
    index("x")(folder)
    (folder / INDEX).write_text("[" * 100_000)


def link(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).rename(folder.parent / name)
        (folder / name).symlink_to(folder.parent / name)

    return change


def pipe(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)

    return change


def add(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / "model.safetensors"
        save_file(load_file(file) | {name: torch.ones(4)}, file, metadata={"format": "pt"})

    return change


HOSTILE: dict[str, tuple[Callable[[Path], None], str]] = {
    "an index without shards": (no_shards, "found no weight_map"),
    "an index of an absent shard": (index("model-1-of-1.safetensors"), "model-1-of-1.safetensors is missing"),
    "an index of the folder above": (index("../outside.safetensors"), "found '../outside.safetensors'.*plain name"),
    "an index of a pickle": (index("weights.bin"), r"found 'weights.bin' .* expected the plain name of a .safetensors"),
    "an index of no names": (index({"a": 1}), "expected the plain name of a .safetensors"),
    "a deep index": (deep_index, "index.json: .*levels"),
    "weights through a link": (link("model.safetensors"), "model.safetensors: is a symbolic link"),
    "a configuration through a link": (link("config.json"), "config.json: is a symbolic link"),
    "a tokenizer through a link": (link("tokenizer.json"), "tokenizer.json: is a symbolic link"),
    "weights of a pipe": (pipe("model.safetensors"), "model.safetensors: is a FIFO"),
    "a generation setting of a pipe": (pipe("generation_config.json"), "generation_config.json: is a FIFO"),
    "a template of a pipe": (pipe("chat_template.jinja"), "chat_template.jinja: is a FIFO"),
    "one layer of two": (config(num_hidden_layers=1), f"tensors have no place in the model, the first is {FIRST}"),
    "-1 layers": (config(num_hidden_layers=-1), "num_hidden_layers is -1, the weights have 2 numbered blocks"),
    "no layers": (config(num_hidden_layers=0), "num_hidden_layers is 0, the weights have 2 numbered blocks"),
    "layers in words": (config(num_hidden_layers="2"), "num_hidden_layers"),
    "a million layers": (config(num_hidden_layers=10**6), "num_hidden_layers is 1000000, expected at most 10,000"),
    "ten thousand layers": (config(num_hidden_layers=10**4), "num_hidden_layers is 10000, the weights have 2"),
    "a million heads": (config(num_attention_heads=10**6), "num_attention_heads is 1000000, expected at most"),
    "another width": (config(hidden_size=4096), "hidden_size is 4096, the weights have no tensor of that width"),
    "another vocabulary": (config(vocab_size=10**12), r"vocab_size is 1000000000000, the weights have no matrix"),
    "weights of the configuration's own": (config(transformers_weights="weights.bin"), "found transformers_weights"),
    "a configuration that is a list": (text("config.json", "[]"), "found a list, expected an object"),
    "a deep configuration": (text("config.json", "[" * 100_000), "config.json: .*levels"),
    "a long configuration": (text("config.json", " " * 2**24 + "{}"), "config.json: more than 16,777,216 bytes"),
    "an adapter": (text("adapter_config.json", '{"base_model_name_or_path": "/elsewhere"}'), "found an adapter"),
    "a tensor too many": (add("model.extra.weight"), "1 tensors have no place in the model.* model.extra.weight"),
    "a template that runs on": (text("chat_template.jinja", "{{ 'x' * 1000000000 }}"), "template takes more than 512"),
    "a template that fails": (text("chat_template.jinja", "{{ no.such }}"), "template fails: 'no' is undefined"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_folder_is_refused_in_one_line(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("a pickle was read"))
    change, says = HOSTILE[name]
    change(folder)
    with pytest.raises(InputError, match=says) as caught:
        load_model(folder)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_the_embedded_model_has_the_digest_that_runs_recorded() -> None:
    recorded = json.loads((shipped("sample_run") / "run.json").read_text())["model"]["sha256"]
    assert check_folder(shipped("base"), "").sha256 == recorded == sha256(shipped("base") / "model.safetensors")


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        (INDEX, '{"weight_map": {"a": "pytorch_model.bin"}}', "found 'pytorch_model.bin' for the tensor 'a'"),
        ("config.json", '{"model_type": "llama", "num_hidden_layers": 1000000}', "num_hidden_layers is 1000000"),
    ],
)
def test_a_model_of_the_hub_is_held_to_the_same(
    file: str, content: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, cache = "0" * 40, tmp_path / "models--some--model"
    for name in ("refs", "blobs", f"snapshots/{commit}"):
        (cache / name).mkdir(parents=True)
    (cache / "refs" / "main").write_text(commit)
    (cache / "blobs" / "abc").write_text(content)
    (cache / "snapshots" / commit / file).symlink_to(cache / "blobs" / "abc")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=f"some/model, {file}: {says}"):
        load_model("some/model")


def test_shards_are_hashed_in_the_order_of_their_names_and_strays_are_not(
    folder: Path, tiny_model: Any, tiny_tokenizer: Any
) -> None:
    sharded = folder.parent / "sharded"
    tiny_model.save_pretrained(sharded, max_shard_size="20KB")
    tiny_tokenizer.save_pretrained(sharded)
    shards = sorted(sharded.glob("model-*-of-*.safetensors"))
    assert len(shards) > 1
    expected = hashlib.sha256("".join(map(sha256, shards)).encode()).hexdigest()
    (sharded / "model-00009-of-00009.safetensors").write_bytes(b"not loaded")
    loaded = load_model(sharded)
    assert loaded.sha256 == expected
    for name, parameter in loaded.model.named_parameters():
        assert torch.equal(parameter, tiny_model.get_parameter(name))


def test_one_whole_file_goes_before_an_index_when_hashed_and_when_loaded(folder: Path, tiny_model: Any) -> None:
    tensors = load_file(folder / "model.safetensors")
    zeros = {name: torch.zeros_like(tensor) for name, tensor in tensors.items()}
    save_file(zeros, folder / "model-00001-of-00001.safetensors", metadata={"format": "pt"})
    (folder / INDEX).write_text(json.dumps({"weight_map": dict.fromkeys(tensors, "model-00001-of-00001.safetensors")}))
    loaded = load_model(folder)
    assert loaded.sha256 == sha256(folder / "model.safetensors")
    assert torch.equal(loaded.model.get_parameter("model.norm.weight"), tiny_model.get_parameter("model.norm.weight"))
    assert loaded.model.get_parameter("model.embed_tokens.weight").any()


def test_tables_that_models_compute_and_tied_weights_have_a_place(folder: Path) -> None:
    file = folder / "model.safetensors"
    tensors = load_file(file)
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].clone()
    tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(4)
    tensors["model.layers.0.attn.masked_bias"] = torch.ones(())
    save_file(tensors, file, metadata={"format": "pt"})
    assert load_model(folder).sha256 == sha256(file)


def test_blocks_are_counted_from_zero_without_gaps() -> None:
    def blocks(*names: str) -> int:
        return Weights((), "", dict.fromkeys(names, (1,))).blocks

    assert blocks("model.layers.0.a", "model.layers.1.a", "model.layers.3.a", "head.weight") == 2
    assert blocks("h.0.experts.7.w", "h.1.experts.0.w", "vision.layers.0.w") == 2
    assert blocks("model.layers.5.a") == blocks("head.weight") == blocks() == 0
