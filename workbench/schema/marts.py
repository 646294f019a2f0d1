"""What people read. Amounts named ``*_reporting`` are in the reporting currency."""

from __future__ import annotations

from dataclasses import replace

from workbench.schema.model import (
    Column,
    Table,
    bigint,
    boolean,
    date,
    decimal,
    double,
    integer,
    text,
    timestamp,
    total,
)


def _sales(period: str, comment: str) -> tuple[Column, ...]:
    return (
        date(period, comment, nullable=False),
        text("department", "department; 'Unassigned' where a product has none", nullable=False),
        bigint("transactions", "receipts", nullable=False),
        bigint("lines", "receipt lines", nullable=False),
        bigint("return_lines", "lines with a negative quantity", nullable=False),
        bigint("customers", "known customers", nullable=False),
        total("quantity", "units, returns taken off", nullable=False),
        total("net_amount_reporting", "net sales in the reporting currency", nullable=False),
        bigint("unconverted_lines", "lines left out of the amount: no rate, or too large", nullable=False),
        bigint(
            "cancelled_lines",
            "lines that were cancelled: of no units and no amount, and no receipt if all of its are",
        ),
    )


_RETAIL_SALES = """
SELECT
    facts.transaction_id,
    facts.line_number,
    facts.transaction_timestamp,
    facts.sale_date AS transaction_date,
    facts.customer_id,
    customer.person_id,
    segments.segment,
    facts.product_id,
    product.description,
    product.brand,
    product.department,
    product.category,
    product.subcategory,
    facts.store_id,
    store.name AS store_name,
    store.country,
    facts.channel,
    facts.quantity,
    facts.unit_price,
    facts.currency,
    facts.gross_amount,
    facts.discount_amount,
    facts.net_amount,
    facts.net_amount_reporting,
    facts.exchange_rate,
    facts.rate_date,
    facts.conversion_status
FROM core.fact_transactions AS facts
LEFT JOIN core.dim_customer AS customer ON customer.customer_key = facts.customer_key
LEFT JOIN core.dim_product AS product ON product.product_key = facts.product_key
LEFT JOIN core.dim_store AS store ON store.store_key = facts.store_key
LEFT JOIN marts.customer_segments AS segments ON segments.person_id = customer.person_id
"""

_SALES_FISCAL = """
SELECT
    days.fiscal_year,
    days.fiscal_quarter,
    days.fiscal_period,
    days.fiscal_week,
    days.first_day,
    sales.department,
    CAST(sum(sales.transactions) AS BIGINT) AS transactions,
    CAST(sum(sales.lines) AS BIGINT) AS lines,
    CAST(sum(sales.return_lines) AS BIGINT) AS return_lines,
    sum(sales.quantity) AS quantity,
    sum(sales.net_amount_reporting) AS net_amount_reporting,
    CAST(sum(sales.unconverted_lines) AS BIGINT) AS unconverted_lines,
    CAST(sum(sales.cancelled_lines) AS BIGINT) AS cancelled_lines
FROM marts.sales_daily AS sales
INNER JOIN (
    SELECT
        calendar_date, fiscal_year, fiscal_quarter, fiscal_period, fiscal_week,
        min(calendar_date) OVER (PARTITION BY fiscal_year, fiscal_period, fiscal_week) AS first_day
    FROM core.dim_date
) AS days ON days.calendar_date = sales.sales_date
GROUP BY
    days.fiscal_year, days.fiscal_quarter, days.fiscal_period, days.fiscal_week, days.first_day, sales.department
"""

MARTS = (
    Table(
        "marts", "retail_sales", "one row a transaction line, with everything to filter by",
        (
            text("transaction_id", "the receipt or order", size=64, nullable=False),
            bigint("line_number", "line of the receipt", nullable=False),
            timestamp("transaction_timestamp", "when it was sold, UTC", nullable=False),
            date("transaction_date", "business day of the store on which it was sold", nullable=False),
            text("customer_id", "who bought", size=64),
            text("person_id", "the person behind the customer id", size=64),
            text("segment", "RFM segment of the person", size=32),
            text("product_id", "what was sold", size=64, nullable=False),
            text("description", "name of the product then", size=512),
            text("brand", "brand then"),
            text("department", "department then"),
            text("category", "category then"),
            text("subcategory", "subcategory then"),
            text("store_id", "where it was sold", size=64, nullable=False),
            text("store_name", "name of the store then"),
            text("country", "country of the store then", size=64),
            text("channel", "store, online, ...", size=32),
            decimal("quantity", "units; negative for a return, 0 for a cancelled line", nullable=False),
            decimal("unit_price", "price of one unit", scale=6, nullable=False),
            text("currency", "ISO 4217 code of the amounts", size=3, nullable=False),
            decimal("gross_amount", "quantity * unit_price", nullable=False),
            decimal("discount_amount", "taken off the line", nullable=False),
            decimal("net_amount", "gross less discount", nullable=False),
            decimal("net_amount_reporting", "net amount in the reporting currency"),
            decimal("exchange_rate", "rate of the conversion", scale=8),
            date("rate_date", "day of that rate"),
            text("conversion_status", "same_currency, converted, no_rate or too_large", size=16, nullable=False),
        ),
        key=("transaction_id", "line_number"), view=_RETAIL_SALES, rows_of="core.fact_transactions",
        why="a view: each of its columns is in the fact or a dimension, so that nothing is stored twice or can be behind",
    ),
    Table(
        "marts", "sales_daily", "sales by day and department", _sales("sales_date", "business day of the stores"),
        key=("sales_date", "department"), dist="all", sort=("sales_date",),
        why="a few rows a day, joined to anything: a copy on each node; cut by day",
    ),
    Table(
        "marts", "sales_weekly", "sales by ISO week and department", _sales("week_start", "Monday of the week"),
        key=("week_start", "department"), dist="all", sort=("week_start",),
        why="a few rows a week: a copy on each node; cut by week",
    ),
    Table(
        "marts", "sales_monthly", "sales by month and department", _sales("month_start", "first of the month"),
        key=("month_start", "department"), dist="all", sort=("month_start",),
        why="a few rows a month: a copy on each node; cut by month",
    ),
    Table(
        "marts", "sales_quarterly", "sales by quarter and department", _sales("quarter_start", "first of the quarter"),
        key=("quarter_start", "department"), dist="all", sort=("quarter_start",),
        why="a few rows a quarter: a copy on each node; cut by quarter",
    ),
    Table(
        "marts", "sales_fiscal", "sales by week of the fiscal calendar and department; sum them up to periods, quarters and years",
        (
            integer("fiscal_year", "year of the declared fiscal calendar; the calendar year where none is declared"),
            integer("fiscal_quarter", "quarter of the fiscal year, 1 to 4"),
            integer("fiscal_period", "period of the fiscal year, 1 to 12: a month, or four or five weeks"),
            integer("fiscal_week", "week of the fiscal year, 1 to 53; one that lies in two months has a row for each"),
            date("first_day", "its first day in the period", nullable=False),
            *(
                replace(column, comment="receipts of each day; one with lines of two days counts on both")
                if column.name == "transactions"
                else column
                for column in _sales("sales_date", "")
                if column.name not in ("sales_date", "customers")
            ),
        ),
        key=("first_day", "department"), view=_SALES_FISCAL,
        why="a view over a few rows a day and department: it is of another calendar as soon as the days are, and adds up",
    ),
    Table(
        "marts", "customer_segments", "RFM segment of each person who bought, as of the newest sale",
        (
            text("person_id", "the person", size=64, nullable=False),
            date("as_of", "day the measures are taken", nullable=False),
            integer("customer_ids", "customer ids of the person that bought", nullable=False),
            date("last_purchase", "day of the last purchase", nullable=False),
            integer("recency_days", "days since then", nullable=False),
            bigint("frequency", "receipts", nullable=False),
            total("monetary_reporting", "net sales in the reporting currency", nullable=False),
            integer("recency_score", "1 long ago to 5 lately", nullable=False),
            integer("frequency_score", "1 seldom to 5 often", nullable=False),
            integer("monetary_score", "1 little to 5 much", nullable=False),
            text("segment", "name of the segment", size=32, nullable=False),
        ),
        key=("person_id",), dist="all", sort=("segment",),
        why="joined to sales by person wherever those lie: a copy on each node; cut by segment",
    ),
    Table(
        "marts", "customer_segment_history", "which RFM segment each person was in, and from when to when, as it was told then",
        (
            text("person_id", "the person", size=64, nullable=False),
            date("valid_from", "day of the newest sale when the person came into the segment", nullable=False),
            date("valid_to", "the same when the person left it, exclusive; 9999-12-31 while in it", nullable=False),
            text("segment", "name of the segment", size=32, nullable=False),
            text("segment_before", "the segment before; empty for the first, and after a time in none", size=32),
            integer("recency_score", "1 long ago to 5 lately, on coming into it", nullable=False),
            integer("frequency_score", "1 seldom to 5 often", nullable=False),
            integer("monetary_score", "1 little to 5 much", nullable=False),
        ),
        key=("person_id", "valid_from"), dist="person_id", sort=("valid_from",),
        why="read by time for moves; the open row of each person is compared with the segments by person",
    ),
    Table(
        "marts", "product_performance", "sales of each product over all time",
        (
            text("product_id", "the product", size=64, nullable=False),
            text("description", "current name", size=512),
            text("department", "current department"),
            text("category", "current category"),
            text("subcategory", "current subcategory"),
            text("brand", "current brand"),
            bigint("lines", "receipt lines", nullable=False),
            bigint("return_lines", "lines with a negative quantity", nullable=False),
            bigint("customers", "known customers", nullable=False),
            total("quantity", "units, returns taken off", nullable=False),
            total("net_amount_reporting", "net sales in the reporting currency", nullable=False),
            date("first_sold", "day of the first sale", nullable=False),
            date("last_sold", "day of the last sale", nullable=False),
            boolean("is_new", "first sold within 28 days before the newest sale, if the oldest is older; a return is none", nullable=False),
            boolean("is_unlisted", "sold but in no product feed", nullable=False),
            bigint("rank_in_department", "1 for the best seller by amount", nullable=False),
        ),
        key=("product_id",), dist="all", sort=("department", "rank_in_department"),
        why="a row a product, joined to sales wherever those lie: a copy on each node; best sellers of a department are read in order",
    ),
    Table(
        "marts", "sales_anomalies", "days on which sales left their expected range",
        (
            date("sales_date", "day", nullable=False),
            text("department", "department; at another level what it is of that, as store 367 or category ROSES", nullable=False),
            text("measure", "column of sales_daily that was watched", size=64, nullable=False),
            double("actual", "what was sold", nullable=False),
            double("expected", "what the model expected", nullable=False),
            double("lower", "low end of the expected range", nullable=False),
            double("upper", "high end of the expected range", nullable=False),
            double("score", "distance from the expectation in half-widths of the range", nullable=False),
            text("direction", "above or below", size=8, nullable=False),
            text("severity", "warning or critical", size=16, nullable=False),
            double("money_at_stake", "how far what was sold is from what was expected, reporting currency"),
            double("strangeness", "robust spreads from usual by what all departments did that day; 3 and more is strange"),
            integer("severity_points", "0 to 100: how sure, and how much money is at stake"),
            date("incident_from", "first of the days in a row that are one incident of the department"),
            text("known_day", "what the day is known for, such as Christmas Day", size=64),
            text("model_name", "registered model", size=128, nullable=False),
            text("model_version", "its version", size=16, nullable=False),
            text("run_id", "run that found it", size=64),
            double("threshold", "score from which it is critical"),
            double("least_stake", "money at stake below which it isn't critical, reporting currency"),
            double("least_strangeness", "strangeness below which it isn't critical"),
            text("level", "department, total, store or category", size=16),
        ),
        key=("sales_date", "department", "measure"), dist="all", sort=("sales_date",),
        why="a few rows: a copy on each node; the newest days are asked for",
    ),
    Table(
        "marts", "fraud_scores", "how suspicious each scored transaction is",
        (
            text("transaction_id", "the receipt", size=64, nullable=False),
            timestamp("transaction_timestamp", "when it was sold, UTC", nullable=False),
            double("score", "how likely it is fraud, 0 to 1", nullable=False),
            text("model_name", "registered model", size=128, nullable=False),
            text("model_version", "its version", size=16, nullable=False),
            text("run_id", "run that scored it", size=64),
            text("store_id", "where it was sold", size=64),
            double("amount", "net amount of the receipt in the reporting currency"),
            double("threshold", "score from which somebody was to look at it"),
            boolean("is_alert", "whether somebody was to look at it, within the budget of its day"),
            text("explanation", "what speaks for fraud, of those to look at", size=1024),
            timestamp("scored_at", "when it was scored, UTC"),
            double("shadow_score", "the challenger's score, which decides nothing; empty without one, and where it learned from the receipt"),
            text("shadow_version", "version of the challenger", size=16),
        ),
        key=("transaction_id",), dist="transaction_id", sort=("transaction_timestamp",),
        why="where the receipt's lines lie, for the join to them; queries cut by time",
    ),
    Table(
        "marts", "data_quality_daily", "the ledger by day of ingestion and dataset",
        (
            date("ingested_date", "day", nullable=False),
            text("dataset", "dataset", size=64, nullable=False),
            bigint("batches", "landed files", nullable=False),
            bigint("rejected_batches", "files refused whole", nullable=False),
            bigint("rows_landed", "rows in them", nullable=False),
            bigint("rows_accepted", "rows that went to raw", nullable=False),
            bigint("rows_quarantined", "rows in quarantine", nullable=False),
            bigint("rows_duplicate", "exact repeats", nullable=False),
            double("quarantined_share", "quarantined of landed, 0 to 1", nullable=False),
            bigint("rows_open", "of the rows in quarantine, those that nobody has replayed or closed"),
        ),
        key=("ingested_date", "dataset"), dist="all", sort=("ingested_date",),
        why="a few rows a day: a copy on each node; cut by day",
    ),
)  # fmt: skip
