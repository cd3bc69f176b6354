"""The table of runs is arranged as the reader wants it; two runs stand side by side where their settings differ."""

from nnmech_dashboard.testing import settled
from tests.dashboard.conftest import SAMPLE
from tests.dashboard.test_browser import asked

RUN = "sample_run/isaksen_greek.anchor.seed0"


def test_columns_groups_and_order_come_from_the_address(open_app):
    app = open_app(SAMPLE, group="condition or arm", sort="belief now", columns="run")
    assert not app.exception
    tables = app.dataframe
    assert len(tables) == 2
    assert [len(table.value) for table in tables] == [1, 1]
    said = "\n".join(element.value for element in app.markdown)
    assert "condition or arm" in said
    assert "1 run" in said


def test_a_column_orders_the_runs_largest_belief_first_and_names_from_a(open_app):
    def runs(order: str) -> list[tuple[str, float]]:
        app = open_app(SAMPLE, sort=order)
        assert not app.exception
        table = app.dataframe[0].value
        return list(zip(table["run"], table["belief"], strict=True))

    beliefs = [belief for _, belief in runs("belief now")]
    assert beliefs == sorted(beliefs, reverse=True)
    names = [name for name, _ in runs("run")]
    assert names == sorted(names)


def test_the_settings_that_differ_are_listed_on_compare(open_app):
    app = open_app(SAMPLE, page="compare", run=RUN)
    assert not app.exception
    table = next(frame.value for frame in app.dataframe if "setting" in frame.value.columns)
    assert "arm" in set(table["setting"])
    row = table.set_index("setting").loc["arm"]
    assert (row["one"], row["other"]) == ("anchor", "none")


def test_a_choice_of_groups_is_kept_in_the_address(page, sample_address):
    page.goto(f"{sample_address}/?run={RUN}&group=condition+or+arm")
    settled(page)
    page.get_by_test_id("stDataFrame").nth(1).wait_for()
    page.get_by_role("combobox", name="Sort by").click()
    page.get_by_role("option", name="belief now").click()
    page.wait_for_function("() => new URL(location).searchParams.get('sort') === 'belief now'")
    page.get_by_test_id("stDataFrame").nth(1).wait_for()
    assert asked(page)["group"] == "condition or arm"
