"""Draw returns of sales that were generated, with the sale of each of them as truth beside."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

KINDS = ("reference", "price", "paid_price", "anonymous", "elsewhere")
"""How a return is written: with its receipt, at the sale's price, at what was paid, by nobody, or of no sale that is here."""


def write(
    connection: duckdb.DuckDBPyConnection,
    sales: Path,
    target: Path,
    truth: Path,
    *,
    seed: int,
    share: float,
    end: date,
) -> dict[str, int]:
    """Write returns of a ``share`` of the good lines in ``sales``, none after ``end``, and of which lines they are.

    Two in five name their receipt. Others are found by who brings them: at the price of the sale or, where a discount was
    given, at what was paid; or they can't be found, since nobody says who it is, or it was bought elsewhere.

    Returns:
        The number of returns by kind.
    """

    def draw(salt: int) -> str:
        return f"((hash(sale || '/' || number || '/{salt}/{seed}') >> 11) / 9007199254740992.0)"

    source, written, told = (str(path).replace("'", "''") for path in (sales, target, truth))
    connection.execute(
        f"""
        CREATE OR REPLACE TABLE returned AS
        WITH sold AS (
            SELECT DISTINCT transaction_id AS sale, line_number AS number, TRY_CAST(transaction_timestamp AS TIMESTAMP) AS sold_at,
                   customer_id, product_id, store_id, TRY_CAST(quantity AS DECIMAL(18, 4)) AS sold,
                   TRY_CAST(unit_price AS DECIMAL(18, 6)) AS price, coalesce(TRY_CAST(discount_amount AS DECIMAL(18, 4)), 0) AS discount,
                   currency, channel
            FROM read_csv('{source}', all_varchar = true, ignore_errors = true, header = true)
            WHERE starts_with(transaction_id, 'T') AND channel IN ('store', 'online') AND currency <> 'ZZZ'
        ),
        drawn AS (
            SELECT *, CASE WHEN sold = floor(sold) AND sold > 1 AND {draw(1)} < 0.4 THEN 1 ELSE sold END AS units,
                   sold_at + to_seconds(CAST(86400 * (0.5 + 45 * pow({draw(2)}, 2)) AS BIGINT)) AS back_at,
                   CASE WHEN {draw(3)} < 0.4 THEN 'reference'
                        WHEN customer_id IS NULL OR {draw(3)} >= 0.9 THEN 'anonymous'
                        WHEN {draw(3)} < 0.45 THEN 'elsewhere'
                        WHEN discount > 0 AND {draw(4)} < 0.5 THEN 'paid_price' ELSE 'price' END AS kind
            FROM sold WHERE sold > 0 AND price > 0 AND store_id IS NOT NULL AND {draw(5)} < {share}
        )
        SELECT *, row_number() OVER (ORDER BY back_at, sale, number) AS place
        FROM drawn WHERE back_at < DATE '{end}' + 1
        """
    )
    columns = f"""
        SELECT printf('R%010d', place) AS transaction_id, 1 AS line_number, CAST(back_at AS VARCHAR) AS transaction_timestamp,
               CASE WHEN kind <> 'anonymous' AND (kind <> 'reference' OR {draw(6)} < 0.5) THEN customer_id END AS customer_id,
               product_id,
               CASE WHEN {draw(7)} < 0.8 THEN store_id ELSE first_value(store_id) OVER (ORDER BY hash(sale)) END AS store_id,
               -units AS quantity,
               CASE kind WHEN 'paid_price' THEN round(price - discount / sold, 2) WHEN 'elsewhere' THEN price + 0.37 ELSE price END
                   AS unit_price,
               0 AS discount_amount, currency, channel, CASE kind WHEN 'reference' THEN sale END AS original_transaction_id
        FROM returned ORDER BY place
    """
    connection.execute(f"COPY ({columns}) TO '{written}' (FORMAT csv, HEADER)")
    connection.execute(
        f"""
        COPY (
            SELECT printf('R%010d', place) AS transaction_id, CASE WHEN kind <> 'elsewhere' THEN sale END AS sale_transaction_id,
                   CASE WHEN kind <> 'elsewhere' THEN number END AS sale_line_number, units, kind
            FROM returned ORDER BY place
        ) TO '{told}' (FORMAT csv, HEADER)
        """
    )
    found = connection.execute("SELECT kind, count(*) FROM returned GROUP BY 1 ORDER BY 1").fetchall()
    return {str(kind): int(count) for kind, count in found}
