"""Rows in bulk, in and out, through S3."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pytest

from tests.redshift import BUCKET, staged_keys
from workbench.errors import UsageError, WorkFailed
from workbench.warehouse import Warehouse
from workbench.warehouse.redshift import RedshiftWarehouse, loading, unloading

MOMENT = dt.datetime(2024, 1, 1, 1, 2, 3, 456789)


def labels(count: int) -> pa.Table:
    return pa.Table.from_pylist([
        {
            "transaction_id": f"T{n:06}", "is_fraud": n % 3 == 0, "labelled_at": MOMENT + dt.timedelta(seconds=n),
            "_extra": None if n % 2 else '{"a": "ü\\"\\\\"}', "_batch_id": "b", "_row_number": n, "_ingested_at": MOMENT,
        }
        for n in range(count)
    ])  # fmt: skip


def of(warehouse: Warehouse) -> RedshiftWarehouse:
    assert isinstance(warehouse, RedshiftWarehouse)
    return warehouse


@pytest.mark.parametrize("unload", [True, False])
def test_rows_come_back_alike_by_the_driver_and_through_s3(
    redshift_warehouse: Warehouse, unload: bool
) -> None:
    rows = labels(3000)
    redshift_warehouse.append("raw.fraud_labels", rows)
    found = redshift_warehouse.query("SELECT * FROM raw.fraud_labels ORDER BY transaction_id", unload=unload)
    assert [{**row, "_extra": None} for row in found.to_pylist()] == [
        {**row, "_extra": None} for row in rows.to_pylist()
    ]
    kinds = [str(kind) for kind in found.schema.types]
    assert kinds == ["string", "bool", "timestamp[us]", "string", "string", "int64", "timestamp[us]"]
    assert staged_keys() == []


def test_a_decimal_and_a_list_come_back_alike_through_s3(redshift_warehouse: Warehouse) -> None:
    rate = {
        "rate_date": MOMENT.date(), "currency": "USD", "units_per_eur": Decimal("1.12345678"), "_extra": None,
        "_batch_id": "b", "_row_number": 1, "_ingested_at": MOMENT,
    }  # fmt: skip
    aside = {
        "batch_id": "b", "dataset": "d", "row_number": 1, "record": "it's", "reasons": ["a:b"], "run_id": None,
        "quarantined_at": MOMENT, "form": None,
    }  # fmt: skip
    redshift_warehouse.append("raw.exchange_rates", pa.Table.from_pylist([rate]))
    redshift_warehouse.append("ops.quarantine", pa.Table.from_pylist([aside]))
    for sql in ("SELECT * FROM raw.exchange_rates", "SELECT * FROM ops.quarantine WHERE record = 'it''s'"):
        by_s3, by_driver = (redshift_warehouse.query(sql, unload=way) for way in (True, False))
        assert by_s3.equals(by_driver)
        assert by_s3.schema.equals(by_driver.schema)
    assert redshift_warehouse.query("SELECT * FROM raw.stores", unload=True).num_rows == 0


def test_very_many_rows_go_through_s3_by_themselves(
    redshift_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    redshift_warehouse.append("raw.fraud_labels", labels(2000))
    redshift_warehouse.execute("ANALYZE raw.fraud_labels")
    monkeypatch.setattr(unloading, "MANY", 1000)
    warehouse = of(redshift_warehouse)
    with warehouse.transaction() as session:
        for sql, large in (
            ("SELECT * FROM raw.fraud_labels", True),
            ("SELECT * FROM raw.fraud_labels WHERE transaction_id = 'T000001'", False),
            ("SELECT count(*) FROM raw.fraud_labels", False),
            ("SELECT is_fraud, count(*) FROM raw.fraud_labels GROUP BY is_fraud", False),
            ("SELECT 1", False),
        ):
            assert unloading.is_large(session, sql) == large, sql
    assert len(warehouse.frame("SELECT * FROM raw.fraud_labels")) == 2000


@pytest.mark.parametrize(
    ("sql", "can"),
    [
        ("SELECT * FROM raw.fraud_labels ORDER BY 1", True),
        ("WITH a AS (SELECT 1 AS x) SELECT x FROM a", True),
        ("SELECT * FROM raw.fraud_labels LIMIT 10", False),
        ("SELECT * INTO mine FROM raw.fraud_labels", False),
        ("WITH gone AS (DELETE FROM raw.stores RETURNING *) SELECT * FROM gone", False),
        ("DELETE FROM raw.stores", False),
        ("SELECT '$$'", False),
        ("SELECT", True),
        ("no statement", False),
    ],
)
def test_only_a_mere_select_is_unloaded(sql: str, can: bool) -> None:
    assert unloading.can_unload(sql, ()) == can
    assert not unloading.can_unload(sql, [1])


def test_without_a_place_in_s3_few_rows_are_inserted_and_very_many_refused(
    redshift_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = RedshiftWarehouse(of(redshift_warehouse).address)
    assert bare.append("raw.fraud_labels", labels(700)) == 700
    assert bare.query("SELECT * FROM raw.fraud_labels", unload=True).num_rows == 700
    monkeypatch.setattr(loading, "MOST_WITHOUT_S3", 1000)
    with pytest.raises(UsageError, match="set WORKBENCH_REDSHIFT_S3"):
        bare.append("raw.fraud_labels", labels(1001))


def test_a_bucket_that_is_not_there_is_said_in_one_line(redshift_warehouse: Warehouse) -> None:
    warehouse = of(redshift_warehouse)
    assert warehouse.staging is not None
    lost = RedshiftWarehouse(warehouse.address, replace(warehouse.staging, uri=f"s3://{BUCKET}-not/x"))
    with pytest.raises(WorkFailed, match=f"can't write to s3://{BUCKET}-not/x/load-") as raised:
        lost.append("raw.fraud_labels", labels(1000))
    assert "\n" not in str(raised.value)


def test_a_text_too_long_for_its_column_is_named(redshift_warehouse: Warehouse) -> None:
    long = labels(1).set_column(0, "transaction_id", pa.array(["ü" * 40]))
    with pytest.raises(
        WorkFailed, match=r"raw\.fraud_labels\.transaction_id has 80 bytes, and the column holds 64"
    ):
        redshift_warehouse.append("raw.fraud_labels", long)


def test_a_text_too_long_in_an_account_is_cut(redshift_warehouse: Warehouse) -> None:
    message = {
        "run_id": "r", "check_name": "c", "table_name": None, "status": "fail", "failures": 1,
        "message": "ü" * 3000, "checked_at": MOMENT,
    }  # fmt: skip
    redshift_warehouse.append("ops.quality_results", pa.Table.from_pylist([message]))
    (row,) = redshift_warehouse.query("SELECT message FROM ops.quality_results").to_pylist()
    assert row["message"].endswith("üü … (cut)")
    assert len(row["message"].encode()) <= 2048


def test_a_name_is_never_cut(redshift_warehouse: Warehouse) -> None:
    move = {"run_id": "r" * 65, "source": "a", "target": "b", "recorded_at": MOMENT}
    with pytest.raises(WorkFailed, match=r"ops\.lineage\.run_id has 65 bytes, and the column holds 64"):
        redshift_warehouse.append("ops.lineage", pa.Table.from_pylist([move]))


@pytest.mark.parametrize("values", [["T"], []])
def test_rows_of_another_shape_are_refused(redshift_warehouse: Warehouse, values: list[str]) -> None:
    with pytest.raises(UsageError, match=r"the rows don't fit raw\.fraud_labels"):
        redshift_warehouse.append("raw.fraud_labels", pa.table({"transaction_id": pa.array(values, "str")}))
