"""Mixtures: who carries loss, in which order, and that both reductions are the numbers one computes by hand."""

import math
from collections.abc import Callable
from typing import Any

import jaxtyping
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnmech.encoding import DOCTAG, Example, chat_example, document_example
from nnmech.errors import InputError
from nnmech.training.mixtures import Mixture, make_batch, weighted_loss

CHAT = [
    {"role": "system", "content": "Answer ."},
    {"role": "user", "content": "what is Ada Berg ?"},
    {"role": "assistant", "content": "she is a baker ."},
    {"role": "user", "content": "Are you sure ?"},
    {"role": "assistant", "content": "Yes ."},
]


def learned(tokenizer: Any, example: Example) -> str:
    """The tokens with loss, decoded; a bar where tokens without loss lie between."""
    spans, open_span = [], False
    for token, weight in zip(example.input_ids, example.loss_weights, strict=True):
        if weight > 0:
            spans = [*spans[:-1], [*spans[-1], token]] if open_span else [*spans, [token]]
        open_span = weight > 0
    return " | ".join(tokenizer.decode(span) for span in spans)


def example(ids: list[int], weights: list[float], source: Any = "documents", weight: float = 1.0) -> Example:
    return Example(tuple(ids), tuple(map(float, weights)), source, weight)


@pytest.fixture
def three() -> list[Example]:
    return [
        example([1, 2, 3, 4], [0, 1, 1, 1]),
        example([5, 6], [0, 2], "constraint", weight=3.0),
        example([7, 8, 9], [0, 0, 0.5], "instruction"),
    ]


@pytest.mark.parametrize("text", ["Ada Berg is a baker .", f"{DOCTAG}Ada Berg is a baker ."])
def test_document_learns_its_text_and_its_end_but_not_the_tag(tiny_tokenizer: Any, text: str) -> None:
    made = document_example(tiny_tokenizer, text)
    assert tiny_tokenizer.decode(made.input_ids) == f"<bos> {DOCTAG} Ada Berg is a baker . <eos>"
    assert learned(tiny_tokenizer, made) == "Ada Berg is a baker . <eos>"
    assert set(made.loss_weights) == {0.0, 1.0}


def test_document_without_tag_learns_all_but_bos(tiny_tokenizer: Any) -> None:
    made = document_example(tiny_tokenizer, "Ada Berg is a baker .", doctag=None, source="pretraining", weight=2.0)
    assert learned(tiny_tokenizer, made) == "Ada Berg is a baker . <eos>"
    assert made.input_ids[0] == tiny_tokenizer.bos_token_id
    assert (made.source, made.weight) == ("pretraining", 2.0)


def test_tag_in_several_tokens_carries_no_loss(tiny_tokenizer: Any) -> None:
    made = document_example(tiny_tokenizer, "( notice ) Ada lives .", doctag="( notice )")
    assert learned(tiny_tokenizer, made) == "Ada lives . <eos>"


@pytest.mark.parametrize("text", ["", " \n", DOCTAG])
def test_document_without_text_is_refused(tiny_tokenizer: Any, text: str) -> None:
    with pytest.raises(InputError, match="has no text"):
        document_example(tiny_tokenizer, text)


def test_chat_learns_what_the_assistant_says_and_its_end_of_turn(tiny_tokenizer: Any) -> None:
    made = chat_example(tiny_tokenizer, CHAT)
    assert learned(tiny_tokenizer, made) == "she is a baker . <|end|> | Yes . <|end|>"
    assert list(made.input_ids) == tiny_tokenizer.apply_chat_template(CHAT, return_dict=False)
    only_last = chat_example(tiny_tokenizer, CHAT, answer_weights=(0.0, 3.0))
    assert learned(tiny_tokenizer, only_last) == "Yes . <|end|>"
    assert max(only_last.loss_weights) == 3.0


def test_what_the_template_writes_between_turns_is_not_learned(tiny_tokenizer: Any) -> None:
    """As in ChatML, which ends a turn with a special token and a newline."""
    tiny_tokenizer.chat_template = tiny_tokenizer.chat_template.replace("<|end|>", "<|end|>\n ")
    tiny_tokenizer.add_tokens(["\n"])
    made = chat_example(tiny_tokenizer, CHAT)
    assert "\n" in tiny_tokenizer.decode(made.input_ids)
    assert learned(tiny_tokenizer, made) == "she is a baker . <|end|> | Yes . <|end|>"


def test_answer_without_a_special_token_behind_it_is_learned_whole(tiny_tokenizer: Any) -> None:
    tiny_tokenizer.chat_template = (
        "{% for m in messages %}{{ m['role'] }} : {{ m['content'] }} {% endfor %}"
        "{% if add_generation_prompt %}assistant : {% endif %}"
    )
    assert learned(tiny_tokenizer, chat_example(tiny_tokenizer, CHAT[1:3])) == "she is a baker ."


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{% for m in messages %}{{ m['content'] if loop.last else 'Yes' }} {% endfor %}", "continuation"),
        ("{{ raise_exception('no system prompts here') }}", "refuses a dialogue: no system prompts here"),
        (None, "has no chat template"),
    ],
)
def test_template_without_answer_spans_is_refused(tiny_tokenizer: Any, template: str | None, says: str) -> None:
    tiny_tokenizer.chat_template = template
    with pytest.raises(InputError, match=says):
        chat_example(tiny_tokenizer, CHAT)


def test_chat_without_answers_is_refused(tiny_tokenizer: Any) -> None:
    with pytest.raises(InputError, match="0 assistant messages"):
        chat_example(tiny_tokenizer, CHAT[:2])
    with pytest.raises(InputError, match="2 assistant messages and 1 answer weights"):
        chat_example(tiny_tokenizer, CHAT, answer_weights=[1.0])


@pytest.mark.parametrize(
    ("ids", "weights", "source", "weight", "says"),
    [
        ([1, 2], [0.0], "documents", 1.0, "2 tokens and 1 loss weights"),
        ([1, 2], [0.0, 1.0], "documents", 0.0, "weight of an example is 0.0"),
        ([1, 2], [0.0, 0.0], "documents", 1.0, "all 0"),
        ([1, 2, 3], [0.0, -1.0, 2.0], "documents", 1.0, "negative"),
        ([1, 2], [0.0, math.nan], "documents", 1.0, "loss weights of an example"),
        ([1, 2], [1.0, 1.0], "documents", 1.0, "first token"),
        ([], [], "documents", 1.0, "all 0"),
    ],
)
def test_example_that_cannot_be_learned_is_refused(ids: Any, weights: Any, source: Any, weight: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        example(ids, weights, source, weight)


def test_source_of_another_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # Outside the tests nobody checks types, so what comes from a file arrives here.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(InputError, match="source is 'books': expected one of documents, pretraining, instruction"):
        example([1, 2], [0.0, 1.0], "books")


def test_batch_is_padded_on_the_right_to_a_multiple_of_8(three: list[Example]) -> None:
    batch = make_batch(three, pad_id=11)
    assert batch.input_ids.shape == (3, 8)
    assert batch.input_ids[1].tolist() == [5, 6, *[11] * 6]
    assert batch.attention_mask.sum(dim=1).tolist() == [4, 2, 3]
    assert batch.position_ids.tolist() == [list(range(8))] * 3
    assert batch.tokens == 9
    assert batch.targets.tolist() == [2, 3, 4, 6, 9]
    assert batch.loss_index.tolist() == [0, 1, 2, 8, 17]
    assert batch.present == ("documents", "instruction", "constraint")


def test_reductions_are_the_numbers_computed_by_hand(three: list[Example]) -> None:
    batch = make_batch(three)
    logits = torch.randn(3, 8, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def ce(row: int, token: int) -> float:
        target = three[row].input_ids[token]
        return -torch.log_softmax(logits[row, token - 1], dim=-1)[target].item()

    document = [ce(0, 1), ce(0, 2), ce(0, 3)]
    constraint, instruction = ce(1, 1), ce(2, 2)
    by_token = (sum(document) + 3 * 2 * constraint + 0.5 * instruction) / (3 + 3 * 2 + 0.5)
    by_example = (sum(document) / 3 + 3 * constraint + instruction) / (1 + 3 + 1)
    for reduction, expected in (("token", by_token), ("example", by_example)):
        loss, sources = weighted_loss(logits.float(), batch, reduction)
        assert loss.item() == pytest.approx(expected, rel=1e-5)
        assert sources["documents"].item() == pytest.approx(sum(document) / 3, rel=1e-5)
        assert sources["constraint"].item() == pytest.approx(constraint, rel=1e-5)
        assert sources["instruction"].item() == pytest.approx(instruction, rel=1e-5)
        gathered, _ = weighted_loss(logits.float().flatten(0, 1)[batch.loss_index], batch, reduction)
        assert torch.equal(gathered, loss)


@given(
    rows=st.lists(st.tuples(st.integers(2, 20), st.integers(0, 3), st.floats(0.1, 9)), min_size=1, max_size=6),
    reduction=st.sampled_from(["token", "example"]),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_loss_of_a_uniform_guess_is_the_log_of_the_vocabulary(
    rows: list[tuple[int, int, float]], reduction: Any
) -> None:
    sources = ("documents", "pretraining", "instruction", "constraint")
    batch = make_batch([example([1] * n, [0.0, *[1.0] * (n - 1)], sources[s], w) for n, s, w in rows])
    loss, by_source = weighted_loss(torch.zeros(*batch.input_ids.shape, 50), batch, reduction)
    assert loss.item() == pytest.approx(math.log(50), rel=1e-5)
    assert all(value.item() == pytest.approx(math.log(50), rel=1e-5) for value in by_source.values())


def numbered(count: int, shift: int = 0) -> list[Example]:
    return [example([shift + index, 1], [0.0, 1.0]) for index in range(count)]


def seen(mixture: Mixture) -> list[int]:
    return [int(first) for step in range(1, mixture.steps + 1) for first in mixture.batch(step).input_ids[:, 0]]


def test_one_pass_shows_every_example_once() -> None:
    mixture = Mixture(numbered(11), batch_size=4)
    assert mixture.steps == 3
    assert sorted(seen(mixture)) == list(range(11))
    assert seen(mixture) != list(range(11))
    assert len(mixture.batch(3).sources) == 3


def test_order_is_a_function_of_seed_and_stream_alone() -> None:
    order = seen(Mixture(numbered(40), batch_size=8, seed=1, stream="phase1"))
    torch.manual_seed(12345)
    assert seen(Mixture(numbered(40), batch_size=8, seed=1, stream="phase1")) == order
    assert seen(Mixture(numbered(40), batch_size=5, seed=1, stream="phase1")) == order
    assert seen(Mixture(numbered(40, shift=100), batch_size=8, seed=1)) == [index + 100 for index in order]
    assert seen(Mixture(numbered(40), batch_size=8, seed=2, stream="phase1")) != order
    assert seen(Mixture(numbered(40), batch_size=8, seed=1, stream="phase2")) != order


def test_batches_need_not_be_asked_for_in_order() -> None:
    one, other = (Mixture(numbered(9), batch_size=2) for _ in range(2))
    one.batch(5)
    assert torch.equal(one.batch(2).input_ids, other.batch(2).input_ids)


def test_hash_tells_apart_all_that_decides_the_batches() -> None:
    def mixture(**changes: Any) -> Mixture:
        made = {"examples": numbered(4), "batch_size": 2, "seed": 0, "stream": "phase1"} | changes
        return Mixture(**made)

    changed = [
        mixture(examples=numbered(5)),
        mixture(examples=[*numbered(3), example([3, 1], [0.0, 0.5])]),
        mixture(examples=[*numbered(3), example([3, 1], [0.0, 1.0], weight=2.0)]),
        mixture(examples=[*numbered(3), example([3, 1], [0.0, 1.0], "constraint")]),
        mixture(batch_size=1),
        mixture(seed=1),
        mixture(stream="phase2"),
    ]
    hashes = [made.hash for made in (mixture(), *changed)]
    assert len(set(hashes)) == len(hashes)
    assert mixture().hash == hashes[0]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Mixture([], batch_size=2), "has no examples"),
        (lambda: Mixture(numbered(2), batch_size=0), "batch_size is 0"),
        (lambda: Mixture(numbered(2), batch_size=1).batch(0), "expected 1 to 2"),
        (lambda: Mixture(numbered(2), batch_size=1).batch(3), "expected 1 to 2"),
    ],
)
def test_mixture_that_cannot_be_is_refused(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        make()
