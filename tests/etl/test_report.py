"""The retail report tells no fall that never was, and leaves nothing out without saying so."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pandas as pd

from workbench.charts import sales as charts
from workbench.etl import report, summaries
from workbench.warehouse import Warehouse

from .test_reading import MOMENT, fill

AWAY = dt.date(2100, 1, 1)


def sell(warehouse: Warehouse, first: str, last: str, amount: float = 10, department: str = "A") -> None:
    rows = [
        {
            "sales_date": day.date(),
            "department": department,
            "net_amount_reporting": Decimal(str(amount)),
            "lines": 100,
        }
        for day in pd.date_range(first, last)
    ]
    fill(warehouse, "marts.sales_daily", *rows)


def test_without_rows_everything_says_so(warehouse: Warehouse) -> None:
    for chart in (
        charts.sales_over_time(summaries.sales_by_day(warehouse), "EUR"),
        charts.top_departments(summaries.sales_by_department(warehouse), "EUR"),
        charts.customer_segments(summaries.people_by_segment(warehouse)),
    ):
        assert "yet" in chart.description and chart._repr_png_()[0]
    assert report.at_a_glance(summaries.headline(warehouse), "EUR").facts == {"Sales": "none yet"}
    assert report.unfinished(warehouse).text == "No sales yet."
    for frame in (
        summaries.months(warehouse), summaries.best_sellers(warehouse), summaries.unconverted(warehouse), summaries.unusual_days(warehouse),
        report.quarantined(warehouse), summaries.segment_table(warehouse),
    ):  # fmt: skip
        assert frame.empty


def test_lines_without_a_rate_are_told_by_currency(warehouse: Warehouse) -> None:
    sold = {"net_amount": Decimal("10.5"), "currency": "XPF", "conversion_status": "no_rate"}
    fill(
        warehouse,
        "core.fact_transactions",
        {"conversion_status": "converted", "net_amount_reporting": Decimal(2), "product_id": "p"},
        {**sold, "transaction_id": "b", "product_id": "p"},
        {
            **sold,
            "transaction_id": "c",
            "product_id": "p",
            "sale_date": (MOMENT + dt.timedelta(days=1)).date(),
        },
        {
            **sold,
            "transaction_id": "d",
            "product_id": "q",
            "currency": "JPY",
            "conversion_status": "too_large",
        },
    )
    day = MOMENT.date()
    fill(
        warehouse,
        "marts.sales_daily",
        {
            "sales_date": day - dt.timedelta(days=1),
            "lines": 0,
            "unconverted_lines": 0,
            "net_amount_reporting": Decimal(0),
        },
        {"sales_date": day, "lines": 3, "unconverted_lines": 2, "net_amount_reporting": Decimal(2)},
        {
            "sales_date": day + dt.timedelta(days=1),
            "unconverted_lines": 1,
            "net_amount_reporting": Decimal(0),
        },
    )
    found = summaries.unconverted(warehouse).astype({"first_day": str, "last_day": str})
    assert found.to_dict("records") == [
        {"currency": "XPF", "why": "no exchange rate within 7 days", "lines": 2, "net_amount": 21.0,
         "first_day": "2024-03-01", "last_day": "2024-03-02"},
        {"currency": "JPY", "why": "too large for an amount", "lines": 1, "net_amount": 10.5,
         "first_day": "2024-03-01", "last_day": "2024-03-01"},
    ]  # fmt: skip
    facts = report.at_a_glance(summaries.headline(warehouse), "USD").facts
    assert facts["Net sales"] == "2 USD" and facts["Lines"] == "4"
    assert facts["Lines without an amount"] == "3, which are in no sum here"
    fill(warehouse, "marts.product_performance", {"product_id": "p"}, {"product_id": "q"})
    assert summaries.best_sellers(warehouse).set_index("product_id")["lines_without_amount"].to_dict() == {
        "p": 2,
        "q": 1,
    }


def test_products_of_one_name_are_told_apart(warehouse: Warehouse) -> None:
    same = {"description": "Milk", "department": "DAIRY", "brand": "Own"}
    fill(
        warehouse,
        "marts.product_performance",
        *(
            {**same, "product_id": key, "net_amount_reporting": Decimal(key), "is_new": True}
            for key in ("1", "2")
        ),
    )
    since = dt.datetime(2020, 1, 1)
    for place, (key, size, valid_from) in enumerate(
        (("1", "1 l", since), ("2", "old", since), ("2", "2 l", since + dt.timedelta(days=9)))
    ):
        row = {"product_key": place, "product_id": key, "package_size": size, "valid_from": valid_from}
        fill(warehouse, "core.dim_product", row)
    best = summaries.best_sellers(warehouse)
    assert best[["product_id", "product", "brand", "package"]].to_numpy().tolist() == [
        ["2", "Milk", "Own", "2 l"], ["1", "Milk", "Own", "1 l"],
    ]  # fmt: skip
    assert len(summaries.best_sellers(warehouse, limit=1)) == 1
    from workbench.etl.products import new_products

    assert new_products(warehouse)[["product_id", "package"]].to_numpy().tolist() == [
        ["1", "1 l"],
        ["2", "2 l"],
    ]


def test_months_that_are_not_whole_are_marked_and_empty_ones_are_zero(warehouse: Warehouse) -> None:
    sell(warehouse, "2024-01-01", "2024-01-31")
    sell(warehouse, "2024-03-01", "2024-03-15")
    fill(warehouse, "staging.month_totals", {"month_start": dt.date(2024, 1, 1), "receipts": 2})
    found = summaries.months(warehouse, today=AWAY)
    assert found.to_dict("list") == {
        "month": ["2024-03", "2024-02", "2024-01"], "receipts": [0, 0, 2], "net_sales": [150.0, 0.0, 310.0],
        "whole_month": [False, True, True],
    }  # fmt: skip
    assert summaries.months(warehouse, limit=1, today=AWAY)["month"].tolist() == ["2024-03"]
    assert report.unfinished(warehouse, today=dt.date(2024, 3, 15)).text.startswith(
        "2024-03-15 isn't a whole day"
    )
    assert report.unfinished(warehouse, today=AWAY).text == "Every day of the data is whole."


def test_reasons_of_quarantine_are_words(warehouse: Warehouse) -> None:
    fill(warehouse, "ops.quarantine", {"dataset": "transactions", "reasons": ["quantity:not_a_number"]})
    assert report.quarantined(warehouse).to_dict("records") == [
        {"dataset": "transactions", "column": "quantity", "what_is_wrong": "not a number", "rows": 1}
    ]
