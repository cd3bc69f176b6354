"""What holds for every panel: its table, its figure and the Python that is copied are of one recipe."""

import io
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from pandas.testing import assert_frame_equal

from tests.plots.execution import execute


def check_panel(panel: Any) -> dict[str, Any]:
    """Check that the recipe gives what its Python gives, and the panel's table and figure; what the Python gives."""
    ran, executed = panel.recipe.run(), execute(panel.recipe.source())
    assert {"table", "figure"} <= set(ran) <= set(executed)
    for name, value in ran.items():
        assert type(value) is type(executed[name])
        if isinstance(value, pd.DataFrame):
            assert_frame_equal(value, executed[name])
    assert_frame_equal(panel.table.reset_index(drop=True), ran["table"].reset_index(drop=True))
    # A figure is laid out as it is first drawn: each is drawn once.
    assert len({_drawn(figure) for figure in (ran["figure"], executed["figure"], panel.draw())}) == 1
    return executed


def _drawn(figure: Figure) -> bytes:
    written = io.BytesIO()
    figure.savefig(written, format="png", dpi=50)
    return written.getvalue()
