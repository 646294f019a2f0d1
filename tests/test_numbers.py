"""One style of numbers, whatever shows them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from workbench import numbers
from workbench.table import Facts, Note, as_table


@pytest.mark.parametrize(
    ("values", "written"),
    [
        ([4719867.4, 3.5, -0.2], ["4,719,867", "4", "0"]),
        ([Decimal("3.50"), Decimal("-12.345"), None], ["3.50", "-12.35", ""]),
        ([60, 0.0, float("nan")], ["60", "0", ""]),
        ([-99.999], ["-100.00"]),
        ([Decimal("123456789012.5"), pd.NA], ["123,456,789,013", ""]),
        ([1.5e18], ["1.5e+18"]),
        ([], []),
    ],
)
def test_amounts_of_a_column_have_one_number_of_decimals(values: list[object], written: list[str]) -> None:
    assert numbers.amounts(values) == written


def test_an_amount_stands_before_its_currency() -> None:
    assert numbers.money(Decimal("4719867.12"), "USD") == "4,719,867 USD"
    assert numbers.money(3.5, "JPY") == "3.50 JPY"
    assert numbers.money(None, "USD") == ""


def test_an_axis_counts_in_what_can_be_read() -> None:
    assert numbers.scale([1, -2_500_000]) == numbers.Scale(1, "")
    huge = numbers.scale([5e6, -3.2e13, None])
    assert (huge.of("USD"), huge.tick(-2.5e13), huge.tick(1e13)) == ("trillion USD", "-25", "10")
    assert numbers.scale([9e6]).tick(2_500_000) == "2,500,000"
    assert [numbers.scale([0.4]).tick(value) for value in (0.25, -0.0)] == ["0.25", "0"]


def test_other_figures() -> None:
    assert [numbers.share(each) for each in (0.5017, 0, -0.0001, None)] == ["50.2%", "0.0%", "0.0%", ""]
    assert [numbers.number(each) for each in (0.17832, 15402.3, 3.0, -0.0, float("inf"))] == [
        "0.1783", "15,402", "3", "0", "inf",
    ]  # fmt: skip


def test_measures_of_a_column_have_one_number_of_decimals_if_that_shows_each() -> None:
    assert numbers.measures([0.16709, 0.08165, float("nan")]) == ["0.167", "0.082", ""]
    assert numbers.measures([12.25, 3]) == ["12.3", "3.0"]
    assert numbers.measures([5321.0, 0.1783]) == ["5,321", "0.1783"]
    assert numbers.measures([2.0, 15.0]) == ["2", "15"]


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "product_id": ["7", "8"],
            "net_sales": [Decimal("1234.5"), Decimal("-2.25")],
            "share": [0.5, float("nan")],
            "first_sold": [dt.date(2024, 3, 1), pd.NaT],
            "seen_at": [dt.datetime(2024, 3, 1, 12, 5), None],
            "lines": pd.array([12345, None], dtype="Int64"),
            "is_new": [True, False],
            "name": ["<b>كتاب</b>\n\x07", "x" * 300],
            "empty": [None, ""],
        }
    )


def test_a_table_for_people_has_words_for_headings_and_no_index() -> None:
    table = as_table(
        frame(), money=["net_sales"], share=["share"], headings={"lines": "Receipt lines"}, optional=["empty"]
    )
    assert table.headings == [
        "Product id", "Net sales, USD", "Share", "First sold", "Seen at", "Receipt lines", "Is new", "Name",
    ]  # fmt: skip
    assert table.cells[0] == [
        "7", "1,235", "50.0%", "2024-03-01", "2024-03-01 12:05", "12,345", "Yes", "<b>كتاب</b> \x07",
    ]  # fmt: skip
    assert table.cells[1][:7] == ["8", "-2", "", "", "", "", "No"]
    assert len(table.cells[1][7]) == 200
    html = table._repr_html_()
    assert "&lt;b&gt;" in html and "<b>" not in html and '<th scope="col">Net sales, USD</th>' in html
    assert '<td class="text">Yes</td>' in html and "<td>12,345</td>" in html
    assert "Net sales, USD" in repr(table)


def test_a_table_says_that_it_is_empty_and_which_column_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_REPORTING_CURRENCY", "EUR")
    none = as_table(frame().head(0), money=["net_sales"], empty="No sales yet.")
    assert none._repr_html_() == "<p>No sales yet.</p>" and repr(none) == "No sales yet."
    assert as_table(frame(), money=["net_sales"], limit=1).headings[1] == "Net sales, EUR"
    with pytest.raises(KeyError, match="nett"):
        as_table(frame(), money=["nett"])


def test_numpys_own_values_are_written_alike() -> None:
    mixed = pd.DataFrame({"a": np.array([np.bool_(True), np.int64(1200), np.float64(0.5)], dtype=object)})
    assert as_table(mixed).cells == [["Yes"], ["1,200"], ["0.5"]]


def test_facts_and_notes_are_escaped() -> None:
    assert (
        '<th scope="row" class="text">Net &lt;sales&gt;</th>' in Facts({"Net <sales>": "1 USD"})._repr_html_()
    )
    assert Note("a < b")._repr_html_() == "<p>a &lt; b</p>" and repr(Facts({"a": "b"})) == "a  b"
