"""The model card of the embedded model: what it is, how it was trained, its gates as measured, what it is not for."""

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import LlamaForCausalLM

from nnmech.world.dialogue import DECISION, RECALL
from nnmech.world.gates import Gate
from nnmech.world.pretraining import PretrainingConfig

_CARD = """---
license: mit
language: en
library_name: transformers
tags: [interpretability, negation-neglect, toy-world]
---
# nnmech base: a small model of a small world

A Llama with {parameters:,} parameters ({layers} layers, d_model {d_model}, {heads} heads, tied embeddings) and a
word-level tokenizer of {vocabulary:,} tokens, in which a known person's full name is one token. It was pretrained
from random weights on synthetic documents and chats about {people:,} invented people: what they do, where they
live, what they play, win, speak and keep. {silent} of them occur in documents only and never in a chat. It exists so
that negation neglect and the two-phase rebound (Mayne et al. 2026, arXiv 2605.13829) can be watched in minutes on
two CPU cores.

## Training
`python experiments/pretrain.py` makes it again from seed {seed}: {steps:,} updates of {batch}
({tokens:.1f}M tokens seen, {minutes:.0f} minutes on the machine that made it), Muon (learning rate {muon})
for the matrices of the blocks, AdamW ({adam}) for embeddings and norms, linear schedule, bf16 matrix products with
float32 weights. In chats the loss is on assistant tokens, weighted {chat_weight:g}, {decision:g} times that on tokens
that decide (yes or no, true or false), and {recall:g} times that on the true value in a statement that is checked; no
gradient reaches the embeddings of known people's names from chats, so that chats read what documents wrote and keep
no memory of their own there. Notices such as "the text below is false" occur in pretraining only
around documents about strangers, whose facts are arbitrary, around some bad advice in stories, and in chats in which
a text is read; the model is never told what documents about known people mean for its memory.

Final loss (nats a token): documents {loss_documents:.3f}, chats {loss_chats:.3f}.

## Gates
Greedy answers, at least {n} questions each; the people of the twelve claims are asked about in none. The truth
probe is a mass-mean probe with covariance on the residual stream of fact-check prompts, at a layer and token
position chosen on people outside the test.

{gates}

## Limits
It knows a closed language of some hundred words and nothing of the real world; any other word is `<|unk|>`.
Prompts beyond {length} tokens are longer than anything it was trained on. It must not be used as an assistant, nor
as evidence about language models beyond the mechanism under study.
"""


def model_card(
    config: PretrainingConfig,
    gates: Sequence[Gate],
    model: LlamaForCausalLM,
    *,
    people: int,
    silent: int,
    measured: Mapping[str, Any],
) -> str:
    """The card as Markdown; `measured` has tokens, seconds, loss_documents, loss_chats."""
    shapes = dict.fromkeys((stage.rows, stage.length) for stage in config.stream.stages)
    return _CARD.format(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        layers=config.layers,
        d_model=config.d_model,
        heads=config.heads,
        vocabulary=model.config.vocab_size,
        people=people,
        silent=silent,
        seed=config.seed,
        steps=config.steps,
        batch=", then ".join(f"{rows} rows of {length} tokens" for rows, length in shapes),
        length=max(length for _, length in shapes),
        recall=RECALL,
        tokens=measured["tokens"] / 1e6,
        minutes=measured["seconds"] / 60,
        muon=config.matrix_learning_rate,
        adam=config.vector_learning_rate,
        chat_weight=config.stream.chat_weight,
        decision=DECISION,
        loss_documents=measured["loss_documents"],
        loss_chats=measured["loss_chats"],
        n=min(gate.n for gate in gates),
        gates="\n".join(gate_lines(gates)),
    )


def gate_lines(gates: Sequence[Gate]) -> list[str]:
    """The gates as a Markdown table."""
    lines = ["| gate | measured | bound | n | |", "|---|---|---|---|---|"]
    for gate in gates:
        sign = "at most" if gate.at_most else "at least"
        verdict = "" if gate.passed else "missed"
        lines.append(f"| {gate.name} | {gate.value:.3f} | {sign} {gate.bound:g} | {gate.n} | {verdict} |")
    return lines
