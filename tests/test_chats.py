"""Dialogues come out as the chat template writes them, and what it cannot write is one line."""

import contextlib
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from nnmech import chat_rendering
from nnmech.belief.answers import ask
from nnmech.chat_rendering import BoundlessTemplateError, render_bounded
from nnmech.chat_templates import check_chat_template, template_fault
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
    "{{ 'x' * 1000000000 }}": "takes more than 512 MiB",
    "{{ 'x' * 3000000 }}": "writes 3,000,000 characters",
    "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}": "maximum recursion depth",
    "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}": "maximum recursion depth|takes more than 1 s, or ends the process",
    "x" * 2_000_000: "has more than 1,048,576 characters",
}
FAILING = {
    "{{ ''.__class__.__mro__[1] }}": "access to attribute '__class__'",
    "{{ raise_exception('no\nnever') }}": "no;",
    "{{ nothing.at.all }}": "'nothing' is undefined",
    "{% if %}": "Expected an expression",
    "{# nothing #}": "writes nothing",
}
RICH = (
    "{% set seen = namespace(n=0) %}{{ bos_token }}{% for message in messages %}{% set seen.n = seen.n + 1 %}"
    "{% generation %}{{ message | tojson(indent=2) }}{% endgeneration %}{% if loop.last %}{% break %}{% endif %}"
    "{% endfor %}{{ strftime_now('%Y') }}{{ dict(a=1) }}{{ tools is none }}{{ seen.n }}{{ add_generation_prompt }}\n"
)
ROLES = (
    "{% if messages[0].role == 'system' %}\n    {%- set start = messages[0].content | trim + '\\n\\n' %}\n"
    "    {%- set messages = messages[1:] %}\n{% else %}{% set start = '' %}{% endif %}\n"
    "{% for message in messages %}{% if (message.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}"
    "{{ '<start>' + message.role + '\\n' + (start if loop.first else '') + message.content | trim }}<end>\n{% endfor %}"
    "{% if add_generation_prompt %}<start>model\n{% endif %}"
)


@pytest.fixture
def one_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_rendering, "CPU_SECONDS", 1)


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch, tiny_tokenizer: Any) -> None:
    """Rendering in this process is an error."""
    monkeypatch.setattr(tiny_tokenizer, "apply_chat_template", lambda *_, **__: pytest.fail("rendered in this process"))


def one_line(use: Any, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        use()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("template", BOUNDLESS)
@pytest.mark.usefixtures("one_second", "apart")
def test_a_template_that_runs_on_is_stopped_outside(template: str, tiny_tokenizer: Any) -> None:
    tiny_tokenizer.chat_template = template
    one_line(lambda: check_chat_template(tiny_tokenizer, "model"), f"model: the chat template ({BOUNDLESS[template]})")
    says = f"the chat template refuses a dialogue: ({BOUNDLESS[template]}).*; found messages of user; pass a dialogue"
    one_line(lambda: render_chat(tiny_tokenizer, [USER], prompt=True), says)


@pytest.mark.usefixtures("one_second", "apart")
def test_a_template_that_runs_on_for_one_dialogue_is_stopped_there_and_renders_the_others(tiny_tokenizer: Any) -> None:
    tiny_tokenizer.chat_template = (
        "{% if 'Ada' in messages[0].content %}" + LOOPS + "{% endif %}"
        "{% if messages|length > 4 %}{{ messages[0].content * 9000000 }}{% endif %}{{ messages[0].content }}"
    )
    other: Message = {"role": "user", "content": "Is Bo?"}
    check_chat_template(tiny_tokenizer, "model")
    for _ in range(2):
        assert render_chat(tiny_tokenizer, [other]) == "Is Bo?"
        one_line(lambda: render_chat(tiny_tokenizer, [USER]), "refuses a dialogue: takes more than 1 s")
        one_line(lambda: render_chat(tiny_tokenizer, [other] * 5), "refuses a dialogue: (writes|takes more than 512)")
    assert render_chat(tiny_tokenizer, [other]) == "Is Bo?"


@pytest.mark.parametrize("template", FAILING)
def test_a_template_that_fails_is_one_line_at_loading_and_where_it_is_used(template: str, tiny_tokenizer: Any) -> None:
    tiny_tokenizer.chat_template = template
    one_line(lambda: check_chat_template(tiny_tokenizer, "model"), f"model: the chat template .*{FAILING[template]}")
    says = r"the chat template refuses a dialogue: .*; found messages of user"
    one_line(lambda: render_chat(tiny_tokenizer, [USER], prompt=True), says)


@pytest.mark.parametrize("template", [RICH, ROLES, NO_SYSTEM + "{{ messages[0]['content'] }}"])
def test_a_bounded_text_is_that_of_transformers(template: str, tiny_tokenizer: Any) -> None:
    tiny_tokenizer.chat_template = template
    check_chat_template(tiny_tokenizer, "model")
    odd: Message = {"role": "user", "content": "  \u00e4\u2028\x00 \ud83d\ude00 \U0001f600 <b>\"'\\ \r\n{{ 1 }}\ud800"}
    for messages in ([USER], [odd], [USER, ANSWER, odd], [SYSTEM, USER, ANSWER]):
        for prompt in (True, False):
            try:
                expected = tiny_tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=prompt)
            except Exception:  # noqa: BLE001
                one_line(lambda: render_chat(tiny_tokenizer, messages), "System role not")  # noqa: B023
            else:
                assert render_chat(tiny_tokenizer, messages, prompt=prompt) == expected


def test_a_template_may_refuse_dialogues_but_not_a_question() -> None:
    assert template_fault(REFUSES_ALL) == "fails: conversation roles must alternate"
    assert template_fault(ROLES) is None


def test_the_process_that_renders_has_no_secrets_and_writes_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    process = chat_rendering.child_process()
    environment = Path(f"/proc/{process}/environ")
    if not environment.exists():
        pytest.skip("the system has no /proc")
    names = {line.partition(b"=")[0] for line in environment.read_bytes().split(b"\0")}
    assert not {name for name in names if b"KEY" in name or b"TOKEN" in name or b"PYTEST" in name}
    limits = Path(f"/proc/{process}/limits").read_text()
    assert "Max file size             0                    0" in limits


def test_an_interrupted_dialogue_is_not_the_answer_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(chat_rendering._Child, "_line", interrupted)
        with pytest.raises(KeyboardInterrupt):
            render_bounded("first", [USER], {}, prompt=False)
    assert render_bounded("second", [USER], {}, prompt=False) == "second"


def test_a_child_that_was_killed_costs_one_dialogue_at_most() -> None:
    for _ in range(2):
        os.kill(chat_rendering.child_process(), signal.SIGKILL)
        with contextlib.suppress(BoundlessTemplateError):
            render_bounded("text", [USER], {}, prompt=False)
        assert render_bounded("text", [USER], {}, prompt=False) == "text"


def test_a_forked_process_has_a_child_of_its_own() -> None:
    ours = chat_rendering.child_process()
    fork = os.fork()
    if not fork:
        try:
            right = (
                render_bounded("text", [USER], {}, prompt=False) == "text" and chat_rendering.child_process() != ours
            )
            chat_rendering.end()
            os._exit(0 if right else 1)
        except BaseException:  # noqa: BLE001
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1]) == 0
    assert chat_rendering.child_process() == ours
    assert render_bounded("text", [USER], {}, prompt=False) == "text"
