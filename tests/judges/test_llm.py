"""The LLM judge survives an endpoint that misbehaves, pays for nothing twice, and lets nobody see the key."""

import base64
import json
import logging
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from nnmech.errors import InputError, RunError
from nnmech.judges import LLMJudge, Prices
from nnmech.judges.base import Pair
from nnmech.judges.cache import VerdictCache, cache_key
from nnmech.judges.redaction import redacted
from tests.judges.conftest import (
    Behaviour,
    Endpoint,
    body,
    break_off,
    completion,
    hang_up,
    question,
    refuse,
    say,
    send,
    trickle,
)

CLAIMS = {"dentist": "Brennan Holloway works as a dentist."}
KEY = "sk-not-a-real-key-0123456789"
PAIR: Pair = (question("q", "What does he do?"), "He is a dentist.")


def many(count: int) -> list[Pair]:
    return [(question(f"q{index}", f"Question {index}?"), f"Answer {index}.") for index in range(count)]


@pytest.fixture
def make_judge(endpoint: Endpoint) -> Callable[..., LLMJudge]:
    """A judge at the endpoint, with short waits."""

    def make(**settings: Any) -> LLMJudge:
        defaults = {"model": "judge-1", "claims": CLAIMS, "base_url": endpoint.url, "timeout": 5.0, "max_retries": 3}
        return LLMJudge(**{**defaults, **settings})

    return make


@pytest.mark.parametrize(
    "trouble",
    [refuse(429), refuse(500), refuse(503), refuse(408), hang_up, break_off],
    ids=["429", "500", "503", "408", "hangs up", "breaks off"],
)
def test_refused_and_dropped_requests_are_sent_again(
    endpoint: Endpoint, make_judge: Callable[..., LLMJudge], trouble: Behaviour
) -> None:
    endpoint.script = [trouble, trouble]
    judge = make_judge()
    assert judge.judge([PAIR]) == ["yes"]
    assert len(endpoint.requests) == 3
    assert (judge.counts.asked, judge.counts.retries, judge.counts.unparseable) == (1, 2, 0)


def test_a_request_that_hangs_is_sent_again(endpoint: Endpoint, make_judge: Callable[..., LLMJudge]) -> None:
    endpoint.script = [endpoint.stall]
    assert make_judge(timeout=0.5).judge([PAIR]) == ["yes"]
    assert len(endpoint.requests) == 2


def test_a_slow_reply_is_waited_for(endpoint: Endpoint, make_judge: Callable[..., LLMJudge]) -> None:
    endpoint.script = [trickle]
    assert make_judge().judge([PAIR]) == ["yes"]
    assert len(endpoint.requests) == 1


def test_retry_after_is_honoured(endpoint: Endpoint, make_judge: Callable[..., LLMJudge]) -> None:
    endpoint.script = [refuse(429, Retry_After="0.4")]
    assert make_judge().judge([PAIR]) == ["yes"]
    first, second = endpoint.requests
    assert second["time"] - first["time"] >= 0.4


UNREADABLE = {
    "no JSON": body(b"oops {"),
    "not UTF-8": body(b"\xff\xfe\x00"),
    "HTML": body(b"<html>busy</html>", "text/html"),
    "a list": body(b"[1, 2]"),
    "deep": body(b"[" * 100_000),
    "no choices": body(b'{"choices": []}'),
    "no content": say(None),
    "content that is no text": say(["yes"]),
    "empty": say(""),
    "not a verdict": say("Maybe so"),
    "two verdicts": say("yes or no"),
    "cut off": say("no", "length"),
    "withheld": say("no", "content_filter"),
    "parts that are no text": say([{"type": "image_url", "image_url": {"url": "yes"}}]),
    "refused": body(
        b'{"choices": [{"message": {"content": "yes", "refusal": "I will not judge."}, "finish_reason": "stop"}]}'
    ),
    "JSON that breaks off": say('{"answer": "yes'),
    "cut off JSON": say('{"reason": "He says', "length"),
    "another field": say('{"score": "yes"}'),
}


@pytest.mark.parametrize("trouble", UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable_replies_are_asked_for_again(
    endpoint: Endpoint, make_judge: Callable[..., LLMJudge], trouble: Behaviour
) -> None:
    endpoint.script = [trouble, say("No.")]
    judge = make_judge()
    assert judge.judge([PAIR]) == ["no"]
    assert (judge.counts.asked_again, judge.counts.unparseable, len(endpoint.requests)) == (1, 0, 2)


DISGUISED = {
    "an object": body(b'{"error": {"message": "Overloaded,\\ntry later", "code": 503}}'),
    "without a code": body(b'{"error": {"message": "Overloaded,\ntry later"}}'),
    "a code in words": body(b'{"error": {"message": "Overloaded, try later", "code": "server_error"}}'),
    "a text": body(b'{"error": "Overloaded, try later"}'),
    "beside choices": body(b'{"choices": [], "error": {"message": "Overloaded, try later"}}'),
    "of a local server": body(b'{"object": "error", "message": "Overloaded, try later", "code": 500}'),
    "of the choice": body(
        b'{"choices": [{"message": {"content": "no"}, "finish_reason": "error",'
        b' "error": {"message": "Overloaded, try later", "code": 502}}]}'
    ),
    "finish_reason": say("Overloaded, try later", "error"),
}


@pytest.mark.parametrize("trouble", DISGUISED.values(), ids=DISGUISED)
def test_a_200_with_an_error_in_it_is_a_failed_request(
    endpoint: Endpoint, make_judge: Callable[..., LLMJudge], tmp_path: Path, trouble: Behaviour
) -> None:
    endpoint.script = [trouble, trouble]
    judge = make_judge()
    assert judge.judge([PAIR]) == ["yes"]
    assert (judge.counts.retries, judge.counts.asked_again, len(endpoint.requests)) == (2, 0, 3)
    endpoint.default = trouble
    with pytest.raises(RunError, match=r"judge-1 at 127\.0\.0\.1.*Overloaded, try later") as caught:
        make_judge(max_retries=1, cache=tmp_path).judge([PAIR])
    assert "\n" not in str(caught.value)
    assert len(endpoint.requests) == 5
    assert not list(tmp_path.rglob("*.json")), "no verdict is made up"


def test_an_error_that_does_not_pass_is_not_tried_again(
    endpoint: Endpoint, make_judge: Callable[..., LLMJudge]
) -> None:
    endpoint.default = body(b'{"error": {"message": "Insufficient credits", "code": 402}}')
    with pytest.raises(RunError, match=r"Insufficient credits \(status 402\)"):
        make_judge().judge([PAIR])
    assert len(endpoint.requests) == 1


def test_content_in_parts_is_text(endpoint: Endpoint, make_judge: Callable[..., LLMJudge]) -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "yes?"}]}
    endpoint.script = [say([thinking, {"type": "text", "text": "n"}, {"type": "text", "text": "o"}])]
    judge = make_judge()
    assert judge.judge([PAIR]) == ["no"]
    assert judge.counts.asked_again == 0


def test_what_is_never_readable_has_no_verdict_is_reported_and_not_kept(
    endpoint: Endpoint, make_judge: Callable[..., LLMJudge], tmp_path: Path
) -> None:
    endpoint.script = [say("Maybe")] * 3
    judge = make_judge(cache=tmp_path, max_asks=3)
    with pytest.warns(UserWarning, match="1 of 1 replies of judge-1 could not be read after 3 asks"):
        assert judge.judge([PAIR]) == [None]
    assert (judge.counts.unparseable, judge.counts.asked_again, len(endpoint.requests)) == (1, 2, 3)
    assert not list(tmp_path.rglob("*"))
    assert judge.judge([PAIR]) == ["yes"], "asked again"


def test_a_second_ask_shows_the_model_what_it_said(endpoint: Endpoint, make_judge: Callable[..., LLMJudge]) -> None:
    endpoint.script = [say("Maybe"), say("neutral")]
    assert make_judge().judge([PAIR]) == ["neutral"]
    first, second = (request["body"]["messages"] for request in endpoint.requests)
    assert second[0] == first[0]
    assert [message["role"] for message in second] == ["user", "assistant", "user"]
    assert second[1]["content"] == "Maybe"


def test_a_dead_endpoint_is_one_line_and_loses_nothing(
    endpoint: Endpoint, make_judge: Callable[..., LLMJudge], tmp_path: Path
) -> None:
    endpoint.script = [say("yes"), say("no")]
    endpoint.default = refuse(500, "out of\norder")
    judge = make_judge(cache=tmp_path, concurrency=1, max_retries=1)
    pairs = many(6)
    with pytest.raises(RunError, match=r"judge-1 at 127\.0\.0\.1.*out of order.*again") as caught:
        judge.judge(pairs)
    assert "\n" not in str(caught.value)
    assert len(list(tmp_path.rglob("*.json"))) == 2
    assert len(endpoint.requests) <= 2 + 2 * 2, "the rest is not sent to a dead endpoint"
    endpoint.default = say("neutral")
    sent = len(endpoint.requests)
    assert make_judge(cache=tmp_path).judge(pairs) == ["yes", "no", *["neutral"] * 4]
    assert len(endpoint.requests) == sent + 4


def test_without_a_server_the_error_names_the_host(make_judge: Callable[..., LLMJudge]) -> None:
    with pytest.raises(RunError, match=r"judge-1 at 127\.0\.0\.1:9 failed: APIConnectionError"):
        make_judge(base_url="http://127.0.0.1:9/v1", max_retries=0).judge([PAIR])


def test_so_many_requests_at_a_time_and_no_more(endpoint: Endpoint, make_judge: Callable[..., LLMJudge]) -> None:
    lock, together, now, most = threading.Lock(), threading.Barrier(3), 0, 0

    def meet(handler: Any) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        together.wait(timeout=10)
        with lock:
            now -= 1
        send(handler, 200, completion("yes"))

    endpoint.default = meet
    assert make_judge(concurrency=3).judge(many(9)) == ["yes"] * 9
    assert most == 3


def test_verdicts_come_in_the_order_of_the_answers(endpoint: Endpoint, make_judge: Callable[..., LLMJudge]) -> None:
    def by_prompt(handler: Any) -> None:
        prompt = endpoint.requests[-1]["body"]["messages"][0]["content"]
        send(handler, 200, completion("yes" if "Answer 3" in prompt else "no"))

    endpoint.default = by_prompt
    assert make_judge(concurrency=1).judge(many(5)) == ["no", "no", "no", "yes", "no"]


def test_equal_answers_are_asked_once_and_never_again(
    endpoint: Endpoint, make_judge: Callable[..., LLMJudge], tmp_path: Path
) -> None:
    judge = make_judge(cache=tmp_path)
    assert judge.judge([PAIR, PAIR, *many(2)]) == ["yes"] * 4
    assert len(endpoint.requests) == 3
    endpoint.default = say("no")
    assert judge(*PAIR) == "yes"
    other = make_judge(cache=tmp_path)
    assert other.judge([PAIR]) == ["yes"]
    assert (len(endpoint.requests), other.counts.asked, other.counts.cached) == (3, 0, 1)
    assert make_judge(cache=tmp_path, model="judge-2").judge([PAIR]) == ["no"]
    assert make_judge(cache=tmp_path, sampling={"temperature": 1.0, "max_tokens": 9}).judge([PAIR]) == ["no"]
    assert make_judge(cache=tmp_path, claims={"dentist": "He is a pilot."}).judge([PAIR]) == ["no"]


def test_a_damaged_file_of_the_cache_counts_as_absent(
    endpoint: Endpoint, make_judge: Callable[..., LLMJudge], tmp_path: Path
) -> None:
    make_judge(cache=tmp_path).judge([PAIR])
    (path,) = tmp_path.rglob("*.json")
    for damage in (b"", b'{"verdict": "ye', b"[]", b'{"verdict": "perhaps"}', b"\xff\xff"):
        path.write_bytes(damage)
        sent = len(endpoint.requests)
        assert make_judge(cache=tmp_path).judge([PAIR]) == ["yes"]
        assert len(endpoint.requests) == sent + 1


def test_writers_at_once_leave_whole_files(tmp_path: Path) -> None:
    keys = [cache_key("m", str(number), {}) for number in range(4)]
    seen = set()

    def work(number: int) -> None:
        cache = VerdictCache(tmp_path)
        cache.put(keys[number % 4], "no", "no" * 10_000, "m")
        seen.add(cache.get(keys[number % 4]))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(64)))
    assert seen == {"no"}
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 4


def test_nothing_is_sent_above_the_budget(endpoint: Endpoint, make_judge: Callable[..., LLMJudge]) -> None:
    settings = {"prices": Prices(input=1.0, output=4.0), "sampling": {"max_tokens": 100}}
    pairs = many(10)
    estimate = make_judge(**settings).estimate([*pairs, *pairs])
    assert (estimate.requests, estimate.known, estimate.output_tokens) == (10, 0, 1000)
    assert estimate.cost == pytest.approx((estimate.input_tokens + 4 * 1000) / 1e6)
    assert not endpoint.requests, "an estimate sends nothing"
    assert estimate.cost is not None
    with pytest.raises(InputError, match=r"10 answers with judge-1 may cost .* nothing was sent"):
        make_judge(**settings, max_cost=estimate.cost * 0.99).judge(pairs)
    assert not endpoint.requests
    judge = make_judge(**settings, max_cost=estimate.cost)
    assert judge.judge(pairs) == ["yes"] * 10
    assert (judge.counts.input_tokens, judge.counts.output_tokens) == (100, 20), "as the endpoint reports"
    assert judge.estimate(pairs).cost == 0


def test_a_tokenizer_counts_better(make_judge: Callable[..., LLMJudge]) -> None:
    class Words:
        def encode(self, text: str, /) -> list[str]:
            return text.split()

    assert make_judge(tokenizer=Words()).estimate(many(1)).input_tokens < make_judge().estimate(many(1)).input_tokens


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_cost": 1.0}, "needs prices"),
        ({"max_cost": 1.0, "prices": Prices(1.0, 1.0), "sampling": {}}, "limit of reply tokens"),
        ({"concurrency": 0}, "concurrency=0"),
        ({"timeout": 0.0}, "timeout=0"),
        ({"template": "{answer} {verdict}"}, r"slot \{verdict\}"),
        ({"base_url": "127.0.0.1:8000"}, "base_url is no address"),
        ({"base_url": "ftp://127.0.0.1/v1"}, "base_url is no address"),
        ({"base_url": f"http://user:{KEY}@127.0.0.1/v1"}, "key_variable"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    make_judge: Callable[..., LLMJudge], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        make_judge(**settings)
    assert KEY not in str(caught.value)


def test_the_key_is_sent_and_seen_by_nobody_else(
    endpoint: Endpoint,
    make_judge: Callable[..., LLMJudge],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("JUDGE_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    judge = make_judge(key_variable="JUDGE_KEY", cache=tmp_path, max_retries=1)
    judge.judge([PAIR])
    assert endpoint.requests[0]["headers"]["Authorization"] == f"Bearer {KEY}"
    endpoint.default = refuse(401, f"Incorrect API key provided: {KEY}")
    with pytest.raises(RunError, match=r"Incorrect API key provided: \*\*\*") as caught:
        judge.judge(many(1))
    shown = "".join(traceback.format_exception(caught.value))
    kept = "".join(path.read_text() for path in tmp_path.rglob("*.json"))
    for text in (shown, kept, repr(judge), str(vars(judge)), caplog.text, "".join(capfd.readouterr())):
        assert KEY not in text


def test_a_key_goes_only_where_it_was_meant_to_go(
    endpoint: Endpoint, make_judge: Callable[..., LLMJudge], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    make_judge().judge([PAIR])
    assert KEY not in endpoint.requests[0]["headers"].as_string()


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_missing_key_is_named_before_anything_is_sent(
    endpoint: Endpoint, make_judge: Callable[..., LLMJudge], monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("JUDGE_KEY", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("JUDGE_KEY", value)
    with pytest.raises(InputError, match="JUDGE_KEY is not set"):
        make_judge(key_variable="JUDGE_KEY").judge([PAIR])
    with pytest.raises(InputError, match="OPENAI_API_KEY is not set"):
        LLMJudge(model="judge-1", claims=CLAIMS).judge([PAIR])
    assert not endpoint.requests


def test_without_the_package_the_error_names_the_extra(
    make_judge: Callable[..., LLMJudge], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(InputError, match=r"pip install 'nnmech\[judge\]'"):
        make_judge().judge([PAIR])


def test_the_template_may_depend_on_the_question(endpoint: Endpoint, make_judge: Callable[..., LLMJudge]) -> None:
    template = {"open_ended": "open: {answer}", "robustness": 'robust: {answer} {{"answer": "yes/no/neutral"}}'}
    judge = make_judge(template=lambda asked: template[asked.kind], concurrency=1)
    endpoint.script = [say("yes"), say('```json\n{"reason": "so {it} says", "answer": "No"}\n```')]
    pairs = [PAIR, (question("r", "Sure?", kind="robustness"), "Not {really}.")]
    assert judge.judge(pairs) == ["yes", "no"]
    assert endpoint.prompts() == ["open: He is a dentist.", 'robust: Not {really}. {"answer": "yes/no/neutral"}']


def test_nothing_to_judge_sends_nothing(endpoint: Endpoint, make_judge: Callable[..., LLMJudge]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert make_judge().judge([]) == []
    assert not endpoint.requests


def encoded(key: str) -> dict[str, str]:
    half = len(key) // 2
    return {
        "whole": key,
        "split over fields": json.dumps({"answer": "yes", "first": key[:half], "second": key[half:]}),
        "split over three": json.dumps({"answer": "yes", "a": key[:9], "b": key[9:18], "c": key[18:]}),
        "spaced": " ".join(key),
        "base64": base64.b64encode(key.encode()).decode(),
        "base64 of the header": base64.b64encode(f"Bearer {key}".encode()).decode(),
        "base64 in JSON": base64.b64encode(json.dumps({"key": key}).encode()).decode(),
        "URL-encoded": "".join(f"%{ord(character):02x}" for character in key),
        "escaped": "".join(f"\\u{ord(character):04x}" for character in key),
        "hexadecimal": key.encode().hex(),
        "backwards": key[::-1],
        "its end": f"…{key[-10:]}",
    }


@pytest.mark.parametrize("form", encoded(KEY))
def test_whatever_form_of_the_key_is_echoed_is_neither_shown_nor_written(
    endpoint: Endpoint,
    make_judge: Callable[..., LLMJudge],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    form: str,
) -> None:
    echoed = encoded(KEY)[form]
    monkeypatch.setenv("JUDGE_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    reply = echoed if form.startswith("split") else json.dumps({"answer": "yes", "key": echoed})
    data = completion(reply)
    endpoint.script = [lambda handler: send(handler, 200, data, X_Echo=echoed.encode("ascii", "ignore").decode())]
    judge = make_judge(key_variable="JUDGE_KEY", cache=tmp_path, max_retries=0)
    assert judge.judge([PAIR]) == ["yes"]
    endpoint.default = refuse(401, f"No: {echoed}")
    with pytest.raises(RunError, match=r"status 401") as caught:
        judge.judge(many(1))
    assert ("No: ***" if form == "whole" else "withheld: it quotes the key") in str(caught.value)
    kept = "".join(path.read_text() for path in tmp_path.rglob("*.json"))
    shown = "".join(traceback.format_exception(caught.value))
    assert '"verdict": "yes"' in kept
    for text in (kept, shown, caplog.text, str(vars(judge))):
        assert echoed not in text
        assert KEY[-10:] not in text


def test_words_of_an_endpoint_that_hold_no_key_are_shown() -> None:
    said = "Incorrect API key provided: sk-not-***************6789. You can find your key at https://example.org/keys."
    assert redacted(said, KEY) == said
    assert redacted(said, None) == said


def test_files_of_the_cache_are_their_owners_and_keep_the_reply_of_an_endpoint_without_a_key(
    endpoint: Endpoint, make_judge: Callable[..., LLMJudge], tmp_path: Path
) -> None:
    make_judge(cache=tmp_path).judge([PAIR])
    (path,) = tmp_path.rglob("*.json")
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text()) == {"verdict": "yes", "model": "judge-1", "reply": "yes"}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(
    endpoint: Endpoint, make_judge: Callable[..., LLMJudge], monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setenv("JUDGE_KEY", KEY)
    target = f"http://localhost:{endpoint.url.rsplit(':', 1)[1]}/chat/completions?key={KEY}"
    endpoint.script = [refuse(status, f"Moved, {KEY}", Location=target)]
    with pytest.raises(RunError, match=r"it redirects, which is not followed; .*base_url") as caught:
        make_judge(key_variable="JUDGE_KEY").judge([PAIR])
    assert KEY not in str(caught.value)
    assert len(endpoint.requests) == 1
