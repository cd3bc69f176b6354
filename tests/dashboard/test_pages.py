"""Every page opens on the sample run."""

import pytest

from tests.dashboard.conftest import SAMPLE

PAGES = ("runs", "drift", "statements", "tokens", "answers", "compare", "audit")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_on_the_sample_run(open_app, name):
    app = open_app(SAMPLE, page=name)
    assert not app.exception
    assert app.title[0].value.lower() == name
