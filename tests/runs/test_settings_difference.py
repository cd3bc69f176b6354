"""Two runs side by side where they were started with something else, and nowhere else."""

from pathlib import Path

from nnmech.runs import Run, RunWriter, settings_difference


def run(folder: Path, model: str = "tiny", **config: object) -> Run:
    RunWriter.create(folder, config=config, model={"id": model}).close()
    return Run(folder)


def test_what_differs_is_there_and_what_is_the_same_is_counted(tmp_path):
    one = run(tmp_path / "one", seed=0, rate=1e-4, layers=[1, 4], nested={"a": 1, "b": {"c": 2}}, only=None)
    other = run(tmp_path / "other", "large", seed=0, rate=2e-4, layers=[1, 5], nested={"a": 1, "b": {"c": 3}})
    table, same = settings_difference(one, other)
    assert table.to_numpy().tolist() == [
        ["layers", "1, 4", "1, 5"],
        ["model.id", "tiny", "large"],
        ["nested.b.c", "2", "3"],
        ["only", "None", "not set"],
        ["rate", "0.0001", "0.0002"],
    ]
    assert same == 2


def test_a_run_differs_from_itself_in_nothing(tmp_path):
    one = run(tmp_path / "one", seed=0, arms=[])
    table, same = settings_difference(one, one)
    assert table.empty
    assert same == 3
