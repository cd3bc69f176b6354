from types import SimpleNamespace

import numpy as np
from matplotlib.colors import to_rgb

from nnmech.plots.axes import step_scale, step_ticks
from nnmech.plots.conditions import FAMILIES
from nnmech.plots.style import (
    ARM_COLOURS,
    BELIEF,
    LOW_COLOURS,
    NULL,
    OTHER_COLOURS,
    POLARITY,
    TRUTH,
    arm_colour,
)
from nnmech.recording.snapshots import log_spaced_steps


def test_an_arm_has_one_colour_everywhere_and_no_two_share_it() -> None:
    assert arm_colour("anchor", ["denial", "anchor"]) == arm_colour("anchor", ["anchor"]) == ARM_COLOURS["anchor"]
    assert arm_colour("one", ["one", "two"]) != arm_colour("two", ["one", "two"])
    assert len({TRUTH, POLARITY, BELIEF, NULL, *ARM_COLOURS.values()}) == 4 + len(ARM_COLOURS)


def test_what_was_trained_has_no_colour_of_a_quantity() -> None:
    quantities = np.array([perceived(colour) for colour in (TRUTH, POLARITY, BELIEF, NULL, *LOW_COLOURS.values())])
    trained = np.array(
        [perceived(colour) for colour in {*ARM_COLOURS.values(), *FAMILIES.values(), *OTHER_COLOURS} - {NULL}]
    )
    # A difference of 0.02 in Oklab can just be seen side by side; these are told apart from memory.
    assert np.linalg.norm(trained[:, None] - quantities, axis=2).min() >= 0.08
    apart = np.linalg.norm(trained[:, None] - trained, axis=2)[~np.eye(len(trained), dtype=bool)]
    assert apart.min() >= 0.08


def perceived(colour: str) -> np.ndarray:
    """A colour in Oklab (Ottosson 2020), in which distances are those of perception."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    cones = [[0.41222, 0.53633, 0.05145], [0.21190, 0.68070, 0.10740], [0.08830, 0.28172, 0.62998]]
    opponent = [[0.21045, 0.79362, -0.00407], [1.97800, -2.42859, 0.45059], [0.02590, 0.78277, -0.80868]]
    return np.array(opponent) @ np.cbrt(np.array(cones) @ linear)


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
