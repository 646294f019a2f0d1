"""What the retail report tells in figures and tables, over the marts."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd

from workbench.etl.products import NEWEST_PACKAGE
from workbench.etl.quality import quarantine_reasons
from workbench.numbers import count, money
from workbench.periods import by_period
from workbench.table import Facts, Note
from workbench.warehouse import Warehouse

_UNCONVERTED = "conversion_status IN ('no_rate', 'too_large')"


def read_daily(warehouse: Warehouse) -> pd.DataFrame:
    """Read net sales (reporting currency) and lines of each day that has any: ``day, amount, rows``."""
    return warehouse.frame(
        "SELECT sales_date AS day, CAST(sum(net_amount_reporting) AS DOUBLE PRECISION) AS amount, "
        "CAST(sum(lines) AS BIGINT) AS rows FROM marts.sales_daily GROUP BY 1 ORDER BY 1"
    )


def headline(warehouse: Warehouse) -> dict[str, Any]:
    """The figures a manager asks for first: period, net sales, receipts, lines, people and returns."""
    row = warehouse.query(
        f"""
        SELECT CAST(min(transaction_date) AS VARCHAR(10)) AS first_day,
               CAST(max(transaction_date) AS VARCHAR(10)) AS last_day,
               CAST(round(coalesce(sum(net_amount_reporting), 0), 2) AS DECIMAL(38, 2)) AS net_sales,
               count(DISTINCT transaction_id) AS receipts,
               count(*) AS lines, count(DISTINCT person_id) AS people,
               CAST(coalesce(sum(CASE WHEN quantity < 0 THEN 1 ELSE 0 END), 0) AS BIGINT) AS return_lines,
               CAST(coalesce(sum(CASE WHEN {_UNCONVERTED} THEN 1 ELSE 0 END), 0) AS BIGINT) AS unconverted_lines
        FROM marts.retail_sales
        """
    ).to_pylist()[0]
    return dict(row)


def at_a_glance(figures: dict[str, Any], currency: str) -> Facts:
    """Show the figures of :func:`headline` in words."""
    if not figures["lines"]:
        return Facts({"Sales": "none yet"})
    facts = {
        "Days": f"{figures['first_day']} to {figures['last_day']}",
        "Net sales": money(figures["net_sales"], currency),
        "Receipts": count(figures["receipts"]),
        "Lines": count(figures["lines"]),
        "of them returns": count(figures["return_lines"]),
        "Known people": count(figures["people"]),
    }
    if figures["unconverted_lines"]:
        facts["Lines without an amount"] = f"{count(figures['unconverted_lines'])}, which are in no sum here"
    return Facts(facts)


def unconverted(warehouse: Warehouse) -> pd.DataFrame:
    """Return the lines that are in no amount, by their currency and why: kept, but not in the reporting currency."""
    found = warehouse.frame(
        f"""
        SELECT currency, conversion_status AS why, count(*) AS lines,
               CAST(sum(net_amount) AS DOUBLE PRECISION) AS net_amount,
               min(transaction_date) AS first_day, max(transaction_date) AS last_day
        FROM marts.retail_sales WHERE {_UNCONVERTED}
        GROUP BY currency, conversion_status ORDER BY lines DESC, currency, conversion_status
        """
    )
    words = {"no_rate": "no exchange rate within 7 days", "too_large": "too large for an amount"}
    return found.assign(why=found["why"].map(words))


def unfinished(warehouse: Warehouse, today: dt.date | None = None) -> Note:
    """Tell which days at the ends of the data aren't whole, so that nobody reads a fall from them."""
    periods = by_period(read_daily(warehouse), today=today)
    days = ", ".join(map(str, periods.filling))
    if not days:
        return Note("Every day of the data is whole." if len(periods.table) else "No sales yet.")
    what = "isn't a whole day" if len(periods.filling) == 1 else "aren't whole days"
    return Note(
        f"{days} {what}: it may still be filling up. Periods that aren't whole are in no mean and no trend."
    )


def months(warehouse: Warehouse, limit: int = 12, today: dt.date | None = None) -> pd.DataFrame:
    """Return the newest months: receipts, net sales, and whether the month is whole; one without sales is zero."""
    table = by_period(read_daily(warehouse), "month", today).table
    table = table.sort_values("start", ascending=False).head(limit)
    receipts = warehouse.frame(
        "SELECT CAST(date_trunc('month', transaction_date) AS DATE) AS start, "
        "count(DISTINCT transaction_id) AS receipts FROM marts.retail_sales GROUP BY 1"
    )
    known = dict(zip(pd.to_datetime(receipts["start"]).dt.date, receipts["receipts"], strict=True))
    return pd.DataFrame(
        {
            "month": [f"{start:%Y-%m}" for start in table["start"]],
            "receipts": [int(known.get(start, 0)) for start in table["start"]],
            "net_sales": table["amount"].to_list(),
            "whole_month": table["is_whole"].to_list(),
        }
    )


def best_sellers(warehouse: Warehouse, limit: int = 12) -> pd.DataFrame:
    """Return the products that sold most, with what tells those of one name apart.

    Columns: ``product_id, product, brand, package, department, lines, net_sales, lines_without_amount``.
    """
    return warehouse.frame(
        f"""
        WITH newest AS ({NEWEST_PACKAGE}),
        left_out AS (
            SELECT product_id, count(*) AS lines FROM marts.retail_sales WHERE {_UNCONVERTED} GROUP BY product_id
        )
        SELECT sold.product_id, coalesce(sold.description, '(no name)') AS product, sold.brand,
               newest.package_size AS package, sold.department, sold.lines,
               CAST(sold.net_amount_reporting AS DOUBLE PRECISION) AS net_sales,
               coalesce(left_out.lines, 0) AS lines_without_amount
        FROM marts.product_performance AS sold
        LEFT JOIN newest ON newest.product_id = sold.product_id AND newest.age = 1
        LEFT JOIN left_out ON left_out.product_id = sold.product_id
        ORDER BY sold.net_amount_reporting DESC, sold.product_id LIMIT {int(limit)}
        """
    )


def segment_table(warehouse: Warehouse) -> pd.DataFrame:
    """One row a segment: people, net sales, their share (0 to 1), median recency (days) and frequency (receipts)."""
    people = warehouse.frame(
        "SELECT segment, monetary_reporting, recency_days, frequency FROM marts.customer_segments"
    )
    # Medians are taken here: Redshift takes only one in a statement.
    segments = people.groupby("segment").agg(
        people=("segment", "size"),
        net_sales=("monetary_reporting", "sum"),
        days_since_purchase=("recency_days", "median"),
        receipts=("frequency", "median"),
    )
    segments["net_sales"] = segments["net_sales"].astype(float)
    table = segments.assign(
        days_since_purchase=segments["days_since_purchase"].round().astype("int64"),
        receipts=segments["receipts"].round().astype("int64"),
    )
    table.insert(2, "share", segments["net_sales"] / (segments["net_sales"].sum() or float("nan")))
    return table.sort_values("net_sales", ascending=False).reset_index()


def unusual_days(warehouse: Warehouse, limit: int = 12) -> pd.DataFrame:
    """Return the days that left their expected range the most, as of the latest detection."""
    return warehouse.frame(
        f"""
        SELECT sales_date AS day, department, actual AS net_sales, lower AS lowest_expected,
               upper AS highest_expected, severity
        FROM marts.sales_anomalies ORDER BY score DESC, sales_date, department LIMIT {int(limit)}
        """
    )


def quarantined(warehouse: Warehouse) -> pd.DataFrame:
    """Count quarantined rows by dataset, column and what is wrong with it, in words."""
    found = quarantine_reasons(warehouse)
    parts = [str(reason).partition(":") for reason in found["reason"]]
    return pd.DataFrame(
        {
            "dataset": found["dataset"],
            "column": [column for column, _, _ in parts],
            "what_is_wrong": [what.replace("_", " ") for _, _, what in parts],
            "rows": found["rows"],
        }
    )
