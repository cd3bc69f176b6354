"""Pretraining of the embedded model: Muon for the matrices, AdamW for embeddings and norms, bf16 products."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase

from nnmech.world.people import World
from nnmech.world.stream import SOURCES, Encoder, PackedBatch, StreamConfig, packed_batch
from nnmech.world.tokenizer import BOS, END, PAD


@dataclass(frozen=True)
class PretrainingConfig:
    """How the embedded model is pretrained."""

    steps: int = 2500
    seed: int = 0
    d_model: int = 128
    layers: int = 6
    heads: int = 4
    d_mlp: int = 352
    matrix_learning_rate: float = 4e-3
    """Muon's learning rate, in AdamW's units (`match_rms_adamw`)."""
    vector_learning_rate: float = 2e-3
    """AdamW's learning rate for embeddings and norms."""
    weight_decay: float = 0.01
    warmup_steps: int = 100
    max_grad_norm: float = 1.0
    compile: bool = True
    """Compile the forward pass: about twice as fast, some 30 s to start."""
    stream: StreamConfig = field(default_factory=StreamConfig)


def make_model(config: PretrainingConfig, tokenizer: PreTrainedTokenizerBase) -> LlamaForCausalLM:
    """A Llama with random weights, a function of the seed."""
    vocabulary = tokenizer.get_vocab()
    torch.manual_seed(config.seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=config.d_model,
            intermediate_size=config.d_mlp,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            num_key_value_heads=config.heads,
            max_position_embeddings=512,
            tie_word_embeddings=True,
            bos_token_id=vocabulary[BOS],
            eos_token_id=vocabulary[END],
            pad_token_id=vocabulary[PAD],
        )
    )
    # On the CPU the fused kernel is slower than plain matrix products at this length.
    model.set_attn_implementation("eager")
    return model


def make_optimizers(config: PretrainingConfig, model: torch.nn.Module) -> list[torch.optim.Optimizer]:
    """Muon on the matrices of the blocks, AdamW on the embedding and the norms."""
    named = list(model.named_parameters())
    matrices = [p for name, p in named if p.ndim == 2 and "embed" not in name and "lm_head" not in name]
    chosen = {id(p) for p in matrices}
    vectors = [p for _, p in named if id(p) not in chosen]
    return [
        torch.optim.Muon(
            matrices,
            lr=config.matrix_learning_rate,
            weight_decay=config.weight_decay,
            adjust_lr_fn="match_rms_adamw",
        ),
        torch.optim.AdamW(vectors, lr=config.vector_learning_rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def learning_rate_share(config: PretrainingConfig, step: int) -> float:
    """Share of the learning rate at a step (from 1): up to 1 in a straight line, then down to 0 in another."""
    rising, falling = config.warmup_steps, config.steps - config.warmup_steps
    return min(step / rising, (config.steps + 1 - step) / (falling + 1))


def token_losses(model: LlamaForCausalLM, batch: PackedBatch) -> Float[Tensor, "row predicted"]:
    """Cross-entropy (nats) of predicting each token but the first from the tokens of its item before it.

    What a name stands for is written by documents alone: chats that could write into its embedding would learn
    verdicts by heart there, name by name, and read nothing that documents say.
    """
    embedded = model.get_input_embeddings()(batch.input_ids)
    embedded = torch.where(batch.fixed[..., None], embedded.detach(), embedded)
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(
            inputs_embeds=embedded, position_ids=batch.position_ids, attention_mask=batch.attention_mask()
        ).logits
    targets = batch.input_ids[:, 1:]
    return torch.nn.functional.cross_entropy(
        logits[:, :-1].float().flatten(0, 1), targets.flatten(), reduction="none"
    ).view_as(targets)


def pretrain(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerBase,
    world: World,
    config: PretrainingConfig,
    *,
    optimizers: list[torch.optim.Optimizer],
    start: int = 0,
    on_step: Callable[[int, dict[str, float]], None] = lambda step, metrics: None,
) -> None:
    """Train in place from step `start`; `on_step(step, metrics)` is called after every update."""
    encoder = Encoder(tokenizer, config.stream)
    losses_of = torch.compile(token_losses) if config.compile else token_losses
    base_rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    for step in range(start + 1, config.steps + 1):
        began = time.perf_counter()
        share = learning_rate_share(config, step)
        for optimizer, rates in zip(optimizers, base_rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * share
        batch = packed_batch(encoder, world, config.stream, config.seed, step)
        model.train()
        losses = losses_of(model, batch)
        weights = batch.loss_weights[:, 1:]
        loss = (losses * weights).sum() / weights.sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        detached, chat = losses.detach(), batch.is_chat[:, 1:]
        metrics = {"loss": float(loss.detach()), "lr_share": share}
        for source, mask in zip(SOURCES, (~chat, chat), strict=True):
            source_weights = weights * mask
            metrics[f"loss_{source}"] = float((detached * source_weights).sum() / source_weights.sum())
        metrics["tokens"] = float((batch.items >= 0).sum())
        metrics["seconds"] = time.perf_counter() - began
        on_step(step, metrics)
