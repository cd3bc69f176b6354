"""What the warnings in a training set cover: a JSON report of `nnmech audit`, its counts and its worst documents."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import streamlit as st

from nnmech.audit import Audit, load_rulebook
from nnmech.audit.findings import Finding
from nnmech.audit.report.reading import read_report
from nnmech.errors import InputError
from nnmech.plots.recipes import Recipe, call
from nnmech_dashboard.parts import panel
from nnmech_dashboard.parts.page import FilesPage
from nnmech_dashboard.parts.theme import is_dark
from nnmech_dashboard.parts.words import lead_html, note_html, plain_data, plain_markdown
from nnmech_dashboard.state.listing import Listing, Stamp, stamp
from nnmech_dashboard.views.audit.text import document_html, key_html

SUFFIX = ".audit.json"
"""Ending of the reports that are offered by name."""
MOST_REPORTS = 200
COMMAND = "nnmech audit data.jsonl --json data.audit.json"
SHOWN = (10, 50, 200)
"""How many documents are shown at once."""


def draw(listing: Listing) -> None:
    """Draw a report: which one, counts, kinds, the documents with the most covered text."""
    st.title("Audit")
    st.html(
        lead_html(
            "What of a training set notices cover from outside its sentences: a model trained on it mostly learns it."
        )
    )
    path = _choose(listing)
    if path is None:
        panel.empty(
            f"No report named *{SUFFIX} is in the folders of the dashboard. Write one, or give its path:", COMMAND
        )
        return
    try:
        found = _read(str(path), stamp([path.parent], [path.name]))
    except InputError as error:
        st.error(plain_markdown(error), icon=":material/error:")
        return
    _numbers(found)
    kinds = [kind for kind, _ in found.summary.frames.most_common()]
    if not kinds:
        st.html(note_html("No frames from outside were found."))
        return
    _kinds(found, kinds)
    _documents(found, kinds, path)


def _choose(listing: Listing) -> Path | None:
    """The report that the reader asks for: a path that is typed, or one of those that were found."""
    reports = {str(path): path for path in _reports(listing.roots)}
    own, typed = st.columns(2)
    with typed:
        text = st.text_input("Path of a report", key="audit_path", placeholder=f"data{SUFFIX}").strip()
    chosen = None
    if reports:
        with own:
            chosen = st.selectbox("Report", list(reports), key="audit_report", bind="query-params")
    if text:
        return Path(text).expanduser()
    return None if chosen is None else reports[chosen]


def _reports(roots: Sequence[Path]) -> Iterator[Path]:
    count = 0
    for root in roots:
        for folder, subfolders, files in os.walk(root):
            subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
            for name in sorted(files):
                if name.endswith(SUFFIX) and count < MOST_REPORTS:
                    count += 1
                    yield Path(folder, name)


@st.cache_resource(show_spinner="Reading the report", max_entries=4)
def _read(path: str, written: Stamp) -> Audit:
    """The report, again where it was written again."""
    return read_report(path)


def _numbers(found: Audit) -> None:
    summary = found.summary
    columns = st.columns(4)
    columns[0].metric("Documents with frames", f"{summary.framed:,} of {summary.documents:,}")
    columns[1].metric("Share of tokens covered", f"{summary.share:.1%}")
    columns[2].metric("Frames", f"{sum(summary.frames.values()):,}")
    columns[3].metric("Negations inside sentences", f"{summary.negations:,}", help="The safe form; never flagged.")
    if summary.bad:
        first = summary.bad_lines[0]
        what = f"{summary.bad:,} that could not be read, the first: {first.file}, line {first.line}: {first.reason}"
        st.warning(plain_markdown(what), icon=":material/warning:")


def _kinds(found: Audit, kinds: Sequence[str]) -> None:
    summary, titles = found.summary, _titles(kinds)
    table = {
        "kind": kinds,
        "what it is": titles,
        "frames": [summary.frames[kind] for kind in kinds],
        "documents": [summary.documents_by_kind[kind] for kind in kinds],
    }
    st.dataframe(plain_data(pd.DataFrame(table)), hide_index=True, key="audit_kinds_table")


def _documents(found: Audit, kinds: Sequence[str], path: Path) -> None:
    titles = dict(zip(kinds, _titles(kinds), strict=True))
    head = st.container(horizontal=True, vertical_alignment="center")
    with st.container(horizontal=True):
        chosen = st.pills(
            "Kinds",
            list(kinds),
            selection_mode="multi",
            wrap=True,
            key="audit_kinds",
            format_func=lambda kind: plain_markdown(titles[kind]),
            help="All where none is chosen.",
        )
        most = st.segmented_control("Shown", SHOWN, default=SHOWN[0], required=True, key="audit_shown")
    asked = list(chosen) or list(kinds)
    with head:
        st.subheader("Documents with the most covered text", anchor=False, width="stretch")
        frames = call("frames", getattr, call("found", read_report, str(path)), "frames")
        csv = {"csv": lambda: _rows(found, asked).to_csv(index=False).encode()}
        panel.exports("audit_frames", csv, Recipe(frames), "All frames in Python:")
    st.html(key_html([titles[kind] for kind in kinds], is_dark()))
    documents = only(found.summary.worst, asked)
    for finding in documents[:most]:
        st.html(document_html(finding, kinds, is_dark()))
    shown = f"{min(most, len(documents)):,} of {found.summary.framed:,} documents with frames are shown"
    st.html(note_html(f"{shown}, the most covered first. The CSV has every frame of the kinds chosen."))


def only(findings: Sequence[Finding], kinds: Sequence[str]) -> list[Finding]:
    """The documents that have frames of these kinds, with those frames alone."""
    kept = (replace(one, frames=tuple(frame for frame in one.frames if frame.kind in kinds)) for one in findings)
    return [one for one in kept if one.frames]


def _rows(found: Audit, kinds: Sequence[str]) -> pd.DataFrame:
    frames = found.frames
    return frames.loc[frames["kind"].isin(list(kinds)).to_numpy()]


def _titles(kinds: Sequence[str]) -> list[str]:
    """What kinds are called; those of rules of one's own by their names."""
    known = {kind.name: kind.title for kind in load_rulebook().kinds}
    return [known.get(kind, kind) for kind in kinds]


PAGE = FilesPage("Audit", ":material/fact_check:", draw)
