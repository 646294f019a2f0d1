"""The demo's feed: whole, true to its source, the same every time."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from workbench.demo.journey import feed
from workbench.demo.journey.complete_journey import source
from workbench.demo.journey.frauds import FIRST_ADDED, STOLEN_CARD, TAMPERED_TILL
from workbench.demo.journey.stores import currencies
from workbench.errors import UsageError
from workbench.etl.ingest import ingest
from workbench.schema import DATASETS
from workbench.sources.files import land
from workbench.warehouse.duckdb import DuckDBWarehouse


def one(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return row


def test_every_line_of_the_source_is_in_the_feed_with_its_amount(landed: duckdb.DuckDBPyConnection) -> None:
    landed.execute(
        f"""
        CREATE OR REPLACE TEMP VIEW pairs AS
        SELECT s.quantity, s.sales_value, s.store_id, t.* EXCLUDE (quantity, store_id), t.quantity AS q
        FROM {source("transactions")} s
        FULL JOIN transactions t ON t.transaction_id = s.basket_id::VARCHAR
            AND t.product_id = s.product_id::VARCHAR AND t.store_id = s.store_id::VARCHAR
            AND t.quantity = s.quantity::VARCHAR
            AND t.transaction_timestamp::TIMESTAMP = s.transaction_timestamp
        WHERE s.basket_id IS NOT NULL OR t.transaction_id::BIGINT < {FIRST_ADDED}
        """
    )
    assert (
        one(landed, "SELECT count(*), count(transaction_id), count(quantity) FROM pairs") == (1_469_307,) * 3
    )
    wrong = """
        SELECT count(*) FROM pairs WHERE quantity <> 0 AND sales_value::DECIMAL(18, 2) <>
        round(q::DECIMAL(18, 4) * unit_price::DECIMAL(18, 6), 4) - discount_amount::DECIMAL(18, 4)
    """
    assert one(landed, wrong) == (0,)
    assert one(landed, "SELECT count(*) FROM pairs WHERE discount_amount::DOUBLE < 0") == (0,)


def test_line_numbers_count_each_receipt_from_one(landed: duckdb.DuckDBPyConnection) -> None:
    sql = """
        SELECT count(*) FROM (
            SELECT transaction_id FROM transactions GROUP BY 1
            HAVING max(line_number::INT) <> count(*) OR min(line_number::INT) <> 1
                OR count(DISTINCT line_number) <> count(*) OR count(DISTINCT customer_id) <> 1)
    """
    assert one(landed, sql) == (0,)


def test_each_store_sells_in_one_currency(landed: duckdb.DuckDBPyConnection, whole: feed.FeedSummary) -> None:
    sold = dict(
        landed.execute("SELECT store_id::INT, any_value(currency) FROM transactions GROUP BY 1").fetchall()
    )
    assert {store: currency for store, currency in sold.items() if currency != "USD"} == currencies()
    assert one(
        landed, "SELECT max(n) FROM (SELECT count(DISTINCT currency) n FROM transactions GROUP BY store_id)"
    ) == (1,)
    assert whole.stores_by_currency == {"CAD": 6, "EUR": 8, "GBP": 10, "USD": 433}
    countries = dict(
        landed.execute("SELECT store_id::INT, any_value(country) FROM stores GROUP BY 1").fetchall()
    )
    zone = {"US": "USD", "CA": "CAD", "GB": "GBP", "DE": "EUR", "FR": "EUR"}
    assert {store: zone[country] for store, country in countries.items()} == sold


UNKNOWN = ("birth_date", "national_id", "time_zone", "day_starts", "line_status", "original_transaction_id")
"""Columns of which the source says nothing."""


def test_files_have_the_columns_of_their_dataset(landed: duckdb.DuckDBPyConnection) -> None:
    for dataset in feed.DATASETS:
        names = [row[0] for row in landed.execute(f"DESCRIBE {dataset}").fetchall()]
        declared = [column.name for column in DATASETS[dataset].columns if not column.name.startswith("_")]
        assert names == [name for name in declared if name not in UNKNOWN]


def test_the_summary_counts_what_the_files_hold(
    landed: duckdb.DuckDBPyConnection, whole: feed.FeedSummary
) -> None:
    for dataset in feed.DATASETS:
        assert one(landed, f"SELECT count(*) FROM {dataset}") == (whole.rows[dataset],)
    assert one(landed, "SELECT count(*) FROM transactions WHERE quantity = '0'") == (8_869,)
    assert whole.bad_rows["transactions"] == {"quantity:zero": 8_869}
    for dataset, key in (("customers", "customer_id"), ("products", "product_id")):
        missing = one(landed, f"SELECT count(*) FROM {dataset} WHERE trim(coalesce({key}, '')) = ''")[0]
        empty = one(landed, f"SELECT count(*) FROM {dataset} WHERE updated_at IS NULL")[0]
        wrong = one(
            landed, f"SELECT count(*) FROM {dataset} WHERE TRY_CAST(updated_at AS TIMESTAMP) IS NULL"
        )[0]
        bad = whole.bad_rows[dataset]
        assert (bad[f"{key}:missing"], bad["updated_at:missing"], bad["updated_at:invalid"]) == (
            missing,
            empty,
            wrong - empty,
        )


def test_products_change_come_late_and_leave(landed: duckdb.DuckDBPyConnection) -> None:
    listed = "SELECT product_id FROM products"
    source_lists = f"SELECT product_id::VARCHAR FROM {source('products')}"
    never = one(
        landed,
        f"SELECT count(DISTINCT product_id) FROM transactions "
        f"WHERE product_id NOT IN ({listed} WHERE product_id IS NOT NULL) AND product_id IN ({source_lists})",
    )[0]
    late = one(
        landed,
        "SELECT count(*) FROM "
        "(SELECT product_id FROM products GROUP BY 1 HAVING min(updated_at) >= '2017-10')",
    )[0]
    changed = one(
        landed, "SELECT count(*) FROM (SELECT product_id FROM products GROUP BY 1 HAVING count(*) > 1)"
    )[0]
    withdrawn = one(landed, "SELECT count(*) FROM products WHERE is_deleted = 'true'")[0]
    assert 12 <= never <= 60
    assert 12 <= late <= 90
    assert 200 <= changed <= 600
    assert 5 <= withdrawn <= 60
    assert (
        one(landed, "SELECT count(*) FROM products WHERE category IS NULL AND updated_at LIKE '2016-12-31%'")[
            0
        ]
        >= 500
    )


def test_rates_are_the_published_text(landed: duckdb.DuckDBPyConnection) -> None:
    row = one(
        landed, "SELECT units_per_eur FROM exchange_rates WHERE rate_date = '2017-04-18' AND currency = 'GBP'"
    )
    assert row == ("0.84375",)
    assert one(landed, "SELECT min(rate_date), max(rate_date) FROM exchange_rates") == (
        "2016-12-01",
        "2018-01-31",
    )
    assert one(
        landed, "SELECT count(*) FROM exchange_rates WHERE units_per_eur = 'N/A' OR units_per_eur IS NULL"
    ) == (0,)


def test_ingestion_quarantines_what_the_summary_says(
    small: feed.FeedSummary, warehouse: DuckDBWarehouse
) -> None:
    for dataset in feed.DATASETS:
        land(str(small.folder / dataset))
    result = ingest(warehouse)
    assert len(result.batches) == len(small.files)
    assert not result.rejected
    counts = Counter(dict.fromkeys(feed.DATASETS, 0))
    for batch in result.batches:
        counts[batch.dataset] += batch.rows_landed
    assert counts == small.rows
    reasons: dict[str, Counter[str]] = {}
    for row in warehouse.query("SELECT dataset, reasons FROM ops.quarantine").to_pylist():
        assert len(row["reasons"]) == 1
        reasons.setdefault(row["dataset"], Counter()).update(row["reasons"])
    assert reasons == small.bad_rows


def test_frauds_are_planted_and_what_is_said_of_them_is_right(
    landed: duckdb.DuckDBPyConnection, whole: feed.FeedSummary
) -> None:
    landed.execute(
        f"CREATE OR REPLACE TEMP VIEW frauds AS "
        f"SELECT * FROM read_csv('{whole.folder / feed.FRAUDS}', all_varchar = true)"
    )
    kinds = dict(landed.execute("SELECT kind, count(*) FROM frauds GROUP BY 1").fetchall())
    assert kinds == whole.frauds and min(kinds[STOLEN_CARD], kinds[TAMPERED_TILL]) > 300
    # Every receipt that was added is a stolen card's, and none other is.
    added = f"SELECT DISTINCT transaction_id FROM transactions WHERE transaction_id::BIGINT >= {FIRST_ADDED}"
    stolen = f"SELECT transaction_id FROM frauds WHERE kind = '{STOLEN_CARD}'"
    assert one(landed, f"SELECT count(*) FROM (({added}) EXCEPT ({stolen}))") == (0,)
    assert one(landed, f"SELECT count(*) FROM (({stolen}) EXCEPT ({added}))") == (0,)
    # A verdict says fraud of a fraud and of nothing else, and comes after its receipt, nearly always within a week.
    told = "fraud_labels JOIN (SELECT transaction_id, any_value(transaction_timestamp) AS sold_at FROM transactions GROUP BY 1) USING (transaction_id)"
    assert one(landed, f"SELECT count(*) FROM {told}") == (whole.rows["fraud_labels"],)
    wrong = "SELECT count(*) FROM fraud_labels WHERE (is_fraud = 'true') <> (transaction_id IN (SELECT transaction_id FROM frauds))"
    assert one(landed, wrong) == (0,)
    days = "epoch(labelled_at::TIMESTAMP - sold_at::TIMESTAMP) / 86400"
    assert one(landed, f"SELECT min({days}) > 0, max({days}) < 22 FROM {told}") == (True, True)
    late = one(landed, f"SELECT avg(({days} > 7)::INT) FROM {told} WHERE is_fraud = 'true'")[0]
    assert 0 < late < 0.1


def test_the_same_bytes_are_written_anywhere(small: feed.FeedSummary, tmp_path: Path) -> None:
    again = feed.write(tmp_path / "again", limit_days=3)
    assert again.files == small.files
    for path in (feed.TRUTH, feed.FRAUDS):
        assert (small.folder / path).read_bytes() == (again.folder / path).read_bytes()


def test_a_feed_that_is_there_is_left_alone(small: feed.FeedSummary) -> None:
    before = {path: path.stat().st_mtime_ns for path in small.folder.rglob("*") if path.is_file()}
    again = feed.write(small.folder, limit_days=3)
    assert again.unchanged and not small.unchanged
    assert (again.files, again.rows, again.bad_rows) == (small.files, small.rows, small.bad_rows)
    assert {path: path.stat().st_mtime_ns for path in small.folder.rglob("*") if path.is_file()} == before


def test_a_damaged_file_is_written_again(small: feed.FeedSummary, tmp_path: Path) -> None:
    feed.write(tmp_path, limit_days=1)
    stores = tmp_path / "stores/2017.csv"
    whole = stores.read_bytes()
    stores.write_bytes(whole.replace(b"Market", b"Mirket"))
    assert not feed.write(tmp_path, limit_days=1).unchanged
    assert stores.read_bytes() == whole


def test_fewer_days_leave_no_file_of_more_days(tmp_path: Path) -> None:
    feed.write(tmp_path, limit_days=32)
    assert (tmp_path / "transactions/2017-02.csv").exists()
    summary = feed.write(tmp_path, limit_days=1)
    assert [path.name for path in summary.dataset_files("transactions")] == ["2017-01.csv"]
    assert not (tmp_path / "transactions/2017-02.csv").exists()


def test_no_days_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="limit_days must be 1 or more"):
        feed.write(tmp_path, limit_days=0)
