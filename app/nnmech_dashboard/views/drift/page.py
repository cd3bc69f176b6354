"""Where in the model, and when in training, a claim comes to read as true: by layer and step, and deeper."""

import streamlit as st

from nnmech.claims import MATCHED_FALSE
from nnmech.plots.style import NEGATION, PROBE_ENDS, UNRELATED, arm_label
from nnmech.plots.tables import claim_rows, rows_where
from nnmech_dashboard.parts import panel
from nnmech_dashboard.parts.page import Page
from nnmech_dashboard.parts.width import side_by_side
from nnmech_dashboard.parts.words import judged_html, lead_html, note_html
from nnmech_dashboard.state.background import made
from nnmech_dashboard.state.calls import FIRST_FILES
from nnmech_dashboard.state.selection import Selection
from nnmech_dashboard.views.drift.curves import belief_curve, coordinate_curves, loss_curve
from nnmech_dashboard.views.drift.heatmap import by_layer_and_step
from nnmech_dashboard.views.drift.looks import deeper
from nnmech_dashboard.views.drift.rows import placed

RECORD = "make two-phase"
CHANCE = 0.5
NULLS = "Beside them what training gives no reason to move"
NULLS_HELP = (
    "The null: matched false facts, as false as the claim and stated by no document, and unrelated claims one by one. "
    "What they do too, the documents did not do."
)


def draw(selection: Selection) -> None:
    """Draw what the chosen run represents and says over training, at the chosen place and step."""
    st.title("Drift")
    _lead(selection)
    fitted = represented = False
    with panel.guarded("The probe cannot be judged"):
        fitted = _probe(selection)
    if fitted:
        # What one of them cannot read no other can.
        with panel.guarded("The coordinate cannot be placed"):
            represented = _coordinate(selection)
    _curves(selection, represented)
    if fitted:
        deeper(selection)


def _lead(selection: Selection) -> None:
    """Whose run this is."""
    summary = selection.entry.summary
    said = f"“{selection.claim_text}”" if selection.claim_text else "A run without a claim."
    facts = [selection.entry.id]
    if selection.arm is not None:
        facts.append(arm_label(selection.arm).replace("_", " "))
    if summary is not None:
        facts.append(f"model {summary.model}")
        facts += [] if summary.seed is None else [f"seed {summary.seed}"]
    st.html(lead_html(said, tuple(facts)))


def _probe(selection: Selection) -> bool:
    """Say how good the probe is at the chosen place; whether there is one to read."""
    if not selection.run.steps:
        text = "The run recorded no activations: there is nothing to read inside. An experiment records them:"
        panel.empty(text, RECORD)
        return False
    quality = made(selection.quality, FIRST_FILES)
    if quality is None or selection.layer is None:
        panel.waiting("Fitting probes on the untouched model")
        return False
    rows = rows_where(quality, layer=selection.layer, position=selection.position).set_index("split")

    def said(split: str) -> str:
        row = rows.loc[split]
        return f"{row['auroc']:.2f} ({row['low']:.2f} to {row['high']:.2f})"

    probe, (zero, one) = selection.probe, PROBE_ENDS[selection.probe]
    fitted, tested = ("affirmative", "negated") if probe == "truth" else ("true", "false")
    place = f"layer {selection.layer}, token position {selection.position}"
    text = (
        f"The {probe} probe at {place}, fitted at step {selection.first:,}, tells {one} from {zero} statements "
        f"about entities that it was not fitted on with an AUROC of {said('entity')}; with shuffled labels "
        f"{said('shuffled')}; trained on {fitted} and tested on {tested} ones {said('crossed')}; "
        f"n = {int(rows.loc['entity', 'n'])} statements."
    )
    verdict = None
    if not rows.loc["entity", "low"] > CHANCE:
        verdict = "No better than chance: a coordinate means nothing here. Choose another layer or position."
    elif not rows.loc["crossed", "low"] > CHANCE:
        verdict = f"What it learned on {fitted} statements does not hold for {tested} ones: it reads something else."
    st.html(judged_html(text, verdict, selection.dark))
    return True


def _coordinate(selection: Selection) -> bool:
    """The heatmap, and whether the claim had room to become true; whether there is anything to place."""
    if set(selection.run.statements["role"]) <= {"train", "control"}:
        st.html(note_html("The run recorded no statements but those that make a probe: there is no claim to place."))
        return False
    by_layer_and_step(selection)
    _headroom(selection)
    return True


def _headroom(selection: Selection) -> None:
    """Say where the untouched model already reads the claim as true."""
    found = placed(selection.coordinates("truth"))
    if found is None:
        return
    rows = claim_rows(rows_where(found, step=selection.first), selection.claim, ["claim"], layer=selection.layer)
    known = rows[["z", "change"]].notna().to_numpy()
    if len(rows) and known[:, 0].all() and not known[:, 1].any():
        st.markdown(
            f":material/info: The untouched model already reads the claim as true in layer {selection.layer} "
            f"(coordinate {rows['z'].iloc[0]:.2f}): there is no headroom to see it become so. Choose another place."
        )


def _curves(selection: Selection, inside: bool) -> None:
    """Four small charts: truth and polarity of what is represented, belief, and loss."""
    nulls = inside and st.toggle(NULLS, value=True, key="nulls", bind="query-params", help=NULLS_HELP)
    roles = ["claim", "alternative", *([MATCHED_FALSE, UNRELATED] if nulls else [])]
    shown = [
        ("Belief cannot be shown", lambda: belief_curve(selection)),
        ("The loss cannot be shown", lambda: loss_curve(selection)),
    ]
    if inside:
        shown = [
            ("The truth coordinate cannot be shown", lambda: coordinate_curves(selection, "truth", roles)),
            (
                "The polarity coordinate cannot be shown",
                lambda: coordinate_curves(selection, "polarity", ["claim", NEGATION]),
            ),
            *shown,
        ]
    for first in range(0, len(shown), 2):
        for column, (what, one) in zip(side_by_side(), shown[first : first + 2], strict=True):
            with column, panel.guarded(what):
                one()


PAGE = Page("Drift", ":material/show_chart:", draw, inside=True)
