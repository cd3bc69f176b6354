"""What Streamlit serves: the dashboard, behind the layer that refuses foreign requests."""

import streamlit as st
from starlette.middleware import Middleware

from nnmech_dashboard.guard import LocalOnly

app = st.App("dashboard.py", middleware=[Middleware(LocalOnly)])
