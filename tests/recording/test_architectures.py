"""The residual stream of every architecture is what its own hidden states say, or it is refused by name."""

from typing import Any

import pytest
import torch
import transformers
from torch import nn

from nnmech.claims import Document, Sentence
from nnmech.errors import InputError
from nnmech.recording.documents import FrozenDocuments, freeze_documents
from nnmech.recording.snapshots import capture_tokens

SIZES: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "vocab_size": 140,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
GROUPED = SIZES | {"num_key_value_heads": 1, "head_dim": 8}
OLD = {"n_embd": 16, "n_layer": 2, "n_head": 2, "vocab_size": 140, "bos_token_id": 1, "eos_token_id": 2}
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "Llama": SIZES,
    "Qwen2": SIZES | {"num_key_value_heads": 1},
    "Qwen3": GROUPED,
    "Qwen3Moe": GROUPED | {"num_experts": 3, "num_experts_per_tok": 2, "moe_intermediate_size": 12},
    "Mixtral": SIZES | {"num_key_value_heads": 1, "num_local_experts": 2},
    "GptOss": GROUPED | {"num_local_experts": 3, "num_experts_per_tok": 2},
    "Mistral": SIZES | {"num_key_value_heads": 1},
    "Gemma2": GROUPED,
    "Gemma3Text": GROUPED,
    "GPT2": OLD,
    "GPTNeoX": SIZES,
    "Phi": SIZES,
    "Olmo": SIZES,
    # Its blocks return lists.
    "OpenAIGPT": OLD,
}


def build(architecture: str, **options: Any) -> Any:
    config = getattr(transformers, f"{architecture}Config")(**options)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.AutoModelForCausalLM.from_config(config).eval()
        for parameter in model.parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=0.1)
    return model


@pytest.fixture
def document(tiny_tokenizer: Any) -> FrozenDocuments:
    sentences = (Sentence("Ada Berg is a pilot.", "claim"),)
    return freeze_documents(tiny_tokenizer, {"positive_documents": [Document("d", sentences)]})


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_stream_behind_each_block_is_that_of_the_model(architecture: str, document: FrozenDocuments) -> None:
    model = build(architecture, **ARCHITECTURES[architecture])
    (batch,) = document.batches
    found = capture_tokens(model, document)
    with torch.no_grad():
        hidden = model(batch.input_ids, output_hidden_states=True).hidden_states
    # The last hidden states of most architectures are those behind the final norm.
    torch.testing.assert_close(found[0], hidden[1][0, batch.token_index[0]], rtol=1e-4, atol=1e-5)
    assert found.shape == (2, 6, 16)
    assert found[1].isfinite().all()


def test_a_stream_of_several_copies_is_refused_by_name(document: FrozenDocuments) -> None:
    model = build(
        "Gemma3nText",
        **GROUPED
        | {
            "vocab_size_per_layer_input": 140,
            "hidden_size_per_layer_input": 4,
            "laurel_rank": 4,
            "num_kv_shared_layers": 0,
            "intermediate_size": [24, 24],
            "activation_sparsity_pattern": [0.0, 0.0],
            "layer_types": ["sliding_attention", "full_attention"],
        },
    )
    says = r"Gemma3nTextDecoderLayer: returns a Tensor of shape \(4, 1, 8, 16\); expected the residual .*\(1, 8, 16\)"
    with pytest.raises(InputError, match=says) as caught:
        capture_tokens(model, document)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("output", "says"),
    [
        (lambda hidden: {"hidden": hidden}, "returns a dict"),
        (lambda hidden: [], "returns a list"),
        (lambda hidden: (hidden[0],), r"returns a tuple of a Tensor of shape \(8, 16\)"),
        (lambda hidden: hidden[..., :8], r"returns a Tensor of shape \(1, 8, 8\)"),
    ],
)
def test_blocks_that_return_something_else_are_refused_by_name(
    document: FrozenDocuments, output: Any, says: str
) -> None:
    model = build("Llama", **SIZES)
    model.model.layers[1].register_forward_hook(lambda _module, _inputs, hidden: output(hidden))
    with pytest.raises(InputError, match=f"LlamaDecoderLayer: {says}.*; this architecture cannot be recorded"):
        capture_tokens(model, document)
    assert not [module for module in model.model.layers[:1] if module._forward_hooks]
