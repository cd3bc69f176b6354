"""The parts of the page that ask something: where inside the model to look, and which answers to read."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st
from run_charts import PROBE_ENDS, StepAxis, coordinate_chart, role_label
from run_listing import stamp
from run_tables import (
    CLAIM,
    NO_ARM,
    NULL_CATEGORY,
    NULL_FACTS,
    Member,
    MemberTables,
    coordinates,
    probe_quality,
    recorded_steps,
)
from run_words import BETWEEN, STAGE_NAMES, note_html, plain_markdown

from nnmech.errors import NnmechError
from nnmech.experiments.two_phase.report import best_place
from nnmech.plots.tables import rows_where

RECORDED_FILES = ("run.json", "manifest.jsonl", "statements.jsonl")
FIRST_FILES = ("run.json", "statements.jsonl")
SHOWN_ROLES = ("claim", "matched_false")
NO_VERDICT = "none"
MOST_ANSWERS = 2000


def coordinate_section(tables: Sequence[MemberTables], dark: bool) -> None:
    """The coordinate of the claim on a probe fitted to the untouched model, for a run, layer and position."""
    members = {}
    try:
        for table in tables:
            path = table.member.path
            if recorded_steps(path, stamp([path], RECORDED_FILES)):
                members[table.member.id] = table.member
        if members:
            st.header("What it represents")
            _coordinate(members, dark)
    except NnmechError as error:
        st.warning(plain_markdown(f"The coordinate cannot be drawn: {error}"), icon=":material/warning:")
    except (KeyError, TypeError, ValueError, OSError) as error:
        text = f"The coordinate cannot be drawn: the run's snapshots or statements do not fit ({error!r})."
        st.warning(plain_markdown(text), icon=":material/warning:")


def _coordinate(members: dict[str, Member], dark: bool) -> None:
    first, second, third, fourth = st.columns([3, 2, 2, 3], vertical_alignment="bottom")
    with first:
        member = members[str(st.selectbox("Run", list(members), key="of", bind="query-params"))]
    with second:
        probe = str(st.selectbox("Probe", ["truth", "polarity"], key="probe", bind="query-params"))
    quality = probe_quality(member.path, probe, stamp([member.path], FIRST_FILES))
    layers = [int(layer) for layer in quality["layer"].unique()]
    positions = [str(position) for position in quality["position"].unique()]
    best_layer, best_position = best_place(quality, probe)
    with third:
        layer = st.selectbox("Layer", layers, index=layers.index(best_layer), key="layer", bind="query-params")
    with fourth:
        place = positions.index(best_position)
        position = st.selectbox("Token position", positions, index=place, key="position", bind="query-params")
    if layer is None or position is None:
        return
    _draw(member, probe, int(layer), str(position), dark)
    st.html(note_html(_quality_text(quality, probe, int(layer), str(position))))


def _draw(member: Member, probe: str, layer: int, position: str, dark: bool) -> None:
    table = coordinates(member.path, probe, layer, position, stamp([member.path], RECORDED_FILES))
    roles = list(dict.fromkeys(table["role"]))
    default = [role for role in SHOWN_ROLES if role in roles] or roles
    if member.claim_text:
        st.markdown(f"Claim: “{plain_markdown(member.claim_text)}”")
    shown = st.pills(
        "Statements",
        roles,
        default=default,
        selection_mode="multi",
        format_func=lambda role: plain_markdown(role_label(role)),
        label_visibility="collapsed",
        key="statements",
    )
    table = table.loc[np.isin(table["role"].to_numpy(dtype=str), shown or default)]
    if not np.isfinite(table["z"].to_numpy()).any():
        low, high = PROBE_ENDS[probe]
        st.info(
            f"In layer {layer} the probe does not tell {high} from {low} controls apart, so that there is no scale to "
            "place the claim on. Choose another layer or token position."
        )
        return
    axis = StepAxis(((member.boundary, member.steps),))
    table = table.assign(x=axis.place(table["step"], member.boundary, member.steps))
    chart = coordinate_chart(table, axis, probe, dark)
    st.altair_chart(chart, width="stretch", key="coordinate", alt=f"{probe} coordinate over training steps")
    claims = rows_where(table, role="claim")
    scored, moved = (np.isfinite(claims[name].to_numpy()).any() for name in ("z", "change"))
    if probe == "truth" and scored and not moved:
        st.html(note_html("The untouched model already reads the claim as true: there is no room to see it become so."))


def _quality_text(quality: pd.DataFrame, probe: str, layer: int, position: str) -> str:
    rows = rows_where(quality, layer=layer, position=position).set_index("split")

    def said(split: str) -> str:
        row = rows.loc[split]
        return f"{row['auroc']:.2f} ({row['low']:.2f} to {row['high']:.2f})"

    low, high = PROBE_ENDS[probe]
    crossed = ("affirmative", "negated") if probe == "truth" else ("true", "false")
    return (
        f"0 is where {low} controls lie at that step, 1 where {high} ones do. "
        f"The probe is fitted to the untouched model and tells {high} from {low} statements about people that it never "
        f"saw with an AUROC of {said('entity')}; with shuffled labels {said('shuffled')}; trained on {crossed[0]}, "
        f"tested on {crossed[1]} statements {said('crossed')}; n = {int(rows.loc['entity', 'n'])} statements. "
        "Bands: 95% intervals, resampling statements and controls."
    )


def answers_section(tables: Sequence[MemberTables], arms: Sequence[str]) -> None:
    """A table of answers with filters by stage, verdict, arm, claim and what was asked about."""
    frames = [table.answers for table in tables if len(table.answers)]
    if not frames:
        return
    st.header("Answers")
    answers = pd.concat(frames, ignore_index=True)
    answers["stage"] = [STAGE_NAMES.get(stage, BETWEEN) for stage in answers["stage"]]
    answers["verdict"] = [NO_VERDICT if pd.isna(verdict) else str(verdict) for verdict in answers["verdict"]]
    answers["about"] = [NULL_FACTS if category == NULL_CATEGORY else CLAIM for category in answers["category"]]
    order = {"stage": [*STAGE_NAMES.values(), BETWEEN], "verdict": ["yes", "no", "neutral", NO_VERDICT]}
    order |= {"arm": list(arms), "about": [CLAIM, NULL_FACTS]}
    filters = [("stage", "Stage"), ("verdict", "Verdict"), ("arm", "Arm"), ("about", "Asked about"), ("claim", "Claim")]
    with st.container(horizontal=True, gap="medium"):
        for column, label in filters:
            found = {str(value) for value in answers[column]}
            options = [value for value in order.get(column, sorted(found)) if value in found]
            if len(options) < 2:
                continue
            chosen = st.pills(
                label,
                options,
                selection_mode="multi",
                format_func=plain_markdown,
                key=column,
                bind="query-params",
            )
            if chosen:
                answers = answers.loc[[str(value) in chosen for value in answers[column]]]
    _answer_table(answers, show_arm=list(arms) != [NO_ARM])


def _answer_table(answers: pd.DataFrame, *, show_arm: bool) -> None:
    rank = {stage: number for number, stage in enumerate((*STAGE_NAMES.values(), BETWEEN))}
    by = ["about", "claim", "question", "stage", "arm", "step", "sample"]
    ranked = answers.assign(stage=[rank[stage] for stage in answers["stage"]], about=answers["about"] != CLAIM)
    answers = answers.loc[ranked.sort_values(by).index]
    count = len(answers)
    answers = answers.head(MOST_ANSWERS)
    columns = ["verdict", "text", "question", "stage", "arm", "step", "seed", "kind", "category"]
    columns = [name for name in columns if name != "arm" or show_arm]
    config = {
        "question": st.column_config.TextColumn("question", width="medium"),
        "kind": st.column_config.TextColumn("kind", width="small"),
        "category": st.column_config.TextColumn("category", width="small"),
        "stage": st.column_config.TextColumn("stage", width="small"),
        "step": st.column_config.NumberColumn("step", width="small"),
        "arm": st.column_config.TextColumn("arm", width="small"),
        "seed": st.column_config.NumberColumn("seed", width="small"),
        "text": st.column_config.TextColumn("answer", width="large"),
        "verdict": st.column_config.TextColumn("verdict", width="small", help="yes: the answer affirms the claim"),
    }
    st.dataframe(answers[columns], hide_index=True, column_config=config, height=460, placeholder="")
    shown = f"{count:,} answers" if count <= MOST_ANSWERS else f"The first {MOST_ANSWERS:,} of {count:,} answers"
    st.html(note_html(f"{shown}, in the order of questions. Choose above to narrow them down."))
