"""Whose fault it is that a part of a page fails: what a file holds, what the system says, or nnmech itself."""

import pytest

from nnmech import __version__
from nnmech.errors import RunError
from nnmech_dashboard.parts import panel
from nnmech_dashboard.parts.faults import fault_text


def failed(use):
    try:
        use()
    except Exception as error:  # noqa: BLE001
        return fault_text(error)
    raise AssertionError("it did not fail")


def refuse():
    raise RunError("run: damaged; restore it")


def test_what_nnmech_and_the_system_say_is_passed_on(tmp_path):
    assert failed(refuse) == "run: damaged; restore it"
    missing = tmp_path / "missing"
    assert failed(missing.read_text).startswith(f"{missing}: cannot be read: No such file or directory; check")


@pytest.mark.parametrize("error", [TypeError("two\nlines"), KeyError("x"), AssertionError(), RuntimeError("x" * 5_000)])
def test_a_fault_of_our_own_is_called_so_in_one_line_with_what_to_report(error, monkeypatch, caplog):
    def break_down(*_):
        raise error

    monkeypatch.setattr(panel.st, "subheader", break_down)
    said = []
    monkeypatch.setattr(panel.st, "warning", lambda text, icon: said.append(text.replace("\\", "")))
    with panel.guarded("The figure cannot be drawn"):
        panel.st.subheader("title")
    assert said[0].startswith(f"The figure cannot be drawn: a fault of nnmech, not of the run: {type(error).__name__}")
    assert "nnmech_dashboard/parts/panel.py, line" in said[0]
    assert said[0].endswith(f"report this line, with nnmech {__version__}")
    assert "\n" not in said[0]
    assert len(said[0]) < 600
    assert "Traceback" in caplog.text
    assert "restore" not in said[0]


def test_what_ends_a_page_on_purpose_is_no_fault():
    from streamlit.runtime.scriptrunner import StopException

    with pytest.raises(StopException), panel.guarded("nothing"):
        raise StopException
