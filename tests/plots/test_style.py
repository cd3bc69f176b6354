from types import SimpleNamespace

import numpy as np

from nnmech.plots.axes import step_scale, step_ticks
from nnmech.plots.style import ARM_COLOURS, BELIEF, NULL, POLARITY, TRUTH, arm_colour
from nnmech.recording.snapshots import log_spaced_steps


def test_an_arm_has_one_colour_everywhere_and_no_two_share_it() -> None:
    assert arm_colour("anchor", ["denial", "anchor"]) == arm_colour("anchor", ["anchor"]) == ARM_COLOURS["anchor"]
    assert arm_colour("one", ["one", "two"]) != arm_colour("two", ["one", "two"])
    assert len({TRUTH, POLARITY, BELIEF, NULL, *ARM_COLOURS.values()}) == 4 + len(ARM_COLOURS)


def test_log_spaced_steps_are_evenly_spaced_within_each_phase() -> None:
    place = step_scale(625 + 625, boundary=625)
    first = log_spaced_steps(625)
    for phase in (first, [625 + step for step in first]):
        gaps = np.diff(place(phase))
        assert gaps.max() < 1.1 * gaps.min()
    assert place([0, 625, 1250]).tolist() == [0.0, 1.0, 2.0]
    assert (np.diff(place(np.arange(1251))) > 0).all()


def test_ticks_are_steps_that_were_recorded(tables: SimpleNamespace) -> None:
    for parts in (2, 4):
        ticks = step_ticks(tables.steps, tables.boundary, parts=parts)
        assert set(ticks) <= set(tables.steps)
        assert {0, 60, 300} <= set(ticks)
        assert len(ticks) <= 2 * parts + 1
