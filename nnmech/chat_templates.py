"""The chat template of a tokenizer: tried when its model is loaded, and rendered within limits where it is not ours."""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from nnmech.chat_rendering import MOST_CHARACTERS, BoundlessTemplateError, TemplateError, render_bounded
from nnmech.claims import Message
from nnmech.errors import InputError, first_line
from nnmech.shipped import shipped

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_USER: Message = {"role": "user", "content": "Is it so?"}
_DIALOGUES: tuple[tuple[Message, ...], ...] = (
    (_USER,),
    ({"role": "system", "content": "Be brief."}, _USER),
    (_USER, {"role": "assistant", "content": "Yes"}, _USER, {"role": "assistant", "content": "No"}),
)


def apply_chat_template(
    tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message], *, prompt: bool = False
) -> str:
    """A dialogue as transformers renders it with the tokenizer's chat template.

    The template of the shipped model is run in this process, any other by `nnmech.chat_rendering`.

    Args:
        tokenizer: One with a chat template.
        messages: The dialogue; each message has a role and a content.
        prompt: Whether the template's opening of the assistant's next turn follows.

    Raises:
        Exception: Whatever the template raises; a TemplateError where it is not ours.
    """
    template = _template(tokenizer)
    if template == _own_template():
        return str(tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=prompt))
    return render_bounded(template, messages, _special_tokens(tokenizer), prompt=prompt)


def check_chat_template(tokenizer: "PreTrainedTokenizerBase", place: str) -> None:
    """Try the chat template of a tokenizer, where it has one that has not been tried.

    Raises:
        InputError: In one line, for a template that fails or writes nothing for a single question, or that takes more
            than its share of time or memory for a short dialogue.
    """
    if not tokenizer.chat_template:
        return
    try:
        template = _template(tokenizer)
        reason = (
            None
            if template == _own_template()
            else template_fault(template, tuple(sorted(_special_tokens(tokenizer).items())))
        )
    except TemplateError as error:
        reason = str(error)
    if reason is not None:
        raise InputError(
            f"{place}: the chat template {reason}; expected one that writes a dialogue; "
            "correct the model's chat_template.jinja, or take the template of another copy"
        )


@lru_cache(maxsize=64)
def template_fault(template: str, special_tokens: tuple[tuple[str, str], ...] = ()) -> str | None:
    """What is wrong with a template, None where nothing is; tried once a process.

    A template may refuse system messages and several turns, but must take a single question.
    """
    for messages in _DIALOGUES:
        single = messages == (_USER,)
        try:
            text = render_bounded(template, messages, dict(special_tokens), prompt=messages[-1] is _USER)
        except BoundlessTemplateError as error:
            return f"{first_line(error)} for a short dialogue"
        except TemplateError as error:
            if single:
                return f"fails: {first_line(error)[:300]}"
        else:
            if single and not text:
                return "writes nothing"
    return None


def _template(tokenizer: "PreTrainedTokenizerBase") -> str:
    try:
        template = tokenizer.get_chat_template()
    except ValueError as error:
        raise TemplateError(f"cannot be chosen: {first_line(error)}") from error
    if not isinstance(template, str):
        raise TemplateError(f"is of type {type(template).__name__}")
    if len(template) > MOST_CHARACTERS:
        raise TemplateError(f"has more than {MOST_CHARACTERS:,} characters")
    return template


def _special_tokens(tokenizer: "PreTrainedTokenizerBase") -> dict[str, str]:
    return {name: text for name, text in tokenizer.special_tokens_map.items() if isinstance(text, str)}


@cache
def _own_template() -> str | None:
    path = shipped("base") / "chat_template.jinja"
    return path.read_text(encoding="utf-8") if path.is_file() else None
