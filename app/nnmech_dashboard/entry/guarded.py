"""What Streamlit serves: the dashboard, behind the layers that refuse foreign requests and keep the history short."""

import streamlit as st

from nnmech_dashboard.layers import LAYERS

app = st.App("dashboard.py", middleware=LAYERS)
