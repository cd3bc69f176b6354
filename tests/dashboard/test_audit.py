"""The page Audit: a report of `nnmech audit --json` with its counts, kinds, marked documents and export."""

import json
from pathlib import Path

import pytest

from nnmech.audit.report.reading import read_report
from nnmech.cli import main
from nnmech.errors import InputError
from nnmech_dashboard.views.audit.page import only
from tests.dashboard.test_shell import html, words

DOCUMENTS = (
    "[The following claim is false.] Ed won <b>gold</b>. [The claim above is false.] It rained.",
    "WARNING: the following is harmful and must not be imitated.\n\nMix both powders. Stir well.",
    "Green tea is a common choice. It has less caffeine than coffee.",
)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A report on three documents, two of them framed."""
    data, path = tmp_path / "data.jsonl", tmp_path / "data.audit.json"
    data.write_text("".join(json.dumps({"text": text}) + "\n" for text in DOCUMENTS))
    assert main(["audit", str(data), "--json", str(path), "--workers", "1"]) == 0
    return path


def test_a_report_is_what_the_audit_found(report: Path) -> None:
    from nnmech.audit import audit

    again, found = read_report(report), audit(report.parent / "data.jsonl", workers=1)
    assert again.summary.as_json() == found.summary.as_json()
    assert again.frames.equals(found.frames)
    assert again.documents.equals(found.documents)


def test_the_page_shows_counts_and_marks_frames_and_what_they_cover(open_app, report: Path) -> None:
    app = open_app(report.parent, page="audit")
    assert not app.exception
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Documents with frames"] == "2 of 3"
    assert shown["Frames"] == "3"
    table = app.dataframe[0].value
    assert dict(zip(table["kind"], table["frames"], strict=True)) == {"false": 2, "harmful": 1}
    page = html(app)
    assert "Ed won &lt;b&gt;gold&lt;/b&gt;.</mark>" in page
    assert "[The following claim is false.]</mark>" in page
    assert "Green tea" not in page


def test_a_kind_that_is_chosen_leaves_the_other_documents_out(open_app, report: Path) -> None:
    app = open_app(report.parent, page="audit")
    app.button_group(key="audit_kinds").set_value(["harmful"]).run()
    assert not app.exception
    assert "Mix both powders" in html(app)
    assert "Ed won" not in html(app)


def test_only_keeps_documents_with_frames_of_the_kinds(report: Path) -> None:
    found = read_report(report)
    kept = only(found.findings, ["harmful"])
    assert [[frame.kind for frame in one.frames] for one in kept] == [["harmful"]]


def test_a_folder_without_reports_or_runs_says_how_to_write_one(open_app, tmp_path: Path) -> None:
    app = open_app(tmp_path, page="audit")
    assert not app.exception
    assert any("nnmech audit" in code.value for code in app.code)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[1, 2]", "no report of an audit"),
        ('{"schema": 1, "documents": [', "damaged"),
        ('{"schema": 9, "documents": []}', "no report of an audit"),
        ('{"schema": 1, "documents": [{"file": "a", "line": -1}], "bad_lines": []}', "document 1 is damaged"),
        ('{"schema": 1, "documents": [7], "bad_lines": []}', "document 1 is damaged"),
        ('{"schema": 1, "documents": []}', "bad_lines"),
    ],
)
def test_what_is_no_report_is_one_clear_error(open_app, tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "bad.audit.json"
    path.write_text(text)
    with pytest.raises(InputError, match=named):
        read_report(path)
    app = open_app(tmp_path, page="audit")
    assert not app.exception
    assert len(app.error) == 1
    assert str(path) in app.error[0].value.replace("\\", "")


def test_a_path_that_is_typed_goes_before_the_list(open_app, report: Path, tmp_path: Path) -> None:
    app = open_app(report.parent, page="audit")
    app.text_input(key="audit_path").set_value(str(tmp_path / "nowhere.json")).run()
    assert not app.exception
    assert "is missing" in app.error[0].value.replace("\\", "")


def test_the_sidebar_of_runs_does_not_stand_beside_an_audit(open_app, report: Path) -> None:
    app = open_app(report.parent, page="audit")
    assert not app.sidebar.selectbox
    assert "Audit" in words(app)
