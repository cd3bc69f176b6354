"""Dialogues come out as the chat template writes them, and what it cannot write is one line."""

from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from nnmech import chat_templates
from nnmech.belief.answers import ask
from nnmech.chat_templates import TemplateFault, check_chat_template, template_fault
from nnmech.chats import chat_ids, render_chat, user_frame
from nnmech.claims import Message, Question, Statement
from nnmech.encoding import chat_example, pad_id
from nnmech.errors import InputError
from nnmech.judges.local import ChatModelJudge
from nnmech.recording.statements import freeze_statements

SYSTEM: Message = {"role": "system", "content": "Answer Yes or No"}
USER: Message = {"role": "user", "content": "Is Ada Berg a pilot?"}
ANSWER: Message = {"role": "assistant", "content": "Yes"}
NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not\nsupported') }}{% endif %}"
REFUSES_ALL = "{{ raise_exception('conversation roles must alternate') }}"


def test_text_and_ids_are_those_of_the_template(tiny_tokenizer: PreTrainedTokenizerFast) -> None:
    text = render_chat(tiny_tokenizer, [SYSTEM, USER], prompt=True)
    assert text == "<bos><|system|> Answer Yes or No<|end|><|user|> Is Ada Berg a pilot?<|end|><|assistant|>"
    ids = chat_ids(tiny_tokenizer, [SYSTEM, USER], prompt=True)
    assert ids == tiny_tokenizer.apply_chat_template([SYSTEM, USER], add_generation_prompt=True, return_dict=False)
    assert user_frame(tiny_tokenizer) == ("<bos><|user|> ", "<|end|><|assistant|>")


def test_a_template_without_system_messages_is_one_line_with_a_remedy(tiny_tokenizer: Any, tiny_model: Any) -> None:
    tiny_tokenizer.chat_template = NO_SYSTEM + str(tiny_tokenizer.chat_template)
    says = "refuses a dialogue: System role not; found messages of system, user.*; leave the system message out, or"
    question = Question("q", "ada", "open_ended", (SYSTEM, USER), "direct")
    for use in (
        lambda: render_chat(tiny_tokenizer, [SYSTEM, USER]),
        lambda: chat_example(tiny_tokenizer, [SYSTEM, USER, ANSWER]),
        lambda: ask(tiny_model, tiny_tokenizer, [question], seed=0, step=0),
    ):
        with pytest.raises(InputError, match=says) as caught:
            use()
        assert "\n" not in str(caught.value)
    render_chat(tiny_tokenizer, [USER])


def test_a_template_that_refuses_everything_is_one_line_wherever_it_is_used(
    make_tokenizer: Any, make_model: Any
) -> None:
    tiny_tokenizer = make_tokenizer("yes no neutral")
    tiny_model = make_model(len(tiny_tokenizer))
    tiny_tokenizer.chat_template = REFUSES_ALL
    question = Question("q", "ada", "open_ended", (USER,), "direct")
    judge = ChatModelJudge(tiny_model, tiny_tokenizer, {"ada": "Ada Berg is a pilot."})
    for use in (
        lambda: freeze_statements(tiny_tokenizer, [Statement("s", "Oslo.", True, 1, "t", "e", "train")]),
        lambda: judge.judge([(question, "Yes")]),
        lambda: ask(tiny_model, tiny_tokenizer, [question], seed=0, step=0),
    ):
        with pytest.raises(
            InputError, match="refuses a dialogue: conversation roles must alternate; found messages of user; pass"
        ):
            use()


def test_a_template_that_writes_the_turn_twice_has_no_frame(tiny_tokenizer: Any) -> None:
    tiny_tokenizer.chat_template = "{% for message in messages %}{{ message['content'] * 2 }}{% endfor %}"
    with pytest.raises(InputError, match="writes it 2 times"):
        user_frame(tiny_tokenizer)


def test_padding_is_a_token_that_the_model_has(tiny_tokenizer: Any) -> None:
    tiny_tokenizer.pad_token = "<eos>"
    assert pad_id(tiny_tokenizer) == pad_id(tiny_tokenizer, 4) == 3
    assert pad_id(tiny_tokenizer, 3) == 0
    tiny_tokenizer.pad_token = None
    assert pad_id(tiny_tokenizer) == 0


LOOPS = "{% for _ in range(99999) %}" * 3 + "{% endfor %}" * 3
BOUNDLESS = {
    LOOPS: "takes more than 1 s",
    "{% if messages|length > 2 %}" + LOOPS + "{% endif %}text": "takes more than 1 s",
    "{{ 'x' * 1000000000 }}": "takes more than 512 MiB",
    "{{ 'x' * 3000000 }}": "writes 3,000,000 characters",
    "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}": "fails: RecursionError",
    "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}": "fails: RecursionError|ends the process",
    "x" * 2_000_000: "has more than 1,048,576 characters",
}
FAILING = {
    "{{ ''.__class__.__mro__[1] }}": "SecurityError: access to attribute '__class__'",
    "{{ raise_exception('no\nnever') }}": "TemplateError: no;",
    "{{ nothing.at.all }}": "UndefinedError: 'nothing' is undefined",
    "{% if %}": "TemplateSyntaxError: Expected an expression",
    "{# nothing #}": "writes nothing",
}


@pytest.mark.parametrize("template", BOUNDLESS)
def test_a_template_that_runs_on_is_stopped_outside(
    template: str, tiny_tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_templates, "CPU_SECONDS", 1)
    monkeypatch.setattr(tiny_tokenizer, "apply_chat_template", lambda *_, **__: pytest.fail("rendered in this process"))
    tiny_tokenizer.chat_template = template
    for use in (
        lambda: check_chat_template(tiny_tokenizer, "model"),
        lambda: render_chat(tiny_tokenizer, [USER], prompt=True),
    ):
        with pytest.raises(InputError, match=f"the chat template ({BOUNDLESS[template]})") as caught:
            use()
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 600


@pytest.mark.parametrize("template", FAILING)
def test_a_template_that_fails_is_one_line_at_loading_and_where_it_is_used(template: str, tiny_tokenizer: Any) -> None:
    tiny_tokenizer.chat_template = template
    with pytest.raises(InputError, match=f"model: the chat template .*{FAILING[template]}") as caught:
        check_chat_template(tiny_tokenizer, "model")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"the chat template refuses a dialogue: .*; found messages of user") as caught:
        render_chat(tiny_tokenizer, [USER], prompt=True)
    assert "\n" not in str(caught.value)


def test_the_trial_knows_what_transformers_gives_a_template(tiny_tokenizer: Any) -> None:
    rich = (
        "{% set seen = namespace(n=0) %}{{ bos_token }}{% for message in messages %}{% set seen.n = seen.n + 1 %}"
        "{% generation %}{{ message | tojson(indent=2) }}{% endgeneration %}{% if loop.last %}{% break %}{% endif %}"
        "{% endfor %}{{ strftime_now('%Y') }}{{ dict(a=1) }}{{ tools is none }}{{ seen.n }}"
    )
    tiny_tokenizer.chat_template = rich
    check_chat_template(tiny_tokenizer, "model")
    assert "Is Ada Berg a pilot?" in render_chat(tiny_tokenizer, [USER])
    tiny_tokenizer.chat_template = NO_SYSTEM + "{{ messages[0]['content'] }}"
    check_chat_template(tiny_tokenizer, "model")
    assert template_fault(REFUSES_ALL) == TemplateFault(
        "fails: TemplateError: conversation roles must alternate", boundless=False
    )
