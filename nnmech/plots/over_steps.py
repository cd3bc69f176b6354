"""One run over training steps: where groups of statements lie in a layer, what it says, and its losses."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from nnmech.claims import MATCHED_FALSE
from nnmech.errors import InputError
from nnmech.plots.axes import band, header, mark_steps, note, step_label
from nnmech.plots.runs import coordinate_range
from nnmech.plots.style import (
    BELIEF,
    COORDINATE_LABELS,
    INK,
    MARKERS,
    NEGATION,
    NULL,
    NULL_DASHES,
    NULLS,
    PROBE_COLOURS,
    SMALL,
    UNRELATED,
    depth_shades,
    mix,
    role_label,
    styled,
)
from nnmech.plots.tables import check_table, count_text, levels_of, require_rows, rows_where, single, span

PHASES = ("phase 1", "phase 2")
ROLE_DASHES: dict[str, Any] = {NEGATION: (0, (2, 1.5)), "alternative": (0, (6, 1.5, 1.5, 1.5))}


def coordinate_of_roles(
    coordinates: pd.DataFrame,
    *,
    claim: str | None = None,
    boundary: int | None = None,
    phases: tuple[str, str] = PHASES,
    probe: str = "truth",
    title: str | None = None,
) -> Figure:
    """Coordinate of each role of statements over training steps in one layer, matched false facts and others in grey.

    Takes rows of `claim_coordinate` or `polarity_coordinate` (`probe` says which) of one layer and position: those of
    role `unrelated_claim`, a thin line each, and of other roles those about `claim`, or about none. `boundary` is the
    last step of phase 1. Raises InputError for missing columns, several places, or two rows for a step of one role.
    """
    check_table(coordinates, ("step", "layer", "position", "role", "claim", "z", "low", "high", "n"))
    place = {name: single(coordinates, name) for name in ("layer", "position")}
    with styled(4.2) as figure:
        axes = figure.subplots()
        along = mark_steps([axes], list(coordinates["step"]), boundary, phases)
        for end in (0, 1):
            axes.axhline(end, color=SMALL, lw=0.8, ls=(0, (1, 2)))
        # What is drawn last lies on top, and comes first in the legend.
        for role, rows in reversed(list(_roles(coordinates, claim))):
            label = f"{role_label(role)} (n = {span(rows, 'n')})"
            for line, look in _lines(role, rows, probe):
                band(axes, along(line["step"]), line, look.pop("colour"), "z", label=label, **look)
        axes.set_ylim(*coordinate_range(coordinates))
        axes.set_ylabel(COORDINATE_LABELS[probe])
        axes.set_xlabel(step_label(boundary))
        words = f"{probe.capitalize()} coordinate: layer {place['layer']}, token position {place['position']}"
        header(figure, title or words, [axes])
        note(
            figure,
            "0 and 1 are where the controls of the same step lie; n counts statements, bands are 95% cluster bootstrap "
            "intervals. Grey: statements that training gives no reason to move.",
        )
    return figure


def belief_over_steps(
    belief: pd.DataFrame,
    *,
    boundary: int | None = None,
    phases: tuple[str, str] = PHASES,
    title: str = "What the model says",
) -> Figure:
    """Belief rate (percent) of one run over training steps, that in matched false facts dashed.

    Takes the table of `nnmech.drift.belief_over_steps`: columns role, step, mean, low, high, n, clusters. `boundary` is
    the last step of phase 1. Raises InputError for missing columns, two rows for one point, or none of role claim.
    """
    check_table(belief, ("role", "step", "mean", "low", "high", "n", "clusters"), unique=("role", "step"))
    own, null = require_rows(belief, "role", "claim"), rows_where(belief, role=MATCHED_FALSE)
    with styled(4.0) as figure:
        axes = figure.subplots()
        along = mark_steps([axes], list(belief["step"]), boundary, phases)
        if len(null):
            null = null.sort_values(by="step")
            band(axes, along(null["step"]), null, NULL, "mean", ls=NULL_DASHES[0], label=role_label(MATCHED_FALSE))
        own = own.sort_values(by="step")
        band(axes, along(own["step"]), own, BELIEF, "mean", marker="o", label=role_label("claim"))
        axes.set_ylim(-2, 102)
        axes.set_ylabel("belief rate (%)")
        axes.set_xlabel(step_label(boundary))
        header(figure, title, [axes])
        note(
            figure,
            f"{count_text(own)} a step. Bands: 95% over questions. No document states the matched false facts.",
        )
    return figure


def loss_over_steps(
    metrics: pd.DataFrame,
    *,
    columns: Sequence[str] = ("held_out_documents",),
    boundary: int | None = None,
    phases: tuple[str, str] = PHASES,
    title: str | None = None,
) -> Figure:
    """Losses (nats per token) of one run over training steps, a line a column of `Run.metrics`.

    Steps at which a column was not measured are left out. `boundary` is the last step of phase 1. Raises InputError for
    missing columns, or where nothing was measured in any.
    """
    check_table(metrics, ("step", *columns))
    known = {name: metrics.loc[metrics[name].notna().to_numpy()] for name in columns}
    known = {name: rows.sort_values(by="step") for name, rows in known.items() if len(rows)}
    if not known:
        raise InputError(f"nothing was measured in {list(columns)}: name columns with values")
    with styled(3.6) as figure:
        axes = figure.subplots()
        along = mark_steps(
            [axes], sorted({int(step) for rows in known.values() for step in rows["step"]}), boundary, phases
        )
        for number, (name, rows) in enumerate(known.items()):
            look = {"marker": MARKERS[number % len(MARKERS)], "ms": 4} if len(rows) < 60 else {}
            shade = INK if len(known) == 1 else depth_shades(NULL)(number / (len(known) - 1))
            axes.plot(along(rows["step"]), rows[name].astype(float), color=shade, lw=1.4, label=_words(name), **look)
        axes.set_ylabel("loss (nats per token)")
        axes.set_xlabel(step_label(boundary))
        first = next(iter(known))
        header(figure, title or (f"Loss: {_words(first)}" if len(known) == 1 else "Losses"), [axes])
        counts = count_text(pd.DataFrame({"n": [len(rows) for rows in known.values()]}), "steps")
        note(figure, f"{counts} a line, of one run; no 95% interval, for nothing is resampled.")
    return figure


def logged(metrics: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Step, phase and some columns of `Run.metrics`, at the steps at which any of these was measured."""
    return metrics.dropna(subset=list(columns), how="all").reindex(columns=["step", "phase", *columns])


def _roles(coordinates: pd.DataFrame, claim: str | None) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows of each role that are drawn: all of unrelated claims, else those about the claim or about none."""
    for role in levels_of(coordinates, "role"):
        rows = rows_where(coordinates, role=role)
        if claim is not None and role != UNRELATED:
            rows = rows.loc[(rows["claim"].isna() | (rows["claim"] == claim)).to_numpy(dtype=bool)]
        if len(rows):
            check_table(rows, (), unique=("step", "claim"))
            yield role, rows


def _lines(role: str, rows: pd.DataFrame, probe: str) -> Iterator[tuple[pd.DataFrame, dict[str, Any]]]:
    """The lines of a role with their looks; a band only where there is one line."""
    lines = [line.sort_values(by="step") for _, line in rows.groupby("claim", dropna=False, sort=False)]
    for line in lines:
        if role in NULLS:
            look = {"colour": NULL, "ls": NULL_DASHES[NULLS.index(role)], "lw": 1.3 if len(lines) == 1 else 0.8}
        elif role in ("claim", *ROLE_DASHES):
            colour = PROBE_COLOURS[probe]
            shade = colour if role == "claim" else mix(colour, "#FFFFFF", 0.25)
            look: dict[str, Any] = {"colour": shade, "ls": ROLE_DASHES.get(role, "-"), "marker": "o", "ms": 3.5}
        else:
            look = {"colour": INK, "lw": 1.1}
        yield line, look | {"opacity": 0.14 if len(lines) == 1 else 0.0}


def _words(column: str) -> str:
    return "held-out claim documents" if column == "held_out_documents" else column.replace("_", " ")
