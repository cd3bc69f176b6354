"""How wide the page is, which decides how the parts of a chart lie: the browser says so where it is not wide."""

from collections.abc import Sequence

import streamlit as st
from streamlit.components.v2 import component
from streamlit.delta_generator import DeltaGenerator

NARROW, MEDIUM, WIDE = "narrow", "medium", "wide"
"""A telephone, a tablet or half a screen, and what is wider."""
KEY = "_width"
_STYLE = "<style>:has(> .st-key-nn_width) { position: absolute; width: 0; height: 0; overflow: hidden; }</style>"
_WATCH = """
export default function ({ data, setStateValue }) {
  const page = document.querySelector('[data-testid="stMainBlockContainer"]');
  let known = data;
  const look = () => {
    const { paddingLeft, paddingRight } = getComputedStyle(page);
    const inner = page.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
    const now = inner < 480 ? 'narrow' : inner < 800 ? 'medium' : 'wide';
    if (now !== known) {
      known = now;
      setStateValue('width', now);
    }
  };
  const watcher = new ResizeObserver(look);
  watcher.observe(page);
  look();
  return () => watcher.disconnect();
}
"""
_watch = component("nnmech_width", js=_WATCH)


def width() -> str:
    """`NARROW`, `MEDIUM` or `WIDE`: of the reader's page, as far as it is known."""
    return st.session_state.get(KEY, WIDE)


def side_by_side() -> Sequence[DeltaGenerator]:
    """Places for two charts: beside each other, or one below the other where that would be too narrow."""
    return st.columns(2, gap="medium") if width() == WIDE else (st.container(), st.container())


def watch_width() -> None:
    """Have the page drawn again, at once and later, when its width is another than `width` says."""

    def take() -> None:
        # What belongs to a widget is lost on the next page.
        st.session_state[KEY] = st.session_state["nn_width_watch"]["width"]

    with st.container(key="nn_width"):
        st.html(f"{_STYLE}<i data-width='{width()}'></i>")
        _watch(data=width(), key="nn_width_watch", on_width_change=take)
