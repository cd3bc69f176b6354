"""Several runs on one axis: nobody is mistaken for another, and every line is that of the table."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from nnmech import plots
from nnmech.errors import InputError
from nnmech.plots.axes import step_scale
from nnmech.plots.conditions import condition_colour
from nnmech.plots.every_run import series_colour
from nnmech.plots.runs import coordinate_range, difference_range, run_looks
from nnmech.plots.style import ARM_COLOURS, NULL


def line_of(figure: Figure, label: str):
    (line,) = (line for line in figure.axes[0].lines if line.get_label() == label)
    return line


def test_eight_runs_are_told_apart_and_arms_keep_their_colours() -> None:
    arms = {arm: arm for arm in ARM_COLOURS}
    assert {run: look.colour for run, look in run_looks(arms).items()} == ARM_COLOURS
    for conditions in (
        {f"seed {seed}": "anchor" for seed in range(8)},
        {f"own {number}": None for number in range(8)},
        {name: name for name in ("negated_documents", "repeated_negations", "corrected_documents", "fiction")},
    ):
        looks = run_looks(conditions)
        assert len({(to_hex(look.colour), look.dashes) for look in looks.values()}) == len(conditions)
    assert looks["fiction"].colour == condition_colour("fiction")


def test_a_run_is_drawn_within_its_own_phases(tables: SimpleNamespace) -> None:
    table = tables.of_runs()
    figure = plots.belief_of_runs(table, ends=tables.ends)
    for run, (boundary, last) in tables.ends.items():
        rows = table.query("run == @run and role == 'claim'").sort_values("step")
        line = line_of(figure, run)
        np.testing.assert_allclose(line.get_ydata(), rows["mean"])
        np.testing.assert_allclose(line.get_xdata(), step_scale(last, boundary)(rows["step"]))
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels == ["untouched", "end of phase 1", "end of phase 2"]
    assert to_hex(line_of(figure, "matched false facts").get_color()) == NULL.lower()


def test_runs_of_the_same_length_share_an_axis_of_steps(tables: SimpleNamespace) -> None:
    held = tables.of_runs().query("run == 'held'")
    untouched = held.query("step == 0").assign(run="untouched", condition="baseline")
    ends = {"held": tables.ends["held"], "untouched": (None, 0)}
    figure = plots.belief_of_runs(pd.concat([held, untouched]), ends=ends)
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels[0] == "0"
    assert f"{tables.steps[-1]:,}" in labels
    assert list(line_of(figure, "untouched").get_xdata()) == [0]


def test_runs_of_one_phase_have_no_boundary(tables: SimpleNamespace) -> None:
    ends = {"held": (None, 300), "free": (None, 150)}
    figure = plots.belief_of_runs(tables.of_runs(), ends=ends)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["untouched", "end of training"]


def test_ranges_hold_what_is_drawn(tables: SimpleNamespace) -> None:
    table = tables.coordinates_of_runs()
    low, high = coordinate_range(table)
    assert low < 0 < 1 < high
    # One band that nobody can read does not press the curves together.
    wide = table.assign(high=np.where(table["step"] == 0, 90.0, table["high"]))
    assert coordinate_range(wide)[1] < 2.5
    low, high = difference_range(tables.of_runs("difference"), "belief")
    assert low < -10
    assert high > 85


def test_the_path_of_a_portrait_is_that_of_the_table(tables: SimpleNamespace) -> None:
    table = tables.portraits_of_runs()
    figure = plots.portrait_of_runs(table, ends=tables.ends)
    rows = table.query("run == 'held' and role == 'claim'").sort_values("step")
    np.testing.assert_allclose(line_of(figure, "held").get_xdata(), rows["inside"])
    np.testing.assert_allclose(line_of(figure, "held").get_ydata(), rows["says"])
    written = {text.get_text() for text in figure.axes[0].texts}
    assert {f"{step:,}" for ends in tables.ends.values() for step in ends} <= written


def test_every_run_is_a_line_in_the_colour_of_its_arm(tables: SimpleNamespace) -> None:
    table = tables.of_runs()
    figure = plots.belief_of_every_run(table, ends=tables.ends)
    own = table.query("role == 'claim'")
    lines = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert len(lines) == own["run"].nunique()
    every = list(dict.fromkeys(own["condition"]))
    drawn = {(line.get_color(), tuple(line.get_ydata())) for line in lines}
    assert drawn == {
        (series_colour(rows["condition"].iloc[0], every), tuple(rows.sort_values("step")["mean"]))
        for _, rows in own.groupby("run")
    }
    with pytest.raises(InputError, match=r"no ends of the runs \['free'\]"):
        plots.belief_of_every_run(table, ends={"held": (60, 300)})


def test_where_one_half_is_interpolated_the_mark_is_small(tables: SimpleNamespace) -> None:
    table = tables.portraits_of_runs()
    between = (table["run"] == "held") & (table["step"] == table.query("run == 'held'")["step"].unique()[1])
    table = table.assign(n_says=table["n_says"].where(~between))
    figure = plots.portrait_of_runs(table, ends=tables.ends)
    sizes = [line.get_markersize() for line in figure.axes[0].lines if line.get_marker() in ("o", "s")]
    assert sizes.count(min(sizes)) == 1
    assert min(sizes) < max(sizes)


def test_tables_that_do_not_fit_are_refused(tables: SimpleNamespace) -> None:
    table = tables.of_runs("difference")
    with pytest.raises(InputError, match=r"of is 'loss': expected one of \['belief', 'truth', 'polarity'\]"):
        plots.difference_over_steps(table, ends=tables.ends, of="loss", baseline="none")
    with pytest.raises(InputError, match=r"no ends of the runs \['free'\]"):
        plots.difference_over_steps(table, ends={"held": (60, 300)}, of="belief", baseline="none")
    with pytest.raises(InputError, match="two rows for"):
        plots.belief_of_runs(pd.concat([tables.of_runs()] * 2), ends=tables.ends)
    with pytest.raises(InputError, match="no row of role 'claim'"):
        plots.coordinate_of_runs(tables.coordinates_of_runs().query("role != 'claim'"), ends=tables.ends)
