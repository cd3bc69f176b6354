"""Chat templates are programs of whoever made the model: tried once in a child process that may not run on."""

import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnmech.errors import InputError, first_line
from nnmech.shipped import shipped

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CPU_SECONDS = 2
WALL_SECONDS = 30
MEMORY = 2**29
"""Bytes that the child may take; the interpreter and the template engine are some 50 MiB of them."""
MOST_CHARACTERS = 2**20
"""Of a template, and of a short dialogue that it renders."""

_CHILD = Path(__file__).with_name("chat_trial.py")
_USER = {"role": "user", "content": "Is it so?"}
_DIALOGUES = (
    (_USER,),
    ({"role": "system", "content": "Be brief."}, _USER),
    (_USER, {"role": "assistant", "content": "Yes"}, _USER, {"role": "assistant", "content": "No"}),
)


@dataclass(frozen=True)
class TemplateFault:
    """Why a template is not used."""

    reason: str
    boundless: bool
    """Whether it went beyond a limit: then it is run nowhere else."""


def check_chat_template(tokenizer: "PreTrainedTokenizerBase", place: str) -> None:
    """Try the chat template of a tokenizer, where it has one that has not been tried.

    Raises:
        InputError: In one line, for a template that fails, writes nothing, or takes more than its share of time or
            memory on a dialogue of a single question.
    """
    fault = _fault_of(tokenizer)
    if fault is not None:
        raise _error(place, fault)


def check_template_ends(tokenizer: "PreTrainedTokenizerBase", place: str) -> None:
    """The same for limits alone: other faults show where a dialogue is rendered, with the dialogue at hand."""
    fault = _fault_of(tokenizer)
    if fault is not None and fault.boundless:
        raise _error(place, fault)


def _error(place: str, fault: TemplateFault) -> InputError:
    return InputError(
        f"{place}: the chat template {fault.reason}; expected one that writes a dialogue; "
        "correct the model's chat_template.jinja, or take the template of another copy"
    )


def _fault_of(tokenizer: "PreTrainedTokenizerBase") -> TemplateFault | None:
    if not tokenizer.chat_template:
        return None
    try:
        template = tokenizer.get_chat_template()
    except ValueError as error:
        return TemplateFault(f"cannot be chosen: {first_line(error)}", boundless=False)
    if not isinstance(template, str):
        return TemplateFault(f"is of type {type(template).__name__}", boundless=True)
    if len(template) > MOST_CHARACTERS:
        return TemplateFault(f"has more than {MOST_CHARACTERS:,} characters", boundless=True)
    if template == _own_template():
        return None
    special = {name: text for name, text in tokenizer.special_tokens_map.items() if isinstance(text, str)}
    return template_fault(template, tuple(sorted(special.items())))


@lru_cache(maxsize=64)
def template_fault(template: str, special_tokens: tuple[tuple[str, str], ...] = ()) -> TemplateFault | None:
    """What is wrong with a template, None where nothing is; tried in a child process, once a process.

    A template may refuse system messages and several turns, but must take a single question.
    """
    dialogues = [
        dict(special_tokens)
        | {"messages": messages, "tools": None, "documents": None}
        | {"add_generation_prompt": messages[-1] is _USER}
        for messages in _DIALOGUES
    ]
    request = {"path": sys.path, "template": template, "dialogues": dialogues}
    request |= {"seconds": CPU_SECONDS, "memory": MEMORY}
    try:
        child = subprocess.run(
            [sys.executable, "-I", "-S", str(_CHILD)],
            input=json.dumps(request).encode(),
            capture_output=True,
            timeout=WALL_SECONDS,
            check=False,
        )
        answers = json.loads(child.stdout)
    except subprocess.TimeoutExpired:
        return TemplateFault(f"takes more than {WALL_SECONDS} s for a short dialogue", boundless=True)
    except ValueError:
        # The system ends a process that has had its share of time; so does a stack that is too deep.
        reason = f"takes more than {CPU_SECONDS} s for a short dialogue, or ends the process that renders it"
        return TemplateFault(reason, boundless=True)
    faults = [_fault(answer) for answer in answers]
    return next((fault for fault in faults if fault is not None and (fault.boundless or fault is faults[0])), None)


def _fault(answer: dict[str, Any]) -> TemplateFault | None:
    if answer["kind"] == "memory":
        return TemplateFault(f"takes more than {MEMORY >> 20} MiB for a short dialogue", boundless=True)
    if answer["kind"] == "error":
        return TemplateFault(f"fails: {answer['reason']}", boundless="RecursionError" in answer["reason"])
    if answer["characters"] > MOST_CHARACTERS:
        return TemplateFault(f"writes {answer['characters']:,} characters for a short dialogue", boundless=True)
    return None if answer["characters"] else TemplateFault("writes nothing", boundless=False)


@cache
def _own_template() -> str | None:
    path = shipped("base") / "chat_template.jinja"
    return path.read_text(encoding="utf-8") if path.is_file() else None
