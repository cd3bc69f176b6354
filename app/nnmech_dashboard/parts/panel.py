"""A figure on a page: chart, one sentence of what it means, and how to take it away: CSV, PNG, SVG, Python."""

import io
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st
from matplotlib.figure import Figure

from nnmech.errors import NnmechError
from nnmech.plots.style import DPI
from nnmech_dashboard.charts.curves import Spec
from nnmech_dashboard.parts.words import note_html, plain_markdown, waiting_html


@dataclass(frozen=True, eq=False)
class Panel:
    """What a page shows of one table."""

    key: str
    """Unique on its page; also the name of the files."""
    title: str
    meaning: str
    """One sentence: what is drawn, in which unit, of how many, and how to read it."""
    table: pd.DataFrame
    """What the CSV holds."""
    draw: Callable[[], Figure]
    """The library's figure of the same table, for PNG and SVG."""
    snippet: str
    """Python that makes `table` and `figure` from the library."""


def show(
    panel: Panel,
    chart: Spec | None,
    data: pd.DataFrame | None = None,
    *,
    on_select: Callable[[], None] | None = None,
    selection: str | None = None,
) -> None:
    """Draw a panel: its title with the exports beside it, the chart of `data`, and the sentence below.

    Without a chart the caller draws what goes in between. `on_select` is called when the reader selects in `selection`.
    """
    head(panel)
    body(panel, chart, data, on_select=on_select, selection=selection)


def body(
    panel: Panel,
    chart: Spec | None,
    data: pd.DataFrame | None = None,
    *,
    on_select: Callable[[], None] | None = None,
    selection: str | None = None,
) -> None:
    """What `show` draws below the title, for a page that has something in between."""
    if chart is not None:
        chosen: dict[str, Any] = {}
        if on_select is not None and selection is not None:
            chosen = {"on_select": on_select, "selection_mode": [selection]}
        # Vega draws neither infinities nor a column of objects.
        st.vega_lite_chart(data, chart, width="stretch", key=f"chart_{panel.key}", alt=panel.title, **chosen)
    st.html(note_html(panel.meaning))


def head(panel: Panel) -> None:
    """The title with the exports beside it, be the panel as wide as the page or half of it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(panel.title, anchor=False, width="stretch")
        export(panel)


def export(panel: Panel) -> None:
    """The button that opens the ways to take a figure away."""
    with st.popover("Export", icon=":material/download:", key=f"export_{panel.key}", type="tertiary"):
        left, middle, right = st.columns(3)
        for column, kind, mime, make in (
            (left, "csv", "text/csv", lambda: panel.table.to_csv(index=False).encode()),
            (middle, "png", "image/png", lambda: picture(panel.draw, "png")),
            (right, "svg", "image/svg+xml", lambda: picture(panel.draw, "svg")),
        ):
            column.download_button(
                kind.upper(),
                make,
                file_name=f"{panel.key}.{kind}",
                mime=mime,
                key=f"{kind}_{panel.key}",
                on_click="ignore",
                width="stretch",
            )
        st.caption("The same in Python:")
        st.code(panel.snippet, language="python", wrap_lines=True)


def picture(draw: Callable[[], Figure], kind: str) -> bytes:
    """The library's figure as a PNG or SVG file."""
    written = io.BytesIO()
    draw().savefig(written, format=kind, dpi=DPI)
    return written.getvalue()


def snippet(path: Hashable, *lines: str, imports: tuple[str, ...] = ()) -> str:
    """Python that opens the run at `path` and goes on with `lines`."""
    head = [*imports, "from nnmech.runs import Run"]
    return "\n".join([*sorted(head), "", f"run = Run({str(path)!r})", *lines])


@contextmanager
def guarded(what: str) -> Iterator[None]:
    """Name what is wrong with one part of a run and leave the other parts of the page usable."""
    try:
        yield
    except NnmechError as error:
        st.warning(plain_markdown(f"{what}: {error}"), icon=":material/warning:")
    except (KeyError, TypeError, ValueError, OSError) as error:
        text = f"{what}: the run's files hold what nnmech does not write ({error!r}). Make the run anew."
        st.warning(plain_markdown(text), icon=":material/warning:")


def waiting(what: str) -> None:
    """Stands where a panel will be as soon as its table is there."""
    st.html(waiting_html(what))


def empty(what: str, command: str) -> None:
    """Says that there is nothing to show, and what to run so that there is."""
    st.html(note_html(what))
    st.code(command, language="bash")
