"""Where a claim lies between false and true controls over training, its nulls beside it."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from nnmech.claims import MATCHED_FALSE
from nnmech.errors import InputError
from nnmech.plots.axes import (
    band,
    header,
    inside_note,
    mark_steps,
    name_phases,
    note,
    outer_labels,
    panel_grid,
    step_label,
    tilt,
)
from nnmech.plots.style import (
    COORDINATE_LABELS,
    INK,
    LOW_COLOURS,
    NULL,
    NULL_DASHES,
    NULLS,
    PROBE_COLOURS,
    PROBE_ENDS,
    SMALL,
    TITLE,
    role_label,
    styled,
    through_white,
)
from nnmech.plots.tables import (
    check_table,
    chosen_levels,
    levels_of,
    require_rows,
    rows_where,
    single,
    span,
)
from nnmech.plots.uncertainty import mark_uncertain, uncertain_coordinates

COORDINATE_COLUMNS = ("step", "layer", "role", "z", "low", "high", "n")
OWN_NULLS = (MATCHED_FALSE,)
"""Of these, roles whose statements belong to one claim."""


def coordinate_over_steps(
    coordinates: pd.DataFrame,
    *,
    claim: str | None = None,
    role: str = "claim",
    nulls: Sequence[str] = NULLS,
    layers: Sequence[int] | None = None,
    boundary: int | None = None,
    phases: tuple[str, str] = ("phase 1", "phase 2"),
    probe: str = "truth",
    title: str | None = None,
) -> Figure:
    """Coordinate of a claim over training steps beside its nulls, a panel for each of `layers` (else six at most).

    Takes the table of `claim_coordinate` or `polarity_coordinate` (`probe` says which) for one position and polarity,
    or of `average_coordinates`: one row for a step, layer, role and claim. In colour the statements of `role` about
    `claim`, which may stay unsaid where there is but one; in grey those of the roles `nulls`, and other claims.
    `boundary` is the last step of phase 1. Raises InputError for missing columns, rows that are not unique, a claim
    or role without rows, and where no null is in the table.
    """
    own, beside = _beside(coordinates, claim, role, nulls)
    shown = chosen_levels(own, "layer", layers, 6)
    with styled(2.5 + 2.0 * (-(-len(shown) // 3))) as figure:
        panels = panel_grid(figure, len(shown))
        place = mark_steps(panels, list(coordinates["step"]), boundary, phases, parts=2)
        for axes, layer in zip(panels, shown, strict=True):
            for end in (0, 1):
                axes.axhline(end, color=SMALL, lw=0.8, ls=(0, (1, 2)))
            for number, (label, group) in enumerate(beside):
                look = {"ls": NULL_DASHES[number % len(NULL_DASHES)], "lw": 1.3, "opacity": 0.12}
                for rows in _lines(group, layer):
                    band(axes, place(rows["step"]), rows, NULL, "z", label=_counted(label, group), **look)
            rows = rows_where(own, layer=layer).sort_values(by="step")
            label = _counted(role_label(role), own)
            band(axes, place(rows["step"]), rows, PROBE_COLOURS[probe], "z", marker="o", ms=3.5, label=label)
            inside_note(axes, f"layer {layer}{_unread(rows)}")
        drawn = [z for _, group in [("", own), *beside] for z in group.loc[group["layer"].isin(shown), "z"]]
        # A band that is wider than the panel is cut, or one layer that can hardly be read would flatten all others.
        low, high = float(np.nanmin([0.0, *drawn])), float(np.nanmax([1.0, *drawn]))
        panels[0].set_ylim(low - 0.25, high + 0.3)
        outer_labels(panels, step_label(boundary), COORDINATE_LABELS[probe])
        header(figure, title or _title(coordinates, "Coordinate over training"), panels)
        note(
            figure,
            "A claim has become true inside where its line leaves the grey nulls and rises to 1, where the true "
            f"controls of the step lie; n counts {unit_of(own)}, bands are 95% cluster bootstrap intervals.",
        )
    return figure


def coordinate_heatmap(
    coordinates: pd.DataFrame,
    *,
    claim: str | None = None,
    role: str = "claim",
    nulls: Sequence[str] = NULLS,
    boundary: int | None = None,
    phases: tuple[str, str] = ("phase 1", "phase 2"),
    probe: str = "truth",
    beside: bool = True,
    title: str | None = None,
) -> Figure:
    """Coordinate of a claim by layer and training step, and that of its last null of `nulls`, in the same colours.

    Tables and errors as for `coordinate_over_steps`, with one group of statements for the null. Cells are pale and
    struck out where the interval of the claim does not exclude that of the null, or, in the panel of the null and
    without `nulls`, half-way between the controls; grey where the controls were not told apart. Without `beside` the
    null has no panel of its own.
    """
    own, groups = _beside(coordinates, claim, role, nulls)
    label, null = groups[-1] if groups else ("", own.head(0))
    check_table(own if null.empty else null, (), unique=("step", "layer"))
    steps, layers = (sorted({int(value) for value in coordinates[name]}) for name in ("step", "layer"))
    colours = through_white(LOW_COLOURS[probe], PROBE_COLOURS[probe])
    shown = [(own, null, role_label(role)), (null, null.head(0), label)][: 1 if null.empty or not beside else 2]
    with styled(1.9 + 0.3 * max(len(layers), 5)) as figure:
        panels = figure.subplots(1, len(shown), sharey=True, sharex=True, squeeze=False)[0]
        for axes, (rows, against, words) in zip(panels, shown, strict=True):
            z = _grid(rows, "z", layers, steps)
            image = axes.pcolormesh(z, cmap=colours, vmin=-0.25, vmax=1.25, edgecolors="white", lw=0.5)
            doubted = rows.assign(uncertain=uncertain_coordinates(rows, against))
            mark_uncertain(axes, _grid(doubted, "uncertain", layers, steps) == 1)
            axes.set_title(_counted(words, rows), fontsize=10, fontweight="normal", pad=18)
            axes.set_xticks(np.arange(len(steps)) + 0.5, [f"{step:,}" for step in steps], rotation=tilt(steps))
            axes.set_yticks(np.arange(len(layers)) + 0.5, [str(layer) for layer in layers])
            axes.tick_params(length=0)
            axes.grid(visible=False)
            if boundary in steps:
                edge = steps.index(boundary) + 1
                axes.axvline(edge, color=INK, lw=1.2, ls=(0, (4, 2)))
                name_phases(axes, edge, phases)
        outer_labels(list(panels), "training step", "layer")
        bar = figure.colorbar(image, ax=panels, extend="both", aspect=16, pad=0.015)
        low, high = PROBE_ENDS[probe]
        bar.set_ticks([0, 0.5, 1], labels=[f"0 {low}", "0.5", f"1 {high}"])
        bar.set_label(COORDINATE_LABELS[probe].split("\n")[0])
        figure.suptitle(title or _title(coordinates, "Coordinate by layer"), **TITLE)
        against = label if label else f"0.5, half-way between {low} and {high} controls"
        middle = "; that of the null 0.5" if len(shown) > 1 else ""
        note(
            figure,
            f"Pale and struck out: the 95% interval does not exclude {against}{middle}. Grey: no coordinate, for the "
            f"controls are not told apart; n counts {unit_of(own)}.",
        )
    return figure


def _beside(
    table: pd.DataFrame, claim: str | None, role: str, nulls: Sequence[str]
) -> tuple[pd.DataFrame, list[tuple[str, pd.DataFrame]]]:
    """The claim's own rows, and its nulls with their labels: other claims first, then each null role."""
    by_claim = "claim" in table.columns
    check_table(table, COORDINATE_COLUMNS)
    shown = table.loc[table["role"].isin([role, *nulls])]
    if "position" in table.columns and len(shown):
        single(shown, "position")
    for name in levels_of(shown, "role") if "polarity" in table.columns else ():
        single(rows_where(shown, role=name), "polarity")
    own = require_rows(table, "role", role)
    if by_claim:
        claim = single(own, "claim") if claim is None else claim
        others, own = own.loc[own["claim"] != claim], require_rows(own, "claim", str(claim))
    else:
        others = own.head(0)
    check_table(own, (), unique=("step", "layer"))
    beside = [("unrelated claims", others)] if len(others) else []
    for null in nulls:
        rows = rows_where(table, role=null)
        if by_claim and null in OWN_NULLS:
            rows = rows_where(rows, claim=claim)
        if len(rows):
            check_table(rows, (), unique=("step", "layer", *(("claim",) if by_claim else ())))
            beside.append((role_label(null), rows))
    if nulls and not beside:
        raise InputError(
            f"no row of a null: expected other claims or one of the roles {list(nulls)}, there are "
            f"{levels_of(table, 'role')}; a claim is not drawn without what should stay where it is"
        )
    return own, beside


def _lines(group: pd.DataFrame, layer: int) -> Iterator[pd.DataFrame]:
    rows = rows_where(group, layer=layer).sort_values(by="step")
    yield from (line for _, line in rows.groupby("claim", dropna=False)) if "claim" in rows.columns else (rows,)


def _counted(label: str, rows: pd.DataFrame) -> str:
    claims = len(levels_of(rows, "claim")) if "claim" in rows.columns else 1
    return f"{f'{claims} ' if claims > 1 else ''}{label} (n = {span(rows, 'n')})"


def _unread(rows: pd.DataFrame) -> str:
    return "\ncontrols not told apart" if bool(rows["z"].isna().to_numpy().all()) else ""


def unit_of(table: pd.DataFrame) -> str:
    """What a table of coordinates counts in its column n."""
    return "statements" if "claim" in table.columns else "claims"


def _title(table: pd.DataFrame, words: str) -> str:
    return f"{words}: token position {single(table, 'position')}" if "position" in table.columns else words


def _grid(rows: pd.DataFrame, column: str, layers: Sequence[int], steps: Sequence[int]) -> np.ndarray:
    """Values as [layer, step], NaN where the table has no row."""
    wide = rows.pivot(index="layer", columns="step", values=column).reindex(index=layers, columns=steps)
    return wide.to_numpy(dtype=float)
