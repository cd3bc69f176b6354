import copy

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import GenerationConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from nnmech.belief.answers import Answer, ask, stop_ids
from nnmech.belief.rates import belief_change, belief_rate, judge_answers
from nnmech.claims import Question
from nnmech.errors import InputError


def question(number: int, text: str = "Is Ada a baker ?", claim: str = "ada") -> Question:
    return Question(f"q{number}", claim, "open_ended", ({"role": "user", "content": text},), "positive")


@pytest.fixture
def questions() -> list[Question]:
    texts = ["Is Ada a baker ?", "Who is Berg ?", "Is it true that Cyril Dahl never won the race in Oslo ?"]
    return [question(number, text) for number, text in enumerate(texts)]


def texts(answers: list[Answer]) -> list[tuple[str, int, str]]:
    return [(answer.question.id, answer.sample, answer.text) for answer in answers]


def table(verdicts: dict[str, list[str | None]], **extra: object) -> pd.DataFrame:
    rows = [
        {"claim": "ada", "question": name, "sample": sample, "verdict": verdict, **extra}
        for name, said in verdicts.items()
        for sample, verdict in enumerate(said)
    ]
    return pd.DataFrame(rows)


def test_answers_are_a_function_of_seed_and_step(tiny_model, tiny_tokenizer, questions) -> None:
    first = texts(ask(tiny_model, tiny_tokenizer, questions, seed=0, step=10, max_new_tokens=6))
    torch.manual_seed(123)
    assert texts(ask(tiny_model, tiny_tokenizer, questions, seed=0, step=10, max_new_tokens=6)) == first
    assert texts(ask(tiny_model, tiny_tokenizer, questions, seed=0, step=11, max_new_tokens=6)) != first
    assert texts(ask(tiny_model, tiny_tokenizer, questions, seed=1, step=10, max_new_tokens=6)) != first
    assert [row[:2] for row in first] == [(f"q{number}", sample) for number in range(3) for sample in range(5)]


def test_asking_leaves_random_state_modes_and_weights_as_they_were(tiny_model, tiny_tokenizer, questions) -> None:
    tiny_model.train()
    tiny_model.model.layers[0].eval()
    modes = [module.training for module in tiny_model.modules()]
    weights = copy.deepcopy(tiny_model.state_dict())
    own = tiny_model.generation_config.to_dict()
    side = tiny_tokenizer.padding_side
    state = torch.get_rng_state()
    ask(tiny_model, tiny_tokenizer, questions, seed=0, step=0, max_new_tokens=4)
    assert torch.equal(torch.get_rng_state(), state)
    assert [module.training for module in tiny_model.modules()] == modes
    assert all(torch.equal(value, weights[name]) for name, value in tiny_model.state_dict().items())
    assert tiny_model.generation_config.to_dict() == own
    assert tiny_tokenizer.padding_side == side


def test_padding_does_not_change_a_greedy_answer(tiny_model, tiny_tokenizer, questions) -> None:
    together = texts(ask(tiny_model, tiny_tokenizer, questions, temperature=0.0, seed=0, step=0))
    alone = [
        row for q in questions for row in texts(ask(tiny_model, tiny_tokenizer, [q], temperature=0.0, seed=0, step=0))
    ]
    single = texts(ask(tiny_model, tiny_tokenizer, questions, temperature=0.0, batch_size=1, seed=5, step=9))
    assert together == alone == single
    assert len(together) == len(questions)


def test_greedy_answers_are_the_argmax_of_the_model(
    tiny_model: LlamaForCausalLM, tiny_tokenizer: PreTrainedTokenizerFast
) -> None:
    asked = question(0)
    answer = ask(tiny_model, tiny_tokenizer, [asked], temperature=0.0, max_new_tokens=3, seed=0, step=0)[0]
    ids = list(tiny_tokenizer.apply_chat_template(list(asked.messages), add_generation_prompt=True, return_dict=False))
    start = len(ids)
    for _ in range(3):
        ids.append(int(tiny_model(torch.tensor([ids])).logits[0, -1].argmax()))
    expected = list(ids[start:])
    stops = stop_ids(tiny_model, tiny_tokenizer)
    expected = expected[: next((place for place, index in enumerate(expected) if index in stops), 3)]
    assert answer.text == tiny_tokenizer.decode(expected, skip_special_tokens=True).strip()


def test_the_models_own_sampling_settings_have_no_say(tiny_model, tiny_tokenizer, questions) -> None:
    plain = texts(ask(tiny_model, tiny_tokenizer, questions, seed=0, step=0))
    tiny_model.generation_config = GenerationConfig(do_sample=True, top_k=1, repetition_penalty=1.5, eos_token_id=3)
    assert texts(ask(tiny_model, tiny_tokenizer, questions, seed=0, step=0)) == plain


def test_the_end_of_turn_of_the_template_ends_an_answer(tiny_model, tiny_tokenizer) -> None:
    ids = tiny_tokenizer.convert_ids_to_tokens(list(stop_ids(tiny_model, tiny_tokenizer)))
    assert set(ids) == {"<eos>", "<|end|>"}


def test_a_tokenizer_without_chat_template_is_refused(tiny_model, tiny_tokenizer, questions) -> None:
    tiny_tokenizer.chat_template = None
    with pytest.raises(InputError, match="chat template"):
        ask(tiny_model, tiny_tokenizer, questions, seed=0, step=0)


def test_a_prompt_beyond_the_window_is_refused(tiny_model, tiny_tokenizer) -> None:
    with pytest.raises(InputError, match=r"q7 has .* the model reads 256"):
        ask(tiny_model, tiny_tokenizer, [question(7, "Ada " * 250)], seed=0, step=0)


def test_no_questions_no_answers(tiny_model, tiny_tokenizer) -> None:
    assert ask(tiny_model, tiny_tokenizer, [], seed=0, step=0) == []


def test_verdicts_become_lines_of_the_answers_file() -> None:
    rows = judge_answers([Answer(question(0), 2, "Yes")], lambda _, text: "yes", step=3, phase="phase1")
    assert rows == [
        {
            "step": 3,
            "phase": "phase1",
            "claim": "ada",
            "question": "q0",
            "kind": "open_ended",
            "category": "positive",
            "sample": 2,
            "text": "Yes",
            "verdict": "yes",
        }
    ]


def test_a_judge_that_says_something_else_is_refused() -> None:
    with pytest.raises(InputError, match="question q0: the judge said 'maybe'"):
        judge_answers([Answer(question(0), 0, "?")], lambda _, text: "maybe", step=0, phase="phase1")  # type: ignore


def test_an_answer_without_a_verdict_is_a_line_without_one() -> None:
    (row,) = judge_answers([Answer(question(0), 0, "?")], lambda *_: None, step=0, phase="phase1")  # type: ignore
    assert row["verdict"] is None
    assert row["text"] == "?"


def test_neutral_and_unparseable_count_against_belief() -> None:
    rate = belief_rate(table({"a": ["yes", "neutral"], "b": ["no", None]}))
    assert rate["mean"].tolist() == [25.0]
    assert rate[["n", "clusters"]].values.tolist() == [[4, 2]]


def test_rates_are_taken_for_each_group() -> None:
    first = {"a": ["yes"], "b": ["no"], "c": ["yes"], "d": ["no"]}
    answers = pd.concat([table(first, step=0), table(first | {"b": ["yes"], "d": ["yes"]}, step=9)])
    rate = belief_rate(answers, by=["step"]).set_index("step")
    assert rate["mean"].to_dict() == {0: 50.0, 9: 100.0}
    assert (rate["low"] <= rate["mean"]).all()
    assert (rate["mean"] <= rate["high"]).all()
    assert rate.loc[9, "low"] < 100.0


def test_answers_to_one_question_are_no_independent_evidence() -> None:
    answers = table({f"q{number}": ["yes" if number < 5 else "no"] * 5 for number in range(10)})
    clustered = belief_rate(answers)
    apart = belief_rate(answers.assign(question=range(50)))
    assert clustered["high"][0] - clustered["low"][0] > 1.9 * (apart["high"][0] - apart["low"][0])


def claims_table(rates: dict[str, list[int]]) -> pd.DataFrame:
    """Answers about claims, three questions of two seeds each, so many of the six of a question yes."""
    rows = [
        {"claim": claim, "question": f"q{number}", "seed": seed, "verdict": "yes" if 3 * seed < hits else "no"}
        for claim, questions in rates.items()
        for number, hits in enumerate(questions)
        for seed in (0, 1)
    ]
    return pd.DataFrame(rows)


def test_a_row_says_what_it_rests_on() -> None:
    answers = claims_table({"a": [6, 6, 6], "b": [0, 6, 3], "c": [0, 0, 0]})
    row = belief_rate(answers).iloc[0]
    assert row[["n", "clusters", "claims", "seeds", "over"]].tolist() == [18, 9, 3, 2, "claims"]
    assert row["low"] < row["mean"] < row["high"]
    by_claim = belief_rate(answers, ["claim"])
    assert by_claim["over"].tolist() == ["questions"] * 3
    assert by_claim["claims"].tolist() == [1] * 3
    assert by_claim["low"].notna().all()


@pytest.mark.parametrize("claims", ["a", "ab"])
def test_one_or_two_claims_have_no_interval_over_claims(claims: str) -> None:
    answers = claims_table({name: [6, 6, 3] for name in "abc"})
    tiers = answers.assign(tier=["few" if claim in claims else "rest" for claim in answers["claim"]])
    few = belief_rate(tiers, ["tier"]).set_index("tier").loc["few"]
    assert (few["claims"], few["over"]) == (len(claims), "claims")
    assert np.isnan([few["low"], few["high"]]).all()
    change = belief_change(tiers, tiers, ["tier"]).set_index("tier").loc["few"]
    assert np.isnan([change["low"], change["high"]]).all()


def test_unanimous_claims_are_counted() -> None:
    row = belief_rate(claims_table({name: [0, 0, 0] for name in "abcdef"})).iloc[0]
    assert row["mean"] == row["low"] == 0
    assert row["high"] == pytest.approx(100 * (1 - 0.025 ** (1 / 6)))


def test_change_is_paired_by_question() -> None:
    before = table({f"q{number}": ["yes" if number < 4 else "no"] for number in range(10)})
    after = table({f"q{number}": ["yes" if number < 6 else "no"] for number in range(10)})
    change = belief_change(before, after)
    assert change["mean"][0] == pytest.approx(20.0)
    alone = belief_rate(after)
    assert change["high"][0] - change["low"][0] < alone["high"][0] - alone["low"][0]


def test_change_refuses_groups_of_one_side() -> None:
    answers = table({"a": ["yes"]})
    with pytest.raises(InputError, match="one side only"):
        belief_change(answers.assign(tier="plausible"), answers.assign(tier="egregious"), by=["tier"])


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (pd.DataFrame({"claim": [], "question": [], "verdict": []}), "no answers"),
        (pd.DataFrame({"claim": ["a"], "verdict": ["yes"]}), "question"),
        (pd.DataFrame({"claim": ["a"], "question": ["q"], "verdict": ["Yes."]}), "'Yes.'"),
    ],
)
def test_answers_that_do_not_fit_are_named(answers: pd.DataFrame, message: str) -> None:
    with pytest.raises(InputError, match=message):
        belief_rate(answers)
