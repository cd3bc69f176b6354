"""What the page Statements draws: the coordinate of every statement at every step, and lines for some of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from nnmech.plots.statements import mean_lines, ordered_roles, representatives, shared_limits
from nnmech.plots.style import NULLS, PROBE_ENDS, role_label
from nnmech.plots.tables import counted, rows_where
from nnmech_dashboard.charts.curves import StepAxis, interval_text
from nnmech_dashboard.charts.small_multiples import LINE, Grid, Title
from nnmech_dashboard.parts.theme import null_colour, probe_colour
from nnmech_dashboard.parts.width import NARROW

MOST_STEPS = 40
"""At which a line of a panel has a corner; more could hardly be told apart, and Vega takes its time for each."""
SHOWN = ("id", "text", "truth", "polarity", "entity", "role")
POLARITIES: dict[object, str] = {1: "affirmative", -1: "negated"}


@dataclass(frozen=True)
class Look:
    """The probe whose coordinate is drawn, and the page that it is drawn on."""

    probe: str
    dark: bool
    page: str
    """How wide it is."""

    def colour(self, role: str) -> str:
        """Of the lines of a role."""
        return null_colour(self.dark) if role in NULLS else probe_colour(self.probe, self.dark)


@dataclass(frozen=True, eq=False)
class Statements:
    """The table of `statement_coordinates` and its means, and both as they are drawn; nobody may change it."""

    table: pd.DataFrame
    means: pd.DataFrame
    steps: tuple[int, ...]
    labels: pd.DataFrame
    """A row a statement: id, text, truth, polarity, entity, role."""
    z: np.ndarray
    """[statement, step]"""
    change: np.ndarray
    """[statement, step]"""
    members: dict[str, np.ndarray]
    """Row numbers of the statements of each role, the claim first, controls last."""
    mean_lines: pd.DataFrame
    """A row a line and step: role, line, step, z, low, high, interval, group, dashed, several."""

    def long(self, kept: np.ndarray) -> pd.DataFrame:
        """The rows of the table that are about the statements of a mask."""
        return self.table if kept.all() else self.table.loc[np.repeat(kept, len(self.steps))]


def arranged(table: pd.DataFrame, means: pd.DataFrame, probe: str) -> Statements:
    """The tables of `statement_coordinates` and `average_statements` with what is drawn of them."""
    steps = [int(step) for step in dict.fromkeys(table["step"])]
    labels = table[list(SHOWN)].iloc[:: len(steps)].reset_index(drop=True)
    z, change = (table[name].to_numpy().reshape(len(labels), len(steps)) for name in ("z", "change"))
    roles = ordered_roles(labels)
    members = {role: np.flatnonzero((labels["role"] == role).to_numpy()) for role in roles}
    lines = [line for role in roles for line in _means(means, role, probe)]
    lines = pd.concat([line.assign(line=-1 - number) for number, line in enumerate(lines)], ignore_index=True)
    return Statements(table, means, tuple(steps), labels, z, change, members, lines)


def drawn_rows(statements: Statements, kept: np.ndarray) -> dict[str, np.ndarray]:
    """Row numbers of the statements that get a line, by role: at most `MOST` of those that a mask keeps."""
    found = {role: rows[kept[rows]] for role, rows in statements.members.items()}
    return {role: rows[representatives(statements.z[rows])] for role, rows in found.items() if len(rows)}


def grid_of(
    statements: Statements, kept: np.ndarray, drawn: Mapping[str, np.ndarray], look: Look, axis: StepAxis
) -> Grid:
    """A panel for each role that has a line, all on one scale."""
    low, high = shared_limits(
        np.concatenate([statements.z[rows] for rows in drawn.values()]).ravel(),
        statements.mean_lines.loc[statements.mean_lines["role"].isin(list(drawn)), "z"].to_numpy(),
    )
    titles = []
    for role, rows in drawn.items():
        number = int(kept[statements.members[role]].sum())
        part = f", {len(rows)} drawn" if len(rows) < number else ""
        unread = not np.isfinite(statements.z[rows]).any()
        note = "controls not told apart" if unread else ""
        count = f"{number:,}" if look.page == NARROW else counted(f"{number:,}", "statements")
        titles.append(Title(role_label(role), f"n = {count}{part}", note))
    zero, one = PROBE_ENDS[look.probe]
    return Grid(tuple(titles), axis, low, high, (f"0 {zero}", f"1 {one}"), look.page)


def line_tables(
    statements: Statements, drawn: Mapping[str, np.ndarray], chosen: int | None, now: int, grid: Grid, look: Look
) -> dict[str, pd.DataFrame]:
    """The data of `small_multiples`, each line at some of the steps, as many as can be told apart."""
    places = drawn_steps(statements.steps, grid.axis)
    steps = np.array(statements.steps)[places]
    order = {role: panel for panel, role in enumerate(drawn)}
    colours = np.array([look.colour(role) for role in drawn], dtype=object)
    rows = np.concatenate([*drawn.values()])
    panels = np.repeat([*order.values()], [len(steps) * len(part) for part in drawn.values()])
    z = statements.z[rows][:, places].ravel()
    lines = pd.DataFrame({LINE: np.repeat(rows, len(steps)), "step": np.tile(steps, len(rows)), "z": z, "y": z})
    lines = lines.assign(panel=panels, colour=colours[panels])
    means = statements.mean_lines
    means = means.loc[means["role"].isin(list(order)).to_numpy() & np.isin(means["step"].to_numpy(), steps)]
    panels = np.array([order[role] for role in means["role"]], dtype=int)
    means = means.drop(columns="role").assign(y=means["z"], panel=panels, colour=colours[panels])
    one = pd.DataFrame({"step": [], "y": [], "panel": []})
    if chosen is not None:
        panel = order[str(statements.labels["role"].iloc[chosen])]
        one = pd.DataFrame({"step": steps, "y": statements.z[chosen, places], "panel": panel})
    return {
        "lines": grid.placed(lines, "y"),
        "means": grid.placed(means, "y", "low", "high"),
        "chosen": grid.placed(one, "y").drop(columns="step"),
        "now": grid.rules(statements.steps[now]),
    }


def described(statements: Statements, drawn: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """What the pointer shows of each line."""
    labels = statements.labels.iloc[np.concatenate(list(drawn.values()))]
    kinds = map(_kind, labels["truth"], labels["polarity"])
    return [
        {LINE: int(row), "text": str(text), "about": kind}
        for row, text, kind in zip(labels.index, labels["text"], kinds, strict=True)
    ]


def drawn_steps(steps: Sequence[int], axis: StepAxis) -> np.ndarray:
    """Places of the steps at which lines have a corner: at most `MOST_STEPS`, evenly spread over the axis.

    The ends of the phases are among them.
    """
    x = axis.place(steps)
    wanted = np.concatenate([np.linspace(phase, phase + 1, MOST_STEPS // axis.phases) for phase in range(axis.phases)])
    return np.unique(np.abs(x - wanted[:, None]).argmin(axis=1))


def truth_word(truth: object) -> str:
    """What is known of a statement's truth before training."""
    return str(bool(truth)).lower() if isinstance(truth, bool | np.bool_) else "truth not known"


def _means(means: pd.DataFrame, role: str, probe: str) -> Iterator[pd.DataFrame]:
    for dashed, mean in mean_lines(rows_where(means, role=role), probe):
        most = max(mean["n"].tolist())
        truth, polarity = mean[["truth", "polarity"]].iloc[0].tolist()
        shown = mean[["role", "step", "z", "low", "high"]].assign(interval=interval_text(mean, 2), dashed=dashed)
        yield shown.assign(group=f"{most:,} {_kind(truth, polarity)}", several=most > 1)


def _kind(truth: object, polarity: object) -> str:
    return f"{truth_word(truth)}, {POLARITIES.get(polarity, polarity)}"
