"""What holds for every figure: legible, small, with n, intervals and nulls, and a refusal of tables that do not fit."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from nnmech import plots
from nnmech.errors import InputError

Tables = SimpleNamespace
Words = Callable[[Figure], str]

FIGURES: dict[str, Callable[[Tables, int | None], Figure]] = {
    "belief_by_phase": lambda t, _: plots.belief_by_phase(t.belief()),
    "document_loss": lambda t, _: plots.document_loss(t.losses()),
    "rebound_by_plausibility": lambda t, _: plots.rebound_by_plausibility(*t.rebound()),
    "drift_over_steps": lambda t, boundary: plots.drift_over_steps(
        t.belief_by_step(), t.coordinates(), t.coordinates(), boundary=boundary
    ),
    "probe_auroc": lambda t, _: plots.probe_auroc(t.aurocs()),
    "validation_report": lambda t, _: plots.validation_report(t.measures(), t.reliability()),
    "coordinate_over_steps": lambda t, boundary: plots.coordinate_over_steps(t.coordinates(), boundary=boundary),
    "coordinate_heatmap": lambda t, boundary: plots.coordinate_heatmap(t.coordinates(), boundary=boundary),
    "decomposition": lambda t, boundary: plots.decomposition(t.changes(), boundary=boundary),
    "transfer_matrix": lambda t, boundary: plots.transfer_matrix(t.transfer(), boundary=boundary),
    "direction_cosine": lambda t, boundary: plots.direction_cosine(t.cosines(), boundary=boundary),
    "onset": lambda t, boundary: plots.onset(t.onsets(), t.average_onsets(), boundary=boundary, last=300),
    "alignment": lambda t, _: plots.alignment(t.alignments()),
    "coordinate_of_roles": lambda t, boundary: plots.coordinate_of_roles(
        t.coordinates().query("layer == 3"), claim="ada", boundary=boundary
    ),
    "belief_over_steps": lambda t, boundary: plots.belief_over_steps(t.belief_over_steps(), boundary=boundary),
    "loss_over_steps": lambda t, boundary: plots.loss_over_steps(t.metrics(), boundary=boundary),
    "belief_of_runs": lambda t, _: plots.belief_of_runs(t.of_runs(), ends=t.ends),
    "belief_of_every_run": lambda t, _: plots.belief_of_every_run(t.of_runs(), ends=t.ends),
    "coordinate_of_runs": lambda t, _: plots.coordinate_of_runs(t.coordinates_of_runs(), ends=t.ends),
    "difference_over_steps": lambda t, _: plots.difference_over_steps(
        t.of_runs("difference"), ends=t.ends, of="belief", baseline="none"
    ),
    "portrait_of_runs": lambda t, _: plots.portrait_of_runs(t.portraits_of_runs(), ends=t.ends),
    "phase_portrait": lambda t, boundary: plots.phase_portrait(t.portrait(), t.portrait(0.1), boundary=boundary),
    "statement_trajectories": lambda t, boundary: plots.statement_trajectories(
        t.statements(), t.statement_means(), boundary=boundary, chosen=t.statements()["id"].iloc[0]
    ),
    "belief_before_after": lambda t, _: plots.belief_before_after(t.belief_by_group()),
    "yes_by_question": lambda t, boundary: plots.yes_by_question(t.yes_shares(), boundary=boundary),
    "token_readings": lambda t, _: plots.token_readings(t.readings(), t.reading_levels()),
}
WITHOUT_NULL = ("belief_by_phase", "document_loss", "rebound_by_plausibility", "onset", "loss_over_steps")
"""Arms and phases are each other's; so are onsets inside and in answers; a loss has none."""


@pytest.fixture(scope="module", params=FIGURES)
def drawn(request: pytest.FixtureRequest, tables: Tables) -> tuple[str, Figure]:
    return request.param, FIGURES[request.param](tables, tables.boundary)


def test_a_figure_is_legible_small_and_says_its_n_and_interval(
    drawn: tuple[str, Figure], words: Words, tmp_path: Path
) -> None:
    _, figure = drawn
    plots.save_figure(figure, tmp_path / "figure.png")
    data = (tmp_path / "figure.png").read_bytes()
    assert len(data) < 300_000
    assert matplotlib.image.imread(io.BytesIO(data)).shape[1] == 1280
    assert "n = " in words(figure)
    assert "95%" in words(figure)
    for axes in figure.axes:
        shared = axes.get_shared_y_axes().get_siblings(axes)
        assert any(other.get_ylabel() or other.get_yticklabels() for other in shared)
    # Nothing is cut off: all words lie within the page, give or take a hundredth of an inch.
    page, reach = figure.bbox_inches, figure.get_tightbbox()
    assert min(reach.x0, reach.y0) > -0.01
    assert max(reach.x1 - page.x1, reach.y1 - page.y1) < 0.01


def test_the_note_below_is_a_short_sentence(drawn: tuple[str, Figure]) -> None:
    text = drawn[1].get_supxlabel()
    assert 40 < len(text) < 300
    assert text.count("\n") < 3
    assert text.endswith(".")


def test_a_null_is_named(drawn: tuple[str, Figure], words: Words) -> None:
    name, figure = drawn
    assert name in WITHOUT_NULL or re.search("shuffled|matched false|unrelated|null", words(figure))


@pytest.mark.parametrize(
    "name", ["coordinate_over_steps", "coordinate_heatmap", "coordinate_of_roles", "transfer_matrix", "onset"]
)
def test_a_single_phase_has_no_boundary(name: str, tables: Tables) -> None:
    def upright(figure: Figure) -> int:
        lines = [line for axes in figure.axes for line in axes.lines if line.get_linestyle() == "--"]
        return sum(len(line.get_xdata()) == 2 and len(set(line.get_xdata())) == 1 for line in lines)

    assert upright(FIGURES[name](tables, tables.boundary)) > 0
    assert upright(FIGURES[name](tables, None)) == 0


def test_drawing_the_same_table_gives_the_same_bytes(tables: Tables, tmp_path: Path) -> None:
    for name in ("one", "two"):
        plots.save_figure(plots.alignment(tables.alignments()), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_figures_leave_their_tables_alone(tables: Tables) -> None:
    table = tables.coordinates()
    plots.coordinate_over_steps(table)
    plots.coordinate_heatmap(table)
    pd.testing.assert_frame_equal(table, tables.coordinates())


def test_a_table_without_intervals_is_still_drawn(tables: Tables) -> None:
    def bare(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(**{name: np.nan for name in table if name.endswith(("low", "high"))})

    claims, tiers = tables.rebound()
    figures = [
        plots.belief_by_phase(bare(tables.belief())),
        plots.rebound_by_plausibility(bare(claims), tiers),
        plots.coordinate_over_steps(bare(tables.coordinates())),
        plots.coordinate_heatmap(bare(tables.coordinates())),
        plots.decomposition(bare(tables.changes())),
        plots.onset(bare(tables.onsets())),
        plots.alignment(bare(tables.alignments())),
        plots.phase_portrait(bare(tables.portrait()), bare(tables.portrait())),
        plots.coordinate_of_roles(bare(tables.coordinates().query("layer == 3")), claim="ada"),
        plots.belief_over_steps(bare(tables.belief_over_steps())),
        plots.belief_before_after(bare(tables.belief_by_group())),
        plots.coordinate_heatmap(bare(tables.coordinates().query("role == 'claim'")), nulls=()),
    ]
    for figure in figures:
        assert all(axes.has_data() for axes in figure.axes)
        figure.draw_without_rendering()


def without(table: pd.DataFrame, column: str, value: str) -> pd.DataFrame:
    return table.loc[(table[column] != value).to_numpy()]


REFUSALS: dict[str, tuple[Callable[[Tables], Figure], str]] = {
    "a column is missing": (
        lambda t: plots.belief_by_phase(t.belief().drop(columns="high")),
        r"lacks the columns \['high'\]",
    ),
    "nothing to draw": (lambda t: plots.belief_by_phase(t.belief().head(0)), "no rows"),
    "the paper has another phase": (
        lambda t: plots.belief_by_phase(t.belief().replace("phase 1", "phase1")),
        r"reference for the phases \['phase 1'\]",
    ),
    "two losses for one point": (lambda t: plots.document_loss(pd.concat([t.losses(), t.losses()])), "two rows for"),
    "claims of an unknown tier": (
        lambda t: plots.rebound_by_plausibility(t.rebound()[0], t.rebound()[1].tail(1)),
        r"tiers \['plausible'\]",
    ),
    "a role that is not there": (
        lambda t: plots.drift_over_steps(t.belief_by_step(), t.coordinates(), t.coordinates(), role="lie"),
        "role 'lie'",
    ),
    "two estimators": (
        lambda t: plots.probe_auroc(pd.concat([t.aurocs(), t.aurocs().assign(estimator="logistic")])),
        "two rows for",
    ),
    "no shuffled labels": (lambda t: plots.validation_report(without(t.measures(), "split", "shuffled")), "'shuffled'"),
    "two probes": (
        lambda t: plots.validation_report(pd.concat([t.measures(), t.measures().assign(probe="polarity")])),
        "several values of probe",
    ),
    "a claim without its null": (
        lambda t: plots.coordinate_over_steps(t.coordinates().query("role == 'claim'")),
        "no row of a null",
    ),
    "two positions": (
        lambda t: plots.coordinate_over_steps(pd.concat([t.coordinates(), t.coordinates().assign(position="object")])),
        "several values of position",
    ),
    "several layers in one panel": (
        lambda t: plots.coordinate_of_roles(t.coordinates(), claim="ada"),
        "several values of layer",
    ),
    "a step that was asked about twice": (
        lambda t: plots.belief_over_steps(pd.concat([t.belief_over_steps()] * 2)),
        "two rows for",
    ),
    "a loss that was not measured": (
        lambda t: plots.loss_over_steps(t.metrics().assign(held_out_documents=np.nan)),
        r"nothing was measured in \['held_out_documents'\]",
    ),
    "three moments": (
        lambda t: plots.belief_before_after(
            pd.concat([t.belief_by_group(), t.belief_by_group().query("when == 'step 0'").assign(when="step 9")])
        ),
        r"moments \['step 0', 'step 300', 'step 9'\]: choose two",
    ),
    "a question that has two shares at one step": (
        lambda t: plots.yes_by_question(pd.concat([t.yes_shares()] * 2), boundary=t.boundary),
        "two rows for",
    ),
    "two seeds": (lambda t: plots.coordinate_heatmap(pd.concat([t.coordinates()] * 2)), "two rows for"),
    "a claim that nobody asked about": (
        lambda t: plots.coordinate_over_steps(t.coordinates(), claim="eve"),
        "claim 'eve'",
    ),
    "a layer that was not recorded": (
        lambda t: plots.coordinate_over_steps(t.coordinates(), layers=[7]),
        r"layers \[7\]: expected some of \[0, 1",
    ),
    "a decomposition without its null": (
        lambda t: plots.decomposition(without(t.changes(), "role", "matched_false")),
        "role 'matched_false'",
    ),
    "two layers at once": (
        lambda t: plots.transfer_matrix(pd.concat([t.transfer(), t.transfer().assign(layer=4)])),
        "several values of layer",
    ),
    "a transfer without its null": (
        lambda t: plots.transfer_matrix(t.transfer().assign(shuffled=np.nan)),
        "without its null",
    ),
    "a cosine without its null": (
        lambda t: plots.direction_cosine(t.cosines().assign(null=np.nan)),
        "without its null",
    ),
    "onsets in answers are missing": (lambda t: plots.onset(without(t.onsets(), "what", "answers")), "what 'answers'"),
    "two runs of one seed": (lambda t: plots.onset(pd.concat([t.onsets()] * 2)), "two rows for"),
    "positive training alone": (
        lambda t: plots.alignment(t.alignments().query("against == 'positive'")),
        "without a null",
    ),
    "two layers of statements": (
        lambda t: plots.statement_trajectories(
            pd.concat([t.statements(), t.statements().assign(id="other", layer=4).drop_duplicates("step")]),
            t.statement_means(),
        ),
        "several values of layer",
    ),
    "a statement that is not there": (
        lambda t: plots.statement_trajectories(t.statements(), t.statement_means(), chosen="eve"),
        "id 'eve'",
    ),
    "a role without statements": (
        lambda t: plots.statement_trajectories(t.statements(), t.statement_means(), roles=["claim", "lie"]),
        "role 'lie'",
    ),
    "a portrait whose null is of another claim": (
        lambda t: plots.phase_portrait(t.portrait(), without(t.portrait(), "claim", "ada")),
        "claim 'ada'",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_tables_that_do_not_fit_are_refused(case: str, tables: Tables) -> None:
    draw, message = REFUSALS[case]
    with pytest.raises(InputError, match=message):
        draw(tables)
