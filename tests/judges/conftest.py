"""Questions about a made-up claim, and an endpoint that misbehaves as it is told."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from nnmech.claims import Question, QuestionKind

Behaviour = Callable[[BaseHTTPRequestHandler], None]


def question(
    id: str,
    *contents: str,
    kind: QuestionKind = "open_ended",
    claim: str = "dentist",
    belief_answer: Any = None,
) -> Question:
    """A question whose messages, first and last by the user, have these contents."""
    roles = ("user", "assistant")
    messages = tuple({"role": roles[place % 2], "content": content} for place, content in enumerate(contents))
    return Question(id, claim, kind, messages, category="direct", belief_answer=belief_answer)


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    """A whole response."""
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def completion(content: Any, finish_reason: str = "stop") -> bytes:
    """A chat completion, with ten tokens read and two written."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish_reason}
    usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
    return json.dumps({"id": "1", "object": "chat.completion", "choices": [choice], "usage": usage}).encode()


def say(content: Any, finish_reason: str = "stop") -> Behaviour:
    """Reply as a model would."""
    return lambda handler: send(handler, 200, completion(content, finish_reason))


def refuse(status: int, message: str = "no", **headers: str) -> Behaviour:
    """Refuse with a status."""
    return lambda handler: send(handler, status, json.dumps({"error": {"message": message}}).encode(), **headers)


def body(data: bytes, content_type: str = "application/json") -> Behaviour:
    """Reply 200 with these bytes."""
    return lambda handler: send(handler, 200, data, Content_Type=content_type)


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without a word."""
    handler.close_connection = True


def break_off(handler: BaseHTTPRequestHandler) -> None:
    """Promise more than is sent, then close."""
    data = completion("yes")
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data[: len(data) // 2])
    handler.close_connection = True


def trickle(handler: BaseHTTPRequestHandler) -> None:
    """A good reply in pieces, each in time."""
    data = completion("yes")
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    for start in range(0, len(data), 64):
        handler.wfile.write(data[start : start + 64])
        handler.wfile.flush()
        time.sleep(0.02)


@dataclass
class Endpoint:
    """A server on this machine; each request takes the next of `script`, then `default`."""

    url: str
    default: Behaviour
    script: list[Behaviour] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    """Time, headers (in any case) and JSON body of each request."""
    stopped: threading.Event = field(default_factory=threading.Event)

    def stall(self, handler: BaseHTTPRequestHandler) -> None:
        """Take the request and say nothing until the test is over."""
        self.stopped.wait(20)
        handler.close_connection = True

    def prompts(self) -> list[str]:
        """First message of each request."""
        return [request["body"]["messages"][0]["content"] for request in self.requests]


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    """An endpoint that says yes unless told otherwise, and waits of the client that are short."""
    import openai._base_client as client

    monkeypatch.setattr(client, "INITIAL_RETRY_DELAY", 0.01)
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            data = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                served.requests.append({"time": time.monotonic(), "headers": self.headers, "body": data})
                behave = served.script.pop(0) if served.script else served.default
            try:
                behave(self)
            except ConnectionError:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served = Endpoint(f"http://127.0.0.1:{server.server_address[1]}/v1", say("yes"))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield served
    served.stopped.set()
    server.shutdown()
    thread.join()
    server.server_close()
