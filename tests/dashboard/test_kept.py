"""Tables that took a while come back from disk as they were, and never where anything that makes them has changed."""

from pathlib import Path

import pandas as pd
import pytest

from nnmech.plots.recipes import call
from nnmech.runs import Run, RunWriter
from nnmech.user_cache import CACHE_VARIABLE
from nnmech_dashboard.state import background, kept

TABLE = pd.DataFrame({"step": [0, 3], "value": [0.1, float("nan")], "kind": ["a", None], "seen": [True, False]})
CALLS: list[str] = []


def slow_table(run: Run) -> pd.DataFrame:
    CALLS.append(run.name)
    return TABLE


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run; tables are kept, however fast they are."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv(kept.SWITCH, "1")
    monkeypatch.setattr(kept, "WORTH_SECONDS", 0.0)
    RunWriter.create(tmp_path / "run", config={}, model={"id": "tiny"}).close()
    CALLS.clear()
    return tmp_path / "run"


def made(folder: Path) -> pd.DataFrame:
    """The table as a process that was just started makes it."""
    wanted = call("table", slow_table, call("run", Run, str(folder)))
    return background._kept_or_made(wanted, {}, [str(folder)], ["run.json", "answers.jsonl"])


def test_a_table_is_made_once_and_comes_back_as_it_was(folder):
    first = made(folder)
    pd.testing.assert_frame_equal(made(folder), first, check_exact=True)
    assert CALLS == ["run"]
    assert [path.name for path in folder.iterdir() if "parquet" in path.name] == []


def test_a_file_that_changed_makes_it_again_and_a_copy_of_the_same_content_does_not(folder):
    made(folder)
    (folder / "run.json").write_bytes((folder / "run.json").read_bytes())
    made(folder)
    assert CALLS == ["run"]
    (folder / "answers.jsonl").write_text('{"step": 0}\n')
    made(folder)
    assert CALLS == ["run", "run"]


def test_code_that_changed_makes_it_again(folder, monkeypatch):
    made(folder)
    monkeypatch.setattr(kept, "_code", lambda: "another")
    made(folder)
    assert CALLS == ["run", "run"]


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"no table"])
def test_a_damaged_file_is_made_again_and_replaced(folder, damage):
    made(folder)
    (file,) = kept.cache_folder().rglob("*.parquet")
    whole = file.read_bytes()
    file.write_bytes(damage)
    pd.testing.assert_frame_equal(made(folder), TABLE, check_exact=True)
    assert CALLS == ["run", "run"]
    assert file.read_bytes() == whole


def test_what_a_file_would_change_is_not_kept(folder):
    odd = pd.DataFrame({"pair": [(1, 2), (3, 4)]})
    kept.keep("odd", odd)
    assert kept.read("odd") is None
    assert not list(kept.cache_folder().rglob("*.parquet"))


def test_nothing_is_kept_where_it_is_switched_off_or_cannot_be_written(folder, monkeypatch):
    monkeypatch.setenv(kept.SWITCH, "0")
    made(folder)
    made(folder)
    assert CALLS == ["run", "run"]
    monkeypatch.setenv(kept.SWITCH, "1")
    monkeypatch.setenv(CACHE_VARIABLE, "/dev/null/no")
    pd.testing.assert_frame_equal(made(folder), TABLE)
    assert CALLS == ["run", "run", "run"]


def test_the_tables_not_read_for_longest_go_when_there_are_too_many(folder, monkeypatch):
    kept.keep("old", TABLE)
    size = next(kept.cache_folder().rglob("*.parquet")).stat().st_size
    monkeypatch.setattr(kept, "MOST_BYTES", 2 * size)
    for key in ("middle", "new"):
        kept.keep(key, TABLE)
    assert [kept.read(key) is not None for key in ("old", "middle", "new")] == [False, True, True]
