"""The dashboard: how probes drift while a model learns, from run directories alone.

make dashboard                                   runs in ./runs, and the sample run
streamlit run app/dashboard.py -- FOLDER ...     runs in or below these folders

Streamlit finds `app` here and serves it behind the layer that refuses foreign requests, as `nnmech dashboard` does.
"""

import streamlit as st

from nnmech_dashboard.layers import LAYERS

app = st.App("nnmech_dashboard/entry/dashboard.py", middleware=LAYERS)
