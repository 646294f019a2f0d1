"""Sales fall on the store's business day, by its own clock."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

from tests.transform.landing import land, line
from workbench import transform
from workbench.etl.ingest import ingest
from workbench.sources import files
from workbench.warehouse import Warehouse
from workbench.warehouse.duckdb import DuckDBWarehouse

_SOLD = (
    "SELECT transaction_id, sale_date, transaction_timestamp, local_timestamp, date_key, time_key "
    "FROM core.fact_transactions ORDER BY 1"
)


def _rows(warehouse: Warehouse, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in warehouse.rows(sql)]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _sold(name: str, at: str, store: str = "S1", *, has_zone: bool | None = False) -> dict[str, Any]:
    return line(name, at=at, store_id=store, _has_zone=has_zone)


def test_a_sale_is_of_the_day_that_the_store_s_clock_shows(either: Warehouse) -> None:
    stores = {"S1": ("America/New_York", None), "S2": ("Europe/Berlin", "4"), "S3": (None, "6")}
    entries = [
        {"store_id": store, "updated_at": "2017-01-01", "time_zone": zone, "day_starts": hour}
        for store, (zone, hour) in stores.items()
    ]
    land(either, "stores", 1, *entries)
    land(
        either, "transactions", 1,
        _sold("with a zone", "2017-07-01 03:30:00", has_zone=True), _sold("without", "2017-07-01 03:30:00"),
        # Clocks go forward, and back: what is shown never, and twice.
        _sold("never", "2017-03-12 02:30:00"), _sold("twice", "2017-11-05 01:30:00"),
        _sold("new year", "2017-01-01 02:00:00", "S2"), _sold("too early", "2017-06-15 05:59:59", "S3"),
        _sold("nothing known", "2017-06-15 23:59:59", "S4"), _sold("before there was a flag", "2017-06-15 02:00:00", has_zone=None),
    )  # fmt: skip
    transform.build("transactions", "marts")
    expected = [
        (
            "before there was a flag",
            date(2017, 6, 14),
            "2017-06-15 02:00",
            "2017-06-14 22:00",
            20170614,
            2200,
        ),
        ("never", date(2017, 3, 12), "2017-03-12 07:30", "2017-03-12 02:30", 20170312, 230),
        ("new year", date(2016, 12, 31), "2017-01-01 01:00", "2017-01-01 02:00", 20161231, 200),
        ("nothing known", date(2017, 6, 15), "2017-06-15 23:59:59", None, 20170615, 2359),
        ("too early", date(2017, 6, 14), "2017-06-15 05:59:59", None, 20170614, 559),
        ("twice", date(2017, 11, 5), "2017-11-05 06:30", "2017-11-05 01:30", 20171105, 130),
        ("with a zone", date(2017, 6, 30), "2017-07-01 03:30", "2017-06-30 23:30", 20170630, 2330),
        ("without", date(2017, 7, 1), "2017-07-01 07:30", "2017-07-01 03:30", 20170701, 330),
    ]
    assert _rows(either, _SOLD) == [
        (name, day, _at(at), local and _at(local), *keys) for name, day, at, local, *keys in expected
    ]
    quarters = "SELECT quarter_start, CAST(sum(lines) AS BIGINT) AS lines FROM marts.sales_quarterly GROUP BY 1 ORDER BY 1"
    assert _rows(either, quarters) == [
        (date(2016, 10, 1), 1), (date(2017, 1, 1), 1), (date(2017, 4, 1), 4), (date(2017, 7, 1), 1), (date(2017, 10, 1), 1),
    ]  # fmt: skip
    assert _rows(
        either, "SELECT iso_year, iso_week, week_start FROM core.dim_date WHERE date_key IN (20161231, 20170101)"
    ) == [(2016, 52, date(2016, 12, 26))] * 2  # fmt: skip
    # Days come one after the other, a day behind is usual, and what comes after that is late.
    assert _rows(either, "SELECT * FROM marts.late_lines") == []
    land(
        either,
        "transactions",
        2,
        _sold("next day", "2017-11-06 01:30:00"),
        _sold("night", "2017-11-05 01:30:00"),
    )
    land(
        either, "transactions", 3,
        _sold("forgotten", "2017-11-04 23:30:00"), _sold("without", "2017-07-01 03:30:00"), _sold("day before", "2017-11-05 22:30:00"),
    )  # fmt: skip
    transform.build("transactions", "marts")
    late = "SELECT sale_date, lines, stores, days_behind FROM marts.late_lines ORDER BY 1"
    assert _rows(either, late) == [(date(2017, 7, 1), 1, 1, 128), (date(2017, 11, 4), 1, 1, 2)]
    # The clock was told wrong: what landed counts, and not what was made of it.
    land(either, "stores", 4, entries[0] | {"updated_at": "2017-01-02", "time_zone": "Asia/Kolkata"})
    transform.build("transactions", "marts")
    now = {row[0]: row[1:4] for row in _rows(either, _SOLD)}
    assert now["without"] == (date(2017, 7, 1), _at("2017-06-30 22:00"), _at("2017-07-01 03:30"))
    assert now["with a zone"] == (date(2017, 7, 1), _at("2017-07-01 03:30"), _at("2017-07-01 09:00"))
    assert _rows(either, quarters)[2:4] == [(date(2017, 4, 1), 3), (date(2017, 7, 1), 2)]
    assert _rows(either, late) == [(date(2017, 7, 1), 1, 1, 128), (date(2017, 11, 4), 1, 1, 2)]


def test_what_lands_tells_whether_a_time_has_a_zone(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    times = {
        "2024-02-07": False, "2024-02-07 10:00": False, "2024-02-07T10:00:00": False, "2024-02-07 10:00:00.25": False,
        "2024-02-07T10:00:00Z": True, "2024-02-07 10:00Z": True, "2024-02-07T10:00:00+01:00": True,
        "2024-02-07 10:00:00.25-05:00": True, "2024-02-07T10:00+00": True,
    }  # fmt: skip
    header = (
        "transaction_id,line_number,transaction_timestamp,product_id,store_id,quantity,unit_price,currency\n"
    )
    lines = "".join(f"T{n},1,{time},P1,S1,1,2,USD\n" for n, time in enumerate(times))
    (tmp_path / "transactions").mkdir()
    (tmp_path / "transactions/times.csv").write_text(header + lines)
    at = pyarrow.array([datetime(2024, 2, 7, 10)], pyarrow.timestamp("us", "Europe/Berlin"))
    one = dict(zip(header.strip().split(","), ("P", 1, None, "P1", "S1", 1, 2, "USD"), strict=True))
    table = pyarrow.table({name: at if value is None else [value] for name, value in one.items()})
    parquet.write_table(table, tmp_path / "transactions/zoned.parquet")
    (tmp_path / "stores").mkdir()
    (tmp_path / "stores/stores.csv").write_text(
        "store_id,updated_at,time_zone,day_starts\nS1,2024-01-01,Europe/Paris,4\nS2,2024-01-01,,\n"
        "S3,2024-01-01,Mars/Olympus,0\nS4,2024-01-01,localtime,24\n"
    )
    files.land(f"{tmp_path}/*/*")
    ingest(warehouse)
    found = dict(_rows(warehouse, "SELECT transaction_id, _has_zone FROM raw.transactions"))
    assert found == {f"T{n}": has for n, has in enumerate(times.values())} | {"P": True}
    assert _rows(warehouse, "SELECT store_id, time_zone, day_starts FROM raw.stores ORDER BY 1") == [
        ("S1", "Europe/Paris", 4), ("S2", None, None),
    ]  # fmt: skip
    assert [row["reasons"] for row in warehouse.rows("SELECT reasons FROM ops.quarantine ORDER BY row_number")] == [
        ["time_zone:unknown"], ["time_zone:unknown", "day_starts:out_of_range"],
    ]  # fmt: skip
