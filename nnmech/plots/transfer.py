"""How far a probe carries: fitted at one training step, scored at another."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnmech.plots.axes import band, mark_steps, note, step_label, tilt
from nnmech.plots.style import INK, NULL, NULL_DASHES, PROBE_COLOURS, SMALL, TITLE, from_white, styled
from nnmech.plots.tables import check_null, check_table, rows_where, sample_text, single
from nnmech.plots.uncertainty import includes_null, mark_uncertain


def transfer_matrix(
    transfer: pd.DataFrame,
    *,
    boundary: int | None = None,
    phases: tuple[str, str] = ("phase 1", "phase 2"),
    title: str | None = None,
) -> Figure:
    """AUROC of a probe fitted at one step and scored at another, and its path over steps beside shuffled labels.

    Takes the table of `nnmech.drift.transfer_matrix` for one probe, layer and position: one row for a fitted and a
    scored step. Raises InputError for missing columns, rows that are not unique or several places.
    """
    columns = ("auroc", "low", "high", "shuffled", "shuffled_low", "shuffled_high", "n", "entities")
    steps_of = ("fitted_step", "scored_step")
    check_table(transfer, (*steps_of, "layer", "position", "probe", *columns), unique=())
    place_of = {name: single(transfer, name) for name in ("probe", "layer", "position")}
    check_table(transfer, (), unique=steps_of)
    check_null(transfer, "shuffled")
    colour = PROBE_COLOURS[place_of["probe"]]
    with styled(4.9) as figure:
        left, right = figure.subplots(1, 2, width_ratios=[1, 1.05])
        _transfer_cells(left, transfer, colour, boundary)
        _transfer_paths(right, transfer, colour, boundary, phases)
        figure.suptitle(
            title or "Transfer of the {probe} probe: layer {layer}, token position {position}".format(**place_of),
            **TITLE,
        )
        width = float(np.nanmax((transfer["high"] - transfer["low"]).to_numpy(dtype=float)))
        note(
            figure,
            "Off the diagonal a value as high as on it says that the direction stayed the same, a lower one that it "
            f"turned; {sample_text(transfer)}, 95% intervals over entities (bands on the right, at most {width:.2f} "
            "wide on the left; pale and struck out where they do not exclude that of shuffled labels).",
        )
    return figure


def uncertain_transfer(transfer: pd.DataFrame) -> np.ndarray:
    """Whether the interval of each row does not exclude that of shuffled labels."""
    # A null without an interval is its number.
    bounds = (transfer[name].fillna(transfer["shuffled"]) for name in ("shuffled_low", "shuffled_high"))
    return includes_null(transfer["low"], transfer["high"], *bounds) & transfer["auroc"].notna().to_numpy()


def _transfer_cells(axes: Axes, table: pd.DataFrame, colour: str, boundary: int | None) -> None:
    fitted, scored = (sorted({int(step) for step in table[name]}) for name in ("fitted_step", "scored_step"))
    wide = table.pivot(index="fitted_step", columns="scored_step", values="auroc").reindex(index=fitted, columns=scored)
    values = wide.to_numpy(dtype=float)
    low = min(0.5, float(np.nanmin(values)))
    axes.pcolormesh(values, cmap=from_white(colour), vmin=low, vmax=1, edgecolors="white", lw=0.5)
    doubted = table.assign(uncertain=uncertain_transfer(table))
    uncertain = doubted.pivot(index="fitted_step", columns="scored_step", values="uncertain")
    uncertain = (uncertain.reindex(index=fitted, columns=scored) == 1).to_numpy()
    # Beside the number.
    mark_uncertain(axes, uncertain, (0.86, 0.16))
    size = 8.5 if len(scored) <= 10 else 6.5
    for (down, across), value in np.ndenumerate(values):
        if np.isfinite(value) and len(scored) <= 16:
            ink = "white" if value > low + 0.4 * (1 - low) and not uncertain[down, across] else INK
            text = f"{value:.2f}".removeprefix("0")
            axes.text(across + 0.5, down + 0.5, text, ha="center", va="center", fontsize=size, color=ink)
    axes.set_xticks(np.arange(len(scored)) + 0.5, [f"{step:,}" for step in scored], rotation=tilt(scored))
    axes.set_yticks(np.arange(len(fitted)) + 0.5, [f"{step:,}" for step in fitted])
    axes.set_xlabel("scored at step")
    axes.set_ylabel("fitted at step")
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for steps, line in ((scored, axes.axvline), (fitted, axes.axhline)):
        if boundary in steps:
            line(steps.index(boundary) + 1, color=INK, lw=1.2, ls=(0, (4, 2)))
    null = f"shuffled labels: {table['shuffled'].min():.2f} to {table['shuffled'].max():.2f}"
    axes.set_title(f"AUROC ({null})", fontsize=10, fontweight="normal")


def _transfer_paths(
    axes: Axes, table: pd.DataFrame, colour: str, boundary: int | None, phases: tuple[str, str]
) -> None:
    """The probe refitted at every step, the first one carried along, and the last one carried back, over steps."""
    place = mark_steps([axes], list(table["scored_step"]), boundary, phases)
    diagonal = table.loc[(table["fitted_step"] == table["scored_step"]).to_numpy()].sort_values(by="scored_step")
    first = rows_where(table, fitted_step=table["fitted_step"].min()).sort_values(by="scored_step")
    axes.axhline(0.5, color=SMALL, lw=0.8, ls=(0, (1, 2)))
    null = first.assign(low=first["shuffled_low"], high=first["shuffled_high"])
    band(axes, place(null["scored_step"]), null, NULL, "shuffled", ls=NULL_DASHES[0], label="fitted to shuffled labels")
    if len(diagonal):
        band(axes, place(diagonal["scored_step"]), diagonal, INK, "auroc", marker="s", label="refitted at each step")
    label = f"fitted at step {int(first['fitted_step'].iloc[0]):,}"
    band(axes, place(first["scored_step"]), first, colour, "auroc", marker="o", label=label)
    axes.set_ylim(min(0.0, axes.get_ylim()[0]), 1.03)
    axes.set_xlabel(step_label(boundary))
    axes.set_ylabel("AUROC, held-out entities")
    axes.legend(loc="lower left", frameon=True, framealpha=0.9, edgecolor="none")
