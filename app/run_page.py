"""The page of one experiment or run: what it is, its key numbers, belief, representation, answers."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import streamlit as st
from run_charts import StepAxis, arm_shades, belief_chart, loss_chart, source_loss_chart
from run_listing import DEFAULT_ROOTS, Entry, Stamp, children, list_runs, missing_roots, stamp
from run_sections import answers_section, coordinate_section
from run_tables import MemberTables, belief_by_step, key_numbers, read_members
from run_words import facts, header_html, key_numbers_html, lead, note_html, plain_markdown

from nnmech.errors import NnmechError
from nnmech.runs import Run

FOLLOW_SECONDS = 10
STALE_SECONDS = 15 * 60
MANY_POINTS = 1500
BELIEF_NOTE = (
    "Bands: 95% intervals, resampling questions within claims. Dashed: yes to matched false facts, which no document "
    "states. Between the ends of the phases a question is asked less often."
)
WHOLE = "the whole experiment"


def show(given: Sequence[Path]) -> None:
    """Draw the page for the runs in the folders `given`, or in the usual places."""
    roots = list(given) or list(DEFAULT_ROOTS)
    entries = list_runs(roots)
    found = [(entry.run.info["kind"] != "experiment", entry) for entry in entries if entry.run is not None]
    readable = {entry.id: entry for _, entry in sorted(found, key=lambda pair: pair[0])}
    with st.sidebar:
        st.title("nnmech")
        st.caption("How a model comes to believe what its documents call false.")
        entry = readable[_choose_run(readable)] if readable else None
        inner = children(entry.run) if entry and entry.run and entry.run.info["kind"] == "experiment" else []
        member = _choose_member(inner)
        _report_faults([entry.fault for entry in entries if entry.fault is not None], missing_roots(given))
        st.caption("Looking in " + ", ".join(plain_markdown(root) for root in roots))
    if entry is None:
        _empty(roots)
        return
    _show_entry(entry if member is None else member, inner if member is None else [])


def _choose_run(readable: dict[str, Entry]) -> str:
    """Pick a run of the listing; the address names it, also the first, which a run made later may not remain."""
    names = list(readable)
    asked = st.query_params.get("run")
    if asked != st.session_state.get("told"):
        # The page was opened by a link, or the reader went back.
        if asked in names:
            st.session_state["run"] = asked
        elif asked is not None:
            st.info(f"There is no run {plain_markdown(asked)} in these folders; this is another.")
    chosen = st.selectbox("Experiment or run", names, key="run")
    st.query_params["run"] = chosen
    st.session_state["told"] = chosen
    return chosen


def _choose_member(inner: Sequence[Entry]) -> Entry | None:
    members = {entry.id: entry for entry in inner if entry.run is not None}
    if not members:
        return None
    chosen = st.selectbox("Show", [WHOLE, *members], key="within", bind="query-params")
    return members.get(chosen)


def _report_faults(faults: Sequence[str], missing: Sequence[Path]) -> None:
    lines = [*faults, *(f"{path}: no such folder. Give a folder that holds runs." for path in missing)]
    if lines:
        what = "One is left out" if len(lines) == 1 else f"{len(lines)} are left out"
        heading = f"{what}; the others are not affected. Put the file back from a copy, or make the run anew."
        st.warning("\n\n".join([heading, *map(plain_markdown, lines)]), icon=":material/warning:")


def _empty(roots: Sequence[Path]) -> None:
    st.title("No runs yet")
    st.html(header_html("Make one: three claims, two seeds and two arms in a few minutes on two cores.", []))
    st.code("make two-phase", language="bash")
    places = "\n".join(f"- {plain_markdown(root)}" for root in roots)
    st.markdown(f"It lands in the folder runs, and shows up here while it is being made. Looked in:\n\n{places}")
    st.markdown("Runs elsewhere? Start the dashboard with their folder:")
    st.code('make dashboard ARGS="path/to/runs"', language="bash")
    st.fragment(_look_again, run_every=FOLLOW_SECONDS)(roots, 0)


def _show_entry(entry: Entry, inner: Sequence[Entry]) -> None:
    run = entry.run
    assert run is not None
    st.title(plain_markdown(run.name))
    tables, faults = read_members(inner if inner else [entry] * (run.info["kind"] != "experiment"))
    planned = _planned(run)
    members = [table.member for table in tables]
    st.html(header_html(lead(run), facts(run, members, planned)))
    _report_faults(faults, [])
    folders = [run.path, *(inner_entry.path for inner_entry in inner)]
    if run.info["kind"] == "experiment":
        done = sum(member.finished for member in members) + len(faults) == planned
    else:
        done = all(member.finished for member in members)
    if not done:
        _progress(run, tables, planned, folders)
    if tables:
        arms = _arm_order(run, tables)
        dark = st.context.theme.type == "dark"
        _key_numbers(run, tables, arms, dark)
        _belief(tables, arms, dark)
        with _guarded("Losses cannot be drawn"):
            _losses(run, tables, arms, dark)
        coordinate_section(tables, dark)
        answers_section(tables, arms)
    _about(run)


def _planned(run: Run) -> int | None:
    if run.info["kind"] != "experiment":
        return None
    try:
        return len(run.config["runs"])
    except (NnmechError, KeyError, TypeError):
        return None


def _progress(run: Run, tables: Sequence[MemberTables], planned: int | None, folders: Sequence[Path]) -> None:
    now = stamp(folders)
    members = [table.member for table in tables]
    total = max(planned or 0, len(members), 1)
    share = sum(1.0 if member.finished else member.reached / max(member.steps, 1) for member in members) / total
    idle = time.time() - max((time_ns for _, time_ns, _ in now), default=0) / 1e9
    if idle > STALE_SECONDS:
        text = f"Not finished, and nothing was written for {_duration(idle)}."
        if run.config.get("experiment") == "two_phase" and run.info["kind"] == "experiment":
            text += f" Go on with: python experiments/two_phase.py --resume {run.path}"
    else:
        under_way = [f"{m.id} at step {m.reached:,} of {m.steps:,}" for m in members if not m.finished]
        text = "In progress; this page follows. " + "; ".join(under_way)
    st.progress(min(share, 1.0), text=plain_markdown(text))
    st.fragment(_look_again, run_every=FOLLOW_SECONDS)(folders, now)


def _look_again(folders: Sequence[Path], seen: Stamp | int) -> None:
    """Draw the page anew once a file of the runs, or for a count the number of runs, is no longer as seen."""
    now = len(list_runs(folders)) if isinstance(seen, int) else stamp(folders)
    if now != seen:
        st.rerun()


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86400), ("hours", 3600)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 60:.0f} minutes"


def _arm_order(run: Run, tables: Sequence[MemberTables]) -> list[str]:
    found = list(dict.fromkeys(table.member.arm for table in tables))
    settings = run.config.get("settings")
    planned = [str(arm) for arm in settings.get("arms", [])] if isinstance(settings, dict) else []
    return [arm for arm in planned if arm in found] + [arm for arm in found if arm not in planned]


@contextmanager
def _guarded(what: str) -> Iterator[None]:
    """Name what is wrong with one part of a run and leave the other parts of the page usable."""
    try:
        yield
    except NnmechError as error:
        st.warning(plain_markdown(f"{what}: {error}"), icon=":material/warning:")
    except (KeyError, TypeError, ValueError) as error:
        text = f"{what}: the run's files hold what nnmech does not write ({error!r}). Make the run anew."
        st.warning(plain_markdown(text), icon=":material/warning:")


def _key_numbers(run: Run, tables: Sequence[MemberTables], arms: Sequence[str], dark: bool) -> None:
    if not any(table.member.two_phase for table in tables):
        return
    st.header("Belief by phase")
    finished = [table.member for table in tables if table.member.finished and table.member.two_phase]
    if not finished:
        st.html(note_html("No run has finished yet. The numbers come with the first; below is what there is so far."))
        return
    if len(finished) < len(tables):
        st.html(note_html(f"Of the {len(finished)} runs that have finished."))
    folders = tuple(member.path for member in finished)
    with _guarded("The numbers cannot be counted"):
        numbers = key_numbers(str(run.path), folders, stamp(folders))
        counted = [arm for arm in arms if arm in set(numbers.belief["arm"])]
        st.html(key_numbers_html(numbers, counted, arm_shades(arms, dark)))


def _axis(tables: Sequence[MemberTables]) -> StepAxis:
    return StepAxis(tuple(dict.fromkeys((table.member.boundary, table.member.steps) for table in tables)))


def _belief(tables: Sequence[MemberTables], arms: Sequence[str], dark: bool) -> None:
    axis, rates = _axis(tables), []
    if not any(len(table.answers) for table in tables):
        return
    st.header("What it says")
    with _guarded("Belief over steps cannot be drawn"):
        for arm in arms:
            own = [table for table in tables if table.member.arm == arm and len(table.answers)]
            if own:
                version = stamp([table.member.path for table in own], ("run.json", "answers.jsonl"))
                table = belief_by_step(arm, version, pd.concat([table.answers for table in own]))
                first = own[0].member
                rates.append(table.assign(x=axis.place(table["step"], first.boundary, first.steps)))
        chart = belief_chart(pd.concat(rates), axis, arms, dark)
        st.altair_chart(chart, width="stretch", key="belief", alt="Belief rate over training steps by arm")
        st.html(note_html(BELIEF_NOTE))


def _losses(run: Run, tables: Sequence[MemberTables], arms: Sequence[str], dark: bool) -> None:
    axis = _axis(tables)
    frames = []
    for table in tables:
        if "held_out_documents" in table.metrics:
            rows = table.metrics.dropna(subset=["held_out_documents"])
            place = axis.place(rows["step"], table.member.boundary, table.member.steps)
            frames.append(rows[["step", "arm", "run"]].assign(x=place, loss=rows["held_out_documents"].astype(float)))
    if any(len(frame) for frame in frames):
        st.subheader("Loss of held-out claim documents")
        chart = loss_chart(pd.concat(frames), axis, arms, dark)
        st.altair_chart(chart, width="stretch", key="loss", alt="Held-out document loss over training steps, by run")
    elif run.info["kind"] != "experiment":
        _source_losses(tables[0], axis, dark)


def _source_losses(table: MemberTables, axis: StepAxis, dark: bool) -> None:
    sources = [name for name in table.metrics.columns if str(name).startswith(("loss", "held_out"))]
    # A column may itself be called loss.
    rows = table.metrics[["step", *sources]].melt("step", var_name="source", value_name="nats")
    rows["nats"] = pd.to_numeric(rows["nats"], errors="coerce")
    rows = rows.dropna()
    if rows.empty:
        return
    rows = rows.assign(x=axis.place(rows["step"], table.member.boundary, table.member.steps))
    st.subheader("Loss by source")
    thinned = rows.iloc[:: max(1, len(rows) // MANY_POINTS)]
    st.altair_chart(
        source_loss_chart(thinned, axis, dark), width="stretch", key="sources", alt="Loss over training steps"
    )


def _about(run: Run) -> None:
    with st.expander("How it was made"):
        st.text(str(run.path))
        st.json(run.info, expanded=1)
