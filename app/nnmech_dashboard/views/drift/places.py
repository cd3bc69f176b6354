"""Looks at a probe that have another axis than a value over steps: onsets, and how good the probe is layer by layer."""

import numpy as np
import pandas as pd

from nnmech import drift, plots
from nnmech.plots.recipes import Recipe, call
from nnmech.plots.style import PROBE_ENDS
from nnmech.plots.tables import counted, rows_where, sample_text, span
from nnmech_dashboard.charts.curves import Line, StepAxis, interval_text
from nnmech_dashboard.charts.places import layer_curves, onset_lanes
from nnmech_dashboard.parts import panel
from nnmech_dashboard.parts.panel import Panel
from nnmech_dashboard.parts.theme import belief_colour, null_colour, probe_colour
from nnmech_dashboard.parts.width import width
from nnmech_dashboard.state.background import made
from nnmech_dashboard.state.calls import ANSWER_FILES, FIRST_FILES, RECORDED_FILES
from nnmech_dashboard.state.selection import Selection
from nnmech_dashboard.views.drift.rows import axis_of

OUTCOMES = {"never": "never above one half", "did not last": "was above one half, which did not last"}
"""What is said in place of an onset where the outcome says it in too few words."""
CROSSED = {"truth": "from affirmative to negated", "polarity": "from true to false"}


def onsets(selection: Selection) -> None:
    """When the claim became true inside, and when the model began to say it."""
    place = {"layers": [selection.layer], "positions": [selection.position]}
    table = call("table", drift.onset, [selection.opened], **place, reference_step=selection.first)
    found = made(table, (*RECORDED_FILES, *ANSWER_FILES))
    if found is None:
        panel.waiting("Looking for the steps at which one half is crossed")
        return
    rows = found.loc[found["what"].isin(["inside", "answers"]).to_numpy()].sort_values("what", ascending=False)
    later = rows_where(found, what="difference")
    said = ""
    if len(later) and bool(later["reached"].iloc[0]):
        row = later.iloc[0]
        known = np.isfinite([row["low"], row["high"]]).all()
        interval = f" ({row['low']:+,.1f} to {row['high']:+,.1f})" if known else ""
        said = f" Answers minus inside: {row['step']:+,.1f} steps{interval}."
    inside, answers = (rows_where(rows, what=name) for name in ("inside", "answers"))
    meaning = (
        "Step at which the truth coordinate (inside) and the belief rate (answers) cross one half to stay, "
        f"interpolated between recorded steps; n = {counted(span(inside, 'n'), 'statements')}, "
        f"{counted(span(answers, 'n'), 'questions')}, bars are 95% intervals.{said}"
    )
    shown = Panel(
        key="onset",
        title=f"Onset, layer {selection.layer}",
        meaning=meaning,
        recipe=Recipe.drawn(table, plots.onset, boundary=selection.boundary, last=max(selection.last, 1)),
        known={table: found},
    )
    axis = axis_of(selection)
    end = float(axis.phases)
    data = pd.DataFrame(
        {
            "what": ["true inside" if what == "inside" else "said in answers" for what in rows["what"]],
            "x": _placed(axis, rows["step"]),
            "x_low": _placed(axis, rows["low"]),
            # A bound that is not there while the other is lies after the last step.
            "x_high": np.where(rows["low"].notna() & rows["high"].isna(), end, _placed(axis, rows["high"])),
            "step": rows["step"],
            "interval": interval_text(rows, 1),
            "n": rows["n"],
            "outcome": [OUTCOMES.get(outcome, outcome) for outcome in rows["outcome"]],
        }
    )
    colours = [probe_colour("truth", selection.dark), belief_colour(selection.dark)]
    panel.show(shown, onset_lanes(data, axis, colours, selection.step, selection.dark), data)


def quality(selection: Selection) -> None:
    """AUROC of the probe by layer beside its controls."""
    aurocs = selection.quality
    found = made(aurocs, FIRST_FILES)
    if found is None:
        panel.waiting("Fitting probes on the untouched model")
        return
    table = call("table", rows_where, aurocs, position=selection.position)
    rows = table.run({aurocs: found})
    probe, dark = selection.probe, selection.dark
    names = {"entity": "held-out entities", "crossed": CROSSED[probe], "shuffled": "shuffled labels"}
    zero, one = PROBE_ENDS[probe]
    shown = Panel(
        key="probe_auroc",
        title=f"Probe by layer, token position {selection.position}",
        meaning=(
            f"AUROC of the {probe} probe in telling {one} from {zero} statements at step "
            f"{selection.first:,}, on entities that it was not fitted on; "
            f"{sample_text(rows_where(rows, split='entity'))}. From one kind to another: fitted on the first alone, "
            "tested on the second. Dotted: chance. Bands: 95% intervals over entities."
        ),
        recipe=Recipe.drawn(table, plots.probe_auroc),
        known={table: rows},
    )
    colour = probe_colour(probe, dark)
    lines = [
        Line(names["entity"], colour),
        Line(names["crossed"], colour, (5, 3)),
        Line(names["shuffled"], null_colour(dark), (1, 3)),
    ]
    data = rows[["layer", "low", "high", "n"]].assign(
        y=rows["auroc"], series=[names[split] for split in rows["split"]], interval=interval_text(rows, 2)
    )
    layers = sorted({int(layer) for layer in rows["layer"]})
    panel.show(shown, layer_curves(data, lines, layers, selection.layer, title="AUROC", dark=dark, page=width()), data)


def _placed(axis: StepAxis, steps: pd.Series) -> np.ndarray:
    known = steps.notna().to_numpy()
    return np.where(known, axis.place(steps.fillna(0)), np.nan)
