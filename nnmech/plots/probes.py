"""How good a probe is, beside its controls."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnmech.plots.axes import band, header, note
from nnmech.plots.style import INK, MARKERS, NULL, POLARITY, PROBE_COLOURS, SMALL, TRUTH, depth_shades, mix, styled
from nnmech.plots.tables import check_table, counted, levels_of, require_rows, rows_where, sample_text, single, span

CONTROLS = ("bag_of_words", "random_direction", "log_prob")
"""What a validation report calls estimators that are none."""
SPLITS = {
    "truth": {"crossed": "affirmative\nto negated", "crossed_back": "negated\nto affirmative"},
    "polarity": {"crossed": "true to false", "crossed_back": "false to true"},
}
EVERY_SPLIT = {"entity": "held-out\nentities", "topic": "held-out\ntopics"}


def probe_auroc(aurocs: pd.DataFrame) -> Figure:
    """AUROC on held-out entities by layer, a panel a position: truth, polarity, across polarity, shuffled labels.

    Takes the table of `auroc_by_layer`. Raises InputError for missing columns or several estimators.
    """
    columns = ("layer", "position", "probe", "estimator", "split", "auroc", "low", "high", "n", "entities")
    check_table(aurocs, columns, unique=("layer", "position", "probe", "split"))
    positions = levels_of(aurocs, "position")
    looks = {
        ("truth", "entity"): (TRUTH, "-", "o", "truth"),
        ("polarity", "entity"): (POLARITY, "-", "s", "polarity"),
        ("truth", "crossed"): (TRUTH, "--", "o", "truth: trained on affirmative,\ntested on negated"),
        ("truth", "topic"): (TRUTH, ":", "o", "truth: held-out topics"),
        ("polarity", "topic"): (POLARITY, ":", "s", "polarity: held-out topics"),
        ("truth", "shuffled"): (NULL, "-", "o", "truth, shuffled labels"),
        ("polarity", "shuffled"): (NULL, "-", "s", "polarity, shuffled labels"),
    }
    with styled(3.9) as figure:
        panels = figure.subplots(1, len(positions), sharey=True, squeeze=False)[0]
        for axes, position in zip(panels, positions, strict=True):
            axes.axhline(0.5, color=SMALL, lw=0.8, ls=(0, (1, 2)))
            for (probe, split), (colour, line, marker, label) in looks.items():
                rows = rows_where(aurocs, position=position, probe=probe, split=split).sort_values(by="layer")
                if len(rows):
                    face = colour if line == "-" else "white"
                    band(axes, rows["layer"], rows, colour, "auroc", marker=marker, mfc=face, ls=line, label=label)
            axes.set_xticks(sorted(aurocs["layer"].unique()))
            axes.set_ylim(0, 1.03)
            axes.set_xlabel("layer")
            axes.set_title(f"position: {position}")
        panels[0].set_ylabel("AUROC, held-out entities")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right center")
        estimator = str(aurocs["estimator"].iloc[0]).replace("mass_mean", "mass-mean").replace("_", " with ")
        held_out = rows_where(aurocs, split="entity") if "entity" in set(aurocs["split"]) else aurocs
        note(
            figure,
            f"Probes: {estimator}, n = {held_out['n'].max():,} statements of "
            f"{held_out['entities'].max():,} entities. Bands: 95% bootstrap over entities. Dotted line: chance.",
        )
    return figure


def validation_report(
    measures: pd.DataFrame, reliability: pd.DataFrame | None = None, *, title: str | None = None
) -> Figure:
    """AUROC and accuracy of estimators on every split beside their controls, and calibration where it was measured.

    Takes `to_frame()` of a `nnmech.probes.ValidationReport`: one row for an estimator, split and measure; and its
    `reliability`. Raises InputError for missing columns, rows that are not unique, several probes or places, and where
    shuffled labels were not measured.
    """
    check_table(measures, ("probe", "estimator", "split", "measure", "value", "low", "high", "n", "entities"))
    probe = single(measures, "probe")
    place = [f"{name} {single(measures, name)}" for name in ("layer", "position") if _given(measures, name)]
    check_table(measures, (), unique=("estimator", "split", "measure"))
    require_rows(rows_where(measures, measure="auroc"), "split", "shuffled")
    table = pd.DataFrame() if reliability is None else reliability
    estimators = [name for name in levels_of(measures, "estimator") if name not in CONTROLS]
    looks = _looks(estimators, probe)
    counted = rows_where(measures, split="entity") if "entity" in set(measures["split"]) else measures
    with styled(4.8) as figure:
        panels = list(figure.subplots(1, 2 + bool(len(table)), width_ratios=[1, 1, 1.05][: 2 + bool(len(table))]))
        for axes, measure in zip(panels, ("auroc", "accuracy"), strict=False):
            _measure_panel(axes, rows_where(measures, measure=measure), looks, probe)
        panels[0].set_xlabel("AUROC")
        panels[1].set_xlabel("accuracy")
        panels[1].set_yticklabels([])
        if len(table):
            check_table(table, ("estimator", "predicted", "observed", "low", "high", "n"))
            _reliability_panel(panels[2], table, looks)
        header(figure, title or ", ".join([f"Validation of {probe} probes", *place]), panels[:1])
        note(
            figure,
            "A probe is good where its marks lie far to the right of the dotted line, chance, and of every grey mark; "
            f"{sample_text(counted)}, bars are 95% bootstrap intervals over entities.",
        )
    return figure


def _given(table: pd.DataFrame, column: str) -> bool:
    return column in table.columns and bool(table[column].notna().any())


def _looks(estimators: Sequence[str], probe: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Label and look of each estimator, in shades of the probe's colour, and of each control, in grey."""
    shades = depth_shades(PROBE_COLOURS[probe])
    looks = {}
    for number, name in enumerate(estimators):
        shade = shades(0.25 + 0.75 * number / max(len(estimators) - 1, 1))
        looks[name] = (name.replace("_", " "), {"color": shade, "marker": MARKERS[number % len(MARKERS)]})
    for number, name in enumerate(CONTROLS):
        grey = mix(NULL, INK, 0.35 * number)
        look = {"color": grey, "marker": MARKERS[number], "mfc": "white"}
        looks[name] = (f"control: {name.replace('_', ' ').replace('log prob', 'log-probability')}", look)
    return looks


def _measure_panel(axes: Axes, rows: pd.DataFrame, looks: dict[str, tuple[str, dict[str, Any]]], probe: str) -> None:
    """A lane a split, in it a mark an estimator; shuffled labels below, all in grey."""
    names = EVERY_SPLIT | SPLITS[probe] | {"shuffled": "shuffled\nlabels"}
    splits = [split for split in names if split in set(rows["split"])]
    axes.axvline(0.5, color=SMALL, lw=0.8, ls=(0, (1, 2)))
    for estimator, (label, look) in reversed(looks.items()):
        own = rows_where(rows, estimator=estimator)
        present = [name for name in looks if name in set(rows["estimator"])]
        if own.empty:
            continue
        shift = 0.78 * ((present.index(estimator) + 0.5) / len(present) - 0.5)
        for split, group in own.groupby("split", sort=False):
            y = [splits.index(str(split)) + shift]
            shown: dict[str, Any] = look | ({"color": NULL, "mfc": "white"} if split == "shuffled" else {})
            axes.hlines(y, group["low"], group["high"], color=shown["color"], lw=1.3)
            axes.plot(group["value"], y, ls="", ms=5, **shown)
        axes.plot([], [], ls="", ms=5, label=label, **look)
    for number in range(1, len(splits)):
        axes.axhline(number - 0.5, color="#E4E4E4", lw=0.7)
    axes.set_yticks(range(len(splits)), [names[split] for split in splits])
    axes.set_ylim(len(splits) - 0.5, -0.5)
    axes.set_xlim(min(0.3, float(np.nanmin(rows[["low", "value"]].to_numpy(dtype=float)))) - 0.02, 1.02)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False)
    axes.grid(visible=True, axis="x")


def _reliability_panel(axes: Axes, table: pd.DataFrame, looks: dict[str, tuple[str, dict[str, Any]]]) -> None:
    """How many statements are true among those given a probability."""
    axes.plot([0, 1], [0, 1], color=SMALL, lw=0.8, ls=(0, (1, 2)))
    for estimator in levels_of(table, "estimator"):
        rows, look = rows_where(table, estimator=estimator).sort_values(by="predicted"), looks[estimator][1]
        axes.vlines(rows["predicted"], rows["low"], rows["high"], color=look["color"], lw=1.1)
        axes.plot(rows["predicted"], rows["observed"], ls="", ms=4.5, **look)
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(-0.03, 1.03)
    counts = f"n = {counted(span(table, 'n'), 'statements')} a bin"
    axes.set_title(counts, fontsize=8.5, fontweight="normal", color=SMALL, pad=3)
    axes.set_xlabel("predicted probability")
    axes.set_ylabel("share that is true")
