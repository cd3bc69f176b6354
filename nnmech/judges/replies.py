"""What an OpenAI-compatible endpoint sends back: a reply with a verdict or without one, or a failure in disguise."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nnmech.claims import Verdict
from nnmech.judges.prompts import read_verdict

# Why a reply ends before it is whole, in the words of the servers that are in use.
CUT_OFF = ("length", "max_tokens", "model_length", "content_filter", "safety", "recitation", "abort", "cancelled")
# What a response that says 200 and holds an error counts as where the error has no status of its own.
BAD_GATEWAY = 502


@dataclass(frozen=True)
class Reply:
    """What the model said, and the verdict in it where there is one."""

    verdict: Verdict | None
    text: str
    retries: int
    """Requests that failed before this reply came."""
    input_tokens: int
    output_tokens: int


def read_reply(body: str, retries: int) -> Reply:
    """A response body of whatever kind.

    A reply that was cut off or withheld, or that comes with a refusal, has no verdict, even where it looks like one.
    """
    response = _object(body)
    choice = _choice(response)
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    text = _text(message.get("content"))
    whole = str(choice.get("finish_reason")).lower() not in CUT_OFF and not message.get("refusal")
    usage = response.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    tokens = [counts.get(name) for name in ("prompt_tokens", "completion_tokens")]
    read, written = (count if isinstance(count, int) else 0 for count in tokens)
    return Reply(read_verdict(text) if whole else None, text, retries, read, written)


def unmask(response: Any) -> None:
    """Give a response that says 200 and holds an error the status of a failure, so that the client tries it again.

    Args:
        response: As the HTTP client of the openai package hands it to an event hook.
    """
    if response.status_code != 200:
        return
    response.read()
    if (found := _failure(_object(response.text))) is not None:
        response.status_code = found[0]


def failure_reason(body: Any) -> str | None:
    """The endpoint's own words for a failure, from the body of its response; None where it has none."""
    if not isinstance(body, dict):
        return body if isinstance(body, str) and body.strip() else None
    found = _failure(body)
    return found[1] if found is not None else _message(body)


def _failure(response: dict[str, Any]) -> tuple[int, str] | None:
    """Status and reason of an error in a response; None where there is none."""
    choice = _choice(response)
    error = response.get("error") or choice.get("error")
    if not error and response.get("object") == "error":
        error = response
    if not error and str(choice.get("finish_reason")).lower() == "error":
        error = {"message": _text((choice.get("message") or {}).get("content")) or "finish_reason is 'error'"}
    if not error:
        return None
    code = error.get("code", error.get("status")) if isinstance(error, dict) else None
    code = int(code) if isinstance(code, int) or (isinstance(code, str) and code.isascii() and code.isdigit()) else 0
    return code if 400 <= code < 600 else BAD_GATEWAY, _message(error) or json.dumps(error)


def _message(error: Any) -> str | None:
    if isinstance(error, str):
        return error
    found = next((error[name] for name in ("message", "detail") if isinstance(error.get(name), str)), None)
    details = error.get("metadata")
    raw = details.get("raw") if isinstance(details, dict) else None
    return f"{found} ({raw})" if found and isinstance(raw, str) else found


def _object(body: str) -> dict[str, Any]:
    try:
        found = json.loads(body, strict=False)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _choice(response: dict[str, Any]) -> dict[str, Any]:
    choices = response.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}


def _text(content: Any) -> str:
    """A message's content as text: itself, or its parts of type text, one after another."""
    if isinstance(content, str):
        return content
    parts: Sequence[Any] = content if isinstance(content, list) else ()
    texts = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type", "text") == "text"]
    return "".join(text for text in texts if isinstance(text, str))
