"""What notebooks show of the tables: the same figures on either engine."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa

from workbench.charts import sales as charts
from workbench.etl import customers, products, quality, summaries, transactions
from workbench.governance.alerts.recorded import close, recent
from workbench.schema import Table, table
from workbench.warehouse import Warehouse

DAY = dt.date(2024, 3, 1)
MOMENT = dt.datetime(2024, 3, 1, 12)
_EMPTY: dict[str, Any] = {
    "text": "x", "integer": 1, "bigint": 1, "decimal": Decimal(1), "double": 1.0, "boolean": False, "date": DAY,
    "timestamp": MOMENT, "json": "{}", "codes": [],
}  # fmt: skip
# Empty in no row, though a column that came later may be.
_ALWAYS = {"sale_date"}
_ARROW = {
    "text": pa.string(), "integer": pa.int32(), "bigint": pa.int64(), "double": pa.float64(), "boolean": pa.bool_(),
    "date": pa.date32(), "timestamp": pa.timestamp("us"), "json": pa.string(), "codes": pa.list_(pa.string()),
}  # fmt: skip


def fill(warehouse: Warehouse, name: str, *rows: dict[str, Any]) -> None:
    """Append rows; a value that isn't given is empty, or any of its type where there must be one."""
    declared: Table = table(name)
    schema = pa.schema([
        (column.name, _ARROW.get(column.kind) or pa.decimal128(18, column.size[1])) for column in declared.columns
    ])  # fmt: skip
    usual = {
        column.name: _EMPTY[column.kind] if column.required or column.name in _ALWAYS else None
        for column in declared.columns
    }
    warehouse.append(name, pa.Table.from_pylist([usual | row for row in rows], schema=schema))


def test_reasons_are_counted_by_dataset_each_of_them(warehouse: Warehouse) -> None:
    fill(
        warehouse,
        "ops.quarantine",
        {"dataset": "b", "reasons": ["quantity:zero", "currency:unknown"]},
        {"dataset": "b", "reasons": ["quantity:zero"], "row_number": 2},
        {"dataset": "a", "reasons": ["quantity:zero"]},
    )
    found = quality.quarantine_reasons(warehouse)
    assert found.to_dict("list") == {
        "dataset": ["b", "a", "b"],
        "reason": ["quantity:zero", "quantity:zero", "currency:unknown"],
        "rows": [2, 1, 1],
    }


def test_the_ledger_is_summed_by_dataset(warehouse: Warehouse) -> None:
    entry = {"dataset": "stores", "rows_landed": 3, "rows_accepted": 2, "rows_quarantined": 1}
    more = {"transactions": 30, "products": 3, "no dataset of ours": 2}
    others = [
        {**entry, "batch_id": name, "dataset": name, "rows_landed": rows} for name, rows in more.items()
    ]
    fill(warehouse, "ops.batches", entry, *others)
    fill(warehouse, "raw.stores", {"store_id": "s1"}, {"store_id": "s2"})
    found = quality.ledger(warehouse).sort_values(["landed", "dataset"], ascending=[False, True])
    assert found["dataset"].tolist() == ["transactions", "products", "stores", "no dataset of ours"]
    assert found["landed"].tolist() == [30, 3, 3, 2]
    # One lost rows as it was read, and of one there are none in raw.
    assert found["balanced"].tolist() == [False, False, True, False]
    assert found["landed"].dtype == "int64"


def test_conversion_is_summed_and_a_missing_rate_is_an_alert_once(warehouse: Warehouse) -> None:
    fact = {"currency": "SEK", "conversion_status": "no_rate", "net_amount": Decimal("1.5")}
    fill(
        warehouse,
        "core.fact_transactions",
        fact,
        {**fact, "transaction_id": "y", "transaction_timestamp": MOMENT + dt.timedelta(days=2)},
        {"currency": "USD", "conversion_status": "same_currency", "exchange_rate": Decimal(1)},
    )
    found = transactions.conversion(warehouse)
    assert found["currency"].tolist() == ["SEK", "USD"]
    assert found["net_amount"].tolist() == [3.0, 1.0]
    assert pd.isna(found["lowest_rate"][0])
    assert transactions.alert_missing_rates(warehouse) == 2
    assert transactions.alert_missing_rates(warehouse) == 2
    (alert,) = warehouse.query("SELECT subject, message, is_open FROM ops.alerts").to_pylist()
    assert (alert["subject"], alert["is_open"]) == ("SEK", True)
    assert alert["message"].startswith("2 lines in SEK from 2024-03-01 to 2024-03-03 have no exchange rate")
    # Further lines are no news.
    more = {**fact, "transaction_id": "z", "transaction_timestamp": MOMENT + dt.timedelta(days=9)}
    fill(warehouse, "core.fact_transactions", more)
    assert transactions.alert_missing_rates(warehouse) == 3
    assert [row["is_open"] for row in warehouse.rows("SELECT is_open FROM ops.alerts")] == [True]


def test_an_alert_of_a_missing_rate_ends_with_it(warehouse: Warehouse) -> None:
    def told() -> list[bool]:
        transactions.alert_missing_rates(warehouse)
        return [row["is_open"] for row in warehouse.rows("SELECT is_open FROM ops.alerts ORDER BY raised_at")]

    fact = {"currency": "SEK", "conversion_status": "no_rate"}
    fill(warehouse, "core.fact_transactions", fact)
    assert told() == [True]
    warehouse.execute("UPDATE core.fact_transactions SET conversion_status = 'converted'")
    assert told() == [False]
    # The rates were wrong, and are withdrawn: that is news. What a person has seen to isn't.
    warehouse.execute("UPDATE core.fact_transactions SET conversion_status = 'no_rate'")
    assert told() == [False, True]
    (alert,) = recent(warehouse, 9, only_open=True)
    assert alert.message.startswith(
        "1 line in SEK from 2024-03-01 to 2024-03-01 has no exchange rate within 7 days, and is"
    )
    close(warehouse, alert, "ann", "there is no such rate")
    assert told() == [False, False]
    warehouse.execute("UPDATE core.fact_transactions SET conversion_status = 'converted'")
    later = {**fact, "transaction_id": "y", "transaction_timestamp": MOMENT + dt.timedelta(days=40)}
    fill(warehouse, "core.fact_transactions", later)
    assert told() == [False, False, True]


def test_the_report_has_its_figures(warehouse: Warehouse) -> None:
    assert summaries.headline(warehouse)["lines"] == 0
    day = {
        "sales_date": MOMENT.date(), "lines": 1, "net_amount_reporting": Decimal(0), "return_lines": 0,
        "unconverted_lines": 0,
    }  # fmt: skip
    fill(
        warehouse,
        "marts.sales_daily",
        {**day, "net_amount_reporting": Decimal("2.6")},
        {**day, "sales_date": (MOMENT + dt.timedelta(days=1)).date(), "return_lines": 1},
    )
    fill(warehouse, "staging.month_totals", {"receipts": 2})
    fill(warehouse, "staging.customer_totals", {"person_id": "p"})
    assert summaries.headline(warehouse) == {
        "first_day": "2024-03-01", "last_day": "2024-03-02", "net_sales": Decimal("2.60"), "receipts": 2,
        "lines": 2, "people": 1, "return_lines": 1, "unconverted_lines": 0,
    }  # fmt: skip


def test_segments_have_their_shares_and_medians(warehouse: Warehouse) -> None:
    assert summaries.segment_table(warehouse).empty
    fill(
        warehouse,
        "marts.customer_segments",
        {
            "person_id": "a",
            "segment": "best",
            "monetary_reporting": Decimal(60),
            "recency_days": 1,
            "frequency": 9,
        },
        {
            "person_id": "b",
            "segment": "best",
            "monetary_reporting": Decimal(20),
            "recency_days": 3,
            "frequency": 5,
        },
        {
            "person_id": "c",
            "segment": "lost",
            "monetary_reporting": Decimal(20),
            "recency_days": 99,
            "frequency": 1,
        },
    )
    # Who bought for the other 25 nobody knows.
    sold = {"net_amount_reporting": Decimal(60)}
    fill(warehouse, "marts.sales_daily", {**sold, "sales_date": DAY}, {"net_amount_reporting": Decimal(65)})
    assert summaries.segment_table(warehouse).to_dict("list") == {
        "segment": ["best", "lost"], "people": [2, 1], "net_sales": [80, 20], "share": [0.64, 0.16],
        "days_since_purchase": [2, 99], "receipts": [7, 1],
    }  # fmt: skip


def test_charts_are_drawn(warehouse: Warehouse) -> None:
    fill(warehouse, "marts.sales_daily", {"sales_date": DAY}, {"sales_date": DAY + dt.timedelta(days=7)})
    fill(warehouse, "marts.sales_monthly", {"department": "A"}, {"department": "B", "month_start": DAY})
    fill(warehouse, "marts.customer_segments", {"segment": "best"})
    assert len(charts.sales_over_time(summaries.sales_by_day(warehouse), "EUR").axes[0].patches) == 8
    assert (
        len(charts.top_departments(summaries.sales_by_department(warehouse), "EUR", limit=1).axes[0].patches)
        == 1
    )
    assert len(charts.customer_segments(summaries.people_by_segment(warehouse)).axes[0].patches) == 1


def test_contact_details_are_shown_before_and_after(warehouse: Warehouse) -> None:
    fill(warehouse, "raw.customers", {"customer_id": "c", "email": "ANN@EXAMPLE.COM", "city": "Gent"})
    customers.standardize_customers(warehouse)
    found = customers.before_and_after(warehouse, limit=5)
    assert found[found["detail"] == "email"][["landed", "standard"]].to_numpy().tolist() == [
        ["ANN@EXAMPLE.COM", "ann@example.com"]
    ]
    assert len(customers.before_and_after(warehouse, limit=1)) == 1


def test_new_products_and_assigned_categories_are_listed(warehouse: Warehouse) -> None:
    fill(warehouse, "raw.products", {"product_id": "p", "description": "Cup"})
    fill(warehouse, "marts.product_performance", {"product_id": "p", "description": "Cup", "is_new": True})
    fill(
        warehouse,
        "staging.product_category",
        {
            "product_id": "p",
            "category_source": "predicted",
            "category": "Cups",
            "category_confidence": 0.87654,
        },
    )
    assert products.new_products(warehouse)["description"].tolist() == ["Cup"]
    assert products.assigned_categories(warehouse)["confidence"].tolist() == [0.877]
