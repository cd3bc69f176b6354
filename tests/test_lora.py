"""LoRA reaches everything that a model multiplies with, experts included, and nothing of it is lost in a checkpoint."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import nn

from nnmech.encoding import Example
from nnmech.errors import InputError
from nnmech.lora import plain_matrices
from nnmech.models import add_lora
from nnmech.runs import RunWriter
from nnmech.training import Phase, TrainingConfig, train
from nnmech.training.mixtures import Mixture

SIZES: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "intermediate_size": 24,
    "vocab_size": 32,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
MIXTURES: dict[str, dict[str, Any]] = {
    "Qwen3Moe": {"head_dim": 8, "num_experts": 3, "num_experts_per_tok": 2, "moe_intermediate_size": 12},
    "Mixtral": {"num_local_experts": 3},
    "GptOss": {"head_dim": 8, "num_local_experts": 3, "num_experts_per_tok": 2},
    # A dense layer first, and experts that every token goes through: linear layers of the names of old experts.
    "DeepseekV3": {
        "n_routed_experts": 3,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 12,
        "first_k_dense_replace": 1,
        "n_group": 1,
        "topk_group": 1,
        "q_lora_rank": 8,
        "kv_lora_rank": 8,
        "qk_rope_head_dim": 8,
        "qk_nope_head_dim": 8,
        "v_head_dim": 8,
    },
    # The router is a linear layer that returns more than its product.
    "Llama4Text": {"head_dim": 8, "num_local_experts": 3, "intermediate_size_mlp": 24},
}
IDS = torch.arange(30)[None]


def build(architecture: str) -> Any:
    config = getattr(transformers, f"{architecture}Config")(**(SIZES | MIXTURES[architecture]))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.AutoModelForCausalLM.from_config(config).eval()
        for parameter in model.parameters():
            # Some architectures start their experts at what memory holds.
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=0.3)
    return model


def matrices(model: nn.Module) -> set[str]:
    """Names of all matrices that are not embeddings, biases or of a size that says otherwise."""
    embeddings = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    return {
        name
        for name, parameter in model.named_parameters()
        if parameter.ndim > 1 and id(parameter) not in embeddings and "bias" not in name
    }


def adapted(model: nn.Module) -> dict[str, nn.Parameter]:
    """The second matrix of each adapter, by the name of what it adapts."""
    found = {}
    for name, module in model.named_modules():
        if hasattr(module, "lora_B"):
            plain = name.removeprefix("base_model.model.").replace(".base_layer", "")
            found[f"{plain}.{getattr(module, 'parameter_name', 'weight')}"] = module.lora_B["default"].weight  # pyright: ignore
    return found


@pytest.mark.parametrize("architecture", MIXTURES)
def test_every_matrix_has_an_adapter_that_learns(architecture: str) -> None:
    model = build(architecture)
    expected, experts = matrices(model), plain_matrices(model)
    assert any("experts" in name for name in experts)
    before = model(input_ids=IDS).logits
    wrapped = add_lora(model, 2).eval()
    found = adapted(wrapped)
    assert set(found) == expected
    assert {name for name, p in wrapped.named_parameters() if p.requires_grad and "lora_" not in name} == set()
    assert torch.equal(wrapped(input_ids=IDS).logits, before)
    wrapped(input_ids=IDS, labels=IDS).loss.backward()
    still = [name for name, parameter in found.items() if parameter.grad is None or not parameter.grad.abs().sum() > 0]
    assert not still
    for name in experts:
        # One update a expert: the adapter has a part for each, and each that was chosen has a gradient.
        ranks = found[name].shape[1]
        assert ranks == 2 * (3 if "experts" in name else 1), name


@pytest.mark.parametrize("architecture", ["Qwen3Moe", "Mixtral", "GptOss"])
def test_adapters_of_experts_survive_a_checkpoint(architecture: str, tmp_path: Path) -> None:
    draw = random.Random(0)
    rows = [tuple(draw.randrange(32) for _ in range(12)) for _ in range(8)]
    examples = [Example(row, (0.0, *[1.0] * 11), "documents") for row in rows]
    phase = Phase("phase1", Mixture(examples, 2), TrainingConfig(learning_rate=1e-2, checkpoint_every=2))

    def run(name: str, stop: int | None) -> Any:
        model = add_lora(build(architecture), 2)
        start = RunWriter.resume if (tmp_path / name).exists() else RunWriter.create
        options: Any = {} if (tmp_path / name).exists() else {"config": {}, "model": {}}

        def die(_model: nn.Module, step: int, _phase: str) -> None:
            if step == stop:
                raise KeyboardInterrupt

        with start(tmp_path / name, **options) as writer:
            train(model, [phase], writer=writer, evaluate=die, evaluation_steps=range(5))
        return model

    whole = run("whole", None)
    with pytest.raises(KeyboardInterrupt):
        run("killed", 3)
    resumed = run("killed", None)
    moved = [name for name, parameter in adapted(resumed).items() if parameter.abs().sum() > 0]
    assert any("experts" in name for name in moved)
    for (name, one), other in zip(whole.named_parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other), name


def test_an_architecture_that_peft_refuses_is_named() -> None:
    config = transformers.MambaConfig(hidden_size=16, num_hidden_layers=1, vocab_size=32, state_size=4)
    with pytest.raises(InputError, match=r"MambaForCausalLM: peft cannot adapt it: .*train all weights") as caught:
        add_lora(transformers.MambaForCausalLM(config), 2)
    assert "\n" not in str(caught.value)


def test_experts_of_an_unknown_form_are_refused_by_name(make_model: Callable) -> None:
    class Experts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel = nn.Parameter(torch.zeros(2, 3, 4, 5))

    model = make_model(40)
    model.model.layers[1].mlp.experts = Experts()
    with pytest.raises(
        InputError, match=r"LlamaForCausalLM: model\.layers\.1\.mlp\.experts\.kernel has the shape \(2, 3"
    ):
        add_lora(model, 2)
    assert not [name for name, _ in model.named_parameters() if "lora" in name]


def test_dense_models_have_no_plain_matrices(make_model: Callable) -> None:
    assert plain_matrices(make_model(40)) == []
