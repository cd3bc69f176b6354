"""What the figures of one run's questions say: every point and cell is that of its question and its moment."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from nnmech import plots
from nnmech.plots.questions import group_edges, question_label
from nnmech.plots.style import BELIEF, NULL


def drawn_points(axes: Axes) -> list[Any]:
    lines: list[Any] = list(axes.lines)
    return [line for line in lines if len(line.get_xdata()) == 1]


def test_the_last_moment_is_filled_and_matched_false_facts_are_grey(tables: SimpleNamespace) -> None:
    table = tables.belief_by_group()
    (axes,) = plots.belief_before_after(table).axes
    points = drawn_points(axes)
    assert [line.get_xdata()[0] for line in points] == list(table["mean"])
    for line, (group, when) in zip(points, zip(table["group"], table["when"], strict=True), strict=True):
        colour = (NULL if group == "matched_false" else BELIEF).lower()
        assert to_hex(line.get_color()) == colour
        assert to_hex(line.get_markerfacecolor()) == (colour if when == "step 300" else "#ffffff")
    heights = [line.get_ydata()[0] for line in points]
    assert heights == sorted(heights)


def test_one_moment_is_drawn_alone(tables: SimpleNamespace) -> None:
    (axes,) = plots.belief_before_after(tables.belief_by_group().query("when == 'step 300'")).axes
    assert [line.get_ydata()[0] for line in drawn_points(axes)] == [0, 1, 2]


def test_a_cell_is_the_share_of_its_question_at_its_step(tables: SimpleNamespace) -> None:
    table = tables.yes_shares()
    left_out = table.drop(index=[0])
    mesh = plots.yes_by_question(left_out).axes[0].collections[0]
    cells = np.ma.filled(mesh.get_array().reshape(len(tables.steps), 12), np.nan)
    wide = left_out.pivot(index="step", columns="question", values="yes")
    np.testing.assert_allclose(cells, wide.to_numpy())
    assert np.isnan(cells[0, 0])


def test_shares_can_be_drawn_over_documents(tables: SimpleNamespace) -> None:
    table = tables.yes_shares().rename(columns={"step": "documents"})
    axes = plots.yes_by_question(table, over="documents", boundary=tables.boundary).axes[0]
    assert "documents" in axes.get_ylabel()
    assert not [line for line in axes.lines if line.get_linestyle() == "--"]


@pytest.mark.parametrize(
    ("groups", "edges"),
    [
        ("", []),
        ("a", [("a", 0, 1)]),
        ("aabbb", [("a", 0, 2), ("b", 2, 5)]),
        ("aba", [("a", 0, 1), ("b", 1, 2), ("a", 2, 3)]),
    ],
)
def test_runs_of_equal_groups_lie_end_to_end(groups: str, edges: list) -> None:
    assert group_edges(list(groups)) == edges


def test_a_group_that_is_not_known_is_called_by_its_name() -> None:
    assert question_label("mcq") == "yes/no"
    assert question_label("pair_right") == "pair right"
