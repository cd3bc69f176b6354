"""The panels of the sample run: what its recipe gives is what the Python that is copied gives."""

import pytest

from tests.dashboard.answer_runs import ANCHOR
from tests.dashboard.checked import check_panel
from tests.dashboard.conftest import SAMPLE

VIEWS = (
    ("statements", {"search_statements": "greek", "roles": "the claim"}),
    ("statements", {"probe": "polarity"}),
    ("tokens", {"token_colour": "filler"}),
    ("tokens", {"token_beside": "document", "probe": "polarity"}),
    ("answers", {}),
    ("answers", {"answer_view": "By question"}),
)
"""Those of the pages Drift and Compare are checked in the tests of these pages, on runs that are small."""


@pytest.mark.parametrize(("page", "query"), VIEWS)
def test_a_recipe_gives_what_its_python_gives(open_app, panels, page, query):
    app = open_app(SAMPLE, page=page, run=ANCHOR, **query)
    assert not app.exception
    assert not app.warning
    assert panels
    for panel in panels.values():
        check_panel(panel)
