"""The command that opens the dashboard: its options, and where it listens."""

import socket

import pytest

from nnmech.errors import InputError
from nnmech_dashboard.serve import HOST, _names, _parser, main
from nnmech_dashboard.testing import started
from tests.dashboard.conftest import SAMPLE


def test_help_says_what_there_is_and_starts_nothing(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert all(option in said for option in ("--port", "--host", "--no-browser", "FOLDER"))


@pytest.mark.parametrize("words", [["--bogus"], ["--prot", "1"], ["--port", "x"], ["--port", "0"], ["--port", "65536"]])
def test_an_unknown_option_or_a_port_that_is_none_is_an_error_and_no_folder(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert words[0] in capsys.readouterr().err


def test_folders_stand_beside_options():
    given = _parser().parse_intermixed_args(["runs", "--port", "8600", "more", "--no-browser"])
    assert (given.folders, given.port, given.host, given.no_browser) == (["runs", "more"], 8600, HOST, True)


def test_a_port_that_is_taken_is_one_line():
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"cannot listen on 127.0.0.1:{port}: the port is taken.*--port"):
            main(["--port", str(port)])


def test_an_address_of_another_machine_is_one_line():
    with pytest.raises(InputError, match=r"cannot listen on 192.0.2.1.*--host"):
        main(["--host", "192.0.2.1"])


def test_a_server_for_others_answers_to_the_names_of_this_machine_alone():
    assert _names("runs.example") == ["runs.example", "localhost", HOST]
    assert {socket.gethostname(), "localhost", HOST} <= set(_names("0.0.0.0"))
    assert "0.0.0.0" not in _names("0.0.0.0")


def test_the_line_that_it_prints_is_a_link():
    with started(SAMPLE) as (address, process):
        process.terminate()
        assert f"URL: {address}\n" in process.communicate(timeout=60)[0]
