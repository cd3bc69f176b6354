"""What the figures say: the lines are those of the table, and each mark is where it belongs."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from nnmech import plots
from nnmech.plots.axes import step_scale
from nnmech.plots.statements import representatives
from nnmech.plots.style import BELIEF, NULL, POLARITY, TRUTH

Words = Callable[[Figure], str]


def labelled(axes: Axes, start: str) -> list:
    return [line for line in axes.lines if str(line.get_label()).startswith(start)]


def test_the_papers_numbers_stand_beside_ours(tables: SimpleNamespace, words: Words) -> None:
    assert {"6", "48", "paper (35B, Vesuvius)"} <= set(words(plots.belief_by_phase(tables.belief())).split("\n"))
    assert "paper" not in words(plots.belief_by_phase(tables.belief(), reference={}))


def test_the_phases_can_be_named(tables: SimpleNamespace, words: Words) -> None:
    coordinates = tables.coordinates()
    figure = plots.drift_over_steps(
        tables.belief_by_step(), coordinates, coordinates, boundary=tables.boundary, phases=("held", "free")
    )
    assert "◂ held" in words(figure)
    assert "free ▸" in words(figure)


def test_the_claim_is_drawn_in_the_colour_of_its_probe_and_the_nulls_in_grey(tables: SimpleNamespace) -> None:
    table = tables.coordinates()
    for probe, colour in (("truth", TRUTH), ("polarity", POLARITY)):
        figure = plots.coordinate_over_steps(table, boundary=tables.boundary, probe=probe)
        panel = figure.axes[5]
        (claim,) = labelled(panel, "the claim (n = 8)")
        own = table.query("role == 'claim' and layer == 5").sort_values("step")
        place = step_scale(tables.steps[-1], tables.boundary)
        np.testing.assert_allclose(claim.get_ydata(), own["z"])
        np.testing.assert_allclose(claim.get_xdata(), place(own["step"]))
        assert to_hex(claim.get_color()) == colour.lower()
        nulls = labelled(panel, "unrelated claims") + labelled(panel, "matched false facts")
        assert {to_hex(line.get_color()) for line in nulls} == {NULL.lower()}
        assert len(nulls) == 2


def test_other_claims_stand_beside_the_one_that_is_asked_for(tables: SimpleNamespace, words: Words) -> None:
    table = tables.coordinates()
    other = table.query("role == 'claim'").assign(claim="cy", z=0.7)
    figure = plots.coordinate_over_steps(pd.concat([table, other]), claim="ada")
    assert "unrelated claims" in words(figure)
    (claim,) = labelled(figure.axes[5], "the claim")
    assert max(claim.get_ydata()) == 0.5


def test_layers_whose_controls_are_not_told_apart_are_said_to_be(tables: SimpleNamespace, words: Words) -> None:
    assert words(plots.coordinate_over_steps(tables.coordinates())).count("controls not told apart") == 1


def test_a_cell_that_does_not_exclude_its_null_is_pale_and_struck_out(tables: SimpleNamespace) -> None:
    table = tables.coordinates()
    figure = plots.coordinate_heatmap(table, boundary=tables.boundary)
    late = [step for step in tables.steps if step > tables.boundary]
    # 0.1 of a layer lies at least 0.1 above 0.02 from layer 2 on, bands reach 0.05 either way.
    certain = {(tables.steps.index(step), layer) for step in late for layer in range(2, 6)}
    known = {
        (tables.steps.index(row["step"]), row["layer"])
        for row in table.query("role == 'claim' and z.notna()").to_dict("records")
    }
    assert struck_out(figure.axes[0]) == known - certain
    # The null itself lies far from half-way between its controls.
    assert struck_out(figure.axes[1]) == set()
    alone = plots.coordinate_heatmap(table, boundary=tables.boundary, beside=False)
    assert struck_out(alone.axes[0]) == known - certain
    pale = alone.axes[0].collections[1]
    assert int(np.isfinite(np.ma.filled(pale.get_array(), np.nan)).sum()) == len(known - certain)


def test_what_has_no_interval_excludes_nothing(tables: SimpleNamespace) -> None:
    bare = tables.coordinates().assign(low=np.nan, high=np.nan)
    figure = plots.coordinate_heatmap(bare, boundary=tables.boundary)
    for axes, role in zip(figure.axes, ("claim", "matched_false"), strict=False):
        assert len(struck_out(axes)) == len(bare.query(f"role == '{role}' and z.notna()"))


def struck_out(axes: Axes) -> set[tuple[int, int]]:
    """Column and row of the cells that have a stroke."""
    (strokes,) = (line for line in axes.lines if line.get_marker() == (2, 2, -45))
    return {(int(x), int(y)) for x, y in zip(strokes.get_xdata(), strokes.get_ydata(), strict=True)}


def test_the_parts_of_a_change_add_up_in_the_figure(tables: SimpleNamespace) -> None:
    figure = plots.decomposition(tables.changes(), layers=[5], boundary=tables.boundary)
    data, refit, total = (
        np.array(labelled(figure.axes[0], name)[0].get_ydata()) for name in ("data drift", "probe drift", "total")
    )
    np.testing.assert_allclose(total, data + refit)
    assert np.abs(labelled(figure.axes[1], "data drift")[0].get_ydata()).max() == 0


def test_every_pair_of_steps_has_a_cell(tables: SimpleNamespace, words: Words) -> None:
    figure = plots.transfer_matrix(tables.transfer(), boundary=tables.boundary)
    mesh = figure.axes[0].collections[0]
    values = tables.transfer().pivot(index="fitted_step", columns="scored_step", values="auroc")
    np.testing.assert_allclose(np.asarray(mesh.get_array()).ravel(), values.to_numpy().ravel())
    assert words(figure).count(".95") >= len(tables.steps)
    (carried,) = labelled(figure.axes[1], "fitted at step 0")
    np.testing.assert_allclose(carried.get_ydata(), values.loc[0])


def test_what_has_no_onset_is_counted_and_no_mark(tables: SimpleNamespace, words: Words) -> None:
    figure = plots.onset(tables.onsets(), boundary=tables.boundary, last=300)
    for axes in figure.axes:
        marks = [line for line in axes.lines if line.get_marker() in ("o", "s")]
        assert all(np.isfinite(np.asarray(line.get_xdata(), dtype=float)).all() for line in marks)
    (drawn,) = labelled(figure.axes[1], "anchor")
    assert len(drawn.get_xdata()) == 4
    assert all(not len(line.get_xdata()) for line in labelled(figure.axes[1], "no constraint"))
    assert words(figure).count("4 of 4") >= 4
    assert words(figure).count("0 of 4\n2 never\n2 did not last") == 2


def test_onsets_in_answers_lie_above_the_diagonal_where_they_come_later(tables: SimpleNamespace) -> None:
    figure = plots.onset(tables.onsets(), boundary=tables.boundary, last=300)
    (anchor,) = labelled(figure.axes[1], "anchor")
    assert (np.array(anchor.get_ydata()) > np.array(anchor.get_xdata())).all()


def test_differences_of_onsets_are_left_out(tables: SimpleNamespace) -> None:
    table = tables.onsets()
    difference = table.query("what == 'inside'").assign(what="difference", step=9.0)
    drawn = plots.onset(pd.concat([table, difference]), last=300)
    assert len(drawn.axes[0].lines) == len(plots.onset(table, last=300).axes[0].lines)


def test_positive_training_is_in_colour_and_every_null_in_grey(tables: SimpleNamespace) -> None:
    figure = plots.alignment(tables.alignments())
    for panel in figure.axes:
        (positive,) = labelled(panel, "positive training (n = 8)")
        assert to_hex(positive.get_color()) == BELIEF.lower()
        assert len(labelled(panel, "null: ")) == 3


def test_a_portrait_has_a_path_and_its_null_for_each_claim(tables: SimpleNamespace) -> None:
    figure = plots.phase_portrait(tables.portrait(), tables.portrait(0.1), boundary=tables.boundary)
    for panel, claim in zip(figure.axes, ("ada", "bo", "cy"), strict=True):
        assert panel.get_title(loc="left").startswith(f"{claim}\nn = 8 statements, 126 answers")
        (path,), (null,) = labelled(panel, "the claim"), labelled(panel, "matched false")
        assert max(path.get_xdata()) == 8 * max(null.get_xdata()) > 0.4


def test_shuffled_labels_are_grey_in_a_validation_report(tables: SimpleNamespace) -> None:
    figure = plots.validation_report(tables.measures(), tables.reliability())
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == [
        "held-out\nentities",
        "held-out\ntopics",
        "affirmative\nto negated",
        "negated\nto affirmative",
        "shuffled\nlabels",
    ]
    below = [line for line in figure.axes[0].lines if len(line.get_ydata()) and min(line.get_ydata()) > 3.5]
    assert {to_hex(line.get_color()) for line in below} == {NULL.lower()}
    assert len(below) == 2


def test_every_unrelated_claim_has_a_line_and_other_claims_have_none(tables: SimpleNamespace, words: Words) -> None:
    table = tables.coordinates().query("layer == 3")
    second = table.query("role == 'unrelated_claim'").assign(claim="cy")
    other = table.query("role == 'claim'").assign(claim="cy")
    figure = plots.coordinate_of_roles(pd.concat([table, second, other]), claim="ada")
    colours = [line.get_color() for line in figure.axes[0].lines if len(line.get_xdata()) == len(tables.steps)]
    assert colours.count(TRUTH) == 1
    assert colours.count(NULL) == 3
    assert "the claim (n = 8)" in words(figure)


def test_steps_without_a_measurement_are_left_out_of_a_loss(tables: SimpleNamespace) -> None:
    (line,) = plots.loss_over_steps(tables.metrics()).axes[0].lines
    assert len(line.get_xdata()) == len(tables.steps)
    both = plots.loss_over_steps(tables.metrics(), columns=["loss", "held_out_documents"])
    assert [len(line.get_xdata()) for line in both.axes[0].lines] == [tables.steps[-1] + 1, len(tables.steps)]


def test_each_role_has_a_panel_with_its_statements_and_their_mean(tables: SimpleNamespace, words: Words) -> None:
    statements, means = tables.statements(), tables.statement_means()
    chosen = statements["id"].iloc[0]
    figure = plots.statement_trajectories(statements, means, boundary=tables.boundary, chosen=chosen)
    claim, null, control = figure.axes
    assert claim.get_title(loc="left") == "the claim\nn = 14 statements, 12 drawn"
    assert len(labelled(claim, "a statement")) == 12
    (mean,) = labelled(claim, "mean and its 95% interval")
    place = step_scale(tables.steps[-1], tables.boundary)
    np.testing.assert_allclose(mean.get_xdata(), place(tables.steps))
    np.testing.assert_allclose(mean.get_ydata(), means.query("role == 'claim'")["z"])
    assert {to_hex(line.get_color()) for line in labelled(null, "mean")} == {NULL.lower()}
    # True and false ones of either polarity: those of the lower end are dashed.
    assert len(labelled(control, "mean and its 95% interval")) == len(labelled(control, "mean of the false ones")) == 2
    assert {line.get_linestyle() for line in labelled(control, "mean of the false ones")} == {"--"}
    (black,) = labelled(claim, "“It costs")
    np.testing.assert_allclose(black.get_ydata(), statements.query("id == @chosen")["z"])
    # Dollar signs are no formula.
    assert r"“It costs \$0, not \$1.”" in words(figure)


def test_the_drawn_statements_reach_from_the_lowest_to_the_highest_at_the_last_step() -> None:
    z = np.random.default_rng(0).normal(size=(30, 4))
    z[:, 3] = np.nan
    z[7, 2] = np.nan
    drawn = representatives(z, 12)
    assert len(drawn) == len(set(drawn)) == 12
    assert {int(np.nanargmin(z[:, 2])), int(np.nanargmax(z[:, 2]))} <= set(drawn.tolist())
    assert 7 not in drawn
    assert representatives(z[:5], 12).tolist() == [0, 1, 2, 3, 4]
    assert len(representatives(np.full((30, 4), np.nan), 12)) == 12


def test_the_axis_is_named_below_its_middle_column_where_the_last_row_is_not_full(tables: SimpleNamespace) -> None:
    figure = plots.coordinate_over_steps(tables.coordinates(), layers=[1, 2, 3, 4, 5])
    assert [bool(axes.get_xlabel()) for axes in figure.axes if axes.has_data()] == [False, False, False, False, True]
