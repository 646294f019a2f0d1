"""The tables that people read."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tests.transform.conftest import Built
from workbench.etl import returns, summaries
from workbench.schema import TABLES

UNCONVERTED = 4


def test_every_line_is_in_retail_sales_once(built: Built) -> None:
    assert built.row(
        "SELECT count(*), count(DISTINCT (transaction_id, line_number)) FROM marts.retail_sales"
    ) == (23, 23)
    assert built.row(
        "SELECT transaction_date, customer_id, person_id, description, department, store_name, country, "
        "net_amount_reporting FROM marts.retail_sales WHERE transaction_id = 'second'"
    ) == (date(2017, 4, 30), "ann", "ann", "Tea", "Drinks", "Main", "US", Decimal("28.5"))
    assert built.row(
        "SELECT customer_id, person_id, segment, description, store_name FROM marts.retail_sales "
        "WHERE transaction_id = 'unknown'"
    )[:2] == ("zoe", "zoe")


def test_sales_by_day_week_and_month_hold_the_same_whole(built: Built) -> None:
    whole = built.row("SELECT count(*), sum(quantity), sum(net_amount_reporting) FROM marts.retail_sales")
    for period in ("daily", "weekly", "monthly", "quarterly"):
        assert (*whole, UNCONVERTED, 1) == built.row(
            "SELECT sum(lines)::BIGINT, sum(quantity), sum(net_amount_reporting), sum(unconverted_lines)::BIGINT, "
            f"sum(return_lines)::BIGINT FROM marts.sales_{period}"
        )


def test_the_figures_of_the_report_are_those_of_the_lines(built: Built) -> None:
    assert tuple(summaries.headline(built.warehouse).values()) == built.row(
        "SELECT min(sale_date)::VARCHAR, max(sale_date)::VARCHAR, round(sum(net_amount_reporting), 2)::DECIMAL(38, 2), "
        "count(DISTINCT transaction_id) FILTER (quantity <> 0), count(*), "
        "(SELECT count(DISTINCT person_id) FROM core.dim_customer WHERE customer_key IN "
        "(SELECT customer_key FROM core.fact_transactions)), count(*) FILTER (quantity < 0), "
        "count(*) FILTER (conversion_status IN ('no_rate', 'too_large')) FROM core.fact_transactions"
    )
    months = summaries.months(built.warehouse, limit=100).set_index("month")["receipts"]
    assert months[months > 0].sort_index().to_dict() == dict(
        built.rows(
            "SELECT strftime(sale_date, '%Y-%m') AS month, count(DISTINCT transaction_id) "
            "FROM core.fact_transactions WHERE quantity <> 0 GROUP BY 1 ORDER BY 1"
        )
    )
    (sold,) = built.row(
        "SELECT count(*) FROM core.fact_transactions JOIN marts.product_performance USING (product_id) "
        "WHERE fact_transactions.quantity > 0 AND (department, category) IN (SELECT (p.department, p.category) FROM core.return_lines "
        "JOIN marts.product_performance AS p USING (product_id) WHERE kind = 'return')"
    )
    assert returns.by_category(built.warehouse)["sold_lines"].sum() == sold > 0


def test_a_week_begins_on_monday_and_a_product_without_department_is_unassigned(built: Built) -> None:
    assert built.rows(
        "SELECT sales_date, department, transactions, lines, customers, quantity FROM marts.sales_daily "
        "WHERE sales_date = '2017-06-15' ORDER BY department"
    ) == [
        (date(2017, 6, 15), "Drinks", 5, 6, 2, Decimal("1") + 1 + 6 + 7 + 1 - 2),
        (date(2017, 6, 15), "Pantry", 1, 1, 0, Decimal(1)),
        (date(2017, 6, 15), "Unassigned", 1, 1, 1, Decimal(1)),
    ]
    assert built.row("SELECT min(week_start), max(week_start) FROM marts.sales_weekly") == (
        date(2016, 12, 26), date(2017, 11, 27),
    )  # fmt: skip
    assert built.row("SELECT min(month_start), max(month_start) FROM marts.sales_monthly") == (
        date(2016, 12, 1), date(2017, 12, 1),
    )  # fmt: skip


def test_segments_are_of_persons_as_of_the_newest_sale(built: Built) -> None:
    rows = built.rows(
        "SELECT person_id, as_of, customer_ids, last_purchase, recency_days, frequency, monetary_reporting, "
        "recency_score, frequency_score, monetary_score, segment FROM marts.customer_segments ORDER BY person_id"
    )
    newest = date(2017, 12, 1)
    june = date(2017, 6, 15)
    # Four persons, so scores go from 1 to 4. A return is no purchase but lowers the amount.
    assert rows == [
        ("ann", newest, 1, june, 169, 5, Decimal("168.5"), 1, 4, 4, "At risk"),
        ("cid", newest, 1, newest, 0, 2, Decimal(20), 4, 3, 3, "Loyal"),
        ("dee", newest, 1, june, 169, 1, Decimal(10), 2, 1, 1, "Hibernating"),
        ("zoe", newest, 1, june, 169, 1, Decimal(10), 3, 2, 2, "Potential"),
    ]


def test_products_are_ranked_within_their_current_department(built: Built) -> None:
    rows = built.rows(
        "SELECT product_id, description, department, lines, return_lines, customers, first_sold, last_sold, "
        "is_new, is_unlisted, rank_in_department FROM marts.product_performance ORDER BY product_id"
    )
    assert rows == [
        ("P1", "Tea", "Pantry", 21, 1, 3, date(2016, 12, 31), date(2017, 12, 1), False, False, 1),
        ("P2", "Mystery", "Pantry", 1, 0, 0, date(2017, 6, 15), date(2017, 6, 15), False, False, 2),
        ("P3", None, None, 1, 0, 1, date(2017, 6, 15), date(2017, 6, 15), False, True, 1),
    ]


def test_the_ledger_by_day(built: Built) -> None:
    assert built.rows("SELECT * FROM marts.data_quality_daily ORDER BY 1, 2") == [
        (date(2018, 1, 1), "transactions", 2, 1, 20, 8, 12, 1, 0.6, 0),
        (date(2018, 1, 2), "customers", 1, 0, 0, 0, 0, 0, 0.0, 0),
    ]


def test_an_empty_warehouse_has_empty_tables_and_a_whole_day(empty: Built) -> None:
    filled = {model.table: model.rows for model in empty.result.models if model.rows}
    assert filled == {"core.dim_time": 1440}
    assert {result.status for result in empty.result.results} == {"pass"}


def test_a_view_that_is_counted_elsewhere_has_as_many_rows(built: Built) -> None:
    views = [each for each in TABLES.values() if each.rows_of]
    assert len(views) == 2
    for each in views:
        (rows,) = built.row(f"SELECT count(*) FROM {each.full_name}")
        assert rows > 0 and built.warehouse.counts(each.full_name) == {each.full_name: rows}
