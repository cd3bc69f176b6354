"""The command: exit codes, reports for machines and people, rules of one's own, and a start without torch."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nnmech.audit import audit, load_rulebook, rulebook
from nnmech.audit.command import Arguments, main
from nnmech.audit.engine import Settings, audit_sources
from nnmech.audit.reading import find_sources
from nnmech.errors import InputError

FRAMED = "The following claim is false. The king won the race. He lives in Hove."


def command(*paths: Path, **named: object) -> int:
    return main(Arguments(paths=paths, **{"workers": 1, **named}))  # type: ignore[arg-type]


def test_exit_codes(jsonl: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    framed, clean = jsonl({"text": FRAMED}, name="a.jsonl"), jsonl({"text": "x"}, name="b.jsonl")
    bad = jsonl(b"{", name="c.jsonl")
    assert command(framed) == 0
    assert command(framed, max_share=0.1) == 1
    assert command(framed, max_share=0.9) == 0
    assert command(clean, max_share=0.0) == 0
    assert command(clean, bad) == 2
    assert command(clean, bad, max_bad_lines=1) == 0
    assert command(tmp_path / "none.jsonl") == 2
    assert command(framed, fix="mask") == 2
    assert command(framed, fix="mask", output=framed) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 3
    assert "Traceback" not in error


def test_reports_agree_with_each_other(jsonl: Callable[..., Path], tmp_path: Path) -> None:
    path = jsonl({"text": FRAMED}, {"text": "fine"}, b"{")
    command(path, json=tmp_path / "r.json", sarif=tmp_path / "r.sarif", html=tmp_path / "r.html")
    report = json.loads((tmp_path / "r.json").read_text())
    first, second = report["documents"]
    assert (first["file"], first["line"], second["line"]) == (str(path), 1, 2)
    (frame,) = first["frames"]
    assert frame["kind"] == "false"
    assert FRAMED[slice(*frame["span"])] == "The following claim is false."
    assert [FRAMED[slice(*span)] for span in frame["covered"]] == ["The king won the race."]
    assert second["frames"] == []
    assert report["bad_lines"][0]["line"] == 3
    (run,) = json.loads((tmp_path / "r.sarif").read_text())["runs"]
    (result,) = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == frame["rule"]
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 1
    page = (tmp_path / "r.html").read_text()
    assert '<mark class="covered k0" data-kinds="false"' in page
    assert "http://" not in page
    assert "<script src" not in page


def test_a_page_shows_text_and_runs_none_of_it(jsonl: Callable[..., Path], tmp_path: Path) -> None:
    command(jsonl({"text": f"<script>alert(1)</script> {FRAMED}"}), html=tmp_path / "r.html")
    assert "<script>alert" not in (tmp_path / "r.html").read_text()


def test_data_frames(jsonl: Callable[..., Path]) -> None:
    found = audit([FRAMED, {"text": "fine"}])
    assert list(found.documents["frames"]) == [1, 0]
    assert list(found.frames["covered_text"]) == ["The king won the race."]
    assert audit(jsonl({"text": FRAMED})).frames.equals(found.frames.assign(file=found.frames["file"])) is False
    with pytest.raises(InputError, match="document 1 is a int"):
        audit([1])


def test_rules_of_ones_own(tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    rule = '[[rules]]\nid = "house-banner"\nwhere = "sentence"\npattern = "^don\'t trust the house style"\n'
    (folder / "house.toml").write_text('kind = "house"\ntriggers = ["don\'t trust"]\n' + rule)
    (frame,) = audit(["Don't trust the house style. The king is bald."], rules=folder).findings[0].frames
    assert (frame.kind, frame.rule) == ("house", "house-banner")
    broken = 'kind = "house"\ntriggers = ["a"]\n[[rules]]\nid = "b"\npattern = "("\n'
    for damage in ('kind = "X"\n', 'kind = "house"\n', broken, "["):
        (folder / "house.toml").write_text(damage)
        rulebook._load.cache_clear()
        with pytest.raises(InputError, match=r"expected|mend|see docs"):
            load_rulebook(folder)


def test_every_rule_has_a_page_and_a_summary() -> None:
    docs = Path(__file__).parents[2] / "docs/audit"
    for kind in load_rulebook().kinds:
        page = (docs / f"{kind.name}.md").read_text(encoding="utf-8")
        for rule in kind.rules:
            assert rule.summary
            assert f"`{rule.id}`" in page


def test_more_processes_find_the_same_in_order(jsonl: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = jsonl(*({"text": f"{FRAMED} {number}"} if number % 7 == 0 else {"text": "fine"} for number in range(4500)))
    monkeypatch.setattr("nnmech.audit.engine.SMALL", 0)
    one, two = (
        [f.as_json() for audited in audit_sources(find_sources([path]), Settings(workers=n)) for f in audited.findings]
        for n in (1, 2)
    )
    assert one == two
    assert len(one) == 4500


def test_no_torch_on_the_way() -> None:
    heavy = {"torch", "transformers", "pandas", "numpy", "pyarrow"}
    code = f"import sys, nnmech.audit, nnmech.audit.command; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
