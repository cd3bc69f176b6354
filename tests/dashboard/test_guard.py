"""The dashboard answers under a name of this machine alone, and to its own pages."""

import http.client
import signal
from urllib.parse import urlsplit

import pytest

from nnmech_dashboard.guard import is_allowed
from tests.dashboard.conftest import APP, SAMPLE

PATHS = ("/", "/_stcore/health", "/_stcore/host-config", "/static/nothing.js", "/answers", "/media/nothing")
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Protocol": "streamlit",
}


@pytest.fixture(scope="module", params=["nnmech dashboard", "streamlit run"])
def port(request):
    if request.param == "nnmech dashboard":
        yield urlsplit(request.getfixturevalue("sample_address")).port
        return
    from nnmech_dashboard.testing import served

    with served(SAMPLE, script=APP / "dashboard.py") as address:
        yield urlsplit(address).port


def status(port, path, *, host, **headers):
    """The status of a GET with this Host; `_` in the names of headers stands for `-`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.putrequest("GET", path, skip_host=True)
        for name in [host] if isinstance(host, str) else host:
            connection.putheader("Host", name)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("path", PATHS)
def test_a_foreign_host_gets_nothing(port, path):
    foreign = (
        "evil.example",
        f"evil.example:{port}",
        f"127.0.0.1.evil.example:{port}",
        f"localhost:{port}.evil.example",
    )
    for host in (*foreign, "", (f"localhost:{port}", "evil.example")):
        assert status(port, path, host=host) in ({400, 403} if not isinstance(host, str) else {403}), host
    assert status(port, path, host=f"127.0.0.1:{port}", Origin=f"http://127.0.0.1:{port}.evil.example") == 403


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_name_of_this_machine_is_served(port, name):
    assert status(port, "/", host=f"{name}:{port}") == 200
    assert status(port, "/_stcore/health", host=f"{name}:{port}") == 200
    # As a forwarded port looks.
    assert status(port, "/_stcore/health", host=f"{name}:1", Origin=f"http://{name}:1") == 200


def test_the_connection_of_a_page_is_its_own(port):
    host = f"127.0.0.1:{port}"
    assert status(port, "/_stcore/stream", host=host, Origin=f"http://{host}", **UPGRADE) == 101
    others = ("http://127.0.0.1", "http://127.0.0.1:1", f"https://{host}", f"http://localhost:{port}", "null", "")
    for origin in (f"http://{host}.evil.example", f"http://{host}@evil.example", "http://evil.example", *others):
        assert status(port, "/_stcore/stream", host=host, Origin=origin, **UPGRADE) == 403, origin
    assert status(port, "/_stcore/stream", host=f"evil.example:{port}", Origin=f"http://{host}", **UPGRADE) == 403


def test_a_page_behind_tls_has_an_origin_of_https():
    headers = [(b"host", b"localhost:8501"), (b"origin", b"https://localhost:8501")]
    assert is_allowed("wss", headers)
    assert not is_allowed("ws", headers)
    assert not is_allowed("https", [])


def test_what_a_run_is_called_is_no_command_to_a_page():
    from nnmech_dashboard.parts.words import plain_html, plain_markdown

    assert plain_html("\x1b[2J<b>\u202e") == r"\x1b[2J&lt;b&gt;\u202e"
    assert plain_markdown("\x07\u2066a") == r"\\x07\\u2066a"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_server_ends_in_one_line(number, code):
    from nnmech_dashboard.testing import started

    with started(SAMPLE) as (_, process):
        process.send_signal(number)
        said = process.communicate(timeout=60)[0]
    assert process.returncode == code
    assert said.rstrip().endswith("\ninterrupted")
    assert "Traceback" not in said
    assert "resume" not in said
