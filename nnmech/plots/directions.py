"""What became of a probe itself: what the data did and what the direction did, transfer, rotation, alignment."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from nnmech.errors import InputError
from nnmech.plots.axes import band, header, inside_note, mark_steps, note, outer_labels, panel_grid, step_label
from nnmech.plots.style import (
    BELIEF,
    INK,
    MARKERS,
    NULL,
    NULL_DASHES,
    PROBE_COLOURS,
    PROBE_ENDS,
    SMALL,
    mix,
    role_label,
    styled,
)
from nnmech.plots.tables import (
    check_null,
    check_table,
    chosen_levels,
    count_text,
    levels_of,
    require_rows,
    rows_where,
    sample_text,
    single,
    span,
)

DECOMPOSITION_COLUMNS = (
    *("step", "layer", "position", "probe", "role", "polarity", "n"),
    *(f"{part}{bound}" for part in ("data", "refit", "total") for bound in ("", "_low", "_high")),
)


def decomposition(
    changes: pd.DataFrame,
    *,
    role: str = "claim",
    null: str = "matched_false",
    layers: Sequence[int] | None = None,
    boundary: int | None = None,
    phases: tuple[str, str] = ("phase 1", "phase 2"),
    title: str | None = None,
) -> Figure:
    """Change of a probe's reading since the reference step, split in data drift and probe drift, beside the null's.

    Takes the table of `nnmech.drift.decomposition` for one probe, position, claim and polarity: one row for a step,
    layer and role. A row of panels for each of `layers` (else three at most of those with a coordinate). Raises
    InputError for missing columns, rows that are not unique, and where there are no rows of the role or of the null.
    """
    check_table(changes, DECOMPOSITION_COLUMNS)
    groups = {name: require_rows(changes, "role", name) for name in (role, null)}
    for rows in groups.values():
        check_table(rows, (), unique=("step", "layer"))
    probe, position = single(changes, "probe"), single(changes, "position")
    readable = groups[role].dropna(subset=["total"])
    shown = chosen_levels(groups[role] if layers or readable.empty else readable, "layer", layers, 3)
    looks = {
        "total": ("total change", INK, {"lw": 1.3, "opacity": 0.06}),
        "refit": (
            "probe drift: what refitting the direction adds",
            mix(PROBE_COLOURS[probe], "#FFFFFF", 0.35),
            {"marker": "s", "ms": 3.5, "mfc": "white", "ls": (0, (4, 2))},
        ),
        "data": ("data drift: old direction, new activations", PROBE_COLOURS[probe], {"marker": "o", "ms": 3.5}),
    }
    with styled(1.6 + 1.7 * len(shown)) as figure:
        panels = panel_grid(figure, 2 * len(shown), columns=2)
        place = mark_steps(panels, list(changes["step"]), boundary, phases, first=2)
        for number, (axes, layer) in enumerate(zip(panels, np.repeat(shown, 2), strict=True)):
            name = (role, null)[number % 2]
            rows = rows_where(groups[name], layer=layer).sort_values(by="step")
            axes.axhline(0, color=SMALL, lw=0.8, ls=(0, (1, 2)))
            for part, (label, colour, look) in looks.items():
                part_rows = rows.assign(low=rows[f"{part}_low"], high=rows[f"{part}_high"])
                band(axes, place(rows["step"]), part_rows, colour, part, label=label, **look)
            inside_note(axes, f"layer {layer}, {role_label(name)}, {count_text(rows, 'statements')}")
        ends = PROBE_ENDS[probe]
        outer_labels(panels, step_label(boundary), f"change (1 = gap of {ends[0]}\nand {ends[1]} controls)")
        header(figure, title or f"Drift of the {probe} probe: token position {position}", panels)
        note(
            figure,
            "Total is the sum of the two: where data drift carries it, the model moved the statements along the old "
            "direction, and where probe drift does, truth is written along another one; bands are 95% intervals.",
        )
    return figure


def direction_cosine(
    cosines: pd.DataFrame,
    *,
    layers: Sequence[int] | None = None,
    boundary: int | None = None,
    phases: tuple[str, str] = ("phase 1", "phase 2"),
    title: str | None = None,
) -> Figure:
    """Cosine of a probe's direction with that of the reference step, corrected for reliability, a panel a layer.

    Takes the table of `nnmech.drift.direction_cosine` for one probe and position: one row for a step and layer; a panel
    for each of `layers` (else six at most). Raises InputError for missing columns, rows that are not unique, several
    places, or no null.
    """
    columns = ("cosine", "reliability", "corrected", "low", "high", "null", "null_low", "null_high", "n", "entities")
    check_table(cosines, ("step", "layer", "position", "probe", *columns))
    probe, position = single(cosines, "probe"), single(cosines, "position")
    check_table(cosines, (), unique=("step", "layer"))
    check_null(cosines, "null")
    shown = chosen_levels(cosines, "layer", layers, 6)
    with styled(2.5 + 2.0 * (-(-len(shown) // 3))) as figure:
        panels = panel_grid(figure, len(shown))
        place = mark_steps(panels, list(cosines["step"]), boundary, phases, parts=2)
        for axes, layer in zip(panels, shown, strict=True):
            rows = rows_where(cosines, layer=layer).sort_values(by="step")
            x = place(rows["step"])
            axes.axhline(1, color=SMALL, lw=0.8, ls=(0, (1, 2)))
            null = rows.assign(low=rows["null_low"], high=rows["null_high"])
            band(axes, x, null, NULL, "null", ls=NULL_DASHES[0], lw=1.3, label="shuffled labels")
            axes.plot(x, rows["reliability"], color=INK, lw=1, ls=NULL_DASHES[2], label="reliability of the two")
            light = mix(PROBE_COLOURS[probe], "#FFFFFF", 0.35)
            axes.plot(x, rows["cosine"], color=light, lw=1.3, marker="s", ms=3, mfc="white", label="cosine as fitted")
            band(axes, x, rows, PROBE_COLOURS[probe], "corrected", marker="o", ms=3.5, label="corrected cosine")
            inside_note(axes, f"layer {layer}")
        low, high = panels[0].get_ylim()
        panels[0].set_ylim(min(low, -0.1), min(max(high, 1.25), 1.5))
        outer_labels(panels, step_label(boundary), "cosine with the\nreference direction")
        header(figure, title or f"Direction of the {probe} probe: token position {position}", panels)
        note(
            figure,
            "The direction has turned where the 95% band of the cosine, corrected for the noise of the fits, stays "
            f"below 1, and is lost where it meets the grey null; {sample_text(cosines)}.",
        )
    return figure


def alignment(cosines: pd.DataFrame, *, positive: str = "positive", title: str | None = None) -> Figure:
    """Cosine by layer of a run's drift with that of positive training, beside the nulls, a panel a position.

    Takes the table of `nnmech.drift.alignment`: one row for a layer, position and `against`, whose other values are the
    nulls. Raises InputError for missing columns, rows that are not unique, or no null.
    """
    check_table(
        cosines, ("layer", "position", "against", "cosine", "low", "high", "n"), unique=("layer", "position", "against")
    )
    nulls = [name for name in levels_of(cosines, "against") if name != positive]
    require_rows(cosines, "against", positive)
    if not nulls:
        raise InputError(f"all rows are against {positive!r}: an alignment is not drawn without a null")
    positions = levels_of(cosines, "position")
    with styled(3.9) as figure:
        panels = panel_grid(figure, len(positions), columns=len(positions))
        for axes, position in zip(panels, positions, strict=True):
            axes.axhline(0, color=SMALL, lw=0.8, ls=(0, (1, 2)))
            for number, name in enumerate((*nulls, positive)):
                rows = rows_where(cosines, position=position, against=name).sort_values(by="layer")
                if name == positive:
                    look = {"colour": BELIEF, "marker": "o", "opacity": 0.16}
                else:
                    grey = mix(NULL, INK, 0.3 * number)
                    look = {
                        "colour": grey,
                        "marker": MARKERS[1 + number % 5],
                        "ls": NULL_DASHES[number % 3],
                        "mfc": "white",
                        "opacity": 0.1,
                    }
                band(axes, rows["layer"], rows, look.pop("colour"), "cosine", label=_counted(name, cosines), **look)
            axes.set_xticks(sorted(cosines["layer"].unique()))
            axes.set_title(f"position: {position}", fontsize=10, fontweight="normal", pad=4)
        outer_labels(panels, "layer", "cosine of drift vectors")
        header(figure, title or "Alignment of drift with positive training", panels)
        note(
            figure,
            "The drift follows positive training in the layers where the coloured line lies above the grey nulls by "
            "more than their bands, 95% intervals; n counts statements.",
        )
    return figure


def _counted(against: str, cosines: pd.DataFrame) -> str:
    rows = rows_where(cosines, against=against)
    words = "positive training" if against == "positive" else f"null: {against}"
    return f"{words} (n = {span(rows, 'n')})"
