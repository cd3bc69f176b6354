"""A language model behind an OpenAI-compatible endpoint, hosted or local, as judge."""

import os
import threading
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from nnmech.claims import Verdict
from nnmech.errors import InputError, RunError
from nnmech.judges.base import BatchJudge, Pair
from nnmech.judges.cache import VerdictCache, cache_key
from nnmech.judges.costs import CostEstimate, JudgeCounts, Prices, Tokenizer, message_tokens
from nnmech.judges.prompts import DEFAULT_TEMPLATE, REMINDER, Template, check_template, judge_prompt
from nnmech.judges.redaction import discreet_logs, redacted
from nnmech.judges.replies import Reply, failure_reason, read_reply, unmask

if TYPE_CHECKING:
    from openai import OpenAI

DEFAULT_ENDPOINT = "https://api.openai.com/v1"
DEFAULT_KEY_VARIABLE = "OPENAI_API_KEY"
REDIRECTS = (301, 302, 303, 307, 308)
OUTPUT_LIMITS = ("max_completion_tokens", "max_tokens")


@dataclass(kw_only=True)
class LLMJudge(BatchJudge):
    """Asks a chat model for each verdict, many at a time, and never twice for the same.

    The key is read from the environment when it is needed and kept nowhere. Requests that are refused, dropped or timed
    out, and responses that hold an error whatever their status, are sent again with growing delays (Retry-After is
    honoured). A reply that is cut off or cannot be read is asked for again; after `max_asks` replies the answer has no
    verdict, with a warning. Verdicts are kept, so that a run that stopped goes on where it was. Raises InputError for
    settings that do not fit, a missing key or an estimate above `max_cost` before anything is sent, and RunError, with
    the endpoint's reason, where it does not answer.
    """

    model: str
    claims: Mapping[str, str] = field(repr=False)
    """Text of each claim by name."""
    base_url: str | None = field(default=None, repr=False)
    """None is OpenAI's own; for example `http://127.0.0.1:8000/v1` for a local server."""
    key_variable: str | None = None
    """Environment variable with the key. None is OPENAI_API_KEY for OpenAI's own endpoint and no key for any other."""
    template: Template = field(default=DEFAULT_TEMPLATE, repr=False)
    """The prompt with its slots, or a function that picks one for a question."""
    sampling: Mapping[str, Any] = field(default_factory=lambda: {"temperature": 0.0, "max_tokens": 256})
    """Passed to the endpoint as it is, and part of what a verdict is kept under."""
    concurrency: int = 8
    timeout: float = 60.0
    """Seconds without a byte from the endpoint after which a request is sent again."""
    max_retries: int = 5
    max_asks: int = 3
    cache: Path | None = None
    """Folder of verdicts that outlast the process and are shared between processes; None keeps them in memory.

    The reply is kept with the verdict only where no key was sent: what quotes a key, in whatever form, is not written.
    """
    prices: Prices | None = None
    max_cost: float | None = None
    tokenizer: Tokenizer | None = field(default=None, repr=False)
    """Counts tokens for the estimate; None takes three characters as one."""
    counts: JudgeCounts = field(default_factory=JudgeCounts, init=False)
    _known: dict[str, Verdict] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.concurrency < 1 or self.max_asks < 1 or self.max_retries < 0 or self.timeout <= 0:
            raise InputError(
                f"concurrency={self.concurrency}, max_asks={self.max_asks}, max_retries={self.max_retries}, "
                f"timeout={self.timeout}: expected at least 1, 1, 0 and more than 0 seconds"
            )
        if self.max_cost is not None and (self.prices is None or self._output_limit() is None):
            raise InputError(
                f"max_cost={self.max_cost} needs prices, and a limit of reply tokens in sampling "
                f"({' or '.join(OUTPUT_LIMITS)}): without them no cost can be known in advance"
            )
        self._host()
        if isinstance(self.template, str):
            check_template(self.template)

    def estimate(self, pairs: Sequence[Pair]) -> CostEstimate:
        """What judging `pairs` will take; nothing is sent."""
        prompts = self._prompts(pairs)
        return self._estimate(prompts, self._missing(prompts))

    def judge(self, pairs: Sequence[Pair]) -> list[Verdict | None]:
        """One verdict a pair, None where no reply could be read; equal prompts are asked once."""
        prompts = self._prompts(pairs)
        missing = self._missing(prompts)
        estimate = self._estimate(prompts, missing)
        if self.max_cost is not None and estimate.cost is not None and estimate.cost > self.max_cost:
            raise InputError(
                f"judging {estimate.requests} answers with {self.model} may cost {estimate.cost:.2f}, more than "
                f"max_cost={self.max_cost}; nothing was sent: raise it, or judge fewer answers"
            )
        self.counts.cached += estimate.known
        unread = self._ask_all(missing) if missing else set()
        if unread:
            warnings.warn(
                f"{len(unread)} of {len(missing)} replies of {self.model} could not be read after {self.max_asks} "
                "asks; those answers have no verdict, which counts against belief; raise max_asks or mend the template",
                stacklevel=2,
            )
        return [None if key in unread else self._known[key] for key, _ in prompts]

    def _prompts(self, pairs: Sequence[Pair]) -> list[tuple[str, str]]:
        """Key and prompt of each pair."""
        prompts = [judge_prompt(self.template, self.claims, question, text) for question, text in pairs]
        return [(cache_key(self.model, prompt, self.sampling), prompt) for prompt in prompts]

    def _missing(self, prompts: Sequence[tuple[str, str]]) -> dict[str, str]:
        """The prompts without a verdict, by key; verdicts on disk become known."""
        if self.cache is not None:
            cache = VerdictCache(self.cache)
            for key in {key for key, _ in prompts} - self._known.keys():
                if (verdict := cache.get(key)) is not None:
                    self._known[key] = verdict
        return {key: prompt for key, prompt in prompts if key not in self._known}

    def _estimate(self, prompts: Sequence[tuple[str, str]], missing: Mapping[str, str]) -> CostEstimate:
        limit = self._output_limit()
        inputs = sum(message_tokens(prompt, self.tokenizer) for prompt in missing.values())
        outputs = None if limit is None else limit * len(missing)
        cost = None if self.prices is None or outputs is None else self.prices.cost(inputs, outputs)
        return CostEstimate(len(missing), len(dict(prompts)) - len(missing), inputs, outputs, cost)

    def _output_limit(self) -> int | None:
        return next((int(self.sampling[name]) for name in OUTPUT_LIMITS if name in self.sampling), None)

    def _ask_all(self, missing: Mapping[str, str]) -> set[str]:
        """Ask for every missing verdict; the keys of those that could not be read."""
        openai = _openai()
        key = self._key()
        unread: set[str] = set()
        # Another address gets neither the answers nor the key, even where the endpoint sends there.
        http = openai.DefaultHttpxClient(event_hooks={"response": [unmask]}, follow_redirects=False)
        with (
            discreet_logs(key),
            openai.OpenAI(
                api_key=key or "none",
                base_url=self.base_url or DEFAULT_ENDPOINT,
                timeout=self.timeout,
                max_retries=self.max_retries,
                http_client=http,
            ) as client,
        ):
            stop, failures = threading.Event(), list[BaseException]()
            pool = ThreadPoolExecutor(self.concurrency)
            futures = {pool.submit(self._ask, client, prompt, stop): name for name, prompt in missing.items()}
            try:
                for future in as_completed(futures):
                    if (error := future.exception()) is not None:
                        # What is on its way is paid for: it is waited for and kept; the rest is not sent.
                        failures.append(error)
                        stop.set()
                        continue
                    if not (replies := future.result()):
                        continue
                    verdict, reply = self._count(replies)
                    if verdict is None:
                        unread.add(futures[future])
                        continue
                    self._known[futures[future]] = verdict
                    if self.cache is not None:
                        kept = reply if key is None else None
                        VerdictCache(self.cache).put(futures[future], verdict, kept, self.model)
            finally:
                stop.set()
                pool.shutdown()
        for error in failures:
            if isinstance(error, openai.OpenAIError):
                raise RunError(self._explain(error, key, len(missing)))
            raise error
        return unread

    def _ask(self, client: "OpenAI", prompt: str, stop: threading.Event) -> list[Reply]:
        """Replies until one can be read; none where nothing more is to be sent."""
        first: dict[str, Any] = {"role": "user", "content": prompt}
        messages, replies = [first], []
        if stop.is_set():
            return replies
        while len(replies) < self.max_asks and not (replies and replies[-1].verdict):
            create: Any = client.chat.completions.with_raw_response.create
            raw = create(model=self.model, messages=messages, **self.sampling)
            reply = read_reply(raw.http_response.text, raw.retries_taken)
            replies.append(reply)
            said = [{"role": "assistant", "content": reply.text}, {"role": "user", "content": REMINDER}]
            messages = [first, *said] if reply.text else [first]
        return replies

    def _count(self, replies: Sequence[Reply]) -> tuple[Verdict | None, str]:
        last, counts = replies[-1], self.counts
        counts.asked += 1
        counts.asked_again += len(replies) - 1
        counts.unparseable += last.verdict is None
        counts.retries += sum(reply.retries for reply in replies)
        counts.input_tokens += sum(reply.input_tokens for reply in replies)
        counts.output_tokens += sum(reply.output_tokens for reply in replies)
        return last.verdict, last.text

    def _key(self) -> str | None:
        variable = self.key_variable or (DEFAULT_KEY_VARIABLE if self.base_url is None else None)
        if variable is None:
            return None
        key = os.environ.get(variable, "").strip()
        if not key:
            raise InputError(
                f"the environment variable {variable} is not set: put the key of the judge's endpoint there"
            )
        return key

    def _host(self) -> str:
        """The endpoint as messages name it; the whole address may hold what is nobody's business."""
        try:
            parts = urlsplit(self.base_url or DEFAULT_ENDPOINT)
            host = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
        except ValueError:
            parts, host = urlsplit(""), ""
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
            raise InputError(
                "base_url is no address of an endpoint: expected http(s)://host[:port]/path without a user; a key goes "
                "into an environment variable, see key_variable"
            )
        return host

    def _explain(self, error: BaseException, key: str | None, wanted: int) -> str:
        reason = failure_reason(getattr(error, "body", None)) or str(error)
        status = getattr(error, "status_code", None)
        if status in REDIRECTS:
            reason = "it redirects, which is not followed; give the address where it is as base_url if you trust it"
        # Endpoints quote the key in their refusals.
        reason = " ".join(redacted(reason, key).split()) + (f" (status {status})" if status else "")
        return (
            f"the judge {self.model} at {self._host()} failed: {type(error).__name__}: {reason[:300]} Verdicts so far "
            f"are kept: judge the same {wanted} answers again to go on."
        )


def _openai() -> Any:
    try:
        import openai
    except ImportError as error:
        raise InputError("the LLM judge needs the openai package: pip install 'nnmech[judge]'") from error
    return openai
