"""What the dashboard says in words and HTML; whatever comes from a run is escaped."""

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from run_tables import KeyNumbers, Member

from nnmech.experiments.two_phase import ARMS
from nnmech.experiments.two_phase.report import STAGE_LABELS
from nnmech.plots.style import arm_label
from nnmech.plots.tables import count_text, rows_where
from nnmech.runs import Run

STAGE_NAMES = {"baseline": "before", "phase1": "after phase 1", "phase2": "after phase 2"}
BETWEEN = "in between"
PHASE2_DOCUMENTS = {
    "repeated_negations": "the same kind of documents, the claim behind repeated negations",
    "positive_documents": "documents that state the claim without any negation",
}
KINDS = {
    "training": "A training run, recorded step by step.",
    "pretraining": "The pretraining of an embedded model.",
    "experiment": "An experiment of several runs of another kind than two-phase: open one of them by itself.",
}
# One sheet for both themes: greys are mixed from the colour of the text.
STYLE = """<style>
.nn-muted, .nn-note { color: color-mix(in srgb, currentColor 66%, transparent); }
.nn-lead { font-size: 1.05rem; max-width: 46rem; margin: 0 0 .6rem; line-height: 1.5; }
.nn-facts { display: flex; flex-wrap: wrap; gap: .15rem 1.3rem; font-size: .87rem; }
.nn-note { font-size: .82rem; max-width: 52rem; line-height: 1.45; }
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
.nn-track b { position: absolute; top: -3px; width: 3px; height: 11px; border-radius: 1px; margin-left: -1.5px; }
</style>"""


def plain_html(text: object) -> str:
    """Text as HTML that shows it letter by letter."""
    return html.escape(str(text), quote=True)


def plain_markdown(text: object) -> str:
    """Text as Markdown that shows it letter by letter: no markup, directives, links, formulas or HTML."""
    return re.sub(r"([^\w\s])", r"\\\1", " ".join(str(text).split()), flags=re.ASCII)


def lead(run: Run) -> str:
    """A sentence or two on what a run is."""
    if run.config.get("experiment") != "two_phase":
        return KINDS.get(run.info["kind"], "A run.")
    settings = run.config.get("settings")
    phase2 = settings.get("phase2") if isinstance(settings, dict) else run.config.get("phase2")
    documents = PHASE2_DOCUMENTS.get(str(phase2), "documents about it")
    if run.info["kind"] == "experiment":
        return (
            "Can a belief be held down while a model learns documents that call a claim false, and does it come back "
            f"once nothing holds it? Phase 1 has a constraint; phase 2 drops it and goes on with {documents}."
        )
    holder = ARMS.get(str(run.config.get("arm")), "an unknown constraint")
    return f"Phase 1 learns documents that call the claim false: {holder}. Phase 2 goes on with {documents}."


def facts(run: Run, members: Sequence[Member], planned: int | None) -> list[str]:
    """Short facts about a run for the line below its title."""
    model = run.info["model"]
    shape = [
        f"{model[key]:,} {unit}"
        for key, unit in (("n_layers", "layers"), ("d_model", "dimensions"))
        if isinstance(model.get(key), int)
    ]
    found = [f"model {model.get('id', 'unnamed')}" + (f" ({', '.join(shape)})" if shape else "")]
    if run.info["kind"] == "experiment":
        settings = run.config.get("settings")
        for name in ("claims", "arms", "seeds"):
            values = settings.get(name) if isinstance(settings, dict) else None
            if isinstance(values, list):
                found.append(f"{len(values)} {name if len(values) != 1 else name[:-1]}")
        found.append(f"{sum(m.finished for m in members)} of {planned or len(members)} runs finished")
    elif members:
        member = members[0]
        found += [f"seed {member.seed}"] * (member.seed is not None)
        found.append(f"{member.reached:,} steps" if member.finished else f"step {member.reached:,} of {member.steps:,}")
    found.append(f"started {str(run.info.get('time', 'at an unknown time'))[:16].replace('T', ' ')} UTC")
    return found


def header_html(sentence: str, details: Sequence[str]) -> str:
    """The sentence below a title and the line of facts."""
    items = "".join(f"<span>{plain_html(detail)}</span>" for detail in details)
    return f"{STYLE}<p class='nn-lead'>{plain_html(sentence)}</p><div class='nn-facts nn-muted'>{items}</div>"


def note_html(text: str) -> str:
    """A small grey note."""
    return f"{STYLE}<div class='nn-note'>{plain_html(text)}</div>"


def key_numbers_html(numbers: KeyNumbers, arms: Sequence[str], colours: Mapping[str, str]) -> str:
    """Belief at the three stages, rebound and document loss, a row an arm, each with its interval."""
    head = "".join(f"<th scope='col'>{name}</th>" for name in (*_columns(), "rebound", "document loss"))
    rows = []
    for arm in arms:
        cells = [_belief_cell(numbers, arm, phase, colours[arm]) for phase in STAGE_LABELS.values()]
        rebound = _find(numbers.rebound, arm=arm)
        cells.append(_number_cell(rebound, "points", 0, sign=True))
        cells.append(_loss_cell(numbers, arm))
        about = ARMS.get(arm, "") if ARMS.get(arm) != arm_label(arm) else ""
        title = f"<span class='nn-dot' style='background:{colours[arm]}'></span>{plain_html(arm_label(arm))}"
        rows.append(
            f"<tr><th scope='row'>{title}<small class='nn-muted'>{plain_html(about)}</small></th>"
            + "".join(f"<td>{cell}</td>" for cell in cells)
            + "</tr>"
        )
    table = f"<table class='nn-table'><thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    note = (
        f"Belief is the share of answers that affirm the claim; {count_text(numbers.belief)} each. Ranges and bars: "
        "95% intervals, from resampling questions within claims. Matched false facts are as false as the claim, and "
        "no document states them. Document loss (nats a token) is of claim documents held out from training: that arms "
        "agree in it is what makes their beliefs comparable."
    )
    return f"{STYLE}<div class='nn-scroll'>{table}</div><div class='nn-note'>{note}</div>"


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
    return _number_cell(row, "%", 0) + bar + f"<div class='nn-interval nn-muted'>{beside}</div>"


def _loss_cell(numbers: KeyNumbers, arm: str) -> str:
    lines = []
    for stage, phase in STAGE_LABELS.items():
        row = _find(numbers.loss, arm=arm, phase=phase)
        if row is not None:
            text = f"{row['mean']:.2f} <small class='nn-muted'>{_range(row, 2)}</small>"
            lines.append(f"<div><span class='nn-muted'>{STAGE_NAMES[stage]}</span> {text}</div>")
    return f"<div class='nn-interval'>{''.join(lines)}</div>"


def _number_cell(row: Any, unit: str, digits: int, *, sign: bool = False) -> str:
    if row is None or np.isnan(row["mean"]):
        return "<span class='nn-muted'>none</span>"
    number = _minus(f"{row['mean']:{'+' if sign else ''}.{digits}f}")
    return (
        f"<div class='nn-number'>{number}<small> {unit}</small></div>"
        f"<div class='nn-interval nn-muted'>{_range(row, digits) or 'no interval'}</div>"
    )


def _range(row: Any, digits: int) -> str:
    return "" if np.isnan(row["low"]) else _minus(f"{row['low']:.{digits}f} to {row['high']:.{digits}f}")


def _minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")


def _find(table: pd.DataFrame, **wanted: str) -> Any:
    rows = rows_where(table, **wanted)
    return rows.iloc[0] if len(rows) else None
