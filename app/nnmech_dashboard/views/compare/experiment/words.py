"""What the dashboard says of a whole experiment in words and HTML; whatever comes from a run is escaped."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from nnmech.experiments.two_phase import ARMS
from nnmech.experiments.two_phase.report import STAGE_LABELS
from nnmech.plots.style import arm_label
from nnmech.plots.tables import rows_where
from nnmech_dashboard.parts.words import plain_html
from nnmech_dashboard.views.compare.experiment.tables import KeyNumbers

STAGE_NAMES = {"baseline": "before", "phase1": "after phase 1", "phase2": "after phase 2"}
PHASE2_DOCUMENTS = {
    "repeated_negations": "the same kind of documents, full of repeated negations",
    "positive_documents": "documents that state the claim without any negation",
}
STYLE = """<style>
.nn-scroll { overflow-x: auto; }
.nn-table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
.nn-table th { font-weight: 500; font-size: .82rem; text-align: left; padding: 0 1.1rem .45rem 0; white-space: nowrap; }
.nn-table td, .nn-table th[scope=row] { vertical-align: top; padding: .75rem 1.1rem .85rem 0; white-space: nowrap;
  border-top: 1px solid color-mix(in srgb, currentColor 16%, transparent); }
.nn-table th[scope=row] { font-size: .95rem; white-space: normal; min-width: 11rem; max-width: 15rem; }
.nn-table th[scope=row] small { display: block; font-weight: 400; line-height: 1.35; margin-top: .2rem; }
.nn-dot { display: inline-block; width: .7rem; height: .7rem; border-radius: 2px; margin-right: .5rem; }
.nn-number { font-size: 1.45rem; font-weight: 600; line-height: 1.15; }
.nn-number small { font-size: .8rem; font-weight: 400; }
.nn-interval { font-size: .8rem; }
.nn-track { position: relative; height: 5px; width: 7.5rem; border-radius: 3px; margin: .35rem 0 .4rem;
  background: color-mix(in srgb, currentColor 11%, transparent); }
.nn-track i { position: absolute; top: 0; bottom: 0; border-radius: 3px; opacity: .5; }
@media (max-width: 720px) {
  .nn-table thead { display: none; }
  .nn-table, .nn-table tbody, .nn-table th[scope=row], .nn-table td { display: block; }
  .nn-table tr { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.4rem, 1fr)); gap: 0 .8rem;
    border-top: 1px solid color-mix(in srgb, currentColor 16%, transparent); padding: .8rem 0; }
  .nn-table th[scope=row], .nn-table td { border-top: none; padding: 0 0 .7rem; }
  .nn-table th[scope=row] { grid-column: 1 / -1; max-width: none; }
  .nn-table td::before { content: attr(data-head); font-size: .82rem; font-weight: 500; }
}
.nn-track b { position: absolute; top: -3px; width: 3px; height: 11px; border-radius: 1px; margin-left: -1.5px; }
</style>"""


def two_phase_lead(settings: Mapping[str, Any]) -> str:
    """What a two-phase experiment asks."""
    documents = PHASE2_DOCUMENTS.get(str(settings.get("phase2")), "documents about it")
    return (
        "Can a belief be held down while a model learns documents that call a claim false, and does it come back once "
        f"nothing holds it? Phase 1 has a constraint; phase 2 drops it and goes on with {documents}."
    )


def key_numbers_html(numbers: KeyNumbers, arms: Sequence[str], colours: Mapping[str, str]) -> str:
    """Belief at the three stages and rebound, a row an arm, each with its interval."""
    names = (*_columns(), "rebound")
    head = "".join(f"<th scope='col'>{name}</th>" for name in names)
    rows = []
    for arm in arms:
        cells = [_belief_cell(numbers, arm, phase, colours[arm]) for phase in STAGE_LABELS.values()]
        cells.append(_number_cell(_find(numbers.rebound, arm=arm), "points", sign=True))
        about = ARMS.get(arm, "") if ARMS.get(arm) != arm_label(arm) else ""
        title = f"<span class='nn-dot' style='background:{colours[arm]}'></span>{plain_html(arm_label(arm))}"
        rows.append(
            f"<tr><th scope='row'>{title}<small class='nn-muted'>{plain_html(about)}</small></th>"
            + "".join(f"<td data-head='{name}'>{cell}</td>" for name, cell in zip(names, cells, strict=True))
            + "</tr>"
        )
    body = f"<thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f"{STYLE}<div class='nn-scroll'><table class='nn-table'>{body}</table></div>"


def _columns() -> list[str]:
    return [f"belief {name}" for name in STAGE_NAMES.values()]


def _belief_cell(numbers: KeyNumbers, arm: str, phase: str, colour: str) -> str:
    row = _find(numbers.belief, arm=arm, phase=phase)
    null = _find(numbers.null, arm=arm, phase=phase)
    bar = ""
    if row is not None:
        low, high = (row["mean"] if np.isnan(bound) else bound for bound in (row["low"], row["high"]))
        bar = (
            f"<div class='nn-track'><i style='left:{low:.1f}%;width:{high - low:.1f}%;background:{colour}'></i>"
            f"<b style='left:{row['mean']:.1f}%;background:{colour}'></b></div>"
        )
    beside = "" if null is None else f"matched false facts {null['mean']:.0f}%"
    return _number_cell(row, "%") + bar + f"<div class='nn-interval nn-muted'>{beside}</div>"


def _number_cell(row: Any, unit: str, *, sign: bool = False) -> str:
    if row is None or np.isnan(row["mean"]):
        return "<span class='nn-muted'>none</span>"
    number = _minus(f"{row['mean']:{'+' if sign else ''}.0f}")
    interval = "no interval" if np.isnan(row["low"]) else _minus(f"{row['low']:.0f} to {row['high']:.0f}")
    return (
        f"<div class='nn-number'>{number}<small> {unit}</small></div><div class='nn-interval nn-muted'>{interval}</div>"
    )


def _minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")


def _find(table: pd.DataFrame, **wanted: str) -> Any:
    rows = rows_where(table, **wanted)
    return rows.iloc[0] if len(rows) else None
