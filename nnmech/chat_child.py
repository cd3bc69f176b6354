"""A child process that renders chat templates within limits that it sets itself; see `nnmech.chat_rendering`.

It is run as a script. Templates are rendered by transformers, so that a text is the one that transformers writes.
"""

import json
import math
import os
import signal
import sys
import time
from contextlib import suppress
from typing import Any, BinaryIO

MOST_ERROR_CHARACTERS = 2_000


def limit_space(memory: int) -> None:
    """Bound the memory that is taken from here on, and files, as far as the system can."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        bound = _mapped() + memory
        resource.setrlimit(resource.RLIMIT_AS, (bound, bound))


def limit_time(seconds: int) -> None:
    """Bound the CPU time from here on: the system ends the process at the soft limit, which can be raised again."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time()) + seconds, hard))


def _mapped() -> int:
    """Bytes of address space that the process has; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", "rb") as file:
            pages = int(file.read().split()[0])
    except OSError:
        return 0
    import resource

    return pages * resource.getpagesize()


def rendered(tokenizer: Any, request: dict[str, Any]) -> dict[str, Any]:
    """The text of a dialogue, or how its rendering ends.

    Args:
        tokenizer: One without a vocabulary, a template and tokens of its own.
        request: The template, the messages, special tokens by name, whether the assistant's turn is opened (`prompt`),
            CPU seconds, and the `most` characters that are wanted.
    """
    try:
        limit_time(request["seconds"])
        text = tokenizer.apply_chat_template(
            request["messages"],
            chat_template=request["template"],
            tokenize=False,
            add_generation_prompt=request["prompt"],
            **request["tokens"],
        )
    except MemoryError:
        return {"kind": "memory"}
    except Exception as error:  # noqa: BLE001
        return {"kind": "error", "type": type(error).__name__, "text": str(error)[:MOST_ERROR_CHARACTERS]}
    if not isinstance(text, str):
        return {"kind": "error", "type": "TypeError", "text": f"writes a {type(text).__name__}"}
    if len(text) > request["most"]:
        return {"kind": "long", "characters": len(text)}
    return {"kind": "text", "text": text}


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer a line of JSON with a line of JSON, until there are no more."""
    start = json.loads(questions.readline())
    sys.path[:] = start["path"]
    from transformers import PreTrainedTokenizerBase

    tokenizer = PreTrainedTokenizerBase()
    limit_space(start["memory"])
    _write(answers, {"kind": "ready"})
    for line in questions:
        _write(answers, rendered(tokenizer, json.loads(line.decode("utf-8", "surrogatepass"))))


def _write(answers: BinaryIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
    answers.flush()


if __name__ == "__main__":
    # An interrupt is for the parent, whose end closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What libraries print is no answer.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)
