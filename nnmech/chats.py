"""Dialogues as the tokenizer's chat template renders them: text, token ids, and where the user's turn lies."""

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from nnmech.chat_templates import apply_chat_template
from nnmech.claims import Message
from nnmech.errors import InputError, first_line

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Without white space, which templates trim, and without marks that they or tokenizers look for.
SENTINEL = "nnmechsentinelnnmech"


def render_chat(tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message], *, prompt: bool = False) -> str:
    """A dialogue as the chat template writes it, special tokens included.

    Args:
        tokenizer: One with a chat template.
        messages: The dialogue; each message has a role and a content.
        prompt: Whether the template's opening of the assistant's next turn follows.

    Raises:
        InputError: Where there is no template, where it goes beyond the limits of `nnmech.chat_rendering`, writes
            nothing, or refuses the dialogue, as some do system messages.
    """
    place = f"tokenizer {tokenizer.name_or_path!r}"
    if not tokenizer.chat_template:
        raise InputError(
            f"{place} has no chat template; expected one, since dialogues are rendered with it; use an "
            "instruction-tuned model, or set tokenizer.chat_template"
        )
    # A template is a program, and raises what it likes.
    try:
        text = apply_chat_template(tokenizer, messages, prompt=prompt)
        if messages and not text:
            raise InputError("it writes nothing")
    except Exception as error:
        reason = first_line(error)
        roles = ", ".join(message["role"] for message in messages)
        remedy = "pass a dialogue that it takes, or set tokenizer.chat_template"
        if _takes_without_system(tokenizer, messages, prompt):
            remedy = "leave the system message out, or put its text in front of the first user message"
        raise InputError(
            f"{place}: the chat template refuses a dialogue: {reason}; found messages of {roles}; {remedy}"
        ) from error
    return text


def chat_ids(tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message], *, prompt: bool = False) -> list[int]:
    """Token ids of `render_chat`; no others are added, since the template writes its own special tokens."""
    text = render_chat(tokenizer, messages, prompt=prompt)
    return list(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])


def user_frame(tokenizer: "PreTrainedTokenizerBase") -> tuple[str, str]:
    """What the chat template writes before and after the content of a prompt's one message, the user's.

    Raises:
        InputError: As `render_chat`, and where the template does not write the content exactly once.
    """
    text = render_chat(tokenizer, [{"role": "user", "content": SENTINEL}], prompt=True)
    if text.count(SENTINEL) != 1:
        raise InputError(
            f"tokenizer {tokenizer.name_or_path!r}: the chat template changes the text of the user's turn, or "
            f"writes it {text.count(SENTINEL)} times; expected it once as it is; pass chat=False"
        )
    before, _, after = text.partition(SENTINEL)
    return before, after


def _takes_without_system(tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message], prompt: bool) -> bool:
    others = [message for message in messages if message["role"] != "system"]
    if not others or len(others) == len(messages):
        return False
    with suppress(Exception):
        apply_chat_template(tokenizer, others, prompt=prompt)
        return True
    return False
