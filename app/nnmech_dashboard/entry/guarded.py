"""What Streamlit serves: the dashboard, behind the layers that refuse foreign requests and keep the history short."""

import streamlit as st
from starlette.middleware import Middleware

from nnmech_dashboard.guard import LocalOnly
from nnmech_dashboard.history import OneEntryAPage

app = st.App("dashboard.py", middleware=[Middleware(LocalOnly), Middleware(OneEntryAPage)])
