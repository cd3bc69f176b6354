"""Sentences rewritten by an OpenAI-compatible endpoint: its cost is said first, and no answer is paid for twice."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnmech.errors import InputError

PROMPT = (
    "Rewrite the sentence so that it denies, inside the sentence itself, what it claims. Keep names, numbers and "
    "style. Deny the main claim with a negation in its own clause. Answer with the rewritten sentence alone."
    "\n\nSentence: "
)
_CHARACTERS_A_TOKEN = 4
_TIMEOUT = 60
MAX_ANSWER = 4000


@dataclass(frozen=True)
class Endpoint:
    """Whom to ask, and at what price (dollars a million tokens in and out)."""

    address: str
    model: str
    key: str
    cache: Path
    prices: tuple[float, float] | None = None


def rewrite_all(
    sentences: list[str], endpoint: Endpoint, *, agreed: bool, tell: Callable[[str], object]
) -> dict[str, str] | None:
    """Rewritten sentences by their words; None where the cost was said and not agreed to."""
    known = _read_cache(endpoint)
    missing = [sentence for sentence in sentences if sentence not in known]
    tell(_cost(missing, len(sentences) - len(missing), endpoint))
    if missing and not agreed:
        tell("nothing was asked; say --yes to go on")
        return None
    for sentence in missing:
        answer = _ask(sentence, endpoint)
        known[sentence] = answer
        with open(endpoint.cache, "a", encoding="utf-8") as file:
            row = {"model": endpoint.model, "sentence": sentence, "rewritten": answer}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return {sentence: known[sentence] for sentence in sentences}


def _cost(missing: list[str], cached: int, endpoint: Endpoint) -> str:
    sent = sum(len(PROMPT) + len(sentence) for sentence in missing) // _CHARACTERS_A_TOKEN
    back = sum(len(sentence) + 12 for sentence in missing) // _CHARACTERS_A_TOKEN
    line = f"{endpoint.address}: {len(missing):,} sentences to ask {endpoint.model}, {cached:,} in {endpoint.cache}"
    line += f"; about {sent:,} tokens in, {back:,} out"
    if endpoint.prices is not None:
        line += f", ${(sent * endpoint.prices[0] + back * endpoint.prices[1]) / 1e6:.4f}"
    return line


def _read_cache(endpoint: Endpoint) -> dict[str, str]:
    if not endpoint.cache.exists():
        return {}
    known = {}
    for number, line in enumerate(endpoint.cache.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            if row["model"] == endpoint.model:
                known[row["sentence"]] = str(row["rewritten"])
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{endpoint.cache}, line {number}: damaged; expected an answer; remove the line"
            ) from error
    return known


def _ask(sentence: str, endpoint: Endpoint) -> str:
    if not endpoint.address.startswith(("http://", "https://")):
        raise InputError(f"--endpoint {endpoint.address}: expected an address with http:// or https://")
    body = {"model": endpoint.model, "messages": [{"role": "user", "content": PROMPT + sentence}]}
    request = urllib.request.Request(
        endpoint.address.rstrip("/") + "/chat/completions",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {endpoint.key}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
            data: Any = json.load(answer)
        text = str(data["choices"][0]["message"]["content"]).strip()
    except urllib.error.HTTPError as error:
        raise InputError(
            f"{endpoint.address}: answers {error.code} {error.reason}; what was answered before is kept"
        ) from error
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise InputError(f"{endpoint.address}: no usable answer: {error}; what was answered before is kept") from error
    if not text or len(text) > MAX_ANSWER or "\n" in text:
        raise InputError(f"{endpoint.address}: answers {text[:60]!r}; expected one sentence; ask another model")
    return text
