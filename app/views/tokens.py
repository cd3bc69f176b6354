"""To come."""

import streamlit as st
from selection import Selection


def draw(selection: Selection) -> None:
    st.title("Tokens")
