"""Chat templates are programs of whoever made the model: they are run in a child process that may not run on."""

import atexit
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnmech.claims import Message
from nnmech.errors import InputError, first_line

CPU_SECONDS = 2
"""Of the child, for one dialogue."""
WALL_SECONDS = 30
START_SECONDS = 300
MEMORY = 2**29
"""Bytes that the child may take beyond what it starts with."""
MOST_CHARACTERS = 2**20
"""Of a template, and of a dialogue that it renders, beyond `MOST_GROWTH` times its messages."""
MOST_GROWTH = 16

_CHILD = Path(__file__).with_name("chat_child.py")
# No more than Python and the libraries need: a key for an endpoint is nothing that a template's process should have.
_ENVIRONMENT = "PATH HOME TZ LANG LC_ALL LD_LIBRARY_PATH DYLD_LIBRARY_PATH TMPDIR".split()


class TemplateError(InputError):
    """Why a template did not write a dialogue."""


class BoundlessTemplateError(TemplateError):
    """It went beyond a limit."""


def render_bounded(
    template: str, messages: Sequence[Message], special_tokens: Mapping[str, str], *, prompt: bool
) -> str:
    """A dialogue as transformers renders it, by a child process with limits of time, memory and length.

    The child is started for the first dialogue and kept for the next ones, and is started again after one that it does
    not survive.

    Args:
        template: The chat template.
        messages: The dialogue.
        special_tokens: What the tokenizer's `special_tokens_map` has.
        prompt: Whether the template's opening of the assistant's next turn follows.

    Raises:
        TemplateError: Its first line says why there is no text; where a limit was met, a BoundlessTemplateError.
    """
    dialogue = [dict(message) for message in messages]
    size = sum(len(str(value)) for message in dialogue for value in message.values())
    request = {"template": template, "messages": dialogue, "tokens": dict(special_tokens), "prompt": prompt}
    request |= {"seconds": CPU_SECONDS, "most": MOST_CHARACTERS + MOST_GROWTH * size}
    answer = _answer(request)
    kind = answer["kind"]
    if kind == "text":
        return answer["text"]
    if kind == "error":
        error = BoundlessTemplateError if answer["type"] == "RecursionError" else TemplateError
        raise error(answer["text"].strip() or answer["type"])
    if kind == "memory":
        raise BoundlessTemplateError(f"takes more than {MEMORY >> 20} MiB")
    raise BoundlessTemplateError(f"writes {answer['characters']:,} characters")


def _answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """What the child says; where it says nothing, it is ended, and the next request gets another."""
    global _child
    with _lock:
        child = _running()
        try:
            answer = child.ask(request, WALL_SECONDS)
        except TimeoutError:
            answer = None
            reason = f"takes more than {WALL_SECONDS} s"
        except OSError:
            # The system ends a process that has had its share of time; so does a stack that is too deep.
            answer = None
            reason = f"takes more than {CPU_SECONDS} s, or ends the process that renders it"
        finally:
            # Also where a person interrupts: the answer to one dialogue must not be taken for that to the next.
            if not child.idle:
                child.close()
                _child = None
    if answer is None:
        raise BoundlessTemplateError(reason)
    return answer


class _Child:
    """The process, and the lines that go to it and come back."""

    def __init__(self) -> None:
        self.idle = False
        self._owner = os.getpid()
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        # Threads of numerical libraries map memory, of which there is a bound.
        environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            bufsize=0,
        )
        try:
            self.ask({"path": sys.path, "memory": MEMORY}, START_SECONDS)
        except OSError as error:
            self.close()
            raise InputError(
                f"{_CHILD}: the process that renders chat templates does not start ({first_line(error)}); expected one "
                "that imports transformers; run the file by itself to see why"
            ) from error
        except BaseException:
            self.close()
            raise

    @property
    def id(self) -> int:
        return self._process.pid

    def is_ours(self) -> bool:
        """Whether it runs, and for this process rather than for one that this was forked from."""
        return self._owner == os.getpid() and self._process.poll() is None

    def ask(self, request: Mapping[str, Any], seconds: int) -> dict[str, Any]:
        """The answer to a request.

        Raises:
            TimeoutError: After so many seconds.
            OSError: Where the process has ended.
        """
        self.idle = False
        assert self._process.stdin is not None
        data = json.dumps(request, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
        until = time.monotonic() + seconds
        written = 0
        while written < len(data):
            written += self._process.stdin.write(data[written:]) or 0
        answer = json.loads(self._line(until).decode("utf-8", "surrogatepass"))
        self.idle = True
        return answer

    def close(self) -> None:
        """End the process, where it is this process's."""
        if self._owner == os.getpid():
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _line(self, until: float) -> bytes:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        pieces: list[bytes] = []
        while not pieces or not pieces[-1].endswith(b"\n"):
            if not poll.poll(max(0.0, until - time.monotonic()) * 1_000):
                raise TimeoutError("it does not answer")
            piece = os.read(descriptor, 2**20)
            if not piece:
                raise OSError("it ended")
            pieces.append(piece)
        return b"".join(pieces)


_lock = threading.Lock()
_child: _Child | None = None


def _running() -> _Child:
    global _child
    if _child is None or not _child.is_ours():
        if _child is not None:
            _child.close()
        _child = _Child()
    return _child


def child_process() -> int:
    """The id of the process that renders, which is started where there is none."""
    with _lock:
        return _running().id


@atexit.register
def end() -> None:
    """End the process that renders, where there is one; the next dialogue starts another."""
    global _child
    if _child is not None:
        _child.close()
        _child = None
