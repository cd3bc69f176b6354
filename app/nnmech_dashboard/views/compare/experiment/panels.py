"""The whole experiment around a run: what all its finished runs have come to, by arm or by condition."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from nnmech.plots.tables import count_text, counted, levels_of
from nnmech.runs import Run
from nnmech_dashboard.charts.experiment import conditions_chart, loss_chart, loss_data
from nnmech_dashboard.parts.panel import Panel, empty, guarded, head, show, waiting
from nnmech_dashboard.parts.theme import arm_shades
from nnmech_dashboard.parts.words import lead_html, note_html, plain_markdown
from nnmech_dashboard.state.background import table
from nnmech_dashboard.state.listing import Entry, Stamp, stamp
from nnmech_dashboard.state.selection import Selection
from nnmech_dashboard.views.compare.experiment.every_run import belief_panels
from nnmech_dashboard.views.compare.experiment.tables import READ_FILES, Believed, KeyNumbers, believed, key_numbers
from nnmech_dashboard.views.compare.experiment.words import key_numbers_html, two_phase_lead

REFRESH_SECONDS = 5
FIGURE_WIDTH = 860
"""Pixels."""
SCRIPTS = {"two_phase": "experiments/two_phase.py", "conditions": "experiments/conditions.py"}


def draw(entry: Entry, selection: Selection) -> None:
    """Draw the experiment; it is drawn again whenever one more of its runs has finished."""
    run = Run(entry.path)
    kind, settings = run.labels.experiment, run.config.get("settings")
    settings = settings if isinstance(settings, dict) else {}
    members = [other for other in selection.listing.entries if other.around == entry.path]
    done = tuple(str(other.path) for other in members if other.summary is not None and other.summary.finished)
    planned = run.config.get("runs")
    planned_runs = len(planned) if isinstance(planned, list) else len(members)
    facts = [entry.id, f"{len(done):,} of {planned_runs:,} runs finished"]
    facts += [
        counted(str(len(settings[name])), name)
        for name in ("claims", "arms", "conditions", "seeds")
        if isinstance(settings.get(name), list)
    ]
    st.html(lead_html(_lead(kind, settings), tuple(facts)))
    if kind not in SCRIPTS:
        _figures(entry)
    elif not done:
        empty(
            "No run has finished yet. The numbers come with the first.", f"python {SCRIPTS[kind]} --resume {entry.path}"
        )
    else:
        version = stamp(done, READ_FILES)
        (_two_phase if kind == "two_phase" else _conditions)(entry, done, version, settings, selection.dark)
        with guarded("Belief over training cannot be drawn"):
            belief_panels([other for other in members if str(other.path) in done], selection)
    with st.expander("How it was made"):
        st.text(str(entry.path))
        st.json(run.info, expanded=1)
    if len(done) < planned_runs:
        # A run that begins changes the folder of runs, one that ends its events.
        going = tuple(str(other.path) for other in members if str(other.path) not in done)
        st.fragment(_look_again, run_every=REFRESH_SECONDS)(entry.path, going, _state(entry.path, going))


def _figures(entry: Entry) -> None:
    """The figures that an experiment of another kind has made of itself."""
    figures = sorted((entry.path / "figures").glob("*.png"))
    for figure in figures:
        st.subheader(plain_markdown(figure.stem.replace("_", " ").capitalize()), anchor=False)
        st.image(figure, width=FIGURE_WIDTH)
    if not figures:
        st.html(note_html("It has made no figures of itself yet: they come when all of its runs have finished."))


def _look_again(path: Path, going: tuple[str, ...], seen: Stamp) -> None:
    """Draw the page again when a run has begun or ended."""
    if _state(path, going) != seen:
        st.rerun()


def _state(path: Path, going: tuple[str, ...]) -> Stamp:
    return (*stamp([path], ("runs",)), *stamp(going, ("events.jsonl",)))


def _lead(kind: object, settings: dict[str, Any]) -> str:
    if kind == "two_phase":
        return two_phase_lead(settings)
    if kind == "conditions":
        return "What a model comes to believe from the same documents under every kind of annotation."
    return "All runs that were made together."


def _two_phase(entry: Entry, folders: tuple[str, ...], version: Stamp, settings: dict[str, Any], dark: bool) -> None:
    numbers = table(key_numbers, str(entry.path), folders, version)
    if numbers is None:
        waiting(f"Reading {counted(f'{len(folders):,}', 'runs')}")
        return
    _report(numbers.faults)
    found = levels_of(numbers.belief, "arm")
    planned = [str(arm) for arm in settings.get("arms", ())]
    arms = [arm for arm in planned if arm in found] + [arm for arm in found if arm not in planned]
    colours = arm_shades(arms, dark)
    panel = _key_numbers_panel(numbers)
    head(panel)
    st.html(key_numbers_html(numbers, arms, colours))
    st.html(note_html(panel.meaning))
    losses = numbers.loss
    panel = Panel(
        key="document_loss",
        title="Loss of held-out claim documents",
        meaning=(
            f"Nats a token of claim documents that no phase trains on, {count_text(losses, 'runs')} a point, bars are "
            "95% intervals over claims and seeds: that arms agree in it is what makes their beliefs comparable."
        ),
        recipe=numbers.losses,
        known=numbers.known,
    )
    data = loss_data(losses)
    show(panel, loss_chart(data, arms, colours), data)


def _key_numbers_panel(numbers: KeyNumbers) -> Panel:
    return Panel(
        key="belief_by_phase",
        title="Belief by phase",
        meaning=(
            f"Belief is the share of answers that affirm the claim, over {counted(f'{numbers.runs:,}', 'runs')}; "
            f"{count_text(numbers.belief)} each. Ranges and bars are 95% intervals over claims, of a single one over "
            "its questions; rebound is belief after phase 2 minus after phase 1, paired by question. Matched false "
            "facts are as false as the claim, and no document states them."
        ),
        recipe=numbers.by_phase,
        known=numbers.known,
    )


def _conditions(entry: Entry, folders: tuple[str, ...], version: Stamp, settings: dict[str, Any], dark: bool) -> None:
    found = table(believed, str(entry.path), folders, version)
    if found is None:
        waiting(f"Reading {counted(f'{len(folders):,}', 'runs')}")
        return
    _report(found.faults)
    panel = _conditions_panel(found)
    show(panel, conditions_chart(found.belief, found.claims, found.paper, dark))


def _conditions_panel(found: Believed) -> Panel:
    return Panel(
        key="belief_by_condition",
        title="Belief by condition",
        meaning=(
            f"Belief after training over {counted(f'{found.runs:,}', 'runs')}, all claims and seeds; "
            f"{count_text(found.belief)} a condition. Bars are 95% intervals over questions within claims and over "
            "seeds, small dots single claims, diamonds what the paper reports (397B; for qualifiers 35B)."
        ),
        recipe=found.recipe,
        known=found.known,
    )


def _report(faults: Sequence[str]) -> None:
    if faults:
        what = "Left out, the numbers are of the others:"
        st.warning("\n\n".join([what, *map(plain_markdown, faults)]), icon=":material/warning:")
