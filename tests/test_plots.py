import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from nnmech import plots
from nnmech.errors import InputError
from nnmech.plot_style import ARM_COLOURS, BELIEF, NULL, POLARITY, TRUTH, arm_colour, step_scale, step_ticks
from nnmech.snapshots import log_spaced_steps

PHASES = ["baseline", "phase 1", "phase 2"]


def with_interval(rows: list[dict], column: str, reach: float) -> pd.DataFrame:
    table = pd.DataFrame(rows)
    return table.assign(low=table[column] - reach, high=table[column] + reach)


def belief() -> pd.DataFrame:
    rows = [
        {"arm": arm, "phase": phase, "mean": 20.0 * place} for arm in ARM_COLOURS for place, phase in enumerate(PHASES)
    ]
    return with_interval(rows, "mean", 5.0).assign(n=1200, clusters=240)


def losses() -> pd.DataFrame:
    rows = [
        {"arm": arm, "phase": phase, "mean": 2.0 - 0.5 * place}
        for arm in ARM_COLOURS
        for place, phase in enumerate(PHASES)
    ]
    return with_interval(rows, "mean", 0.05).assign(n=160)


def rebound() -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = [
        {"claim": f"{tier}{k}", "tier": tier, "mean": 10.0 * k} for tier in ("plausible", "egregious") for k in range(3)
    ]
    claims = with_interval(rows, "mean", 8.0).assign(n=500)
    tiers = with_interval([{"tier": "plausible", "mean": 10.0}, {"tier": "egregious", "mean": 10.0}], "mean", 6.0)
    return claims, tiers.assign(n=1500, clusters=150)


def steps() -> list[int]:
    return [0, *log_spaced_steps(60, 6), *(60 + step for step in log_spaced_steps(240, 9))]


def coordinates() -> pd.DataFrame:
    rows = [
        {"step": step, "layer": layer, "role": role, "z": 0.1 * layer}
        for step in steps()
        for layer in range(6)
        for role in ("claim", "matched_false")
    ]
    return with_interval(rows, "z", 0.05).assign(n=8)


def belief_by_step() -> pd.DataFrame:
    return with_interval([{"step": step, "mean": 40.0} for step in steps()], "mean", 5.0).assign(n=400, clusters=80)


def aurocs() -> pd.DataFrame:
    rows = [
        {"layer": layer, "position": position, "probe": probe, "estimator": "mass_mean", "split": split, "auroc": 0.8}
        for layer in range(6)
        for position in ("object", "last", "assistant")
        for probe in ("truth", "polarity")
        for split in ("entity", "shuffled", "crossed")
    ]
    return with_interval(rows, "auroc", 0.03).assign(n=600, entities=150)


FIGURES: dict[str, Callable[[], Figure]] = {
    "belief_by_phase": lambda: plots.belief_by_phase(belief()),
    "document_loss": lambda: plots.document_loss(losses()),
    "rebound_by_plausibility": lambda: plots.rebound_by_plausibility(*rebound()),
    "drift_over_steps": lambda: plots.drift_over_steps(belief_by_step(), coordinates(), coordinates(), boundary=60),
    "probe_auroc": lambda: plots.probe_auroc(aurocs()),
}


def words(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(Text))  # type: ignore


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_legible_small_and_says_its_n_and_interval(name: str, tmp_path: Path) -> None:
    import matplotlib.image

    figure = FIGURES[name]()
    plots.save_figure(figure, tmp_path / "figure.png")
    data = (tmp_path / "figure.png").read_bytes()
    assert len(data) < 300_000
    assert matplotlib.image.imread(io.BytesIO(data)).shape[1] == 1280
    assert "n = " in words(figure)
    assert "95%" in words(figure)
    for axes in figure.axes:
        shared = axes.get_shared_y_axes().get_siblings(axes)
        assert any(other.get_ylabel() for other in shared)


def test_drawing_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        plots.save_figure(plots.belief_by_phase(belief()), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_the_papers_numbers_stand_beside_ours() -> None:
    assert {"6", "48", "paper (35B, Vesuvius)"} <= set(words(plots.belief_by_phase(belief())).split("\n"))
    assert "paper" not in words(plots.belief_by_phase(belief(), reference={}))


def test_the_phase_boundary_is_labelled() -> None:
    figure = plots.drift_over_steps(
        belief_by_step(), coordinates(), coordinates(), boundary=60, phases=("held", "free")
    )
    assert "◂ held" in words(figure)
    assert "free ▸" in words(figure)


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


def test_ticks_are_steps_that_were_recorded() -> None:
    ticks = step_ticks(steps(), 60)
    assert set(ticks) <= set(steps())
    assert {0, 60, 300} <= set(ticks)


def test_a_claim_without_an_interval_is_still_drawn(tmp_path: Path) -> None:
    table = belief().assign(low=np.nan, high=np.nan)
    plots.save_figure(plots.belief_by_phase(table), tmp_path / "figure.png")
    claims, tiers = rebound()
    plots.save_figure(
        plots.rebound_by_plausibility(claims.assign(low=np.nan, high=np.nan), tiers), tmp_path / "two.png"
    )
    assert all(path.stat().st_size > 10_000 for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plots.belief_by_phase(belief().drop(columns="high")), r"lacks the columns \['high'\]"),
        (lambda: plots.belief_by_phase(belief().head(0)), "no rows"),
        (
            lambda: plots.belief_by_phase(belief().replace("phase 1", "phase1")),
            r"reference for the phases \['phase 1'\]",
        ),
        (lambda: plots.document_loss(pd.concat([losses(), losses()])), "two rows for"),
        (lambda: plots.rebound_by_plausibility(rebound()[0], rebound()[1].tail(1)), r"tiers \['plausible'\]"),
        (lambda: plots.drift_over_steps(belief_by_step(), coordinates(), coordinates(), role="lie"), "role 'lie'"),
        (lambda: plots.probe_auroc(pd.concat([aurocs(), aurocs().assign(estimator="logistic")])), "two rows for"),
    ],
)
def test_tables_that_do_not_fit_are_refused(draw: Callable[[], Figure], message: str) -> None:
    with pytest.raises(InputError, match=message):
        draw()
