"""The dashboard: how probes drift while a model learns, from run directories alone.

make dashboard                                   runs in ./runs, and the sample run
streamlit run app/dashboard.py -- FOLDER ...     runs in or below these folders
"""

import sys
from pathlib import Path

import streamlit as st


def main() -> None:
    st.set_page_config(page_title="nnmech", page_icon=str(Path(__file__).parent / "icon.svg"), layout="wide")
    st.logo(str(Path(__file__).parent / "logo.svg"), size="large", icon_image=str(Path(__file__).parent / "icon.svg"))
    with st.spinner("Loading nnmech …", show_time=False):
        # torch and transformers take seconds: not before the page is there.
        import pages
    pages.show([Path(argument) for argument in sys.argv[1:]])


main()
