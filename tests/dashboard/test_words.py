"""What a chart or a table says of a run is shown letter by letter."""

import pandas as pd
import pytest

from nnmech_dashboard.parts import panel
from nnmech_dashboard.parts.words import plain_data

NASTY, SHOWN = "a\x1b[2J\u202eb", r"a\x1b[2J\u202eb"


def test_every_text_of_a_table_is_spelled_out_and_the_rest_is_as_it_was():
    table = pd.DataFrame(
        {"name": [NASTY, "plain", None], "n": [1.0, None, 3.0], "kind": pd.Categorical([NASTY, "b", "b"])}
    )
    shown = plain_data(table)
    assert list(shown["name"][:2]) == [SHOWN, "plain"]
    assert shown["name"].isna()[2]
    assert list(shown["kind"]) == [SHOWN, "b", "b"]
    assert shown["n"].equals(table["n"])
    assert table["name"][0] == NASTY
    assert plain_data(table[["n"]]) is not None
    plain = pd.DataFrame({"name": ["é", "b"], 3: [1, 2]})
    assert plain_data(plain) is plain


def test_every_text_of_a_chart_is_spelled_out():
    chart = {"layer": [{"encoding": {"color": {"scale": {"domain": [NASTY, "b"], "range": ("#fff",)}}}}], "height": 3}
    assert plain_data(chart)["layer"][0]["encoding"]["color"]["scale"] == {"domain": [SHOWN, "b"], "range": ["#fff"]}
    assert plain_data(chart)["height"] == 3


@pytest.mark.parametrize("titled", [True, False])
def test_a_panel_hands_over_nothing_else(titled, monkeypatch):
    given = []
    monkeypatch.setattr(panel.st, "vega_lite_chart", lambda *drawn, **_: given.extend(drawn))
    monkeypatch.setattr(panel.st, "html", lambda _: None)
    monkeypatch.setattr(panel, "head", lambda _: None)
    shown = panel.Panel("key", "title", "meaning", recipe=None, known={})
    panel.show(shown, {"title": NASTY}, pd.DataFrame({"run": [NASTY]}), titled=titled)
    assert list(given[0]["run"]) == [SHOWN]
    assert given[1] == {"title": SHOWN}
