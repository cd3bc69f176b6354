"""Several runs on one axis: what they say, what they represent, and how far each is from a baseline."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnmech.claims import MATCHED_FALSE
from nnmech.errors import InputError
from nnmech.plots.axes import band, header, mark_steps, name_phases, note, step_label, step_scale
from nnmech.plots.conditions import FAMILIES
from nnmech.plots.style import ARM_COLOURS, COORDINATE_LABELS, INK, NULL, SMALL, arm_colour, mix, role_label, styled
from nnmech.plots.tables import check_table, count_text, counted, levels_of, require_rows, rows_where, span

Ends = Mapping[str, tuple[int | None, int]]
"""Of each run the last step of phase 1, None for a single phase, and the last step of all."""
PHASES = ("phase 1", "phase 2")
DASHES = ((), (6.0, 2.5), (1.5, 1.5), (7.0, 2.0, 1.5, 2.0))
HEAD = (0.5, 0.56)
"""Where on its way to the next step a path has the head of an arrow."""
WIDEST = 0.6
"""What of a band beyond the curves a panel of coordinates makes room for."""
LIGHTER = 0.45
"""Share of white in the second line of one colour and dash."""
DIFFERENCE_LABELS = {
    "belief": "belief minus baseline\n(percentage points)",
    "truth": "claim coordinate\nminus baseline",
    "polarity": "polarity coordinate\nminus baseline",
}
PORTRAIT_COLUMNS = ("inside", "inside_low", "inside_high", "says", "says_low", "says_high", "n_inside", "n_says")

Place = Callable[[str, Any], np.ndarray]


@dataclass(frozen=True)
class RunLook:
    """How the line of a run is drawn; no dashes are a solid line."""

    colour: str | tuple[float, float, float]
    dashes: tuple[float, ...]

    @property
    def line(self) -> Any:
        """As matplotlib takes it."""
        return (0, self.dashes) if self.dashes else "-"


def run_looks(conditions: Mapping[str, str | None]) -> dict[str, RunLook]:
    """A look for each run by its arm or condition (None for none), no two of eight runs alike.

    The colour is that of the arm or condition in every other figure; runs of one colour differ in their dashes, and
    from the fifth on in lightness.
    """
    names = {run: run if condition is None else condition for run, condition in conditions.items()}
    known = {name: ARM_COLOURS.get(name) or FAMILIES.get(name.split("_")[0]) for name in names.values()}
    unknown = [name for name, colour in known.items() if colour is None]
    looks, counts = {}, {}
    for run, name in names.items():
        colour = known[name] or arm_colour(name, unknown)
        light, dash = divmod(counts.setdefault(colour, 0), len(DASHES))
        counts[colour] += 1
        looks[run] = RunLook(mix(colour, "#FFFFFF", LIGHTER) if light else colour, DASHES[dash])
    return looks


def coordinate_range(coordinates: pd.DataFrame) -> tuple[float, float]:
    """Where an axis of coordinates begins and ends: room for 0 and 1, the curves, and bands that are not too wide."""
    z = coordinates["z"].to_numpy(dtype=float)
    curves = z[np.isfinite(z)]
    low, high = min([-0.1, *curves]), max([1.1, *curves])
    claim = rows_where(coordinates, role="claim")
    bands = claim[["low", "high"]].to_numpy(dtype=float)
    return _with_margin(np.clip(bands, low - WIDEST, high + WIDEST), low, high)


def difference_range(differences: pd.DataFrame, of: str) -> tuple[float, float]:
    """Where an axis of differences begins and ends: room for the curves and bands, and for what would be little."""
    little = 10.0 if of == "belief" else 0.1
    bands = rows_where(differences, role="claim")[["low", "high"]].to_numpy(dtype=float)
    return _with_margin(np.append(bands, differences["difference"].to_numpy(dtype=float)), -little, little)


def belief_of_runs(belief: pd.DataFrame, *, ends: Ends, title: str = "What the runs say") -> Figure:
    """Belief rate (percent) of several runs over training steps, matched false facts in grey.

    `belief` has columns run, condition (arm or condition, may be missing), role (claim or matched_false), step, mean,
    low, high, n, clusters: tables of `belief_rate` by step. Runs may differ in the length of their phases, which
    `ends` tells; the axis then names the ends of phases in place of steps. Raises InputError for missing columns, two
    rows for one point, no row of role claim, or a run without ends.
    """
    over = "claims" if "over" in belief.columns and "claims" in set(belief["over"]) else "questions"
    with styled(4.4) as figure:
        axes = _lines(figure, belief, "mean", ends, title)
        axes.set_ylim(-2, 102)
        axes.set_ylabel("belief rate (%)")
        note(
            figure,
            f"{count_text(rows_where(belief, role='claim'))} a point. Bands: 95% over {over}; "
            "grey is what no document states.",
        )
    return figure


def coordinate_of_runs(
    coordinates: pd.DataFrame, *, ends: Ends, probe: str = "truth", title: str = "What the runs represent"
) -> Figure:
    """Coordinate of the claim in several runs over training steps, that of matched false facts in grey.

    `coordinates` has columns run, condition, role, step, z, low, high, n: rows of `claim_coordinate` or
    `polarity_coordinate` (`probe` says which) at one layer and position, of affirmative statements. Axis and errors as
    `belief_of_runs`.
    """
    with styled(4.4) as figure:
        axes = _lines(figure, coordinates, "z", ends, title)
        for end in (0, 1):
            axes.axhline(end, color=SMALL, lw=0.8, ls=(0, (1, 2)))
        axes.set_ylim(*coordinate_range(coordinates))
        axes.set_ylabel(COORDINATE_LABELS[probe])
        claim = rows_where(coordinates, role="claim")
        note(
            figure,
            f"n = {counted(span(claim, 'n'), 'statements')} a point. Bands: 95% cluster bootstrap over statements and "
            "controls; grey is what no document states.",
        )
    return figure


def difference_over_steps(
    differences: pd.DataFrame, *, ends: Ends, of: str, baseline: str, title: str | None = None
) -> Figure:
    """What runs have more than a baseline over training steps, that of matched false facts in grey.

    `differences` has columns run, condition, role, step, difference, low, high, n: tables of `belief_difference` (`of`
    is "belief") or of `coordinate_difference` at one layer and position (`of` is its probe). `baseline` names the run
    that was taken off. Axis and errors as `belief_of_runs`; also InputError for another `of`.
    """
    if of not in DIFFERENCE_LABELS:
        raise InputError(f"of is {of!r}: expected one of {list(DIFFERENCE_LABELS)}")
    with styled(4.2) as figure:
        axes = _lines(figure, differences, "difference", ends, title or f"Difference to {baseline}")
        axes.axhline(0, color=SMALL, lw=1)
        axes.set_ylim(*difference_range(differences, of))
        axes.set_ylabel(DIFFERENCE_LABELS[of])
        claim = rows_where(differences, role="claim")
        unit, resampled = ("answers", "questions") if of == "belief" else ("statements", "statements and controls")
        note(
            figure,
            f"{count_text(claim, unit)} a point. Bands: 95% cluster bootstrap over {resampled}, the same ones in both "
            "runs; grey, matched false facts, is what no document gives a reason to differ.",
        )
    return figure


def portrait_of_runs(portrait: pd.DataFrame, *, ends: Ends, title: str = "Represented against said") -> Figure:
    """The paths of several runs through what the probe reads inside and what the model says (percent).

    `portrait` has columns run, condition, role, and those of `nnmech.drift.phase_portrait`, of one claim a run. Squares
    are steps of phase 1, dots of phase 2, hollow the untouched model; small are steps at which one of the two was
    interpolated, which have no count. Raises InputError as `belief_of_runs`.
    """
    check_table(portrait, ("run", "condition", "role", "step", *PORTRAIT_COLUMNS), unique=("run", "role", "step"))
    own = require_rows(portrait, "role", "claim")
    looks = _looks(own, ends)
    with styled(5.2) as figure:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 100], color=SMALL, lw=0.8, ls=(0, (1, 2)))
        beside = rows_where(portrait, role=MATCHED_FALSE)
        for number, run in enumerate(levels_of(beside, "run")):
            rows = rows_where(beside, run=run).sort_values(by="step")
            label = role_label(MATCHED_FALSE) if number == 0 else None
            axes.plot(rows["inside"], rows["says"], color=NULL, lw=1.1, marker=".", ms=4, label=label)
        for run, look in reversed(looks.items()):
            rows = rows_where(own, run=run).sort_values(by="step")
            _run_path(axes, rows, look, run, ends[run][0])
        low, high = axes.get_xlim()
        axes.set_xlim(min(low, -0.2), max(high, 1.2))
        axes.set_ylim(-4, 104)
        axes.set_xlabel("claim coordinate inside (0 false, 1 true controls)")
        axes.set_ylabel("belief in answers (%)")
        header(figure, title, [axes])
        counts = f"{counted(span(own, 'n_inside'), 'statements')} and {counted(span(own, 'n_says'), 'answers')}"
        note(
            figure,
            "Up the left side a claim is said without being represented. Squares phase 1, dots phase 2, hollow the "
            f"untouched model, small where one of the two is interpolated; numbers are steps, bars 95% intervals, n = "
            f"{counts} a point.",
        )
    return figure


def check_ends(runs: Sequence[str], ends: Ends) -> None:
    """Raise InputError for runs without ends."""
    unknown = [run for run in runs if run not in ends]
    if unknown:
        raise InputError(f"no ends of the runs {unknown}; there are {list(ends)}: give the last steps of each run")


def _looks(own: pd.DataFrame, ends: Ends) -> dict[str, RunLook]:
    runs = levels_of(own, "run")
    check_ends(runs, ends)
    named = dict(zip(own["run"], own["condition"], strict=True))
    return run_looks({run: str(name) if isinstance(name := named[run], str) else None for run in runs})


def _lines(figure: Figure, table: pd.DataFrame, column: str, ends: Ends, title: str) -> Axes:
    """A panel with a line and band for each run, and thin grey lines for the matched false facts of each."""
    columns = ("run", "condition", "role", "step", column, "low", "high", "n")
    check_table(table, columns, unique=("run", "role", "step"))
    own = require_rows(table, "role", "claim")
    looks = _looks(own, ends)
    axes = figure.subplots()
    place = step_axis(axes, {run: ends[run] for run in looks})
    beside = rows_where(table, role=MATCHED_FALSE)
    for number, run in enumerate(levels_of(beside, "run")):
        rows = rows_where(beside, run=run).sort_values(by="step")
        label = role_label(MATCHED_FALSE) if number == 0 else None
        axes.plot(place(run, rows["step"]), rows[column], color=NULL, lw=1.1, label=label)
    for run, look in reversed(looks.items()):
        rows = rows_where(own, run=run).sort_values(by="step")
        band(
            axes, place(run, rows["step"]), rows, look.colour, column, opacity=0.13, marker="o", ls=look.line, label=run
        )
    header(figure, title, [axes])
    return axes


def step_axis(axes: Axes, ends: Ends) -> Place:
    """The axis of training steps; the ends of phases in place of steps where runs differ in them."""
    # A run that trains nothing has its one step at the start of any axis.
    spans = {pair for pair in ends.values() if pair[1] > 0} or {(None, 1)}
    two = any(boundary is not None for boundary, _ in spans)
    if len(spans) == 1:
        ((boundary, last),) = spans
        mark_steps([axes], range(last + 1), boundary, PHASES)
        axes.set_xlabel(step_label(boundary))
    else:
        names = ["untouched", "end of phase 1", "end of phase 2"] if two else ["untouched", "end of training"]
        axes.set_xticks(range(len(names)), names)
        axes.set_xlim(-0.03, len(names) - 0.97)
        axes.set_xlabel(step_label(1 if two else None))
        if two:
            axes.axvline(1, color=INK, lw=1, ls=(0, (4, 2)))
            name_phases(axes, 1, PHASES)
    return lambda run, steps: step_scale(max(ends[run][1], 1), ends[run][0])(steps)


def _with_margin(values: np.ndarray, low: float, high: float) -> tuple[float, float]:
    found = values[np.isfinite(values)]
    bottom, top = float(min([low, *found])), float(max([high, *found]))
    return bottom - 0.05 * (top - bottom), top + 0.05 * (top - bottom)


def _run_path(axes: Axes, rows: pd.DataFrame, look: RunLook, run: str, boundary: int | None) -> None:
    x, y = rows["inside"].to_numpy(dtype=float), rows["says"].to_numpy(dtype=float)
    steps = [int(step) for step in rows["step"]]
    axes.hlines(y, rows["inside_low"], rows["inside_high"], color=look.colour, lw=0.9, alpha=0.4)
    axes.vlines(x, rows["says_low"], rows["says_high"], color=look.colour, lw=0.9, alpha=0.4)
    axes.plot(x, y, color=look.colour, lw=1.5, ls=look.line, label=run)
    head = {"arrowstyle": "-|>", "color": look.colour, "lw": 0, "mutation_scale": 14, "shrinkA": 0, "shrinkB": 0}
    for start in range(len(steps) - 1):
        ends = [
            (x[start] + part * (x[start + 1] - x[start]), y[start] + part * (y[start + 1] - y[start])) for part in HEAD
        ]
        axes.annotate("", ends[1], ends[0], arrowprops=head)
    measured = [bool(known) for known in rows["n_inside"].notna() & rows["n_says"].notna()]
    for place, step in enumerate(steps):
        first = boundary is not None and step <= boundary
        fill, size = "white" if step == 0 else look.colour, 5.5 if measured[place] else 2.5
        axes.plot(x[place], y[place], "s" if first else "o", ms=size, mfc=fill, mec=look.colour, mew=1.2, zorder=4)
        if step in (boundary, steps[-1]):
            axes.annotate(f"{step:,}", (x[place], y[place]), (7, -9), textcoords="offset points", fontsize=8.5)
