"""Whether the warehouse and the one that was filled by hand hold the same, so that their times may be compared.

`python equal.py WAREHOUSE BY_HAND` says what differs, and ends with 1 then.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

_RAW = {
    "transactions": "transaction_id, line_number, transaction_timestamp, customer_id, product_id, store_id, quantity, "
    "unit_price, discount_amount, currency, channel",
    "customers": "customer_id, updated_at, first_name, last_name, email, phone, street, city, state, postal_code, country, "
    "is_deleted",
    "products": "product_id, updated_at, description, brand, department, category, subcategory, package_size, list_price",
    "stores": "store_id, updated_at, name, street, city, state, postal_code, country",
    "exchange_rates": "rate_date, currency, units_per_eur",
}
# By hand amounts are converted in floating point, which may round the last of four places otherwise.
_ROUNDED = {"net_amount_reporting", "monetary_reporting", "exchange_rate"}
_AFTER_ROUNDING = {
    "rank_in_department", "monetary_score", "segment"
}  # fmt: skip
_TABLES = (
    "core.dim_customer", "core.dim_product", "core.dim_store", "core.dim_date", "core.dim_time", "core.product_hierarchy",
    "core.fact_transactions", "marts.sales_daily", "marts.sales_weekly", "marts.sales_monthly", "marts.product_performance",
    "marts.customer_segments",
)  # fmt: skip


def differences(warehouse: Path, by_hand: Path) -> list[str]:
    """Return what differs, a sentence each: rows, and sums of what floating point may round otherwise.

    Compared are the columns that there are by hand.
    """
    found: list[str] = []
    with duckdb.connect(config={"memory_limit": "3GB"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, path in (("ours", warehouse), ("hand", by_hand)):
            connection.execute(f"ATTACH '{path}' AS {name} (READ_ONLY)")
        for name, columns in _RAW.items():
            found += _compared(connection, f"raw.{name}", columns.split(", "))
        for name in _TABLES:
            schema, table = name.split(".")
            columns = [
                row[0]
                for row in connection.execute(
                    "SELECT column_name FROM duckdb_columns() WHERE database_name = 'hand' AND schema_name = ? "
                    "AND table_name = ? ORDER BY column_index",
                    [schema, table],
                ).fetchall()
            ]
            found += _compared(connection, name, columns)
    return found


def _compared(connection: duckdb.DuckDBPyConnection, name: str, columns: list[str]) -> list[str]:
    rounded = [each for each in columns if each in _ROUNDED]
    exact = [each for each in columns if each not in _ROUNDED | _AFTER_ROUNDING]
    sums = "".join(f", sum({each})::DOUBLE" for each in rounded)
    # A sum of hashes is the same for the same rows, in whatever order, repeats counted.
    texts = ", ".join(f"{each}::VARCHAR" for each in exact)
    figures = f"SELECT count(*), sum(hash({texts})::HUGEINT){sums} FROM"
    ours = connection.execute(f"{figures} ours.{name}").fetchone() or ()
    hand = connection.execute(f"{figures} hand.{name}").fetchone() or ()
    if ours[:2] != hand[:2]:
        key = ", ".join(exact)
        few = connection.execute(
            f"(SELECT {key} FROM ours.{name} EXCEPT ALL SELECT {key} FROM hand.{name}) LIMIT 1"
        ).fetchall()
        return [f"{name}: {ours[0]} rows, by hand {hand[0]}; only ours: {few}"]
    return [
        f"{name}: sum of {column} is {left}, by hand {right}"
        for column, left, right in zip(rounded, ours[2:], hand[2:], strict=True)
        if abs((left or 0) - (right or 0)) > 1e-6 * max(1.0, abs(right or 0))
    ]


if __name__ == "__main__":
    sys.exit("\n".join(differences(*map(Path, sys.argv[1:3]))) or 0)
