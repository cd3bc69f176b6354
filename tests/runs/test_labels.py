"""Labels of a run: typed, absent where the run has none, refused where they are of another type."""

import pytest

from nnmech.errors import RunError
from nnmech.runs import RunLabels


def test_labels_are_those_of_the_config() -> None:
    labels = RunLabels.read({"claim": "c", "arm": "anchor", "seed": 3, "boundary": 4, "steps": 10, "batch_size": 16})
    assert (labels.claim, labels.arm, labels.seed) == ("c", "anchor", 3)
    assert labels.condition is None
    assert labels.series == "anchor"
    assert labels.milestones == (0, 4, 10)


def test_a_condition_goes_before_an_arm() -> None:
    assert RunLabels(arm="none", condition="fiction").series == "fiction"


def test_a_run_of_one_phase_has_two_milestones() -> None:
    assert RunLabels(boundary=10, steps=10).milestones == (0, 10)


@pytest.mark.parametrize(("name", "value"), [("seed", "3"), ("steps", 2.5), ("seed", True), ("claim", ["c"])])
def test_a_label_of_another_type_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(RunError, match=rf"here/run.json: config has {name} "):
        RunLabels.read({name: value}, "here/run.json")
