"""A figure on a page: chart, one sentence of what it means, and how to take it away: CSV, PNG, SVG, Python."""

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st
from matplotlib.figure import Figure

from nnmech.plots.recipes import Call, Recipe
from nnmech.plots.style import DPI
from nnmech_dashboard.charts.curves import Spec
from nnmech_dashboard.parts import faults
from nnmech_dashboard.parts.words import note_html, plain_data, plain_markdown, waiting_html

KINDS = {"csv": "text/csv", "png": "image/png", "svg": "image/svg+xml"}
"""Media types of files by their ending."""


@dataclass(frozen=True, eq=False)
class Panel:
    """What a page shows of one table."""

    key: str
    """Unique on its page; also the name of the files."""
    title: str
    meaning: str
    """One sentence: what is drawn, in which unit, of how many, and how to read it."""
    recipe: Recipe
    """How its table and the library's figure of it are made."""
    known: Mapping[Call, Any]
    """What steps of the recipe gave, that of its table among them."""

    @property
    def table(self) -> pd.DataFrame:
        """What the CSV holds."""
        return self.known[self.recipe.table]

    def draw(self) -> Figure:
        """The library's figure of the same table, for PNG and SVG."""
        assert self.recipe.figure is not None
        return self.recipe.figure.run(self.known)


def show(
    panel: Panel,
    chart: Spec | None,
    data: pd.DataFrame | None = None,
    *,
    titled: bool = True,
    on_select: Callable[[], None] | None = None,
    selection: str | None = None,
) -> None:
    """Draw a panel: its title with the exports beside it, the chart of `data`, and the sentence below.

    Args:
        panel: What is shown.
        chart: None where the caller has drawn what goes in between.
        data: What the chart draws; Vega draws neither infinities nor a column of objects.
        titled: False where the caller has drawn the title by `head`.
        on_select: Called when the reader selects in `selection`.
        selection: Name of a selection of the chart.
    """
    if titled:
        head(panel)
    if chart is not None:
        chosen: dict[str, Any] = {}
        if on_select is not None and selection is not None:
            chosen = {"on_select": on_select, "selection_mode": [selection]}
        drawn = plain_data(data), plain_data(chart)
        st.vega_lite_chart(*drawn, width="stretch", key=f"chart_{panel.key}", alt=panel.title, **chosen)
    st.html(note_html(panel.meaning))


def head(panel: Panel) -> None:
    """The title with the exports beside it, be the panel as wide as the page or half of it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(panel.title, anchor=False, width="stretch")
        export(panel)


def export(panel: Panel) -> None:
    """The button that opens the ways to take a figure away."""
    files: dict[str, Callable[[], bytes]] = {"csv": lambda: panel.table.to_csv(index=False).encode()}
    files |= {kind: partial(picture, panel.draw, kind) for kind in ("png", "svg")}
    exports(panel.key, files, panel.recipe)


def exports(
    key: str, files: Mapping[str, Callable[[], bytes]], recipe: Recipe, words: str = "The same in Python:"
) -> None:
    """A button that opens downloads, each made when it is asked for, and the Python of a recipe below them.

    Args:
        key: Unique on its page; also the name of the files.
        files: By their ending.
        recipe: What makes the same by the library alone.
        words: What the Python is.
    """
    with st.popover("Export", icon=":material/download:", key=f"export_{key}", type="tertiary"):
        for column, (kind, make) in zip(st.columns(len(files)), files.items(), strict=True):
            column.download_button(
                kind.upper(),
                make,
                file_name=f"{key}.{kind}",
                mime=KINDS[kind],
                key=f"{kind}_{key}",
                on_click="ignore",
                width="stretch",
            )
        st.caption(words)
        st.code(recipe.source(), language="python", wrap_lines=True)


def picture(draw: Callable[[], Figure], kind: str) -> bytes:
    """The library's figure as a PNG or SVG file."""
    written = io.BytesIO()
    draw().savefig(written, format=kind, dpi=DPI)
    return written.getvalue()


@contextmanager
def guarded(what: str) -> Iterator[None]:
    """Name what is wrong with one part of a page and leave the other parts usable."""
    try:
        yield
    except Exception as error:  # noqa: BLE001
        st.warning(plain_markdown(f"{what}: {faults.fault_text(error)}"), icon=":material/warning:")


def waiting(what: str) -> None:
    """Stands where a panel will be as soon as its table is there."""
    st.html(waiting_html(what))


def empty(what: str, command: str) -> None:
    """Says that there is nothing to show, and what to run so that there is."""
    st.html(note_html(what))
    st.code(command, language="bash", wrap_lines=True)
