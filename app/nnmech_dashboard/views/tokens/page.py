"""Documents token by token: what the probe reads on each word, two steps or two conditions side by side."""

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from nnmech import plots
from nnmech.drift import background_limits, reading_by_role
from nnmech.plots.conditions import condition_label
from nnmech.plots.gathered import TEXT_KEYS, gather_readings
from nnmech.plots.recipes import Call, Recipe, call
from nnmech.plots.style import PROBE_ENDS
from nnmech.runs.format import DOCUMENTS_FILE
from nnmech_dashboard.parts.page import Page
from nnmech_dashboard.parts.panel import Panel, empty, guarded, head, show, waiting
from nnmech_dashboard.parts.width import WIDE, side_by_side, width
from nnmech_dashboard.parts.words import lead_html, note_html
from nnmech_dashboard.state.background import all_made, made
from nnmech_dashboard.state.calls import FIRST_FILES, RECORDED_FILES
from nnmech_dashboard.state.selection import Selection
from nnmech_dashboard.views.tokens.text import Shading, head_html, key_html, levels_html, readings_html, text_html

FILES = (*RECORDED_FILES, DOCUMENTS_FILE)
NOTHING, STEP, DOCUMENT = "nothing", "step", "document"
CONTROLS, BACKGROUND = "controls", "filler"
NEUTRAL = (
    "Controls: half-way between the control statements of the step, and both ends of the scale are where these lie. "
    "Filler: the mean of the filler sentences shown, and the scale spans 95% of the tokens."
)
BEYOND = "Most of these tokens lie beyond the controls: make filler neutral to see how they differ."
UNREAD = "Grey: nothing can be read, for the probe does not tell the controls of that step apart."
TEXT, TABLE = "text", "table"
Text = tuple[str, str, int]
"""Id and condition of a document, and the step at which it is read."""


@dataclass(frozen=True)
class Choice:
    """What the page shows of a run."""

    texts: tuple[Text, ...]
    documents: dict[tuple[str, str], str]
    """Texts of the documents by id and condition."""
    around: str
    """What the neutral colour means."""
    shown_as: str


def draw(selection: Selection) -> None:
    """Draw the coloured text of one document, or of two, with mean readings by kind of sentence."""
    st.title("Tokens")
    with guarded("The tokens cannot be read"):
        _draw(selection)


def _draw(selection: Selection) -> None:
    run = selection.run
    # A run in progress may have written the tokens of a step and not its statements yet.
    steps = [step for step in run.token_steps if step in run.steps]
    documents = _documents(selection)
    if documents.empty or not steps:
        _say_why(documents)
        return
    claim = () if selection.claim_text is None else (f"claim: {selection.claim_text}",)
    st.html(lead_html(f"Recorded documents word by word, as the {selection.probe} probe reads them.", claim))
    if selection.layer is None or selection.position is None:
        # Raises what keeps a probe from being fitted.
        made(selection.quality, FIRST_FILES)
        waiting("The probe is being fitted")
        return
    choice = _choose(selection, documents, steps)
    table = call(
        "table",
        gather_readings,
        selection.opened,
        list(choice.texts),
        layer=selection.layer,
        position=selection.position,
        probe=selection.probe,
        reference_step=selection.first,
    )
    levels = call("levels", reading_by_role, table)
    found = all_made([table, levels], FILES)
    if found is None:
        waiting("The tokens are being read")
        return
    _show(selection, choice, table, levels, *found)


def _documents(selection: Selection) -> pd.DataFrame:
    """Those about the claim, or all where none is."""
    documents = selection.run.documents
    about = documents.loc[(documents["claim"] == selection.claim).to_numpy(dtype=bool)]
    return documents if about.empty else about


def _say_why(documents: pd.DataFrame) -> None:
    if len(documents):
        st.html(note_html("The documents of this run are known, and none of their tokens is recorded as yet."))
        return
    empty(
        "This run recorded no documents token by token. Experiments do by themselves, in new runs; a training "
        "loop of one's own gives Recorder.create the argument documents, those of each condition.",
        "make two-phase",
    )


def _choose(selection: Selection, documents: pd.DataFrame, steps: list[int]) -> Choice:
    """Draw the page's own choices."""
    rows = list(zip(documents["id"], documents["condition"], documents["text"], strict=True))
    names = _names([(name, condition) for name, condition, _ in rows])
    step = selection.recorded_step(steps)
    step = steps[0] if step is None else step
    with st.container(horizontal=True):
        own = names[st.selectbox("Document", list(names), key="token_document", bind="query-params", width=185)]
        kinds = [NOTHING, *([STEP] if len(steps) > 1 else []), *([DOCUMENT] if len(names) > 1 else [])]
        beside = st.segmented_control(
            "Beside it",
            kinds,
            default=kinds[min(1, len(kinds) - 1)],
            required=True,
            key="token_beside",
            bind="query-params",
        )
        texts: list[Text] = [(*own, step)]
        if beside == STEP:
            other = st.selectbox("Step beside it", steps, key="token_step", bind="query-params", width=130)
            texts.append((*own, other))
        elif beside == DOCUMENT:
            other = st.selectbox(
                "Document beside it", list(names), 1, key="token_other", bind="query-params", width=185
            )
            texts.append((*names[other], step))
        around = st.segmented_control(
            "Neutral colour",
            [CONTROLS, BACKGROUND],
            default=CONTROLS,
            required=True,
            key="token_colour",
            bind="query-params",
            help=NEUTRAL,
        )
        shown_as = st.segmented_control(
            "Show as", [TEXT, TABLE], default=TEXT, required=True, key="token_view", bind="query-params"
        )
    if beside == STEP:
        texts.sort(key=lambda text: text[2])
    return Choice(
        tuple(dict.fromkeys(texts)),
        {(name, condition): text for name, condition, text in rows},
        str(around),
        str(shown_as),
    )


def _names(documents: list[tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """What the documents are called: by their condition, and by their id where a condition has several."""
    conditions = [condition for _, condition in documents]
    return {
        f"{condition_label(condition)}{f': {name}' if conditions.count(condition) > 1 else ''}": (name, condition)
        for name, condition in documents
    }


def _show(
    selection: Selection, choice: Choice, table: Call, averages: Call, readings: pd.DataFrame, levels: pd.DataFrame
) -> None:
    known = bool(readings["z"].notna().any())
    limits, scale = (0.0, 1.0), (0.0, 1.0)
    if choice.around == BACKGROUND and known:
        limits, scale = background_limits(readings), call(None, background_limits, table)
    recipe = Recipe.drawn(table, plots.token_readings, averages, probe=selection.probe, limits=scale)
    panel = Panel(
        "token_readings",
        f"What the {selection.probe} probe reads on each token",
        _meaning(selection),
        recipe,
        {table: readings, averages: levels},
    )
    head(panel)
    shading = Shading(selection.probe, limits, selection.dark)
    if choice.shown_as == TEXT:
        st.html(key_html(shading))
        if bool(readings["z"].isna().to_numpy().any()):
            st.html(note_html(UNREAD))
        elif shading.on_controls and float(readings["z"].between(0, 1).mean()) < 0.5:
            st.html(note_html(BEYOND))
    columns = side_by_side() if len(choice.texts) > 1 or width() != WIDE else st.columns([5, 4], gap="large")
    for number, text in enumerate(choice.texts):
        own, means = (_of(rows, text) for rows in (readings, levels))
        name, condition, step = text
        with columns[number]:
            heading = head_html(f"{condition_label(condition)}, step {step:,}", f"{name}, {len(own):,} tokens")
            if choice.shown_as == TEXT:
                st.html(heading + text_html(choice.documents[name, condition], own, shading))
            else:
                st.html(heading + readings_html(own))
        if len(means):
            with columns[number] if len(choice.texts) > 1 else columns[1]:
                st.html(levels_html(means))
    show(panel, None, titled=False)


def _meaning(selection: Selection) -> str:
    low, high = PROBE_ENDS[selection.probe]
    return (
        f"The probe was fitted at the token {selection.position} of short statements at step {selection.first}; on "
        f"other tokens its reading (0 where {low} controls lie at the same step, 1 where {high} ones do) is an "
        "extrapolation, so hold it against filler sentences, which say nothing of the claim. Another fact: a sentence "
        "about something else than the claim. Intervals: 95% cluster bootstrap over sentences; spread: standard "
        "deviation over tokens. Hover over a token for its reading; beyond the scale the colours are those of its ends."
    )


def _of(rows: pd.DataFrame, text: Text) -> pd.DataFrame:
    """The rows of one text."""
    mine = pd.concat([rows[name] == value for name, value in zip(TEXT_KEYS, text, strict=True)], axis=1).all(axis=1)
    return rows.loc[mine.to_numpy()]


PAGE = Page("Tokens", ":material/format_ink_highlighter:", draw, inside=True)
