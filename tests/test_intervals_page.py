"""The coverage that docs/intervals.md shows is what was recorded, and enough."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RECORDED = json.loads((ROOT / "benchmarks" / "coverage.json").read_text())["rows"]


@pytest.mark.parametrize("row", [row for row in RECORDED if row["wanted"]], ids=lambda row: row["setting"])
def test_recorded_coverage_is_as_wanted(row: dict) -> None:
    assert row["coverage"] >= row["wanted"]


def test_few_claims_have_no_interval() -> None:
    tiers = [row for row in RECORDED if row["setting"].startswith("tier of")]
    assert [row["with_interval"] for row in tiers] == [0, 0]


def test_the_page_shows_what_was_recorded() -> None:
    # By its path: another package has the same name.
    spec = importlib.util.spec_from_file_location("simulated_coverage", ROOT / "benchmarks" / "coverage.py")
    assert spec is not None
    assert spec.loader is not None
    simulated = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = simulated
    spec.loader.exec_module(simulated)
    page = (ROOT / "docs" / "intervals.md").read_text()
    assert [row["setting"] for row in RECORDED] == [setting.name for setting in simulated.SETTINGS]
    assert all(simulated.line(row) in page for row in RECORDED)
