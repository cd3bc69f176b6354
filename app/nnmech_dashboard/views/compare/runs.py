"""Which runs are compared on one axis, and how each of them is named and drawn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex

from nnmech.claims import MATCHED_FALSE
from nnmech.drift import phase_ends
from nnmech.errors import NnmechError
from nnmech.plots.conditions import condition_label
from nnmech.plots.gathered import claim_of, labelled
from nnmech.plots.recipes import Call, call
from nnmech.plots.runs import run_looks
from nnmech.plots.style import ARM_LABELS, role_label
from nnmech.runs.labels import RunLabels
from nnmech_dashboard.charts.curves import Line, StepAxis, interval_text
from nnmech_dashboard.parts.faults import fault_text
from nnmech_dashboard.parts.theme import null_colour, shade
from nnmech_dashboard.parts.width import width
from nnmech_dashboard.parts.words import plain_html
from nnmech_dashboard.state.listing import Entry
from nnmech_dashboard.state.opening import faults, kind_of_run, open_run
from nnmech_dashboard.state.selection import Selection

NULL_FACTS = role_label(MATCHED_FALSE)


@dataclass(frozen=True, eq=False)
class Compared:
    """A run on the axis: what a legend calls it, how its line looks, and where its phases end."""

    entry: Entry
    name: str
    labels: RunLabels
    claim: str | None
    """Its own, or the one that is chosen where it names none."""
    ends: tuple[int | None, int]
    first: int | None
    """The first step recorded; None for a run without snapshots."""
    colour: str
    dash: tuple[float, ...]

    @property
    def path(self) -> str:
        return str(self.entry.path)

    @property
    def opened(self) -> Call:
        """The run as a call of recipes, where it is used."""
        return call(None, kind_of_run(self.path), self.path)

    def line(self) -> Line:
        return Line(self.name, self.colour, tuple(round(part) for part in self.dash) or (1, 0))


@dataclass(frozen=True, eq=False)
class Gathered:
    """Tables of some runs in one, how many are still being made, and what is wrong with the others."""

    table: pd.DataFrame
    waiting: int
    faults: tuple[str, ...]


def compared(entries: Sequence[Entry], selection: Selection) -> tuple[list[Compared], list[str]]:
    """The runs as they are drawn, and what is wrong with those that cannot be."""
    found, wrong = [], []
    for entry in entries:
        try:
            run = open_run(str(entry.path))
            found.append((entry, run, run.labels, phase_ends(run)))
            # What is damaged of the chosen run is said above every page.
            wrong += faults(str(entry.path)) if entry.id != selection.entry.id else ()
        except NnmechError as error:
            wrong.append(str(error))
    names = run_names([(entry, labels) for entry, _, labels, _ in found])
    looks = run_looks({name: labels.series for name, (_, _, labels, _) in zip(names, found, strict=True)})
    runs = [
        Compared(
            entry=entry,
            name=name,
            labels=labels,
            claim=claim_of(run, selection.claim),
            ends=ends,
            first=next(iter(run.steps), None),
            colour=shade(to_hex(looks[name].colour), selection.dark),
            dash=looks[name].dashes,
        )
        for name, (entry, run, labels, ends) in zip(names, found, strict=True)
    ]
    return runs, wrong


def run_names(runs: Sequence[tuple[Entry, RunLabels]]) -> list[str]:
    """What a legend calls runs: arm or condition, and as much more as tells them apart."""
    described = [_described(entry, labels) for entry, labels in runs]
    telling = [0, *(place for place in range(1, 3) if len({parts[place] for parts in described} - {""}) > 1)]
    names = [", ".join(dict.fromkeys(parts[place] for place in telling if parts[place])) for parts in described]
    return [name if names.count(name) == 1 else entry.id for name, (entry, _) in zip(names, runs, strict=True)]


def axis_of(runs: Sequence[Compared]) -> StepAxis:
    """The axis that the runs share."""
    # A run that trains nothing has its one step at the start of any axis.
    return StepAxis(tuple(dict.fromkeys(run.ends for run in runs if run.ends[1] > 0)) or ((None, 1),), width())


def gather(runs: Sequence[Compared], fetch: Callable[[Compared], pd.DataFrame | None]) -> Gathered:
    """One table of what `fetch` gives of each run, None while it is being made."""
    tables: dict[str, pd.DataFrame] = {}
    waiting, faults = 0, []
    for run in runs:
        try:
            table = fetch(run)
        except Exception as error:  # noqa: BLE001
            faults.append(f"{run.name}: {fault_text(error)}")
        else:
            if table is None:
                waiting += 1
            else:
                tables[run.name] = table
    return Gathered(labelled(tables, {run.name: run.labels for run in runs}), waiting, tuple(faults))


def plotted(table: pd.DataFrame, runs: Sequence[Compared], axis: StepAxis, value: str, digits: int) -> pd.DataFrame:
    """What `charts.curves` takes of a table of several runs; the matched false facts of all are one grey series."""
    own = (table["role"] == "claim").to_numpy(dtype=bool)
    x = np.zeros(len(table))
    for run in runs:
        rows = (table["run"] == run.name).to_numpy(dtype=bool)
        x[rows] = axis.place(table["step"][rows], *run.ends)
    return pd.DataFrame(
        {
            "x": x,
            "step": table["step"],
            "series": np.where(own, table["run"], NULL_FACTS),
            "detail": table["run"] + np.where(own, "", NULL_FACTS),
            "y": table[value],
            "low": table["low"],
            "high": table["high"],
            "n": table["n"],
            "interval": interval_text(table, digits),
        }
    )


def lines_of(runs: Sequence[Compared], dark: bool) -> list[Line]:
    """The lines of the runs, and that of the matched false facts of all of them."""
    return [Line(NULL_FACTS, null_colour(dark), points=False), *(run.line() for run in runs)]


def key_html(runs: Sequence[Compared], baseline: Entry | None, dark: bool) -> str:
    """The legend of all charts of the page."""
    entries = []
    for run in runs:
        pinned = " (pinned)" if baseline is not None and run.entry.id == baseline.id else ""
        entries.append(f"<span>{_swatch(run.colour, run.dash, 3)}{plain_html(run.name)}{pinned}</span>")
    entries.append(f"<span>{_swatch(null_colour(dark), (), 1)}{plain_html(NULL_FACTS)}</span>")
    return f"<div class='nn-facts' style='margin:.2rem 0 .6rem'>{''.join(entries)}</div>"


def unit_of(entry: Entry) -> tuple[str | None, int | None]:
    """Claim and seed of a run."""
    return (None, None) if entry.summary is None else (entry.summary.claim, entry.summary.seed)


def condition_of(entry: Entry) -> str | None:
    """Arm of a run, or the condition of its documents."""
    return None if entry.summary is None else entry.summary.condition


def _described(entry: Entry, labels: RunLabels) -> tuple[str, str, str]:
    """Arm or condition (else the name of the run), claim and seed, in words."""
    series = labels.series
    name = entry.id.split("/")[-1] if series is None else ARM_LABELS.get(series, condition_label(series))
    return name, labels.claim or "", "" if labels.seed is None else f"seed {labels.seed}"


def _swatch(colour: str, dash: Sequence[float], height: int) -> str:
    """A piece of the line, dashed as it is."""
    stops, place = [], 0.0
    for number, part in enumerate(dash or (1.0,)):
        paint = "transparent" if number % 2 else colour
        stops.append(f"{paint} {place:g}px {place + part:g}px")
        place += part
    look = f"width:1.6rem;height:{height}px;background:repeating-linear-gradient(to right,{','.join(stops)})"
    return f"<i style='display:inline-block;vertical-align:middle;margin-right:.45rem;{look}'></i>"
