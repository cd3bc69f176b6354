"""What the chosen run was started with, against another one."""

import streamlit as st

from nnmech.runs import settings_difference
from nnmech_dashboard.parts.words import note_html, plain_data
from nnmech_dashboard.state.listing import Entry
from nnmech_dashboard.state.opening import open_run
from nnmech_dashboard.state.selection import Selection


def settings_panel(others: list[Entry], pinned: Entry | None, selection: Selection) -> None:
    """Draw the settings that differ between the chosen run and the baseline, or another of the runs compared."""
    st.subheader("Settings")
    choices = [entry for entry in others if entry.id != selection.entry.id]
    if not choices:
        st.html(note_html("Choose another run above to see in which settings the two differ."))
        return
    names = [entry.id for entry in choices]
    first = names.index(pinned.id) if pinned is not None and pinned.id in names else 0
    against = st.selectbox(
        "The chosen run against", names, index=first, key="settings_of", format_func=lambda name: plain_data(name)
    )
    table, same = settings_difference(selection.run, open_run(str(choices[names.index(against)].path)))
    unit = "setting is" if same == 1 else "settings are"
    if table.empty:
        st.html(note_html(f"No setting differs; {same:,} {unit} the same."))
        return
    columns = {
        "setting": st.column_config.TextColumn("setting"),
        "one": st.column_config.TextColumn(plain_data(selection.entry.id)),
        "other": st.column_config.TextColumn(plain_data(against)),
    }
    st.dataframe(plain_data(table), hide_index=True, column_config=columns, height="content", key="settings_table")
    st.html(note_html(f"{same:,} {unit} the same."))
