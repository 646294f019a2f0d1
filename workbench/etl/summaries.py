"""What the marts say of sales, products and people: the queries of the retail report, as frames."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd

from workbench.etl.products import NEWEST_PACKAGE
from workbench.times.periods import by_period
from workbench.warehouse import Warehouse

_COUNT = "CAST(coalesce(sum({0}), 0) AS BIGINT)"
# Days without such a line, which are most, aren't read.
_UNCONVERTED = """
    facts.conversion_status IN ('no_rate', 'too_large')
    AND facts.sale_date >= (SELECT min(sales_date) FROM marts.sales_daily WHERE unconverted_lines > 0)
    AND facts.sale_date <= (SELECT max(sales_date) FROM marts.sales_daily WHERE unconverted_lines > 0)
"""


def headline(warehouse: Warehouse) -> dict[str, Any]:
    """The figures a manager asks for first: period, net sales, receipts, lines, people and returns.

    A receipt that goes on into the next month counts in both.
    """
    row = warehouse.query(
        f"""
        SELECT CAST(min(sales_date) AS VARCHAR(10)) AS first_day,
               CAST(max(sales_date) AS VARCHAR(10)) AS last_day,
               CAST(round(coalesce(sum(net_amount_reporting), 0), 2) AS DECIMAL(38, 2)) AS net_sales,
               (SELECT {_COUNT.format("receipts")} FROM staging.month_totals) AS receipts,
               {_COUNT.format("lines")} AS lines,
               (SELECT count(*) FROM staging.customer_totals) AS people,
               {_COUNT.format("return_lines")} AS return_lines,
               {_COUNT.format("unconverted_lines")} AS unconverted_lines
        FROM marts.sales_daily
        """
    ).to_pylist()[0]
    return dict(row)


def sales_by_day(warehouse: Warehouse) -> pd.DataFrame:
    """Read net sales (reporting currency) and lines of each day that has any: ``day, amount, rows``."""
    return warehouse.frame(
        "SELECT sales_date AS day, CAST(sum(net_amount_reporting) AS DOUBLE PRECISION) AS amount, "
        "CAST(sum(lines) AS BIGINT) AS rows FROM marts.sales_daily GROUP BY 1 ORDER BY 1"
    )


def months(warehouse: Warehouse, limit: int = 12, today: dt.date | None = None) -> pd.DataFrame:
    """Return the newest months: receipts, net sales, and whether the month is whole; one without sales is zero."""
    table = by_period(sales_by_day(warehouse), "month", today).table
    table = table.sort_values("start", ascending=False).head(limit)
    receipts = warehouse.frame("SELECT month_start, receipts FROM staging.month_totals")
    known = dict(zip(pd.to_datetime(receipts["month_start"]).dt.date, receipts["receipts"], strict=True))
    return pd.DataFrame(
        {
            "month": [f"{start:%Y-%m}" for start in table["start"]],
            "receipts": [int(known.get(start, 0)) for start in table["start"]],
            "net_sales": table["amount"].to_list(),
            "whole_month": table["is_whole"].to_list(),
        }
    )


def sales_by_department(warehouse: Warehouse) -> pd.DataFrame:
    """Return net sales (reporting currency) of each department over all time, the largest first: ``department, amount``."""
    return warehouse.frame(
        "SELECT department, CAST(sum(net_amount_reporting) AS DOUBLE PRECISION) AS amount "
        "FROM marts.sales_monthly GROUP BY 1 ORDER BY 2 DESC, 1"
    )


def best_sellers(warehouse: Warehouse, limit: int = 12) -> pd.DataFrame:
    """Return the products that sold most, with what tells those of one name apart.

    Columns: ``product_id, product, brand, package, department, lines, net_sales, lines_without_amount``.
    """
    return warehouse.frame(
        f"""
        WITH newest AS ({NEWEST_PACKAGE}),
        left_out AS (
            SELECT product_id, count(*) AS lines
            FROM core.fact_transactions AS facts WHERE {_UNCONVERTED} GROUP BY product_id
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


def unconverted(warehouse: Warehouse) -> pd.DataFrame:
    """Return the lines that are in no amount, by their currency and why: kept, but not in the reporting currency."""
    found = warehouse.frame(
        f"""
        SELECT currency, conversion_status AS why, count(*) AS lines,
               CAST(sum(net_amount) AS DOUBLE PRECISION) AS net_amount,
               min(sale_date) AS first_day, max(sale_date) AS last_day
        FROM core.fact_transactions AS facts WHERE {_UNCONVERTED}
        GROUP BY currency, conversion_status ORDER BY lines DESC, currency, conversion_status
        """
    )
    words = {"no_rate": "no exchange rate within 7 days", "too_large": "too large for an amount"}
    return found.assign(why=found["why"].map(words))


def people_by_segment(warehouse: Warehouse) -> pd.DataFrame:
    """Return how many people each RFM segment holds, the largest first: ``segment, people``."""
    return warehouse.frame(
        "SELECT segment, count(*) AS people FROM marts.customer_segments GROUP BY 1 ORDER BY 2 DESC, 1"
    )


def segment_table(warehouse: Warehouse) -> pd.DataFrame:
    """One row a segment: people, net sales, share of all sales (0 to 1), median recency (days) and frequency (receipts).

    All sales are those of the headline, so the shares come to less than 1 by the sales of which nobody knows the buyer.
    """
    people = warehouse.frame(
        "SELECT segment, monetary_reporting, recency_days, frequency FROM marts.customer_segments"
    )
    (total,) = warehouse.rows(
        "SELECT CAST(sum(net_amount_reporting) AS DOUBLE PRECISION) AS net_sales FROM marts.sales_daily"
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
    table.insert(2, "share", segments["net_sales"] / (total["net_sales"] or float("nan")))
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
