"""One visit of a page is one entry of the browser's history: back leads to the page before, as it was left."""

from nnmech_dashboard.guard import Application, Message, Receive, Send

# Streamlit pushes an entry whenever a script changes the query, which would make back a matter of single parameters.
SCRIPT = b"""<script>
(() => {
  const push = history.pushState.bind(history);
  history.pushState = (state, title, url) =>
    new URL(url ?? "", location).pathname === location.pathname
      ? history.replaceState(state, title, url)
      : push(state, title, url);
})();
</script>"""
HEAD = b"<head>"


class OneEntryAPage:
    """A layer around the server that puts SCRIPT into the documents it serves: another query replaces the entry."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on; a document comes back with the script."""
        if scope["type"] != "http" or not any(
            name == b"accept" and b"text/html" in value for name, value in scope["headers"]
        ):
            await self.app(scope, receive, send)
            return
        # The document is small, and has to be readable here.
        headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        start: Message | None = None
        body = b""

        async def changed(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_document(message):
                start = message
            elif start is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    body = body.replace(HEAD, HEAD + SCRIPT, 1)
                    await send({**start, "headers": _of_length(start, len(body))})
                    await send({"type": "http.response.body", "body": body})

        await self.app({**scope, "headers": headers}, receive, changed)


def _is_document(start: Message) -> bool:
    """Whether an answer is a whole HTML document."""
    kind = next((value for name, value in start["headers"] if name.lower() == b"content-type"), b"")
    return start["status"] == 200 and kind.startswith(b"text/html")


def _of_length(start: Message, length: int) -> list[tuple[bytes, bytes]]:
    kept = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
    return [*kept, (b"content-length", str(length).encode())]
