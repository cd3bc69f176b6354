"""Programs end with one line and a code of their own; what a file says is no command to a terminal."""

import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from nnmech.errors import InputError
from nnmech.plain_text import escaped
from nnmech.terminal import BAD_INPUT, INTERRUPTED, TERMINATED, main_guard


def test_what_a_file_says_is_spelled_out():
    said = "a\x1b[2J\x07\r\x00\x9b31m \u202egpj.exe\u2069 \u2028\ud800 b\r\nc\td\xa0é日本👩\u200d🔬"
    shown = escaped(said)
    assert shown == (r"a\x1b[2J\x07\r\x00\x9b31m \u202egpj.exe\u2069 \u2028\ud800 b" + "\nc\td\xa0é日本👩\u200d🔬")
    assert escaped(shown) == shown


def test_an_error_is_one_line_without_commands(capsys):
    def fail():
        raise InputError("\x1b]0;title\x07name\n\u202eof a run")

    assert main_guard(fail) == BAD_INPUT
    assert capsys.readouterr().err == "error: \\x1b]0;title\\x07name \\u202eof a run\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)])
def test_a_signal_ends_a_program_with_one_line(number, code, capsys):
    before = signal.getsignal(signal.SIGTERM)

    def wait():
        os.kill(os.getpid(), number)
        time.sleep(30)

    assert main_guard(wait, resumable=True) == code == 128 + number
    assert capsys.readouterr().err == "interrupted; what is finished is kept, go on with --resume\n"
    assert main_guard(wait) == code
    assert capsys.readouterr().err == "interrupted\n"
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_handler_that_is_there_stays(capsys):
    taken = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: taken.append(number))
    try:
        assert main_guard(lambda: os.kill(os.getpid(), signal.SIGTERM)) == 0
    finally:
        signal.signal(signal.SIGTERM, before)
    assert taken == [signal.SIGTERM]


def test_beside_the_main_thread_nothing_is_handled():
    codes = []
    thread = threading.Thread(target=lambda: codes.append(main_guard(lambda: None)))
    thread.start()
    thread.join()
    assert codes == [0]


def test_a_terminated_experiment_ends_its_workers_and_goes_on(small_model, tmp_path):
    folder = tmp_path / "run"
    words = ["two-phase", "--preset", "smoke", "--model", str(small_model), "--seeds", "0", "1", "--workers", "2"]
    words += ["--output", str(folder)]
    command = [sys.executable, "-c", "import sys; from nnmech.cli import main; sys.exit(main(sys.argv[1:]))", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    end = time.monotonic() + 240
    while not list(folder.glob("runs/*/metrics.jsonl")):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.1)
    children = psutil.Process(process.pid).children()
    process.terminate()
    said = process.communicate(timeout=60)[1]
    assert process.returncode == TERMINATED
    assert said == "interrupted; what is finished is kept, go on with --resume\n"
    assert len(children) >= 2
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive
    from nnmech.experiments.two_phase.experiment import TWO_PHASE
    from nnmech.runs import RunWriter

    TWO_PHASE.read_settings(folder)
    for run in folder.glob("runs/*/run.json"):
        RunWriter.resume(run.parent).close()
