"""Who may ask the dashboard for anything: pages that it served itself, under a name of this machine."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from streamlit import config

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

HOSTS = ("localhost", "127.0.0.1")
POLICY_VIOLATION = 1008
REFUSAL = b"Forbidden: the dashboard answers on this machine alone, to its own pages.\n"


class LocalOnly:
    """A layer around the server that refuses every request, of whatever kind, with a foreign Host or Origin.

    A web page elsewhere can give its own name the address of this machine, and then read what it likes from a server
    that does not look at Host.
    """

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with 403."""
        if scope["type"] not in ("http", "websocket") or is_allowed(scope["scheme"], scope["headers"]):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        else:
            headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(REFUSAL)).encode())]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": REFUSAL})


def is_allowed(scheme: str, headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether there is one Host, of this machine, and no Origin but the page's own, letter by letter.

    Args:
        scheme: http, https, ws or wss.
        headers: Names in lower case, and values.
    """
    hosts = [value for name, value in headers if name == b"host"]
    origins = [value for name, value in headers if name == b"origin"]
    if len(hosts) != 1 or _name(hosts[0]) not in _allowed():
        return False
    page = {"ws": "http", "wss": "https"}.get(scheme, scheme).encode() + b"://" + hosts[0]
    return all(origin == page for origin in origins)


def _name(host: bytes) -> str | None:
    """The name in `name` or `name:port`; None where it is neither."""
    name, colon, port = host.decode("latin-1").partition(":")
    return None if colon and not (port.isascii() and port.isdigit()) else name.lower()


def _allowed() -> list[str]:
    # Read at every request: the settings are there only when the server is.
    return config.get_option("server.allowedHosts") or list(HOSTS)
