"""The first thing of every page: its title at once, and the rest when the library is there."""

import sys
from pathlib import Path

import streamlit as st

ENTRY = Path(__file__).parent / "entry"


def main() -> None:
    """Draw the page that the address names, for the runs in the folders of the command line."""
    icon = str(ENTRY / "icon.svg")
    st.set_page_config(page_title="nnmech", page_icon=icon, layout="wide")
    st.logo(str(ENTRY / "logo.svg"), size="large", icon_image=icon)
    with st.spinner("Loading nnmech …", show_time=False):
        # torch and transformers take seconds: not before the page is there.
        from nnmech_dashboard import shell
    shell.show([Path(argument) for argument in sys.argv[1:]])
