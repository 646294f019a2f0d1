"""The change log of the demo's products: the Complete Journey's catalogue, and changes invented for 2017.

The catalogue is the source's; the changes are made up: sizes, brands and subcategories corrected, products
withdrawn and listed again, and some sold products that the catalogue brings late or not at all.
"""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb

from workbench.demo.journey.complete_journey import source

FILES = ("2016-12-31.csv", "2017-12-31.jsonl", "2017-corrections.csv")
_BAD = (
    ("updated_at:invalid", "990001", "2017-13-01 00:00:00", "1.99"),
    ("updated_at:invalid", "990002", "soon", "1.99"),
    ("updated_at:missing", "990003", "", "1.99"),
    ("product_id:missing", "", "2017-05-01 00:00:00", "2.49"),
    ("product_id:missing", "", "2017-05-02 00:00:00", "2.49"),
    ("list_price:not_a_number", "990004", "2017-05-03 00:00:00", "n/a"),
    ("list_price:negative", "990005", "2017-05-04 00:00:00", "-3.99"),
)
# A product's draw: a number from 0 to 9999 that its id alone decides, the same on every machine.
_DRAW = "(product_id * 7919 + product_id // 10007 * 104729) % 10000"


def build(connection: duckdb.DuckDBPyConnection, *, only_sold: bool) -> None:
    """Make table ``product_log`` from the source; ``only_sold`` leaves out what isn't in table ``sold``."""
    chosen = "WHERE product_id IN (SELECT product_id FROM sold)" if only_sold else ""
    connection.execute(
        f"""
        CREATE TABLE catalogue AS
        WITH prices AS (
            SELECT product_id,
                   CAST(median((sales_cents + discount_cents) / quantity / 100) AS DECIMAL(18, 2)) AS price
            FROM sold WHERE quantity > 0 GROUP BY 1
        )
        SELECT product_id, product_type AS description, brand, manufacturer_id, department,
               product_category AS category, product_type AS subcategory, package_size, price AS list_price,
               {_DRAW} AS draw, price IS NOT NULL AS is_sold
        FROM {source("products")} LEFT JOIN prices USING (product_id) {chosen}
        """
    )
    connection.execute(
        """
        CREATE TABLE product_log AS
        SELECT 0 AS file, product_id, TIMESTAMP '2016-12-31 00:00:00' AS updated_at, false AS is_deleted,
               * EXCLUDE (product_id)
        FROM catalogue WHERE NOT (is_sold AND draw < 10);
        -- Sold products that are listed only late in the year; those with a draw below 4 never are.
        INSERT INTO product_log BY NAME
        SELECT 1 AS file, TIMESTAMP '2017-10-02 06:00:00' + to_days(CAST(draw * 5 AS INTEGER)) AS updated_at,
               false AS is_deleted, * FROM catalogue WHERE is_sold AND draw BETWEEN 4 AND 9;
        INSERT INTO product_log BY NAME
        SELECT 1 AS file,
               TIMESTAMP '2017-02-01 06:00:00' + to_days(CAST(draw % 250 AS INTEGER)) AS updated_at,
               false AS is_deleted, * REPLACE (
                   CASE WHEN draw % 3 = 0 THEN 'CASE OF ' || coalesce(package_size, '6')
                        ELSE package_size END AS package_size,
                   CASE WHEN draw % 3 <> 1 THEN brand WHEN brand = 'Private' THEN 'National'
                        ELSE 'Private' END AS brand,
                   CASE WHEN draw % 3 = 2 THEN coalesce(subcategory, 'OTHER') || ' - SEASONAL'
                        ELSE subcategory END AS subcategory)
        FROM catalogue WHERE draw BETWEEN 20 AND 59;
        INSERT INTO product_log BY NAME
        SELECT 2 AS file,
               TIMESTAMP '2017-08-01 06:00:00' + to_days(CAST(draw * 3 % 90 AS INTEGER)) AS updated_at,
               true AS is_deleted, * FROM catalogue WHERE draw BETWEEN 60 AND 63;
        INSERT INTO product_log BY NAME
        SELECT 2 AS file, TIMESTAMP '2017-12-01 06:00:00' AS updated_at, false AS is_deleted, *
        FROM catalogue WHERE draw = 60;
        """
    )


def write(connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, int]:
    """Write ``product_log`` as files of the dataset, bad rows included; return the number of rows of each."""
    counts = {}
    for number, name in enumerate(FILES):
        target = str(folder / name).replace("'", "''")
        options = "FORMAT json" if name.endswith(".jsonl") else "FORMAT csv, HEADER"
        connection.execute(
            f"""
            COPY (
                SELECT CAST(product_id AS VARCHAR) AS product_id, updated_at, description, brand,
                       CAST(manufacturer_id AS VARCHAR) AS manufacturer_id, department, category, subcategory,
                       package_size, list_price,
                       CASE WHEN list_price IS NOT NULL THEN 'USD' END AS currency, is_deleted
                FROM product_log WHERE file = {number} ORDER BY product_log.updated_at, product_log.product_id
            ) TO '{target}' ({options})
            """
        )
        found = connection.execute("SELECT count(*) FROM product_log WHERE file = ?", [number]).fetchone()
        counts[name] = int(found[0]) if found else 0
    with (folder / FILES[2]).open("a", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        for _, product_id, when, price in _BAD:
            rows.writerow((product_id, when, "", "", "", "", "", "", "", price, "USD", "false"))
    counts[FILES[2]] += len(_BAD)
    return counts


def bad_rows() -> dict[str, int]:
    """Return how many of the rows written are bad, by reason code."""
    reasons = [reason for reason, *_ in _BAD]
    return {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}
