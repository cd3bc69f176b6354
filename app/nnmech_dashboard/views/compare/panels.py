"""The panels of the page Compare: each gathers a table of several runs and draws it."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from nnmech.plots import belief_of_runs, coordinate_of_runs, difference_over_steps, portrait_of_runs
from nnmech.plots.gathered import (
    gather_belief_differences,
    gather_beliefs,
    gather_coordinate_differences,
    gather_coordinates,
    gather_ends,
    gather_portraits,
)
from nnmech.plots.recipes import Call, Recipe, call, given
from nnmech.plots.runs import coordinate_range, difference_range
from nnmech.plots.style import PROBE_ENDS
from nnmech.plots.tables import counted, rows_where, span
from nnmech.runs import Run
from nnmech_dashboard.charts.curves import Value, curves
from nnmech_dashboard.charts.portrait import portrait_chart, portrait_data
from nnmech_dashboard.parts.panel import Panel, show, waiting
from nnmech_dashboard.parts.words import note_html, plain_markdown
from nnmech_dashboard.state.selection import Selection
from nnmech_dashboard.views.compare.runs import Compared, Gathered, axis_of, gather, lines_of, plotted
from nnmech_dashboard.views.compare.tables import portraits, represented, represented_apart, said, said_apart

EQUALLY_LONG = " The runs differ in their steps, so that each phase is drawn equally long."
TWO_PHASES = "squares phase 1, dots phase 2, "
NO_ROOM = " The untouched model already reads the claim as true: there is no room to see it become so."


def said_panel(runs: Sequence[Compared], selection: Selection) -> None:
    """Belief of the runs over training steps."""
    found = gather(runs, said)
    if not _there(found, "Counting beliefs", "None of these runs has answers about its claim."):
        return
    several = _several(_drawn(runs, found))
    table = call("table", gather_beliefs, several, **_about(runs, selection))
    panel = Panel(
        key="belief_of_runs",
        title="What the runs say",
        meaning=(
            f"Belief: share of answers that affirm the claim, n = {_answers(found)} a point; bands are 95% intervals "
            f"over questions.{EQUALLY_LONG if len(axis_of(runs).spans) > 1 else ''}"
        ),
        recipe=Recipe.drawn(table, belief_of_runs, ends=_ends_of(several)),
        known={table: found.table},
    )
    _curves(panel, runs, "mean", Value("belief rate", "%", 0, (0.0, 100.0)), selection)


def represented_panel(runs: Sequence[Compared], selection: Selection) -> None:
    """Coordinate of the claim in the runs over training steps, at the chosen place."""
    if not _placed(selection):
        return
    found = gather(runs, lambda run: represented(run, selection))
    nothing = "None of these runs recorded statements of its claim at this place."
    if not (_there(found, "Reading snapshots", nothing) and _scaled(found, "z", selection)):
        return
    probe, several = selection.probe, _several(_drawn(runs, found))
    table = call("table", gather_coordinates, several, **_where(selection), **_about(runs, selection))
    claim = rows_where(found.table, role="claim")
    low, high = PROBE_ENDS[probe]
    unmoved = probe == "truth" and not claim["change"].notna().to_numpy().any()
    panel = Panel(
        key="coordinate_of_runs",
        title="What the runs represent",
        meaning=(
            f"{probe.capitalize()} coordinate of the claim ({_place(selection)}): 0 where {low} controls lie, 1 where "
            f"{high} ones do; n = {_statements(found)} a point, {_bands(found)}." + (NO_ROOM if unmoved else "")
        ),
        recipe=Recipe.drawn(table, coordinate_of_runs, ends=_ends_of(several), probe=probe),
        known={table: found.table},
    )
    value = Value(f"{probe} coordinate", domain=coordinate_range(found.table), marks=((0.0, low), (1.0, high)))
    _curves(panel, runs, "z", value, selection)


def said_apart_panel(runs: Sequence[Compared], baseline: Compared, selection: Selection) -> None:
    """Belief of the runs minus that of the baseline."""
    found = gather(runs, lambda run: said_apart(run, baseline))
    if not _there(found, "Pairing answers", "No run was asked the baseline's questions at the same moments."):
        return
    several, other = _several(_drawn(runs, found)), call("baseline", Run, baseline.path)
    table = call("table", gather_belief_differences, several, other, **_about(runs, selection))
    panel = Panel(
        key="difference_of_belief",
        title="Said, against the baseline",
        meaning=(
            f"Belief minus that of the baseline ({baseline.name}) in percentage points, paired by question, at the "
            f"same moments of training; n = {_answers(found)} a point, bands are 95% intervals over questions."
        ),
        recipe=Recipe.drawn(table, difference_over_steps, ends=_ends_of(several), of="belief", baseline=baseline.name),
        known={table: found.table},
    )
    value = Value("difference of belief", "points", 0, difference_range(found.table, "belief"), marks=((0.0, ""),))
    _curves(panel, runs, "difference", value, selection)


def represented_apart_panel(runs: Sequence[Compared], baseline: Compared, selection: Selection) -> None:
    """Coordinate of the claim in the runs minus that in the baseline, at the chosen place."""
    if not _placed(selection):
        return
    found = gather(runs, lambda run: represented_apart(run, baseline, selection))
    nothing = "No run recorded the baseline's statements at the same moments."
    if not (_there(found, "Pairing statements", nothing) and _scaled(found, "difference", selection)):
        return
    probe, several = selection.probe, _several(_drawn(runs, found))
    other = call("baseline", Run, baseline.path)
    table = call("table", gather_coordinate_differences, several, other, **_where(selection), **_about(runs, selection))
    panel = Panel(
        key="difference_of_coordinate",
        title="Represented, against the baseline",
        meaning=(
            f"{probe.capitalize()} coordinate of the claim ({_place(selection)}) minus that of the baseline "
            f"({baseline.name}), the same statements in both; n = {_statements(found)} a point, {_bands(found)}."
        ),
        recipe=Recipe.drawn(table, difference_over_steps, ends=_ends_of(several), of=probe, baseline=baseline.name),
        known={table: found.table},
    )
    value = Value("difference of coordinate", "", 2, difference_range(found.table, probe), marks=((0.0, ""),))
    _curves(panel, runs, "difference", value, selection)


def portrait_panel(runs: Sequence[Compared], selection: Selection) -> None:
    """The paths of the runs through what they represent and what they say."""
    if selection.position is None or selection.probe != "truth":
        return
    recorded = [run for run in runs if run.first is not None]
    found = portraits(recorded, selection)
    nothing = "None of these runs has both snapshots and answers about its claim at one step."
    if not (_there(found, "Following the paths", nothing) and _scaled(found, "inside", selection)):
        return
    several = _several(_drawn(recorded, found))
    table = call(
        "table",
        gather_portraits,
        several,
        layer=selection.layer,
        position=selection.position,
        **_about(runs, selection),
    )
    panel = Panel(
        key="portrait_of_runs",
        title="Represented against said",
        meaning=(
            f"Each run as a path along training ({_place(selection)}), numbers are steps: hollow the untouched model, "
            f"{TWO_PHASES if axis_of(runs).phases == 2 else ''}larger the end of a phase; small where one of the two "
            "was recorded and the other is interpolated; crosses are 95% intervals. "
            "A path up the left side is said without being represented, one along the bottom represented without "
            "being said."
        ),
        recipe=Recipe.drawn(table, portrait_of_runs, ends=_ends_of(several)),
        known={table: found.table},
    )
    lines = [run.line() for run in runs]
    data = portrait_data(found.table, {run.name: run.ends for run in runs})
    show(panel, portrait_chart(data, lines, selection.dark), data)


def report(faults: Sequence[str]) -> None:
    """Names what is wrong with some of the runs; the others are drawn."""
    if faults:
        st.warning("\n\n".join(map(plain_markdown, dict.fromkeys(faults))), icon=":material/warning:")


def _curves(panel: Panel, runs: Sequence[Compared], column: str, value: Value, selection: Selection) -> None:
    axis = axis_of(runs)
    data = plotted(panel.table, runs, axis, column, value.digits)
    # The chosen step is one of the chosen run: another's may be as long or not.
    step = selection.step if (selection.boundary, selection.last) in axis.spans else None
    chart = curves(data, axis, lines_of(runs, selection.dark), value, dark=selection.dark, step=step, legend=False)
    show(panel, chart, data)


def _there(found: Gathered, making: str, nothing: str) -> bool:
    """Whether there is anything to draw by now; says what is being made, missing or wrong."""
    report(found.faults)
    if found.waiting:
        waiting(f"{making}: {counted(str(found.waiting), 'runs')} to go")
    elif found.table.empty and not found.faults:
        st.html(note_html(nothing))
    return not found.table.empty and "claim" in set(found.table["role"])


def _scaled(found: Gathered, column: str, selection: Selection) -> bool:
    """Whether there is a scale to place claims on; says so where the probe gives none."""
    scaled = bool(rows_where(found.table, role="claim")[column].notna().to_numpy().any())
    if not scaled:
        low, high = PROBE_ENDS[selection.probe]
        st.html(
            note_html(
                f"At {_place(selection)} the probe does not tell {high} from {low} controls apart, so that there is no "
                "scale to place the claim on. Choose another layer or token position."
            )
        )
    return scaled


def _placed(selection: Selection) -> bool:
    """Whether a layer and position are chosen, which is so as soon as the probe has been fitted."""
    if selection.position is None and selection.run.steps:
        waiting("Fitting probes on the untouched model")
    elif selection.position is None:
        st.html(note_html("The chosen run has no snapshots, so that there is no layer and token position to look at."))
    return selection.position is not None


def _drawn(runs: Sequence[Compared], found: Gathered) -> list[Compared]:
    """The runs that the table is of."""
    names = set(found.table["run"])
    return [run for run in runs if run.name in names]


def _several(runs: Sequence[Compared]) -> Call:
    """Runs by name as the functions of `nnmech.plots.gathered` take them."""
    return given("runs", {run.name: run.opened for run in runs})


def _where(selection: Selection) -> dict[str, Any]:
    return {"probe": selection.probe, "layer": selection.layer, "position": selection.position}


def _ends_of(several: Call) -> Call:
    return call(None, gather_ends, several)


def _about(runs: Sequence[Compared], selection: Selection) -> dict[str, str]:
    """The chosen claim, where a run names none of its own."""
    needed = selection.claim is not None and any(run.labels.claim is None for run in runs)
    return {"claim": str(selection.claim)} if needed else {}


def _place(selection: Selection) -> str:
    return f"layer {selection.layer}, token position {selection.position}"


def _answers(found: Gathered) -> str:
    claim = rows_where(found.table, role="claim")
    return f"{counted(span(claim, 'n'), 'answers')} to {counted(span(claim, 'clusters'), 'questions')}"


def _bands(found: Gathered) -> str:
    known = bool(rows_where(found.table, role="claim")["low"].notna().to_numpy().any())
    return "bands are 95% intervals over statements and controls" if known else "without an interval"


def _statements(found: Gathered) -> str:
    return counted(span(rows_where(found.table, role="claim"), "n"), "statements")
