"""Belief and both coordinates over training, a line a layer: light to dark with depth."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnmech.claims import MATCHED_FALSE
from nnmech.plots.axes import band, inside_note, mark_steps, note, step_label
from nnmech.plots.drift import COORDINATE_COLUMNS, unit_of
from nnmech.plots.style import BELIEF, COORDINATE_LABELS, NULL, PROBE_COLOURS, SMALL, depth_shades, mix, styled
from nnmech.plots.tables import check_table, chosen_levels, count_text, require_rows, rows_where


def drift_over_steps(
    belief: pd.DataFrame,
    truth: pd.DataFrame,
    polarity: pd.DataFrame,
    *,
    boundary: int | None = None,
    phases: tuple[str, str] = ("phase 1", "phase 2"),
    role: str = "claim",
    null: str = MATCHED_FALSE,
    layers: Sequence[int] | None = None,
    title: str = "What is said and what is represented",
) -> Figure:
    """Belief (percent), truth coordinate and polarity coordinate by layer over training steps, in three panels.

    `belief` has columns step, mean, low, high, n; `truth` and `polarity` step, layer, role, z, low, high, n with one
    row for a step, layer and role, as `claim_coordinate` gives for one position and claim, or `average_coordinates` for
    several. Solid: `role`; dashed: `null`. The axis is logarithmic within each phase; `boundary` is the last step of
    the first. Raises InputError for missing columns, a role without rows, or rows that are not unique.
    """
    check_table(belief, ("step", "mean", "low", "high", "n"), unique=("step",))
    for table in (truth, polarity):
        check_table(table, COORDINATE_COLUMNS)
        for name in {role, null} & set(table["role"]):
            check_table(rows_where(table, role=name), (), unique=("step", "layer"))
        require_rows(table, "role", role)
    steps = sorted({int(step) for table in (belief, truth, polarity) for step in table["step"]})
    with styled(7.4) as figure:
        panels = figure.subplots(3, 1, sharex=True, height_ratios=[1, 1.25, 1.25])
        place = mark_steps(list(panels), steps, boundary, phases)
        rows = belief.sort_values(by="step")
        band(panels[0], place(rows["step"]), rows, BELIEF, "mean", marker="o")
        panels[0].set_ylim(0, 100)
        panels[0].set_ylabel("belief rate (%)")
        panels[0].set_title(title, pad=16)
        inside_note(panels[0], f"{count_text(rows)} a step")
        for axes, table, probe in zip(panels[1:], (truth, polarity), ("truth", "polarity"), strict=True):
            _by_depth(axes, table, place, PROBE_COLOURS[probe], role, null, layers)
            axes.set_ylabel(COORDINATE_LABELS[probe])
        panels[2].set_xlabel(step_label(boundary))
        note(
            figure,
            "Bands: 95% cluster bootstrap (belief: questions; coordinates: statements and controls, or claims).",
        )
    return figure


def _include(axes: Axes, low: float, high: float) -> None:
    bottom, top = axes.get_ylim()
    axes.set_ylim(min(bottom, low), max(top, high))


def _by_depth(
    axes: Axes,
    table: pd.DataFrame,
    place: Callable[[Any], np.ndarray],
    colour: str,
    role: str,
    null: str,
    layers: Sequence[int] | None,
) -> None:
    """Coordinate by layer, light to dark with depth; the null group dashed and grey."""
    chosen = chosen_levels(table, "layer", layers, 6)
    shades = depth_shades(colour)
    for end in (0, 1):
        axes.axhline(end, color=SMALL, lw=0.8, ls=(0, (1, 2)))
    for number, layer in enumerate(chosen):
        depth = number / max(len(chosen) - 1, 1)
        rows = rows_where(table, layer=layer, role=null).sort_values(by="step")
        if len(rows):
            label = null.replace("_", " ") + " facts" if number == len(chosen) - 1 else None
            grey = mix(NULL, "#FFFFFF", 0.45 * (1 - depth))
            band(axes, place(rows["step"]), rows, grey, "z", opacity=0.06, ls=(0, (3, 1.5)), lw=1.2, label=label)
        rows = rows_where(table, layer=layer, role=role).sort_values(by="step")
        band(
            axes, place(rows["step"]), rows, shades(depth), "z", opacity=0.1, marker="o", ms=3.5, label=f"layer {layer}"
        )
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda index: not labels[index].startswith("layer"))
    axes.legend(
        [handles[index] for index in order],
        [labels[index] for index in order],
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
    )
    _include(axes, -0.15, 1.15)
    inside_note(axes, f"{count_text(rows_where(table, role=role), unit_of(table))} a step")
