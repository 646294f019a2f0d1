"""A warehouse of an earlier version is upgraded without losing a row, or left as it is with the reason."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from workbench.errors import UsageError
from workbench.etl.ingest import ingest
from workbench.schema import TABLES
from workbench.sources.files import land
from workbench.warehouse import Warehouse

NAME = "raw.exchange_rates"


@pytest.fixture
def old(either: Warehouse) -> Iterator[Warehouse]:
    """A warehouse whose table of rates a test replaces; it is as declared again in the end."""
    yield either
    either.execute(f"DROP TABLE {NAME}")
    either.initialize()


def earlier(warehouse: Warehouse, *, rows: int = 2, drop: str = "", **changed: str) -> None:
    """Make the table of an earlier version: with other types, without a column, with rows in it."""
    kinds = {
        "rate_date": "DATE NOT NULL", "currency": "VARCHAR(3) NOT NULL", "units_per_eur": "DECIMAL(18,8) NOT NULL",
        "_extra": "JSON" if warehouse.dialect == "duckdb" else "VARCHAR(65535)", "_batch_id": "VARCHAR(64) NOT NULL",
        "_row_number": "BIGINT NOT NULL", "_ingested_at": "TIMESTAMP NOT NULL",
    }  # fmt: skip
    kinds = {**kinds, **changed}
    if drop:
        del kinds[drop]
    values = {
        "rate_date": "DATE '2024-01-02'", "currency": "'USD'", "units_per_eur": "1.25", "_extra": "'{}'",
        "_batch_id": "'b'", "_row_number": "7", "_ingested_at": "TIMESTAMP '2024-01-03 04:05:06'", "mine": "5",
    }  # fmt: skip
    columns = ", ".join(f'"{name}" {kind}' for name, kind in kinds.items())
    warehouse.execute(f"DROP TABLE {NAME}")
    warehouse.execute(f"CREATE TABLE {NAME} ({columns})")
    for _ in range(rows):
        names = ", ".join(f'"{name}"' for name in kinds)
        warehouse.execute(f"INSERT INTO {NAME} ({names}) SELECT {', '.join(values[name] for name in kinds)}")


def unchanged(warehouse: Warehouse) -> None:
    rows = warehouse.query(f"SELECT * FROM {NAME}").select(list(TABLES[NAME].column_names)).to_pylist()
    assert len(rows) == 2
    assert {**rows[0], "_extra": None} == {
        "rate_date": dt.date(2024, 1, 2), "currency": "USD", "units_per_eur": Decimal("1.25"), "_extra": None,
        "_batch_id": "b", "_row_number": 7, "_ingested_at": dt.datetime(2024, 1, 3, 4, 5, 6),
    }  # fmt: skip


def upgraded(warehouse: Warehouse) -> list[str]:
    """Upgrade; return the statements that were foretold, after which there is nothing left to do."""
    foretold = warehouse.plan()
    assert foretold
    assert warehouse.plan() == foretold
    assert warehouse.initialize() == []
    assert warehouse.plan() == []
    return foretold


def test_a_warehouse_from_before_files_were_known_takes_in_what_lands(
    either: Warehouse, tmp_path: Path
) -> None:
    (tmp_path / "rates.csv").write_text("rate_date,currency,units_per_eur\n2024-01-02,USD,1.25\n")
    land(str(tmp_path / "rates.csv"), "exchange_rates")
    assert len(ingest(either).batches) == 1
    either.execute("DROP TABLE ops.landed_files")
    assert either.initialize() == ["ops.landed_files"]
    assert (ingest(either).batches, ingest(either).known_files) == ((), 1)
    assert either.counts(NAME, "ops.batches") == {NAME: 1, "ops.batches": 1}


def test_a_table_that_is_a_view_now_becomes_one_whatever_is_in_it(either: Warehouse) -> None:
    columns = ", ".join(f"1 AS {name}" for name in TABLES["marts.retail_sales"].column_names)
    either.execute("DROP VIEW marts.retail_sales")
    either.execute(f"CREATE TABLE marts.retail_sales AS SELECT {columns}")
    assert len(upgraded(either)) == 3
    found = either.query("SELECT * FROM marts.retail_sales")
    assert (found.num_rows, tuple(found.column_names)) == (0, TABLES["marts.retail_sales"].column_names)


def test_a_new_column_that_may_be_empty_is_added(old: Warehouse) -> None:
    earlier(old, drop="_extra")
    (statement,) = upgraded(old)
    assert statement.startswith(f'ALTER TABLE {NAME} ADD COLUMN "_extra"')
    unchanged(old)


@pytest.mark.parametrize(
    "column",
    [{"_row_number": "INTEGER NOT NULL"}, {"units_per_eur": "DECIMAL(9,4) NOT NULL"}],
    ids=["integer", "decimal"],
)
def test_a_number_is_widened(old: Warehouse, column: dict[str, str]) -> None:
    earlier(old, **column)
    assert any(next(iter(column)) in statement for statement in upgraded(old))
    unchanged(old)


def test_a_text_is_widened_on_redshift(redshift_warehouse: Warehouse) -> None:
    earlier(redshift_warehouse, _batch_id="VARCHAR(10) NOT NULL")
    assert upgraded(redshift_warehouse) == [f'ALTER TABLE {NAME} ALTER COLUMN "_batch_id" TYPE VARCHAR(64)']
    unchanged(redshift_warehouse)
    redshift_warehouse.execute(f"DROP TABLE {NAME}")
    redshift_warehouse.initialize()


def test_a_value_that_may_be_missing_now_may(old: Warehouse) -> None:
    earlier(old, _extra="JSON NOT NULL" if old.dialect == "duckdb" else "VARCHAR(65535) NOT NULL")
    upgraded(old)
    unchanged(old)


def test_a_value_that_may_not_be_missing_now_is_held_to_it(old: Warehouse) -> None:
    earlier(old, currency="VARCHAR(3)")
    upgraded(old)
    unchanged(old)
    with pytest.raises(Exception, match=r"(?i)null"):
        old.execute(f"UPDATE {NAME} SET currency = NULL")


def test_a_column_of_no_use_without_a_value_goes(old: Warehouse) -> None:
    earlier(old)
    old.execute(f"ALTER TABLE {NAME} ADD COLUMN mine INTEGER")
    upgraded(old)
    unchanged(old)


def test_a_table_without_rows_is_made_anew_whatever_its_shape(old: Warehouse) -> None:
    earlier(old, rows=0, drop="_batch_id", currency="INTEGER NOT NULL")
    upgraded(old)
    assert old.counts(NAME) == {NAME: 0}


@pytest.mark.parametrize(
    ("changed", "column"),
    [
        ({"units_per_eur": "DECIMAL(18,9) NOT NULL"}, "units_per_eur"),
        ({"_row_number": "DOUBLE PRECISION NOT NULL"}, "_row_number"),
        ({"currency": "DATE"}, "currency"),
        ({"mine": "INTEGER"}, "mine"),
        ({"drop": "_batch_id"}, "_batch_id"),
    ],
    ids=["narrowed", "retyped", "text from date", "dropped with values", "required and new"],
)
def test_what_would_lose_data_is_refused_by_table_and_column(
    old: Warehouse, changed: dict[str, str], column: str
) -> None:
    if changed.get("currency"):
        earlier(old, rows=0, **changed)
        old.execute(
            f"INSERT INTO {NAME} VALUES (DATE '2024-01-02', DATE '2024-01-02', 1, NULL, 'b', 1, TIMESTAMP '2024-01-03')"
        )
    else:
        earlier(old, **changed)
    before = old.query(f"SELECT * FROM {NAME}")
    for look in (old.plan, old.initialize):
        with pytest.raises(UsageError, match=rf"{NAME}\.{column} ") as raised:
            look()
        assert "\n" not in str(raised.value)
    assert old.query(f"SELECT * FROM {NAME}").equals(before)


def test_a_longer_text_than_declared_is_refused_on_redshift(redshift_warehouse: Warehouse) -> None:
    earlier(redshift_warehouse, _batch_id="VARCHAR(100) NOT NULL")
    with pytest.raises(UsageError, match=r"_batch_id is character varying\(100\)"):
        redshift_warehouse.plan()
    redshift_warehouse.execute(f"DROP TABLE {NAME}")
    redshift_warehouse.initialize()


def test_rows_without_a_value_that_is_required_now_are_refused(old: Warehouse) -> None:
    earlier(old, currency="VARCHAR(3)")
    old.execute(f"UPDATE {NAME} SET currency = NULL")
    with pytest.raises(UsageError, match=rf"{NAME}\.currency must have a value, and rows have none"):
        old.initialize()


def test_a_table_under_a_report_is_upgraded_and_the_report_is_made_again(
    redshift_warehouse: Warehouse,
) -> None:
    redshift_warehouse.execute("DELETE FROM core.fact_transactions")
    redshift_warehouse.execute("DROP MATERIALIZED VIEW marts.mv_top_products")
    redshift_warehouse.execute("DROP VIEW marts.top_products")
    foretold = upgraded(redshift_warehouse)
    assert [statement.split(" AS ")[0].split(" DISTSTYLE")[0] for statement in foretold][2:4] == [
        "CREATE MATERIALIZED VIEW marts.mv_top_products",
        "CREATE OR REPLACE VIEW marts.top_products",
    ]
    redshift_warehouse.execute("ALTER TABLE core.fact_transactions ADD COLUMN mine INTEGER")
    upgraded(redshift_warehouse)
    assert redshift_warehouse.query("SELECT * FROM top_products").num_rows == 0


def test_a_column_that_came_later_may_be_empty() -> None:
    """Rows that are there have no value for it; what builds the table anew fills it."""
    earlier = json.loads(Path(__file__).with_name("earlier_columns.json").read_text(encoding="utf-8"))
    assert earlier.keys() <= TABLES.keys()
    for name, columns in earlier.items():
        assert set(columns) <= set(TABLES[name].column_names)
        later = [column for column in TABLES[name].columns if column.name not in columns]
        assert all(column.nullable for column in later), name
