"""Readings of values: what is held is read as held, what is not is not, and reading changes nothing."""

from copy import deepcopy

import numpy as np
import pytest
import torch

from nnmech.belief.held_values import HeldValueProbe
from nnmech.belief.prompt_reader import PromptReader
from nnmech.belief.readings import layer_log_probs, value_log_probs, verdict_shares
from nnmech.chats import render_chat
from nnmech.claims.prompts import CONTROL_FALSE, CONTROL_TRUE, ReadingPrompts, ValuePrompt, said
from nnmech.claims.sources import ReadableValues, StatementCounts
from nnmech.errors import InputError
from nnmech.models import LoadedModel, load_model
from nnmech.world.source import WorldSource

COUNTS = StatementCounts(train=4, control=8)
QUESTION = ({"role": "user", "content": "What is it?"},)
FIELDS = {"place": "answer", "role": "claim", "entity": "x", "topic": "t"}


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    return load_model()


@pytest.fixture(scope="module")
def prompts() -> ReadingPrompts:
    source = WorldSource()
    assert isinstance(source, ReadableValues)
    return source.reading_prompts(next(iter(source.claims)), COUNTS)


def mean_of(rows: list[dict[str, object]], reading: str, role: str) -> float:
    return float(np.mean([row["p"] for row in rows if row["reading"] == reading and row["role"] == role]))  # pyright: ignore


def test_the_probability_of_a_value_is_that_of_all_its_tokens(loaded: LoadedModel) -> None:
    values = ("baker", "works as a baker", "keeps a goat")
    prompts = [said(value, QUESTION, f"She {value}.", value, **FIELDS) for value in values]
    found = value_log_probs(loaded.model, loaded.tokenizer, prompts)
    for prompt, score in zip(prompts, found, strict=True):
        ids = loaded.tokenizer(render_chat(loaded.tokenizer, prompt.messages), add_special_tokens=False)["input_ids"]
        own = loaded.tokenizer(f"{prompt.value}", add_special_tokens=False)["input_ids"]
        start = next(at for at in reversed(range(len(ids))) if ids[at : at + len(own)] == own)
        with torch.no_grad():
            logits = loaded.model(input_ids=torch.tensor([ids])).logits[0].double().log_softmax(-1)
        wanted = sum(float(logits[start + k - 1, token]) for k, token in enumerate(own))
        assert score == pytest.approx(wanted, abs=1e-4)


def test_the_lens_of_the_last_layer_is_the_output(loaded: LoadedModel, prompts: ReadingPrompts) -> None:
    chosen = prompts.values[:12]
    by_layer = layer_log_probs(loaded.model, loaded.tokenizer, chosen)
    assert by_layer.shape == (6, 12)
    np.testing.assert_allclose(by_layer[-1], value_log_probs(loaded.model, loaded.tokenizer, chosen), atol=1e-4)


def test_what_is_held_is_recalled_and_a_permuted_unembedding_loses_it(
    loaded: LoadedModel, prompts: ReadingPrompts
) -> None:
    reader = PromptReader(loaded.model, loaded.tokenizer, prompts)
    rows = reader.rows(loaded.model)
    assert mean_of(rows, "recall", CONTROL_TRUE) > 0.9
    assert mean_of(rows, "recall", CONTROL_FALSE) < 0.05
    broken = deepcopy(loaded.model)
    weight = broken.get_output_embeddings().weight.detach()
    order = torch.randperm(len(weight), generator=torch.Generator().manual_seed(0))
    broken.get_output_embeddings().weight = torch.nn.Parameter(weight[order])
    assert mean_of(reader.rows(broken), "recall", CONTROL_TRUE) < 0.05


def test_reading_changes_neither_mode_nor_random_state_and_says_the_same_again(
    loaded: LoadedModel, prompts: ReadingPrompts
) -> None:
    reader = PromptReader(loaded.model, loaded.tokenizer, prompts)
    loaded.model.train()
    state = torch.get_rng_state()
    try:
        first, again = reader.rows(loaded.model), reader.rows(loaded.model)
        assert loaded.model.training
    finally:
        loaded.model.eval()
    assert first == again
    assert torch.equal(state, torch.get_rng_state())


def test_verdict_shares_of_both_words_add_up(loaded: LoadedModel) -> None:
    one = verdict_shares(loaded.model, loaded.tokenizer, [QUESTION], words=("True", "False"))
    other = verdict_shares(loaded.model, loaded.tokenizer, [QUESTION], words=("False", "True"))
    assert one + other == pytest.approx(1)


def test_a_planted_value_is_found_by_the_probe_and_a_shuffled_one_is_not() -> None:
    rng = np.random.default_rng(0)
    values = [f"v{number % 4}" for number in range(80)]
    prompts = [said(f"{i}", QUESTION, f"It is {value}.", value, **FIELDS) for i, value in enumerate(values)]
    axes = torch.from_numpy(np.stack([np.eye(8)[int(value[1])] for value in values]))
    residual = (axes * 5 + torch.from_numpy(rng.normal(0, 0.3, (80, 8))))[None].float()
    probe = HeldValueProbe.fit(residual[:, :40], prompts[:40])
    others = [said("o", QUESTION, "It is v3.", "v3", **FIELDS)] * 40
    held = probe.probabilities(residual[:, 40:], prompts[40:])[0]
    other = probe.probabilities(residual[:, 40:], others)[0][[value != "v3" for value in values[40:]]]
    assert held.min() > 0.95
    assert other.max() < 0.05
    shuffled = rng.permutation(40)
    lost = HeldValueProbe.fit(residual[:, shuffled], prompts[:40]).probabilities(residual[:, 40:], prompts[40:])[0]
    assert lost.mean() < 0.5


def test_a_span_outside_of_the_message_is_refused() -> None:
    with pytest.raises(InputError, match="span"):
        ValuePrompt("x", QUESTION, (3, 99), value="it", **FIELDS)
